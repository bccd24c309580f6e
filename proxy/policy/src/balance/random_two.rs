//! Power of two choices (Mitzenmacher, 2001), by weight: cheap in a pool of any size, and no herd behind one idle
//! endpoint when several proxies choose at once.

use super::random::Numbers;
use super::weights::Weights;
use super::{Candidate, Load};
use std::cmp::Ordering;

/// Draws for a usable candidate before every one is looked at.
const DRAWS: usize = 8;

pub(super) fn pick<C: Candidate>(
    weights: &Weights,
    candidates: &[C],
    random: u64,
    usable: impl Fn(usize) -> bool,
) -> Option<usize> {
    let mut numbers = Numbers::new(random);
    let first = (0..DRAWS).map(|_| weights.draw(numbers.next())).find(|&index| usable(index));
    let first = match first {
        Some(index) => index,
        None => weights.draw_among(numbers.next(), &usable)?,
    };
    let second = (0..DRAWS).map(|_| weights.draw_other(numbers.next(), first)).find(|&index| usable(index));
    let lighter = second.filter(|&index| {
        Load::of(&candidates[index]).compare(Load::of(&candidates[first])) == Ordering::Less
    });
    Some(lighter.unwrap_or(first))
}
