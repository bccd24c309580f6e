//! Transfer-Encoding: exactly `chunked` (RFC 9112 §6.1; stricter: no list of codings that ends in it).

use super::Rule;
use super::bytes::is_token;

/// Refuses every value but `chunked`.
pub(super) fn check_encoding(value: &[u8]) -> Result<(), Rule> {
    if value.eq_ignore_ascii_case(b"chunked") {
        Ok(())
    } else if is_token(value) {
        Err(Rule::EncodingUnknown)
    } else {
        Err(Rule::EncodingRepeated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunked_in_any_case_is_the_one_coding() {
        for value in ["chunked", "Chunked", "CHUNKED"] {
            assert_eq!(check_encoding(value.as_bytes()), Ok(()));
        }
    }

    #[test]
    fn another_coding_is_not_implemented() {
        for value in ["gzip", "identity", "xchunked", "chunkedx", "cow"] {
            assert_eq!(check_encoding(value.as_bytes()), Err(Rule::EncodingUnknown), "{value}");
        }
    }

    #[test]
    fn a_list_is_refused_even_when_it_ends_in_chunked() {
        for value in [
            "",
            "chunked, chunked",
            "gzip, chunked",
            "chunked, identity",
            "chunked,",
            ",chunked",
            "chunked;q=1",
        ] {
            assert_eq!(check_encoding(value.as_bytes()), Err(Rule::EncodingRepeated), "{value}");
        }
    }
}
