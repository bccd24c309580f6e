//! Tables and laws over whole heads and bodies. What concerns one rule alone is tested beside it.

mod chunked;
mod finder;
mod request;

use super::{Found, HeadFinder, HeadLimits};

const LIMITS: HeadLimits = HeadLimits { size: 1000, fields: 20, target: 100 };

/// Hands `bytes` to a finder in the given pieces, and stops when it has decided.
fn found_in_pieces(bytes: &[u8], cuts: &[usize], limits: &HeadLimits) -> Found {
    let mut finder = HeadFinder::default();
    let mut ends: Vec<usize> = cuts.iter().map(|&cut| cut.min(bytes.len())).collect();
    ends.sort_unstable();
    ends.push(bytes.len());
    let mut found = Found::Partial;
    for end in ends {
        found = finder.find(&bytes[..end], limits);
        if found != Found::Partial {
            break;
        }
    }
    found
}
