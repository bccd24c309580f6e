//! How many bytes of a path, as sent, a decoded prefix takes.

use super::steps::escape_at;

/// The length of the head of `sent` that reads as `prefix`, with escapes decoded and slashes in a row taken for one.
/// `None`: it does not begin so.
pub(super) fn spelled_length(sent: &[u8], prefix: &[u8]) -> Option<usize> {
    let mut at = 0;
    let mut after_slash = false;
    for &wanted in prefix {
        while after_slash && wanted != b'/' && sent.get(at) == Some(&b'/') {
            at += 1;
        }
        let (byte, width) = match escape_at(sent, at) {
            Some(byte) => (byte, 3),
            None => (*sent.get(at)?, 1),
        };
        if byte != wanted {
            return None;
        }
        after_slash = byte == b'/';
        at += width;
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::spelled_length;

    #[test]
    fn a_prefix_is_found_however_it_is_spelled() {
        for (sent, prefix, length) in [
            ("/api/x", "/api", Some(4)),
            ("/%61pi/x", "/api", Some(6)),
            ("/my%20files/x", "/my files", Some(11)),
            ("//api//x", "/api", Some(5)),
            ("//api//x", "/api/", Some(6)),
            ("/ap", "/api", None),
            ("/app", "/api", None),
            ("/api", "", Some(0)),
        ] {
            assert_eq!(spelled_length(sent.as_bytes(), prefix.as_bytes()), length, "{sent} {prefix}");
        }
    }
}
