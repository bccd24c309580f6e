//! What a connection begins with: to tell a client that speaks plain HTTP to a port for TLS, or TLS to one for plain HTTP.
//!
//! A guess for a better answer than a broken handshake, never a decision about what is let through.

use super::bytes::TOKEN;

/// More bytes than this change nothing.
const ENOUGH: usize = 8;

/// What the first bytes of a connection look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// A TLS record with a handshake in it (RFC 8446 §5.1).
    Tls,
    /// A request line or the preface of HTTP/2, whose first line has the same form.
    Http,
    /// Neither.
    Unknown,
    /// Too few bytes to tell: at most seven.
    Partial,
}

/// Says what a connection begins with.
pub fn first_bytes(bytes: &[u8]) -> Opening {
    match bytes {
        [] | [0x16] | [0x16, 0x03] => Opening::Partial,
        // 0x0300 is SSL 3, 0x0304 TLS 1.3; what a ClientHello's record says is mostly 0x0301.
        [0x16, 0x03, 0x00..=0x04, ..] => Opening::Tls,
        _ => http(&bytes[..bytes.len().min(ENOUGH)]),
    }
}

fn http(bytes: &[u8]) -> Opening {
    // Empty lines before a request line are overlooked (RFC 9112 §2.2).
    let lines = bytes.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
    let line = &bytes[lines..];
    let method = line.iter().take_while(|&&b| TOKEN[usize::from(b)]).count();
    match line.get(method) {
        Some(b' ') if method > 0 => Opening::Http,
        None if bytes.len() < ENOUGH => Opening::Partial,
        // A long method is capitals (PROPFIND, VERSION-CONTROL); `SSH-2.0-` is not.
        None if method > 0 && line.iter().all(|&b| b.is_ascii_uppercase() || b == b'-') => Opening::Http,
        Some(_) | None => Opening::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_client_hello_of_every_version_is_tls() {
        for version in 0..=4 {
            assert_eq!(first_bytes(&[0x16, 3, version, 2, 0, 1]), Opening::Tls, "{version}");
        }
        for other in [[0x16, 3, 5], [0x16, 2, 0], [0x15, 3, 1], [0x17, 3, 3]] {
            assert_eq!(first_bytes(&other), Opening::Unknown, "{other:?}");
        }
    }

    #[test]
    fn request_lines_and_the_preface_of_http2_are_http() {
        for line in [
            "GET / HTTP/1.1\r\n",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            "\r\nPOST / HTTP/1.1",
            "PROPFIND / HTTP/1.1",
            "BASELINE-CONTROL / HTTP/1.1",
            "M-SEARCH * HTTP/1.1",
            "get /",
        ] {
            assert_eq!(first_bytes(line.as_bytes()), Opening::Http, "{line}");
        }
    }

    #[test]
    fn other_protocols_are_unknown() {
        for bytes in [
            b"SSH-2.0-OpenSSH_9.2\r\n".as_slice(),
            b"\x00\x00\x00\x08\x04\xd2\x16\x2f",
            b"\x05\x01\x00",
            b"*1\r\n$4\r\n",
            b"\r\n\r\n\0\r\nQUIT\n",
            b"\r\n\r\n\r\n\r\n\r\n",
            b"\xff\xfd\x18",
            b" GET / HTTP/1.1",
        ] {
            assert_eq!(first_bytes(bytes), Opening::Unknown, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn once_told_more_bytes_change_nothing(bytes in prop::collection::vec(
                prop_oneof![any::<u8>(), b'A'..b'D', Just(b' '), Just(b'\r'), Just(0x16), 0_u8..6],
                0..16,
            )) {
            let mut told = Opening::Partial;
            for end in 0..=bytes.len() {
                let now = first_bytes(&bytes[..end]);
                prop_assert!(told == Opening::Partial || told == now);
                prop_assert!(now != Opening::Partial || end < ENOUGH);
                told = now;
            }
        }
    }
}
