//! The text that paths of requests are compared with.
//!
//! A request is matched in every way its path may be read (decoded, `;parameters` cut, slashes merged, dots resolved),
//! and must lead to one route in all of them. So a route's path must be one that reads the same in every way; no request
//! could reach another.

use super::{Context, Text};

/// How a path may go on after the text: `/api*` within the segment, as `/apix`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum GoesOn {
    WithinSegment,
    WithSegments,
}

impl Context<'_> {
    /// The path decoded: `/my%20files` and `/my files` are the same.
    pub(super) fn route_path(&mut self, text: &Text, path: &str, goes_on: GoesOn) -> Option<String> {
        let slip = match plain(path, goes_on) {
            Ok(plain) => return Some(plain),
            Err(slip) => slip,
        };
        self.problem(&text.span, format!("the path {} {}", text.shown(), slip.what)).hint(slip.hint);
        None
    }
}

struct Slip {
    what: &'static str,
    hint: &'static str,
}

impl Slip {
    fn new(what: &'static str, hint: &'static str) -> Self {
        Self { what, hint }
    }
}

/// Decoded, when it reads the same in every way.
fn plain(path: &str, goes_on: GoesOn) -> Result<String, Slip> {
    if !path.starts_with('/') {
        let hint = "begin it with /; a regex begins with ~ and an ending with *.";
        return Err(Slip::new("does not begin with /", hint));
    }
    let plain = decoded(path)?;
    match reads_otherwise(&plain, goes_on) {
        Some(slip) => Err(slip),
        None => Ok(plain),
    }
}

/// Escapes are read of bytes that cannot stand in a request's path unescaped: blanks and what is not ASCII.
fn decoded(path: &str) -> Result<String, Slip> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let Some(byte) = escaped(after) else {
            return Err(Slip::new("has a % that is not followed by two hexadecimal digits", "drop the %"));
        };
        if byte.is_ascii_graphic() {
            let hint = "write the character itself; % / ? # ; and \\ cannot be matched by a route's path";
            return Err(Slip::new("has an escape that is not needed: no request could reach it", hint));
        }
        bytes.push(byte);
        rest = &after[2..];
    }
    String::from_utf8(bytes)
        .map_err(|_| Slip::new("is not UTF-8 once decoded", "write the characters themselves"))
}

fn escaped(after: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let (high, low) = (digit(*after.first()?)?, digit(*after.get(1)?)?);
    u8::try_from(high * 16 + low).ok()
}

fn reads_otherwise(path: &str, goes_on: GoesOn) -> Option<Slip> {
    let mut segments: Vec<&str> = path.split('/').collect();
    // `/.*` is `/.git`, not a dot segment.
    if goes_on == GoesOn::WithinSegment && segments.last() == Some(&".") {
        segments.pop();
    }
    if path.contains(['?', '#']) {
        Some(Slip::new("holds a query or fragment", "a path ends before ? and #"))
    } else if path.contains('\\') {
        Some(Slip::new("has a backslash: no request could reach it", "write / instead"))
    } else if path.contains(';') {
        Some(Slip::new("has a ; that begins a parameter: no request could reach it", "end it before the ;"))
    } else if path.contains("//") {
        Some(Slip::new("has slashes in a row: no request could reach it", "write one /"))
    } else if segments.iter().any(|segment| matches!(*segment, "." | "..")) {
        Some(Slip::new("has a dot segment: no request could reach it", "write the path that it leads to"))
    } else if path.chars().any(char::is_control) || path.ends_with(' ') {
        Some(Slip::new("holds a control character or ends in a blank", "remove it"))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(path: &str, goes_on: GoesOn) -> Option<String> {
        plain(path, goes_on).ok()
    }

    #[test]
    fn a_path_that_reads_the_same_in_every_way_is_kept_decoded() {
        for (path, plain) in [
            ("/", "/"),
            ("/api/v1/", "/api/v1/"),
            ("/my%20files", "/my files"),
            ("/%D1%84айлы", "/файлы"),
            ("/@scope/name", "/@scope/name"),
            ("/a..b/.git", "/a..b/.git"),
        ] {
            assert_eq!(reads(path, GoesOn::WithSegments).as_deref(), Some(plain));
        }
    }

    #[test]
    fn a_path_that_no_request_could_reach_is_refused() {
        let unreachable = [
            "/a//b", "/a/../b", "/a/.", "/%61pi", "/a%2fb", "/a;v=1", "/a\\b", "/faq?", "/a#b", "/100%25",
            "/100%", "/%0", "/%00", "/%c0%ae", "/a\tb", "/a ", "/%+1",
        ];
        for path in unreachable {
            assert_eq!(reads(path, GoesOn::WithSegments), None, "{path}");
        }
    }

    #[test]
    fn a_beginning_of_hidden_names_is_no_dot_segment() {
        assert!(reads("/.", GoesOn::WithinSegment).is_some());
        assert!(reads("/./a", GoesOn::WithinSegment).is_none());
        assert!(reads("/..", GoesOn::WithinSegment).is_none());
    }
}
