//! Numbers drawn by chance, for balancing, jitter and names. Not for secrets.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};

thread_local! {
    static STATE: Cell<[u64; 2]> = Cell::new(seed());
}

/// Fast and evenly spread (xoroshiro128+).
pub(crate) fn random() -> u64 {
    STATE.with(|state| {
        let [first, mut second] = state.get();
        let drawn = first.wrapping_add(second);
        second ^= first;
        state.set([first.rotate_left(24) ^ second ^ (second << 16), second.rotate_left(37)]);
        drawn
    })
}

/// Seeded by the standard library's per-process random keys, differently for each thread.
fn seed() -> [u64; 2] {
    let keys = RandomState::new();
    [keys.hash_one(1_u8) | 1, keys.hash_one(2_u8)]
}
