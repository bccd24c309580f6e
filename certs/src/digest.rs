//! SHA-256 over several values, and hexadecimal digits.

use aws_lc_rs::digest::{Context, SHA256, digest};
use std::fmt::Write as _;

/// Of the bytes as they are.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    fixed(digest(&SHA256, bytes).as_ref())
}

/// Of several values, each with its length before it, so that no two lists have the same digest.
pub(crate) fn sha256_of<T: AsRef<[u8]>>(values: impl IntoIterator<Item = T>) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    for value in values {
        context.update(&(value.as_ref().len() as u64).to_be_bytes());
        context.update(value.as_ref());
    }
    fixed(context.finish().as_ref())
}

/// Lower-case.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn fixed(bytes: &[u8]) -> [u8; 32] {
    bytes.try_into().expect("SHA-256 has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_that_join_to_the_same_bytes_differ() {
        assert_ne!(sha256_of(["ab", "c"]), sha256_of(["a", "bc"]));
    }

    #[test]
    fn hex_of_a_known_digest() {
        assert_eq!(hex(&sha256(b""))[..16], *"e3b0c44298fc1c14");
    }
}
