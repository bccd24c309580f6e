//! What gRPC wants of a proxy that answers in a server's place (gRPC over HTTP/2, "PROTOCOL-HTTP2.md").
//!
//! A gRPC client reads `grpc-status`, not the status line: an error that the proxy makes itself is a 200 whose head is
//! also its end, with the code in it. What retries is the client, and by the code alone.

use std::fmt::Write as _;
use std::time::Duration;

/// Whether a request's Content-Type says gRPC: `application/grpc`, with `+proto` or the like. gRPC-Web is another
/// protocol, that has its errors in the body.
pub fn is_grpc(content_type: &[u8]) -> bool {
    const GRPC: &[u8] = b"application/grpc";
    content_type.split_at_checked(GRPC.len()).is_some_and(|(start, rest)| {
        start.eq_ignore_ascii_case(GRPC) && matches!(rest.first(), None | Some(b'+' | b';' | b' ' | b'\t'))
    })
}

/// The codes that a proxy has reason to send (gRPC, "statuscodes.md").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GrpcStatus {
    Unknown,
    DeadlineExceeded,
    PermissionDenied,
    ResourceExhausted,
    Unimplemented,
    Internal,
    Unavailable,
    Unauthenticated,
}

impl GrpcStatus {
    /// The value of `grpc-status`.
    pub fn code(self) -> u8 {
        match self {
            Self::Unknown => 2,
            Self::DeadlineExceeded => 4,
            Self::PermissionDenied => 7,
            Self::ResourceExhausted => 8,
            Self::Unimplemented => 12,
            Self::Internal => 13,
            Self::Unavailable => 14,
            Self::Unauthenticated => 16,
        }
    }

    /// The name by which people know the code, for logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "UNKNOWN",
            Self::DeadlineExceeded => "DEADLINE_EXCEEDED",
            Self::PermissionDenied => "PERMISSION_DENIED",
            Self::ResourceExhausted => "RESOURCE_EXHAUSTED",
            Self::Unimplemented => "UNIMPLEMENTED",
            Self::Internal => "INTERNAL",
            Self::Unavailable => "UNAVAILABLE",
            Self::Unauthenticated => "UNAUTHENTICATED",
        }
    }
}

/// The code for an error that the proxy makes itself: by gRPC's table ("http-grpc-status-mapping.md"), and where that
/// has only UNKNOWN to say, by what the proxy means with the status.
///
/// 413 and 431 are RESOURCE_EXHAUSTED, as a server says of a message that is too large. 408 is DEADLINE_EXCEEDED: the
/// client was too slow, and again would be. 504 stays UNAVAILABLE, by the table: clients retry that, and a call whose
/// endpoint was silent may well be answered by the next. Where the client's own time is over, see
/// [`deadline_exceeded`].
pub fn status_for(http_status: u16) -> GrpcStatus {
    match http_status {
        400 => GrpcStatus::Internal,
        401 => GrpcStatus::Unauthenticated,
        403 => GrpcStatus::PermissionDenied,
        404 => GrpcStatus::Unimplemented,
        408 => GrpcStatus::DeadlineExceeded,
        413 | 431 => GrpcStatus::ResourceExhausted,
        429 | 502 | 503 | 504 => GrpcStatus::Unavailable,
        _ => GrpcStatus::Unknown,
    }
}

/// The code for a call whose own `grpc-timeout` has passed, whatever the HTTP status: nobody waits for a retry.
pub fn deadline_exceeded() -> GrpcStatus {
    GrpcStatus::DeadlineExceeded
}

/// How long the client waits, by its `grpc-timeout`: one to eight digits and a unit, nothing else. `None` where it is
/// anything else. Zero is one that clients send when the time is over already.
pub fn timeout(value: &[u8]) -> Option<Duration> {
    let (&unit, digits) = value.split_last()?;
    if !(1..=8).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let count = digits.iter().fold(0, |count, digit| count * 10 + u64::from(digit - b'0'));
    Some(match unit {
        b'H' => Duration::from_secs(count * 3600),
        b'M' => Duration::from_secs(count * 60),
        b'S' => Duration::from_secs(count),
        b'm' => Duration::from_millis(count),
        b'u' => Duration::from_micros(count),
        b'n' => Duration::from_nanos(count),
        _ => return None,
    })
}

/// The value of `grpc-message`: UTF-8 with everything but visible ASCII and space percent-encoded, and `%` too.
pub fn encode_message(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' '..=b'~' if byte != b'%' => out.push(char::from(byte)),
            // Writing to a string cannot fail.
            _ => drop(write!(out, "%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn grpc_is_known_by_its_content_type_and_grpc_web_is_not_it() {
        for yes in [
            "application/grpc",
            "application/grpc+proto",
            "application/grpc+json",
            "Application/GRPC",
            "application/grpc; charset=utf-8",
        ] {
            assert!(is_grpc(yes.as_bytes()), "{yes}");
        }
        for no in [
            "application/grpc-web",
            "application/grpc-web+proto",
            "application/grpc-web-text",
            "application/grpcx",
            "application/json",
            "application/grp",
            " application/grpc",
            "",
        ] {
            assert!(!is_grpc(no.as_bytes()), "{no}");
        }
    }

    #[test]
    fn statuses_become_the_codes_of_grpc_s_table() {
        for (status, code) in
            [(400, 13), (401, 16), (403, 7), (404, 12), (429, 14), (502, 14), (503, 14), (504, 14)]
        {
            assert_eq!(status_for(status).code(), code, "{status}");
        }
        for status in [200, 405, 409, 414, 417, 421, 500, 501, 505, 0, 65535] {
            assert_eq!(status_for(status), GrpcStatus::Unknown, "{status}");
        }
    }

    #[test]
    fn where_the_table_knows_nothing_the_proxy_says_what_it_means() {
        assert_eq!(status_for(413).name(), "RESOURCE_EXHAUSTED");
        assert_eq!(status_for(431).code(), 8);
        assert_eq!(status_for(408), deadline_exceeded());
        assert_eq!((deadline_exceeded().code(), deadline_exceeded().name()), (4, "DEADLINE_EXCEEDED"));
    }

    #[test]
    fn timeouts_have_one_to_eight_digits_and_a_unit() {
        for (text, time) in [
            ("1S", Duration::from_secs(1)),
            ("100m", Duration::from_millis(100)),
            ("2M", Duration::from_secs(120)),
            ("99999999H", Duration::from_secs(99_999_999 * 3600)),
            ("5u", Duration::from_micros(5)),
            ("00000007n", Duration::from_nanos(7)),
            ("0n", Duration::ZERO),
        ] {
            assert_eq!(timeout(text.as_bytes()), Some(time), "{text}");
        }
        for text in
            ["", "S", "1", "100000000S", "1s", "1 S", "+1S", "-1S", "1.5S", "1SS", " 1S", "1S ", "\u{661}S"]
        {
            assert_eq!(timeout(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn messages_are_percent_encoded() {
        assert_eq!(encode_message("the endpoint hung up"), "the endpoint hung up");
        assert_eq!(encode_message("100% \u{e9}\r\n~"), "100%25 %C3%A9%0D%0A~");
        assert_eq!(encode_message("\0\x7f"), "%00%7F");
    }

    proptest! {
        #[test]
        fn a_message_is_always_a_field_value_and_says_what_was_said(text in "\\PC*|[\\x00-\\x7f]*") {
            let encoded = encode_message(&text);
            prop_assert!(encoded.bytes().all(|b| (b' '..=b'~').contains(&b)));
            let mut decoded = Vec::new();
            let mut rest = encoded.as_bytes();
            while let [byte, after @ ..] = rest {
                rest = after;
                if *byte == b'%' {
                    let digits = std::str::from_utf8(&rest[..2]).unwrap();
                    decoded.push(u8::from_str_radix(digits, 16).unwrap());
                    rest = &rest[2..];
                } else {
                    decoded.push(*byte);
                }
            }
            prop_assert_eq!(decoded, text.as_bytes());
        }
    }
}
