//! The request target (RFC 9112 §3.2): a path, an absolute http address, or `*` for OPTIONS.
//!
//! Visible ASCII only. A path is strict about percent-escapes, since rules are matched on what they decode to. A query
//! is not: `?off=50%` and `%%CACHEBUSTER%%` are what people's links look like, and nothing here decodes a query. `%00`
//! is refused in both.

use super::Rule;

/// What a target is, and where its parts are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Form<'a> {
    /// A path and perhaps a query.
    Origin,
    /// `*`: the server as a whole.
    Asterisk,
    /// `http://authority/path?query`. The rest may be empty or start with the `?`.
    Absolute { authority: &'a [u8], rest: &'a [u8], default_port: u16 },
}

/// Refuses a target that is none of the forms or contains what none may contain.
pub(super) fn form_of<'a>(target: &'a [u8], method: &[u8]) -> Result<Form<'a>, Rule> {
    match target {
        [b'/', ..] => scan(target).map(|()| Form::Origin),
        b"*" if method == b"OPTIONS" => Ok(Form::Asterisk),
        [] => Err(Rule::RequestLine),
        _ => absolute(target),
    }
}

/// A path (with its query) alone: what HTTP/2 has, where absolute addresses do not exist.
pub(super) fn check_path(target: &[u8], method: &[u8]) -> Result<(), Rule> {
    match form_of(target, method)? {
        Form::Origin | Form::Asterisk => Ok(()),
        Form::Absolute { .. } => Err(Rule::TargetForm),
    }
}

fn absolute(target: &[u8]) -> Result<Form<'_>, Rule> {
    let (after, default_port) = if let Some(after) = strip(target, b"http://") {
        (after, 80)
    } else if let Some(after) = strip(target, b"https://") {
        (after, 443)
    } else {
        // Bytes that no target may contain are the better reason.
        return Err(scan(target).err().unwrap_or(Rule::TargetForm));
    };
    let end = after.iter().position(|b| matches!(b, b'/' | b'?' | b'#')).unwrap_or(after.len());
    let (authority, rest) = after.split_at(end);
    scan(rest)?;
    Ok(Form::Absolute { authority, rest, default_port })
}

fn strip<'a>(target: &'a [u8], scheme: &[u8]) -> Option<&'a [u8]> {
    let (start, rest) = target.split_at_checked(scheme.len())?;
    start.eq_ignore_ascii_case(scheme).then_some(rest)
}

const PLAIN: u8 = 0;
const ESCAPE: u8 = 1;
const QUERY: u8 = 2;
/// Only a path may carry it unescaped: JSON in a path is seen, in a query the engine cannot carry it.
const IN_PATH: u8 = 3;
/// Only a query may carry it unescaped.
const IN_QUERY: u8 = 4;
const NEVER: u8 = 5;

const CLASS: [u8; 256] = {
    let mut table = [NEVER; 256];
    let mut byte = 0x21;
    while byte < 0x7f {
        table[byte] = match byte as u8 {
            b'%' => ESCAPE,
            b'?' => QUERY,
            b'"' => IN_PATH,
            b'`' => IN_QUERY,
            b'#' | b'<' | b'>' => NEVER,
            _ => PLAIN,
        };
        byte += 1;
    }
    table
};

/// Path and query, byte for byte.
fn scan(target: &[u8]) -> Result<(), Rule> {
    let mut in_query = false;
    let mut rest = target;
    while let Some(at) = rest.iter().position(|&b| CLASS[usize::from(b)] != PLAIN) {
        match CLASS[usize::from(rest[at])] {
            ESCAPE => check_escape(&rest[at + 1..], in_query)?,
            QUERY => in_query = true,
            IN_PATH if !in_query => {}
            IN_QUERY if in_query => {}
            _ => return Err(Rule::TargetByte),
        }
        rest = &rest[at + 1..];
    }
    Ok(())
}

fn check_escape(after: &[u8], in_query: bool) -> Result<(), Rule> {
    match after {
        [b'0', b'0', ..] => Err(Rule::TargetNul),
        [high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => Ok(()),
        _ if in_query => Ok(()),
        _ => Err(Rule::TargetEscape),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(target: &[u8]) -> Result<(), Rule> {
        form_of(target, b"GET").map(|_| ())
    }

    #[test]
    fn what_real_clients_send_passes() {
        for target in [
            "/",
            "//",
            "/a/b?c=d&e=f",
            "/@scope%2fname",
            "/a;b=c/d",
            "/a|b^c{d}[e]",
            "/{\"a\":1}",
            "/search?q=50%",
            "/ad?cb=%%CACHEBUSTER%%",
            "/a?b?c/d",
            "/?x=`y`",
            "/~user/$1,'(x)!*",
            "http://a",
            "HTTP://a:80/b?c",
            "https://a?b",
        ] {
            assert_eq!(verdict(target.as_bytes()), Ok(()), "{target}");
        }
    }

    #[test]
    fn what_no_target_may_contain_is_refused() {
        for (target, rule) in [
            ("/a#b", Rule::TargetByte),
            ("/a\tb", Rule::TargetByte),
            ("/a b", Rule::TargetByte),
            ("/\u{e9}", Rule::TargetByte),
            ("/a<b>", Rule::TargetByte),
            ("/a`b", Rule::TargetByte),
            ("/?\"", Rule::TargetByte),
            ("/\x7f", Rule::TargetByte),
            ("/\0", Rule::TargetByte),
            ("/?a\0", Rule::TargetByte),
            ("/%", Rule::TargetEscape),
            ("/%4", Rule::TargetEscape),
            ("/%zz", Rule::TargetEscape),
            ("/%u0041", Rule::TargetEscape),
            ("/%4?41", Rule::TargetEscape),
            ("/%00", Rule::TargetNul),
            ("/?a=%00", Rule::TargetNul),
            ("http://a#b", Rule::TargetByte),
            ("http://a/%zz", Rule::TargetEscape),
        ] {
            assert_eq!(verdict(target.as_bytes()), Err(rule), "{target:?}");
        }
    }

    #[test]
    fn a_target_is_a_path_an_http_address_or_an_asterisk_for_options() {
        for target in [
            "a", "\\a", "\\\\a\\b", "*", "**", "a:443", "ftp://a/", "http:/a", "http:a", "://a", "?a", "%2fa",
        ] {
            assert_eq!(verdict(target.as_bytes()), Err(Rule::TargetForm), "{target}");
        }
        assert_eq!(form_of(b"*", b"OPTIONS"), Ok(Form::Asterisk));
        assert_eq!(form_of(b"*", b"options"), Err(Rule::TargetForm));
        assert_eq!(form_of(b"*a", b"OPTIONS"), Err(Rule::TargetForm));
    }

    #[test]
    fn an_absolute_address_is_taken_apart_at_the_first_slash_or_question_mark() {
        let parts = |target: &'static str| match form_of(target.as_bytes(), b"GET") {
            Ok(Form::Absolute { authority, rest, default_port }) => (authority, rest, default_port),
            other => panic!("{target}: {other:?}"),
        };
        assert_eq!(parts("http://a.b:8080/c?d"), (b"a.b:8080".as_slice(), b"/c?d".as_slice(), 80));
        assert_eq!(parts("https://a"), (b"a".as_slice(), b"".as_slice(), 443));
        assert_eq!(parts("http://a?b/c"), (b"a".as_slice(), b"?b/c".as_slice(), 80));
    }

    #[test]
    fn http2_has_no_absolute_addresses() {
        assert_eq!(check_path(b"http://a/", b"GET"), Err(Rule::TargetForm));
        assert_eq!(check_path(b"/a", b"GET"), Ok(()));
        assert_eq!(check_path(b"*", b"OPTIONS"), Ok(()));
    }
}
