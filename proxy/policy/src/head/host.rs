//! Host and port of a Host field, an absolute target or an `:authority` (RFC 3986 §3.2.2, RFC 9110 §7.2).
//!
//! A name here is what names on the web are made of: letters, digits, `-`, `_` (Docker's services) and dots. Of RFC
//! 3986's `reg-name` the percent-escapes and `sub-delims` are left out: no client sends them, and they are how one
//! host passes for another (`a%00.b`, `a,b`).

use std::borrow::Cow;
use std::net::Ipv6Addr;

/// The longest name (RFC 1035 §2.3.4), its closing dot not counted.
const NAME: usize = 253;
/// The longest label.
const LABEL: usize = 63;

/// A host that was checked, in the one spelling by which it is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host<'a> {
    /// Lower-case, without a dot at the end; an IPv6 address in brackets and its canonical text.
    pub name: Cow<'a, str>,
    /// The port as it was sent; `None` where it is left to the scheme.
    pub port: Option<u16>,
}

/// Takes an authority apart; `None` where it is not a valid host and port.
///
/// Allocates only for upper-case letters and IPv6 addresses.
pub fn host_of(authority: &str) -> Option<Host<'_>> {
    let (name, port) = split(authority.as_bytes())?;
    let name = &authority[..name];
    let name = if name.starts_with('[') {
        let address: Ipv6Addr = name[1..name.len() - 1].parse().ok()?;
        Cow::Owned(format!("[{address}]"))
    } else {
        let name = name.strip_suffix('.').unwrap_or(name);
        if name.bytes().any(|b| b.is_ascii_uppercase()) {
            Cow::Owned(name.to_ascii_lowercase())
        } else {
            Cow::Borrowed(name)
        }
    };
    Some(Host { name, port })
}

/// Whether two valid authorities name the same host and port.
pub(super) fn agree(left: &str, right: &str, default_port: u16) -> bool {
    if left == right {
        return true;
    }
    let (Some(left), Some(right)) = (host_of(left), host_of(right)) else { return false };
    left.name == right.name && left.port.unwrap_or(default_port) == right.port.unwrap_or(default_port)
}

/// An authority that is valid, as text.
pub(super) fn checked(authority: &[u8]) -> Option<&str> {
    split(authority)?;
    std::str::from_utf8(authority).ok()
}

/// The length of the name (brackets included) and the port.
fn split(authority: &[u8]) -> Option<(usize, Option<u16>)> {
    let name = if authority.first() == Some(&b'[') { bracketed(authority)? } else { name_length(authority)? };
    match authority.get(name..)? {
        [] => Some((name, None)),
        [b':', port @ ..] => Some((name, Some(port_of(port)?))),
        _ => None,
    }
}

/// An IPv6 address without a zone: a zone means something only on the machine that wrote it.
fn bracketed(authority: &[u8]) -> Option<usize> {
    let close = authority.iter().position(|&b| b == b']')?;
    let inside = std::str::from_utf8(&authority[1..close]).ok()?;
    inside.parse::<Ipv6Addr>().ok()?;
    Some(close + 1)
}

/// How many bytes at the start are a name.
fn name_length(authority: &[u8]) -> Option<usize> {
    let mut label = 0;
    let mut at = 0;
    while let Some(&byte) = authority.get(at) {
        match byte {
            b'.' if label == 0 => return None,
            b'.' => label = 0,
            b':' => break,
            _ if byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_' => {
                label += 1;
                if label > LABEL {
                    return None;
                }
            }
            _ => return None,
        }
        at += 1;
    }
    // One dot at the end closes the name and is not part of it.
    let length = if at > 0 && label == 0 { at - 1 } else { at };
    (1..=NAME).contains(&length).then_some(at)
}

fn port_of(digits: &[u8]) -> Option<u16> {
    if digits.is_empty() || digits.len() > 5 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_and_addresses_with_and_without_port_are_hosts() {
        for (authority, name, port) in [
            ("example.com", "example.com", None),
            ("Example.COM", "example.com", None),
            ("example.com.", "example.com", None),
            ("example.com.:80", "example.com", Some(80)),
            ("shop-blue_1:3000", "shop-blue_1", Some(3000)),
            ("localhost", "localhost", None),
            ("xn--mnchen-3ya.example", "xn--mnchen-3ya.example", None),
            ("192.0.2.1:8443", "192.0.2.1", Some(8443)),
            ("[::1]", "[::1]", None),
            ("[2001:DB8:0::1]:443", "[2001:db8::1]", Some(443)),
            ("a:0", "a", Some(0)),
            ("a:65535", "a", Some(65535)),
            ("a:00080", "a", Some(80)),
        ] {
            let host = host_of(authority).unwrap_or_else(|| panic!("{authority}"));
            assert_eq!((&*host.name, host.port), (name, port), "{authority}");
        }
    }

    #[test]
    fn anything_else_is_no_host() {
        for authority in [
            "",
            ".",
            "..",
            ".a",
            "a..b",
            "a b",
            "a,b",
            "a/b",
            "a?b",
            "a#b",
            "user@a",
            "user:pw@a",
            "a%00",
            "a%2eb",
            "a:",
            "a:b",
            "a:-1",
            "a:+1",
            "a:65536",
            "a:99999",
            "a:000080",
            "a:80:80",
            ":80",
            "[",
            "[]",
            "[::1",
            "::1",
            "[::1]a",
            "[::1]:",
            "[::1%25eth0]",
            "[::1%eth0]",
            "[v1.a]",
            "[127.0.0.1]",
            "a\\b",
            "a\tb",
            "é",
            "a;b",
            "a'b",
            "a*b",
            "\"a\"",
        ] {
            assert_eq!(host_of(authority), None, "{authority}");
        }
        assert_eq!(host_of(&"a".repeat(64)), None);
        assert!(host_of(&"a".repeat(63)).is_some());
        let longest = format!("{}a", "aa.".repeat(84));
        assert_eq!(longest.len(), NAME);
        assert!(host_of(&longest).is_some());
        assert!(host_of(&format!("{longest}.")).is_some());
        assert_eq!(host_of(&format!("a{longest}")), None);
    }

    #[test]
    fn hosts_agree_whatever_their_case_and_with_the_scheme_s_own_port() {
        assert!(agree("A.b", "a.B", 80));
        assert!(agree("a:80", "a", 80));
        assert!(agree("a:443", "a", 443));
        assert!(agree("[::1]", "[0::1]:80", 80));
        assert!(!agree("a:443", "a", 80));
        assert!(!agree("a", "b", 80));
    }

    proptest! {
        #[test]
        fn a_host_is_read_the_same_when_it_is_read_again(authority in "[aB1_.:\\[\\]%@-]{0,12}") {
            if let Some(host) = host_of(&authority) {
                let again = host_of(&host.name).map(|again| again.name.into_owned());
                prop_assert_eq!(again, Some(host.name.into_owned()));
            }
        }
    }
}
