//! A request over HTTP/2 as the engine parsed it: the same rules for target, host, names and values (RFC 9113 §8).
//!
//! The engine keeps the rules of frames and of the order of pseudo-fields; these are about what a backend that speaks
//! HTTP/1 would make of the request (RFC 9113 §10.3).

use super::bytes::{control_at, is_token};
use super::{HeadLimits, Refusal, Rule, host, length, target};

/// What an HTTP/2 request says, once all rules are met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct H2Head<'a> {
    /// `:authority`, else the Host field: host and port, valid.
    pub authority: &'a str,
    /// Content-Length: the data must have that length (RFC 9113 §8.1.1).
    pub content_length: Option<u64>,
    /// `Expect: 100-continue`.
    pub expect_continue: bool,
}

/// Applies the rules to the pseudo-fields and the fields of a request.
///
/// The limits are those of HTTP/1, for what the head would be there: all cookies are one field (RFC 9113 §8.2.3; a
/// browser sends each as a field of its own), pseudo-fields are none.
pub fn check_h2<'a>(
    method: &str,
    path: Option<&[u8]>,
    authority: Option<&'a str>,
    fields: impl Iterator<Item = (&'a str, &'a [u8])>,
    limits: &HeadLimits,
) -> Result<H2Head<'a>, Refusal> {
    Ok(check(method, path, authority, fields, limits)?)
}

fn check<'a>(
    method: &str,
    path: Option<&[u8]>,
    authority: Option<&'a str>,
    fields: impl Iterator<Item = (&'a str, &'a [u8])>,
    limits: &HeadLimits,
) -> Result<H2Head<'a>, Rule> {
    if !is_token(method.as_bytes()) {
        return Err(Rule::MethodInvalid);
    }
    if method.len() > super::finder::METHOD {
        return Err(Rule::MethodTooLong);
    }
    if method.eq_ignore_ascii_case("TRACE") || method.eq_ignore_ascii_case("CONNECT") {
        return Err(Rule::MethodRefused);
    }
    let path = path.filter(|path| !path.is_empty()).ok_or(Rule::PathMissing)?;
    if path.len() > limits.target {
        return Err(Rule::TargetTooLong);
    }
    target::check_path(path, method.as_bytes())?;
    let mut seen = Seen { size: path.len(), ..Seen::default() };
    for (name, value) in fields {
        seen.count(name, value, limits)?;
        seen.take(name, value)?;
    }
    let authority = match (authority, seen.host) {
        (Some(authority), _) if host::checked(authority.as_bytes()).is_none() => {
            return Err(Rule::HostInvalid);
        }
        // RFC 9113 §8.3.1: the same host. The scheme is not known here, so the spelling of the port must agree.
        (Some(authority), Some(host)) if !host::agree(authority, host, 0) => return Err(Rule::HostDisagrees),
        (Some(authority), _) => authority,
        (None, Some(host)) => host,
        (None, None) => return Err(Rule::HostMissing),
    };
    Ok(H2Head { authority, content_length: seen.length, expect_continue: seen.expect_continue })
}

#[derive(Default)]
struct Seen<'a> {
    host: Option<&'a str>,
    length: Option<u64>,
    expect_continue: bool,
    cookie: bool,
    /// Fields, all cookies one.
    count: usize,
    /// Bytes of target, names and values.
    size: usize,
}

impl<'a> Seen<'a> {
    fn count(&mut self, name: &str, value: &[u8], limits: &HeadLimits) -> Result<(), Rule> {
        let crumb = name == "cookie";
        self.count += usize::from(!(crumb && self.cookie));
        self.cookie |= crumb;
        if self.count > limits.fields {
            return Err(Rule::TooManyFields);
        }
        self.size += name.len() + value.len();
        if self.size > limits.size { Err(Rule::HeadTooLarge) } else { Ok(()) }
    }

    fn take(&mut self, name: &str, value: &'a [u8]) -> Result<(), Rule> {
        if !is_token(name.as_bytes()) || name.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(Rule::FieldName);
        }
        if control_at(value, 0) < value.len() {
            return Err(Rule::ControlByte);
        }
        match name {
            "connection" | "keep-alive" | "proxy-connection" | "transfer-encoding" | "upgrade" => {
                return Err(Rule::ConnectionField);
            }
            "te" if !value.eq_ignore_ascii_case(b"trailers") => return Err(Rule::ConnectionField),
            "host" if self.host.is_some() => return Err(Rule::HostRepeated),
            "host" => self.host = Some(host::checked(value).ok_or(Rule::HostInvalid)?),
            "content-length" if self.length.is_some() => return Err(Rule::ContentLengthRepeated),
            "content-length" => {
                self.length = Some(length::length_of(value).ok_or(Rule::ContentLengthInvalid)?);
            }
            "expect" if value.eq_ignore_ascii_case(b"100-continue") => self.expect_continue = true,
            "expect" => return Err(Rule::ExpectUnknown),
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: HeadLimits = HeadLimits { size: 1024, fields: 8, target: 64 };

    type Given<'a> = (&'a str, Option<&'a str>, Option<&'a str>, &'a [(&'static str, &'static str)]);

    fn verdict((method, path, authority, fields): Given<'_>) -> Result<String, Rule> {
        let fields = fields.iter().map(|(name, value)| (*name, value.as_bytes()));
        check_h2(method, path.map(str::as_bytes), authority, fields, &LIMITS)
            .map(|head| head.authority.to_owned())
            .map_err(|refusal| refusal.rule)
    }

    #[test]
    fn what_browsers_and_grpc_clients_send_passes() {
        for given in [
            (
                "GET",
                Some("/"),
                Some("a.example"),
                [("accept", "*/*"), ("cookie", "a=b"), ("cookie", "c=d")].as_slice(),
            ),
            ("POST", Some("/a.B/C"), Some("a.example"), &[("te", "trailers"), ("content-length", "5")]),
            ("GET", Some("/"), Some("A.example"), &[("host", "a.example")]),
            ("GET", Some("/"), None, &[("host", "a.example")]),
            ("OPTIONS", Some("*"), Some("a.example"), &[]),
            ("PUT", Some("/"), Some("a.example"), &[("expect", "100-continue")]),
            ("QUERY", Some("/"), Some("a.example"), &[("user_id", "\u{e9}")]),
        ] {
            let name = verdict(given).map(|name| name.to_ascii_lowercase());
            assert_eq!(name.as_deref(), Ok("a.example"), "{given:?}");
        }
    }

    #[test]
    fn what_would_change_on_the_way_to_http1_is_refused() {
        let a = Some("a");
        let slash = Some("/");
        for (given, rule) in [
            (("GET", None, a, [].as_slice()), Rule::PathMissing),
            (("GET", Some(""), a, &[]), Rule::PathMissing),
            (("GET", Some("a"), a, &[]), Rule::TargetForm),
            (("GET", Some("*"), a, &[]), Rule::TargetForm),
            (("GET", Some("http://a/"), a, &[]), Rule::TargetForm),
            (("GET", Some("/ HTTP/1.1\r\nx: y"), a, &[]), Rule::TargetByte),
            (("GET", Some("/%00"), a, &[]), Rule::TargetNul),
            (("GET", Some("/%g0"), a, &[]), Rule::TargetEscape),
            (("GET", Some("/#"), a, &[]), Rule::TargetByte),
            (("GET /", slash, a, &[]), Rule::MethodInvalid),
            (("", slash, a, &[]), Rule::MethodInvalid),
            (("CONNECT", None, a, &[]), Rule::MethodRefused),
            (("TRACE", slash, a, &[]), Rule::MethodRefused),
            (("GET", slash, None, &[]), Rule::HostMissing),
            (("GET", slash, Some("a/x"), &[]), Rule::HostInvalid),
            (("GET", slash, Some("u@a"), &[]), Rule::HostInvalid),
            (("GET", slash, Some(""), &[]), Rule::HostInvalid),
            (("GET", slash, a, &[("host", "b")]), Rule::HostDisagrees),
            (("GET", slash, a, &[("host", "a:80")]), Rule::HostDisagrees),
            (("GET", slash, a, &[("host", "a"), ("host", "a")]), Rule::HostRepeated),
            (("GET", slash, a, &[("host", "")]), Rule::HostInvalid),
            (("GET", slash, a, &[("connection", "close")]), Rule::ConnectionField),
            (("GET", slash, a, &[("transfer-encoding", "chunked")]), Rule::ConnectionField),
            (("GET", slash, a, &[("upgrade", "h2c")]), Rule::ConnectionField),
            (("GET", slash, a, &[("te", "gzip")]), Rule::ConnectionField),
            (
                ("GET", slash, a, &[("content-length", "5"), ("content-length", "5")]),
                Rule::ContentLengthRepeated,
            ),
            (("GET", slash, a, &[("content-length", "5,5")]), Rule::ContentLengthInvalid),
            (("GET", slash, a, &[("expect", "more")]), Rule::ExpectUnknown),
            (("GET", slash, a, &[("x", "a\r\nb: c")]), Rule::ControlByte),
            (("GET", slash, a, &[("x", "a\nb")]), Rule::ControlByte),
            (("GET", slash, a, &[("x\r\ny", "a")]), Rule::FieldName),
            (("GET", slash, a, &[("X", "a")]), Rule::FieldName),
            (("GET", slash, a, &[(":x", "a")]), Rule::FieldName),
            (("GET", slash, a, &[("", "a")]), Rule::FieldName),
        ] {
            assert_eq!(verdict(given), Err(rule), "{given:?}");
        }
    }

    #[test]
    fn the_limits_of_http1_hold() {
        let at = |length: usize| format!("/{}", "x".repeat(length - 1));
        assert_eq!(verdict(("GET", Some(&at(64)), Some("a"), &[])), Ok("a".to_owned()));
        assert_eq!(verdict(("GET", Some(&at(65)), Some("a"), &[])), Err(Rule::TargetTooLong));
        assert_eq!(verdict(("GET", Some("/"), Some("a"), &[("x", ""); 8])), Ok("a".to_owned()));
        assert_eq!(verdict(("GET", Some("/"), Some("a"), &[("x", ""); 9])), Err(Rule::TooManyFields));
        // `/`, then names and values of 128 bytes.
        let value = "v".repeat(127);
        let fields = |count| std::iter::repeat_n(("x", value.as_bytes()), count);
        let of = |count| check_h2("GET", Some(b"/"), Some("a"), fields(count), &LIMITS).map_err(|r| r.rule);
        assert!(of(7).is_ok());
        assert_eq!(of(8), Err(Rule::HeadTooLarge));
        assert_eq!((Rule::TargetTooLong.status(), Rule::TooManyFields.status()), (414, 431));
    }

    #[test]
    fn a_browser_s_many_cookies_are_one_field() {
        let mut fields = vec![("cookie", "a=b"); 100];
        fields.extend([("x", ""); 7]);
        assert_eq!(verdict(("GET", Some("/"), Some("a"), &fields)), Ok("a".to_owned()));
        fields.push(("x", ""));
        assert_eq!(verdict(("GET", Some("/"), Some("a"), &fields)), Err(Rule::TooManyFields));
    }
}
