//! Content-Length: digits only, once, below 2^63 (RFC 9110 §8.6; stricter than RFC 9112 §6.3, which may repair a list).

/// The number of a Content-Length value; `None` for anything else, lists included.
///
/// The bound is that of an `i64`: what others on the way keep it in.
pub(super) fn length_of(value: &[u8]) -> Option<u64> {
    if value.is_empty() {
        return None;
    }
    let mut length = 0_u64;
    for &byte in value {
        if !byte.is_ascii_digit() {
            return None;
        }
        length = length.checked_mul(10)?.checked_add(u64::from(byte - b'0'))?;
    }
    i64::try_from(length).is_ok().then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_a_length() {
        for (value, length) in [("0", 0), ("5", 5), ("00012", 12), ("9223372036854775807", i64::MAX as u64)] {
            assert_eq!(length_of(value.as_bytes()), Some(length), "{value}");
        }
    }

    #[test]
    fn anything_but_digits_is_no_length() {
        for value in [
            "",
            "+5",
            "-1",
            "5, 5",
            "5,5",
            "0x5",
            "5 5",
            "5.0",
            "1e3",
            "9223372036854775808",
            "18446744073709551616",
            "٣",
        ] {
            assert_eq!(length_of(value.as_bytes()), None, "{value}");
        }
    }
}
