//! A fast hash for tables whose keys come from the configuration.
//!
//! The keys in a table are the operator's, so nobody can fill one bucket on purpose; a client that knows the hash can
//! do no more than ask for a key that is not there.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

pub(super) type Table<K, V> = HashMap<K, V, BuildHasherDefault<Folding>>;

/// Multiply to 128 bits and fold, eight bytes at a time (the scheme of wyhash and foldhash).
#[derive(Debug, Default, Clone)]
pub(super) struct Folding(u64);

/// Two odd constants with well-spread bits: the fractions of pi, as in foldhash.
const STEP: u64 = 0x243f_6a88_85a3_08d3;
const LAST: u64 = 0x4528_21e6_38d0_1377;

impl Hasher for Folding {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.write_u64(u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            let mut word = [0; 8];
            word[..rest.len()].copy_from_slice(rest);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = fold(self.0 ^ word, STEP);
    }

    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }

    fn finish(&self) -> u64 {
        fold(self.0, LAST)
    }
}

fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::hash::{BuildHasher, BuildHasherDefault};

    use super::Folding;

    #[test]
    fn ten_thousand_names_spread_over_the_low_and_the_high_bits() {
        let builder = BuildHasherDefault::<Folding>::default();
        let hashes: Vec<u64> =
            (0..10_000).map(|n| builder.hash_one(format!("host-{n}.example.com"))).collect();
        let low: HashSet<u64> = hashes.iter().map(|hash| hash & 0x3fff).collect();
        let high: HashSet<u64> = hashes.iter().map(|hash| hash >> 57).collect();
        // A random function would fill 16384 * (1 - e^(-10000/16384)), some 7,500.
        assert!(low.len() > 7_200, "{}", low.len());
        assert_eq!(high.len(), 128);
    }
}
