//! What belongs to one connection and does not travel further (RFC 9110 §7.6.1), and what never may.
//!
//! Connection goes, with what it nominates: but it never takes away what frames the message, says who the client is,
//! or is added by the edge ([`super::names`]). Whoever forwards removes first and adds after.

use std::borrow::Cow;

use super::bytes::{is_token, list};
use super::{names, upgrade};

/// Nominees that are kept, at most. A request with more Connection options is refused before.
const NOMINEES: usize = 32;

/// The fields of one connection by name; a removal is a bit.
const KNOWN: [&str; 10] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "upgrade",
    // Read by CGI programs as HTTP_PROXY (httpoxy, CVE-2016-5385).
    "proxy",
    // The other half of an h2c upgrade (RFC 7540 §3.2.1).
    "http2-settings",
    // For the next proxy on the way, which is this one (RFC 9110 §11.7).
    "proxy-authorization",
    "proxy-authenticate",
    "proxy-authentication-info",
];
const CONNECTION: usize = 0;
const TE: usize = 3;
const UPGRADE: usize = 4;

/// Names of fields to remove, lower-case. Allocates only where Connection nominates, or a client disguises, a field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Removals<'a> {
    /// Bit i is `KNOWN[i]`.
    known: u16,
    others: Vec<Cow<'a, str>>,
}

impl Removals<'_> {
    pub fn is_empty(&self) -> bool {
        self.known == 0 && self.others.is_empty()
    }

    /// The names, lower-case.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let known = KNOWN.iter().enumerate().filter(|(i, _)| self.known >> i & 1 == 1).map(|(_, name)| *name);
        known.chain(self.others.iter().map(AsRef::as_ref))
    }
}

impl<'a> Removals<'a> {
    fn know(&mut self, index: usize) {
        self.known |= 1 << index;
    }

    fn add(&mut self, name: &'a str) {
        let name = lower(name);
        if !self.others.contains(&name) {
            self.others.push(name);
        }
    }

    /// Takes Connection's nominees. The value may be anything; what is no token names no field.
    fn nominated(&mut self, value: &'a [u8]) {
        // What nearly every client sends.
        if value.eq_ignore_ascii_case(b"keep-alive") || value.eq_ignore_ascii_case(b"close") {
            return;
        }
        for option in list(value).filter(|option| is_token(option)) {
            let Ok(option) = std::str::from_utf8(option) else { continue };
            if option.eq_ignore_ascii_case("close") {
                continue;
            }
            match known(option) {
                // Whether an upgrade goes on is decided apart.
                Some(UPGRADE) => {}
                Some(index) => self.know(index),
                None if names::is_guarded(option.as_bytes()) || self.others.len() >= NOMINEES => {}
                None => self.add(option),
            }
        }
    }
}

/// What to remove from a request before it goes on.
///
/// `te: trailers` stays (gRPC asks for it). With `keep_upgrade` the Upgrade field stays; Connection goes even so, and
/// whoever forwards sets `connection: upgrade`. Besides the fields of the connection: Proxy, fields disguised with `_`
/// as ones that are trusted or set here (`X_Forwarded_For`), and, however spelled, those that say which certificate the
/// client showed (`X-SSL-Client-*`, `Client-Cert`, `Client-Cert-Chain`): they are the edge's to add.
pub fn request_removals<'a>(
    fields: impl Iterator<Item = (&'a str, &'a [u8])>,
    keep_upgrade: bool,
) -> Removals<'a> {
    let mut removals = Removals::default();
    for (name, value) in fields {
        match known(name) {
            Some(TE) if value.eq_ignore_ascii_case(b"trailers") => {}
            Some(UPGRADE) if keep_upgrade => {}
            Some(index) => {
                removals.know(index);
                if index == CONNECTION {
                    removals.nominated(value);
                }
            }
            None if names::is_edge_only(name.as_bytes()) || names::is_twin(name.as_bytes()) => {
                removals.add(name);
            }
            None => {}
        }
    }
    removals
}

/// What to remove from an answer before it goes on. With `keep_upgrade` (a 101 that was asked for) Upgrade stays; as
/// with requests Connection goes even so, and whoever forwards sets it.
pub fn answer_removals<'a>(
    fields: impl Iterator<Item = (&'a str, &'a [u8])>,
    keep_upgrade: bool,
) -> Removals<'a> {
    let mut removals = Removals::default();
    for (name, value) in fields {
        match known(name) {
            Some(UPGRADE)
                if keep_upgrade
                    && std::str::from_utf8(value).is_ok_and(|value| !upgrade::names_http(value)) => {}
            Some(index) => {
                removals.know(index);
                if index == CONNECTION {
                    removals.nominated(value);
                }
            }
            None => {}
        }
    }
    removals
}

/// The place of a name in [`KNOWN`], in any case.
fn known(name: &str) -> Option<usize> {
    // By length first: most fields are none of these.
    if name.len() >= 32 || LENGTHS >> name.len() & 1 == 0 {
        return None;
    }
    KNOWN.iter().position(|known| name.eq_ignore_ascii_case(known))
}

/// Bit n is set where a name of n bytes is known.
const LENGTHS: u32 = {
    let mut lengths = 0;
    let mut index = 0;
    while index < KNOWN.len() {
        lengths |= 1 << KNOWN[index].len();
        index += 1;
    }
    lengths
};

fn lower(name: &str) -> Cow<'_, str> {
    if name.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(fields: &[(&'static str, &'static str)], keep_upgrade: bool) -> Vec<String> {
        let fields = fields.iter().map(|(name, value)| (*name, value.as_bytes()));
        request_removals(fields, keep_upgrade).iter().map(str::to_owned).collect()
    }

    #[test]
    fn every_known_name_is_found_by_its_length() {
        for (index, name) in KNOWN.iter().enumerate() {
            assert_eq!(known(name), Some(index), "{name}");
            assert_eq!(known(&name.to_ascii_uppercase()), Some(index), "{name}");
        }
        assert_eq!((KNOWN[CONNECTION], KNOWN[TE], KNOWN[UPGRADE]), ("connection", "te", "upgrade"));
    }

    #[test]
    fn an_ordinary_request_loses_nothing() {
        assert!(
            of(&[("Host", "a"), ("Accept", "*/*"), ("TE", "trailers"), ("user_id", "7")], false).is_empty()
        );
    }

    #[test]
    fn fields_of_the_connection_go() {
        for (name, value) in [
            ("Connection", "keep-alive"),
            ("Connection", "close"),
            ("Keep-Alive", "timeout=5"),
            ("Proxy-Connection", "keep-alive"),
            ("TE", "gzip"),
            ("TE", "trailers, gzip"),
            ("Proxy", "http://evil"),
            ("Upgrade", "h2c"),
            ("HTTP2-Settings", "AAMAAABk"),
            ("Proxy-Authorization", "Basic eA=="),
        ] {
            assert_eq!(of(&[(name, value)], false), [name.to_ascii_lowercase()], "{name}: {value}");
        }
    }

    #[test]
    fn what_connection_nominates_goes_with_it() {
        assert_eq!(
            of(&[("Connection", "X-Hop, close,\tx-Two ,, te"), ("X-Hop", "1")], false),
            ["connection", "te", "x-hop", "x-two"]
        );
    }

    #[test]
    fn connection_cannot_nominate_what_the_edge_adds_or_what_frames_the_message() {
        for name in [
            "Host",
            "X-Forwarded-For",
            "X-Forwarded-Anything",
            "x_forwarded_for",
            "Forwarded",
            "X-Real-IP",
            "X-Request-Id",
            "Content-Length",
            "Transfer-Encoding",
            "Cookie",
            "Authorization",
            "Content-Type",
            "traceparent",
            "X-SSL-Client-Verify",
            "Client-Cert",
        ] {
            assert_eq!(of(&[("Connection", name)], false), ["connection"], "{name}");
        }
    }

    #[test]
    fn nominees_that_are_no_names_are_ignored_and_their_number_is_bounded() {
        assert_eq!(of(&[("Connection", "a b, \"c\", d\u{e9}, ;")], false), ["connection"]);
        let many = (0..1000).map(|i| format!("x{i}")).collect::<Vec<_>>().join(",");
        let fields = [("connection", many.as_bytes())];
        assert_eq!(request_removals(fields.into_iter(), false).iter().count(), 1 + NOMINEES);
    }

    #[test]
    fn an_upgrade_that_may_go_on_keeps_its_field() {
        let fields = [("Connection", "keep-alive, Upgrade"), ("Upgrade", "websocket")];
        assert_eq!(of(&fields, true), ["connection", "keep-alive"]);
        assert_eq!(of(&fields, false), ["connection", "keep-alive", "upgrade"]);
    }

    #[test]
    fn disguised_fields_go_and_other_underscores_stay() {
        assert_eq!(
            of(&[("X_Forwarded_For", "1"), ("x_custom", "2"), ("content_length", "3")], false),
            ["x_forwarded_for", "content_length"]
        );
    }

    #[test]
    fn a_client_cannot_say_which_certificate_it_showed() {
        for name in [
            "X-SSL-Client-Verify",
            "x-ssl-client-s-dn",
            "X_SSL_Client_Fingerprint",
            "x-ssl_client-serial",
            "Client-Cert",
            "client_cert",
            "Client-Cert_Chain",
        ] {
            let removed = name.to_ascii_lowercase();
            assert_eq!(of(&[(name, "SUCCESS")], false), [removed.as_str()], "{name}");
            // Nominated before or after, among so many others that no further nominee would be taken.
            let many = (0..NOMINEES).map(|i| format!("x{i}")).chain([name.to_owned()]);
            let many = many.collect::<Vec<_>>().join(",");
            for fields in [[("connection", many.as_str()), (name, "1")], [(name, "1"), ("connection", &many)]]
            {
                let fields = fields.iter().map(|(name, value)| (*name, value.as_bytes()));
                let removals = request_removals(fields, true);
                assert_eq!(removals.iter().filter(|name| *name == removed).count(), 1, "{name}");
            }
        }
    }

    #[test]
    fn answers_lose_the_fields_of_the_connection_and_keep_their_own() {
        let of = |fields: &[(&'static str, &'static str)], keep: bool| -> Vec<String> {
            let fields = fields.iter().map(|(name, value)| (*name, value.as_bytes()));
            answer_removals(fields, keep).iter().map(str::to_owned).collect()
        };
        assert!(of(&[("Content-Type", "text/html"), ("Set_Cookie", "a")], false).is_empty());
        assert_eq!(of(&[("Connection", "close, Set-Cookie, X-Hop")], false), ["connection", "x-hop"]);
        assert_eq!(of(&[("Proxy-Authenticate", "Basic")], false), ["proxy-authenticate"]);
        assert_eq!(of(&[("Connection", "Upgrade"), ("Upgrade", "h2,h2c")], false), ["connection", "upgrade"]);
        assert_eq!(of(&[("Connection", "Upgrade"), ("Upgrade", "websocket")], true), ["connection"]);
        assert_eq!(of(&[("Upgrade", "websocket, h2c")], true), ["upgrade"]);
    }
}
