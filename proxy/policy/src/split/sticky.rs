//! The choice of a track that stays the same for a client, and the text of the cookie that names the client.

use super::Split;

impl Split {
    /// The track of the client `id`. `tracks` has a hash of each track's name, in file order.
    ///
    /// Weighted rendezvous hashing: each track draws an exponential waiting time of rate `weight` from (id, name) and
    /// the earliest wins, so its chance is weight / total. A raised weight only makes its own track earlier: clients
    /// move to it and never from it. Weight 0 never wins, unless all are 0: then the first.
    pub fn choose_sticky(&self, id: u64, tracks: &[u64]) -> usize {
        let mut best: Option<(f64, u64, usize)> = None;
        for (track, (&weight, &name)) in self.weights.iter().zip(tracks).enumerate() {
            if weight == 0 {
                continue;
            }
            let wait = -uniform(id, name).ln() / f64::from(weight);
            // Equal times go by name, so that the order in the file does not matter.
            if best.is_none_or(|(least, other, _)| wait.total_cmp(&least).then(name.cmp(&other)).is_lt()) {
                best = Some((wait, name, track));
            }
        }
        best.map_or(0, |(_, _, track)| track)
    }
}

/// A number in (0, 1], 53 bits of it.
fn uniform(id: u64, name: u64) -> f64 {
    let bits = mix(mix(id.wrapping_add(0x9e37_79b9_7f4a_7c15)) ^ mix(name)) >> 11;
    (bits + 1) as f64 / (1u64 << 53) as f64
}

/// The finaliser of SplitMix64 (Steele, Lea and Flood 2014; Stafford's variant 13).
fn mix(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// A client's identity as its cookie states it. The signature is not checked yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignedId<'a> {
    pub id: u64,
    /// What the signature is over: the 16 hex digits of the id.
    pub signed: &'a [u8],
    /// 16 bytes: a MAC of 128 bits.
    pub signature: [u8; 16],
}

/// Reads 16 lower-case hex digits, '.', 32 lower-case hex digits. Anything else is None.
pub fn parse_cookie(value: &[u8]) -> Option<SignedId<'_>> {
    if value.len() != 49 || value[16] != b'.' {
        return None;
    }
    let (signed, mac) = (&value[..16], &value[17..]);
    let mut id = 0;
    for &letter in signed {
        id = id << 4 | u64::from(digit(letter)?);
    }
    let mut signature = [0; 16];
    for (byte, pair) in signature.iter_mut().zip(mac.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(SignedId { id, signed, signature })
}

/// The cookie's value, as [`parse_cookie`] reads it.
pub fn write_cookie(id: u64, signature: [u8; 16]) -> String {
    format!("{id:016x}.{:032x}", u128::from_be_bytes(signature))
}

/// What the signature of `id` is over: its 16 hex digits.
pub fn signed_text(id: u64) -> [u8; 16] {
    std::array::from_fn(|place| b"0123456789abcdef"[(id >> (60 - 4 * place)) as usize & 15])
}

fn digit(letter: u8) -> Option<u8> {
    match letter {
        b'0'..=b'9' => Some(letter - b'0'),
        b'a'..=b'f' => Some(letter - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// (weight, name) of each track; names differ.
    fn tracks() -> impl Strategy<Value = Vec<(u32, u64)>> {
        prop::collection::hash_map(any::<u64>(), 0u32..1000, 1..6)
            .prop_map(|tracks| tracks.into_iter().map(|(name, weight)| (weight, name)).collect())
    }

    /// The place of the track that serves `id`.
    fn place(tracks: &[(u32, u64)], id: u64) -> usize {
        let (weights, names): (Vec<u32>, Vec<u64>) = tracks.iter().copied().unzip();
        Split::new(&weights).choose_sticky(id, &names)
    }

    #[test]
    fn a_growing_canary_keeps_its_clients_and_gets_its_share() {
        let mut before = vec![0; 10_000];
        for canary in [1, 10, 25, 50, 100] {
            let now: Vec<usize> =
                (0..10_000).map(|id| place(&[(100 - canary, 11), (canary, 22)], id)).collect();
            assert!(before.iter().zip(&now).all(|(before, now)| now >= before));
            let share = now.iter().sum::<usize>() as f64 / 100.0;
            assert!((share - f64::from(canary)).abs() <= 1.0, "{share}% for {canary}");
            before = now;
        }
    }

    #[test]
    fn without_any_weight_the_first_track_serves() {
        assert_eq!(place(&[(0, 5), (0, 6)], 7), 0);
        assert_eq!(Split::new(&[]).choose_sticky(7, &[]), 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn shares_follow_the_weights(tracks in tracks(), first: u64) {
            let total: u32 = tracks.iter().map(|track| track.0).sum();
            prop_assume!(total > 0);
            let mut chosen = vec![0u32; tracks.len()];
            (0..2000).for_each(|n| chosen[place(&tracks, first.wrapping_add(n))] += 1);
            for (&count, &(weight, _)) in chosen.iter().zip(&tracks) {
                let share = f64::from(weight) / f64::from(total);
                // Six standard deviations of a binomial count, and some for the tail of small shares.
                let bound = 6.0 * (2000.0 * share * (1.0 - share)).sqrt() + 6.0;
                prop_assert!((f64::from(count) - 2000.0 * share).abs() <= bound);
                prop_assert!(weight > 0 || count == 0);
            }
        }

        #[test]
        fn the_scale_of_the_weights_does_not_matter(tracks in tracks(), by in 1u32..1000, id: u64) {
            let scaled: Vec<_> = tracks.iter().map(|&(weight, name)| (weight * by, name)).collect();
            prop_assert_eq!(place(&tracks, id), place(&scaled, id));
        }

        #[test]
        fn who_is_on_a_track_stays_when_it_grows(tracks in tracks(), more: u16, less in prop::collection::vec(0u32..1000, 6), id: u64) {
            let chosen = place(&tracks, id);
            prop_assume!(tracks[chosen].0 > 0);
            let mut after = tracks.clone();
            for (at, track) in after.iter_mut().enumerate() {
                track.0 = if at == chosen { track.0 + u32::from(more) } else { track.0.saturating_sub(less[at]) };
            }
            prop_assert_eq!(place(&after, id), chosen);
        }

        #[test]
        fn a_new_track_takes_clients_only_to_itself(tracks in tracks(), weight in 1u32..1000, name: u64, id: u64) {
            prop_assume!(tracks.iter().any(|track| track.0 > 0));
            let mut after = tracks.clone();
            after.push((weight, name));
            let now = place(&after, id);
            prop_assert!(now == tracks.len() || now == place(&tracks, id));
        }

        #[test]
        fn the_order_of_tracks_does_not_matter(tracks in tracks(), turn in 0usize..6, id: u64) {
            prop_assume!(tracks.iter().any(|track| track.0 > 0));
            let mut other = tracks.clone();
            other.reverse();
            other.rotate_left(turn % tracks.len());
            prop_assert_eq!(tracks[place(&tracks, id)], other[place(&other, id)]);
        }

        #[test]
        fn a_cookie_reads_back(id: u64, signature: [u8; 16]) {
            let (text, signed) = (write_cookie(id, signature), signed_text(id));
            prop_assert_eq!(parse_cookie(text.as_bytes()), Some(SignedId { id, signed: &signed, signature }));
        }

        #[test]
        fn any_other_byte_is_no_cookie_or_another_one(id: u64, signature: [u8; 16], at in 0usize..49, byte: u8) {
            let mut text = write_cookie(id, signature).into_bytes();
            text[at] = byte;
            match parse_cookie(&text) {
                Some(read) => prop_assert_eq!(write_cookie(read.id, read.signature).into_bytes(), text),
                None => prop_assert!(!matches!(byte, b'0'..=b'9' | b'a'..=b'f') || at == 16),
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            prop_assert!(parse_cookie(&bytes).is_none() || bytes.len() == 49);
        }
    }
}
