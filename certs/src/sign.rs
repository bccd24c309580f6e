//! Signatures of small texts that come back from clients: HMAC-SHA-256, cut to 128 bits (RFC 2104, 5).

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use std::fmt;

/// Length of a key, in bytes.
pub const KEY_SIZE: usize = 32;

/// A secret key; never printed.
pub struct Signer(Key);

/// No random numbers are to be had from the system.
#[derive(Debug, thiserror::Error)]
#[error("the system gives no random numbers")]
pub struct NoRandomness;

impl Signer {
    pub fn new(key: &[u8; KEY_SIZE]) -> Self {
        Self(Key::new(HMAC_SHA256, key))
    }

    pub fn sign(&self, text: &[u8]) -> [u8; 16] {
        let tag = sign(&self.0, text);
        let mut signature = [0; 16];
        signature.copy_from_slice(&tag.as_ref()[..16]);
        signature
    }

    /// In constant time.
    pub fn verify(&self, text: &[u8], signature: [u8; 16]) -> bool {
        aws_lc_rs::constant_time::verify_slices_are_equal(&self.sign(text), &signature).is_ok()
    }
}

/// A new key, for a [`Signer`] and for keeping.
pub fn new_key() -> Result<[u8; KEY_SIZE], NoRandomness> {
    let mut key = [0; KEY_SIZE];
    aws_lc_rs::rand::fill(&mut key).map_err(|_| NoRandomness)?;
    Ok(key)
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_holds_for_its_text_and_its_key_alone() {
        let (one, other) = (Signer::new(&[1; 32]), Signer::new(&[2; 32]));
        let signature = one.sign(b"text");
        assert!(one.verify(b"text", signature));
        assert!(!one.verify(b"texT", signature) && !other.verify(b"text", signature));
    }

    #[test]
    fn it_is_the_beginning_of_hmac_sha_256() {
        // RFC 4231, 4.2, with its key of 20 bytes padded with zeros, which HMAC does itself.
        let mut key = [0; 32];
        key[..20].fill(0x0b);
        let signature = Signer::new(&key).sign(b"Hi There");
        assert_eq!(signature[..8], [0xb0, 0x34, 0x4c, 0x61, 0xd8, 0xdb, 0x38, 0x53]);
    }

    #[test]
    fn keys_differ_and_are_not_printed() {
        let (one, other) = (new_key().expect("randomness"), new_key().expect("randomness"));
        assert_ne!(one, other);
        assert_eq!(format!("{:?}", Signer::new(&one)), "Signer(***)");
    }
}
