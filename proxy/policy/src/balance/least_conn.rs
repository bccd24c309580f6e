//! The fewest requests under way for the weight, as nginx counts it: `active / weight`, and among equals the turn of
//! the weighted rotation. So an idle pool is served in turn by weight, and a light endpoint gets its share.
//!
//! Pools of up to [`EXACT`] candidates are compared whole. In larger ones the comparison begins where the rotation
//! stands and ends at the first idle candidate or after [`EXACT`] usable ones, so that its cost does not grow.

use super::random::Numbers;
use super::weights::Weights;
use super::{Candidate, Cursor, Load};
use std::cmp::Ordering;

/// The pool size up to which the choice is exact: the bits of the set of equals.
const EXACT: usize = u128::BITS as usize;

/// Turns looked at to find the next one among equals.
const TURNS: usize = 8;

pub(super) fn pick<C: Candidate>(
    weights: &Weights,
    candidates: &[C],
    cursor: &Cursor,
    random: u64,
    usable: impl Fn(usize) -> bool,
) -> Option<usize> {
    let turn = weights.turn(cursor.next());
    if candidates[turn].active() == 0 && usable(turn) {
        return Some(turn);
    }
    if candidates.len() > EXACT {
        return least_in_window(candidates, turn, usable);
    }
    let least = least_loaded(candidates, usable);
    let has = |index: usize| least & (1 << index) != 0;
    if least == 0 {
        return None;
    }
    if least.is_power_of_two() || has(turn) {
        return Some(if has(turn) { turn } else { least.trailing_zeros() as usize });
    }
    (0..TURNS)
        .map(|_| weights.turn(cursor.next()))
        .find(|&turn| has(turn))
        .or_else(|| weights.draw_among(Numbers::new(random).next(), has))
}

/// The usable candidates with the least load, as a set of bits.
fn least_loaded<C: Candidate>(candidates: &[C], usable: impl Fn(usize) -> bool) -> u128 {
    let mut set = 0u128;
    let mut least = None;
    for (index, candidate) in candidates.iter().enumerate() {
        let load = Load::of(candidate);
        let order = least.map_or(Ordering::Less, |least| load.compare(least));
        if order == Ordering::Greater || !usable(index) {
            continue;
        }
        if order == Ordering::Less {
            least = Some(load);
            set = 0;
        }
        set |= 1 << index;
    }
    set
}

fn least_in_window<C: Candidate>(
    candidates: &[C],
    start: usize,
    usable: impl Fn(usize) -> bool,
) -> Option<usize> {
    let mut least: Option<(usize, Load)> = None;
    let order = (start..candidates.len()).chain(0..start);
    for index in order.filter(|&index| usable(index)).take(EXACT) {
        let load = Load::of(&candidates[index]);
        if load.active == 0 {
            return Some(index);
        }
        if least.is_none_or(|(_, best)| load.compare(best) == Ordering::Less) {
            least = Some((index, load));
        }
    }
    least.map(|(index, _)| index)
}
