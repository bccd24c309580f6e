//! Which track of a service takes a request: weighted at random, and where to go when a track has nobody to answer.

mod lease;
mod sticky;

pub use lease::{Leased, Owner, SplitFault, SplitState, TrackWeights};
pub use sticky::{SignedId, parse_cookie, signed_text, write_cookie};

/// The weights of a service's tracks, in file order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    weights: Vec<u32>,
    total: u64,
}

impl Split {
    /// One weight a track; any scale (percent or not).
    pub fn new(weights: &[u32]) -> Self {
        Self { weights: weights.to_vec(), total: weights.iter().map(|&weight| u64::from(weight)).sum() }
    }

    /// The weights, in file order.
    pub fn weights(&self) -> &[u32] {
        &self.weights
    }

    /// The track for a uniformly random number. Never one of weight 0, unless all are: then the first.
    ///
    /// Raising the weight of the last track takes numbers only from those before it.
    pub fn choose(&self, random: u64) -> usize {
        let mut left = ((u128::from(random) * u128::from(self.total)) >> 64) as u64;
        for (track, &weight) in self.weights.iter().enumerate() {
            if left < u64::from(weight) {
                return track;
            }
            left -= u64::from(weight);
        }
        0
    }

    /// Where a request goes whose track has no usable endpoint: the heaviest track not `tried` yet, the first in the
    /// file among equals. Never one of weight 0: what was taken out of the split, or is still being tested, serves
    /// nobody by accident.
    pub fn fallback(&self, tried: impl Fn(usize) -> bool) -> Option<usize> {
        (0..self.weights.len())
            .rev()
            .filter(|&track| self.weights[track] > 0 && !tried(track))
            .max_by_key(|&track| self.weights[track])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// `count` numbers evenly spread over all of u64.
    fn even(count: u64) -> impl Iterator<Item = u64> {
        (0..count).map(move |n| n * (u64::MAX / count))
    }

    #[test]
    fn each_track_gets_its_share() {
        let split = Split::new(&[70, 25, 5]);
        let mut chosen = [0; 3];
        even(10_000).for_each(|random| chosen[split.choose(random)] += 1);
        assert_eq!(chosen.map(|count| (count + 5) / 100), [70, 25, 5]);
    }

    #[test]
    fn a_track_of_weight_zero_gets_nothing_at_either_end() {
        for weights in [[0, 1], [1, 0]] {
            let split = Split::new(&weights);
            for random in [0, 1, u64::MAX / 2, u64::MAX] {
                assert_eq!(weights[split.choose(random)], 1);
            }
        }
    }

    #[test]
    fn without_any_weight_the_first_track_serves() {
        assert_eq!(Split::new(&[0, 0]).choose(u64::MAX), 0);
        assert_eq!(Split::new(&[]).choose(7), 0);
    }

    #[test]
    fn the_fallback_goes_by_weight_and_then_by_place_in_the_file() {
        let split = Split::new(&[10, 60, 10, 20, 0]);
        let mut tried = vec![1];
        while let Some(next) = split.fallback(|track| tried.contains(&track)) {
            tried.push(next);
        }
        assert_eq!(tried, [1, 3, 0, 2]);
    }

    #[test]
    fn a_track_under_test_is_no_fallback() {
        assert_eq!(Split::new(&[100, 0]).fallback(|track| track == 0), None);
    }

    #[test]
    fn raising_the_last_track_moves_clients_only_to_it() {
        let (before, after) = (Split::new(&[90, 10]), Split::new(&[75, 25]));
        for random in even(1000) {
            assert!(after.choose(random) >= before.choose(random));
        }
    }

    proptest! {
        #[test]
        fn a_chosen_track_has_weight_if_any_has(weights in prop::collection::vec(0u32.., 1..8), random: u64) {
            let chosen = Split::new(&weights).choose(random);
            prop_assert!(weights[chosen] > 0 || (chosen == 0 && weights.iter().all(|&weight| weight == 0)));
        }
    }
}
