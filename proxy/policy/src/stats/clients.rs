//! How many clients met a failure, and how fast a client's first answer was. Bounded memory: 24 KiB.

use super::histogram::{BUCKETS, bucket};
use std::array;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};

/// Clients of a sticky service. `client` is a keyed hash of the identity; None has no identity and is a client of its
/// own each time. Clients that share a slot count as one: numbers are never too high for those with an identity.
#[derive(Debug)]
pub struct Clients {
    /// Failures, by 12 bits of the hash; 255 is 255 or more.
    failures: Box<[AtomicU8]>,
    /// Who was seen, by 16 other bits.
    seen: Box<[AtomicU64]>,
    levels: [AtomicU64; 3],
    first: [AtomicU64; BUCKETS],
}

impl Default for Clients {
    fn default() -> Self {
        Self::new()
    }
}

impl Clients {
    pub fn new() -> Self {
        Self {
            failures: (0..4096).map(|_| AtomicU8::new(0)).collect(),
            seen: (0..1024).map(|_| AtomicU64::new(0)).collect(),
            levels: array::from_fn(|_| AtomicU64::new(0)),
            first: array::from_fn(|_| AtomicU64::new(0)),
        }
    }

    /// A request of this client failed.
    pub fn failed(&self, client: Option<u64>) {
        let failures = match client {
            None => 1,
            Some(client) => {
                let slot = &self.failures[client as usize % 4096];
                match slot.fetch_update(Relaxed, Relaxed, |count| count.checked_add(1)) {
                    Ok(before) => before + 1,
                    Err(_) => return,
                }
            }
        };
        if let Some(level) = [1, 4, 16].iter().position(|&level| level == failures) {
            self.levels[level].fetch_add(1, Relaxed);
        }
    }

    /// Whether this client was not seen before; it is now.
    pub fn is_first(&self, client: Option<u64>) -> bool {
        let Some(client) = client else { return true };
        let place = (client >> 48) as usize;
        let (word, bit) = (&self.seen[place / 64], 1 << (place % 64));
        // Nearly always set already: a read leaves the cache line shared.
        word.load(Relaxed) & bit == 0 && word.fetch_or(bit, Relaxed) & bit == 0
    }

    /// The latency of a client's first answer, in microseconds.
    pub fn first_latency(&self, latency_us: u64) {
        self.first[bucket(latency_us)].fetch_add(1, Relaxed);
    }

    /// Clients with at least 1, 4 and 16 failures.
    pub fn levels(&self) -> [u64; 3] {
        array::from_fn(|at| self.levels[at].load(Relaxed))
    }

    /// First latencies, by [`bucket`].
    pub fn first(&self) -> [u64; BUCKETS] {
        array::from_fn(|at| self.first[at].load(Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_climbs_the_levels_once() {
        let clients = Clients::new();
        let levels_after = |more| {
            (0..more).for_each(|_| clients.failed(Some(7)));
            clients.levels()
        };
        let steps = [1, 2, 1, 11, 1, 1000].map(levels_after);
        assert_eq!(steps, [[1, 0, 0], [1, 0, 0], [1, 1, 0], [1, 1, 0], [1, 1, 1], [1, 1, 1]]);
    }

    #[test]
    fn who_has_no_identity_is_another_client_each_time() {
        let clients = Clients::new();
        (0..20).for_each(|_| clients.failed(None));
        assert_eq!(clients.levels(), [20, 0, 0]);
        assert!(clients.is_first(None) && clients.is_first(None));
    }

    #[test]
    fn a_client_is_new_once() {
        let clients = Clients::new();
        for client in 0..65_536 {
            assert!(clients.is_first(Some(client << 48)) && !clients.is_first(Some(client << 48)));
        }
        clients.first_latency(501);
        assert_eq!((clients.first()[1], clients.first().iter().sum::<u64>()), (1, 1));
    }
}
