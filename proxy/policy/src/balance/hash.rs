//! Consistent hashing on a ring (Karger et al., 1997; the number of points is ketama's).
//!
//! A candidate's points depend on its own key and weight alone, so that when one leaves or joins only its keys move.
//! A key whose owner is not usable goes to the next usable one on the ring, and comes back with it.

use super::Candidate;
use super::random::{Numbers, mix};

/// Points of a candidate of weight 1.
const POINTS: u64 = 160;

/// Points of a whole ring. Heavier pools have fewer points a unit of weight: half, a quarter...
const MOST: u64 = 1 << 20;

/// Points passed over before the usable candidates are ranked for the key instead: most of the pool is out.
const STEPS: usize = 256;

#[derive(Debug)]
pub(super) struct Ring {
    points: Vec<u64>,
    /// The owner of each of `points`.
    owners: Vec<u32>,
    keys: Vec<u64>,
}

impl Ring {
    pub(super) fn new<C: Candidate>(candidates: &[C]) -> Self {
        let weights = || candidates.iter().map(|c| u64::from(c.weight().max(1)));
        let density = density(weights().sum());
        let mut ring: Vec<(u64, u32)> = Vec::new();
        for ((index, candidate), weight) in candidates.iter().enumerate().zip(weights()) {
            let mut numbers = Numbers::new(mix(candidate.key()));
            let points = weight * POINTS / density;
            ring.extend((0..points.max(1)).map(|_| (numbers.next(), index as u32)));
        }
        ring.sort_unstable();
        Self {
            points: ring.iter().map(|&(point, _)| point).collect(),
            owners: ring.iter().map(|&(_, owner)| owner).collect(),
            keys: candidates.iter().map(|c| mix(c.key())).collect(),
        }
    }

    pub(super) fn pick(&self, hash: u64, usable: impl Fn(usize) -> bool) -> Option<usize> {
        let hash = mix(hash);
        let start = self.points.partition_point(|&point| point < hash);
        let around = self.owners[start..].iter().chain(&self.owners[..start]);
        let mut refused = None;
        for &owner in around.take(STEPS) {
            if refused != Some(owner) && usable(owner as usize) {
                return Some(owner as usize);
            }
            refused = Some(owner);
        }
        let rank = |&index: &usize| mix(hash ^ self.keys[index]);
        (0..self.keys.len()).filter(|&index| usable(index)).max_by_key(rank)
    }
}

/// The power of two by which the points of a unit of weight are divided.
fn density(total_weight: u64) -> u64 {
    (total_weight * POINTS).div_ceil(MOST).max(1).next_power_of_two()
}
