//! Candidates by weight: in turn, or drawn at random.
//!
//! Every candidate owns as many slots as its weight, divided by what all weights have in common. A turn is a slot, and
//! turns step through the slots by a stride that shares no factor with their number: in every full round each
//! candidate comes exactly as often as its weight says, and the stride, near the golden section, spreads its turns.

use super::Candidate;
use super::random::below;

#[derive(Debug)]
pub(super) struct Weights {
    /// Where each candidate's slots end; empty when all weights are the same and slot and candidate are one.
    ends: Vec<u64>,
    slots: u64,
    stride: u64,
}

impl Weights {
    pub(super) fn new<C: Candidate>(candidates: &[C]) -> Self {
        let weights: Vec<u64> = candidates.iter().map(|c| u64::from(c.weight().max(1))).collect();
        let common = weights.iter().copied().fold(0, common_factor).max(1);
        if weights.iter().all(|&weight| weight == common) {
            return Self { ends: Vec::new(), slots: weights.len() as u64, stride: 1 };
        }
        let mut slots = 0;
        let ends = weights
            .iter()
            .map(|weight| {
                slots += weight / common;
                slots
            })
            .collect();
        Self { ends, slots, stride: stride(slots) }
    }

    /// Whose turn it is.
    pub(super) fn turn(&self, turn: u64) -> usize {
        if self.ends.is_empty() {
            return (turn % self.slots) as usize;
        }
        let step = u128::from(turn % self.slots) * u128::from(self.stride);
        self.owner((step % u128::from(self.slots)) as u64)
    }

    /// One at random, by weight.
    pub(super) fn draw(&self, random: u64) -> usize {
        self.owner(below(random, self.slots))
    }

    /// One of the others at random, by weight. There are at least two candidates.
    pub(super) fn draw_other(&self, random: u64, not: usize) -> usize {
        let (start, end) = self.range(not);
        let slot = below(random, self.slots - (end - start));
        self.owner(if slot < start { slot } else { slot + (end - start) })
    }

    /// One of those that `chosen` accepts, at random and by weight; looks at every candidate.
    pub(super) fn draw_among(&self, random: u64, chosen: impl Fn(usize) -> bool) -> Option<usize> {
        let count = if self.ends.is_empty() { self.slots as usize } else { self.ends.len() };
        let width = |index| {
            let (start, end) = self.range(index);
            end - start
        };
        let total: u64 = (0..count).filter(|&index| chosen(index)).map(width).sum();
        let mut left = below(random, total.max(1));
        // Asked a second time, `chosen` may answer otherwise: health changes meanwhile. The last accepted one stands in.
        let mut last = None;
        for index in (0..count).filter(|&index| chosen(index)) {
            if left < width(index) {
                return Some(index);
            }
            left -= width(index);
            last = Some(index);
        }
        last
    }

    fn owner(&self, slot: u64) -> usize {
        if self.ends.is_empty() { slot as usize } else { self.ends.partition_point(|&end| end <= slot) }
    }

    fn range(&self, index: usize) -> (u64, u64) {
        if self.ends.is_empty() {
            return (index as u64, index as u64 + 1);
        }
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        (start, self.ends[index])
    }
}

/// A step near the golden section of `slots` that shares no factor with it.
fn stride(slots: u64) -> u64 {
    let golden = (u128::from(slots) * 618 / 1000) as u64;
    (golden.max(1)..=slots).find(|&step| common_factor(step, slots) == 1).unwrap_or(1)
}

fn common_factor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { common_factor(b, a % b) }
}
