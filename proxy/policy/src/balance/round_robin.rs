//! In turn, by weight.
//!
//! The turn of an unusable candidate is used up, not handed to its neighbour: the rest keep their proportions.

use super::Cursor;
use super::random::Numbers;
use super::weights::Weights;

/// Turns looked at before choosing at random among the usable ones.
const TURNS: usize = 16;

pub(super) fn pick(
    weights: &Weights,
    cursor: &Cursor,
    random: u64,
    usable: impl Fn(usize) -> bool,
) -> Option<usize> {
    for _ in 0..TURNS {
        let turn = weights.turn(cursor.next());
        if usable(turn) {
            return Some(turn);
        }
    }
    weights.draw_among(Numbers::new(random).next(), usable)
}
