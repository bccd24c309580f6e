//! How many requests are under way, and for how long, without a lock or a list.

use std::array;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

/// Requests under way by the second they began in: a ring of 128 seconds, and one count for what is older.
#[derive(Debug)]
pub struct Ages {
    /// Second in the upper half, count in the lower. A slot's second only grows.
    slots: [AtomicU64; 128],
    /// Those whose slot belongs to a later second. Briefly negative, while a request ends as its slot moves on.
    ancient: AtomicI64,
}

impl Default for Ages {
    fn default() -> Self {
        Self { slots: array::from_fn(|_| AtomicU64::new(0)), ancient: AtomicI64::new(0) }
    }
}

impl Ages {
    /// A request begins. Seconds of any clock that does not go back.
    pub fn begin(&self, now_s: u32) {
        let slot = &self.slots[now_s as usize % 128];
        let mut word = slot.load(Relaxed);
        loop {
            let (second, count) = parts(word);
            if second > now_s {
                // The caller's clock is two minutes late: its end will not find its slot either.
                self.ancient.fetch_add(1, Relaxed);
                return;
            }
            let next = if second == now_s { word + 1 } else { u64::from(now_s) << 32 | 1 };
            match slot.compare_exchange_weak(word, next, Relaxed, Relaxed) {
                Ok(_) if second < now_s => {
                    self.ancient.fetch_add(i64::from(count), Relaxed);
                    return;
                }
                Ok(_) => return,
                Err(changed) => word = changed,
            }
        }
    }

    /// A request ends that began in this second.
    pub fn end(&self, began_s: u32) {
        let slot = &self.slots[began_s as usize % 128];
        let mut word = slot.load(Relaxed);
        loop {
            let (second, count) = parts(word);
            if second != began_s || count == 0 {
                self.ancient.fetch_sub(1, Relaxed);
                return;
            }
            match slot.compare_exchange_weak(word, word - 1, Relaxed, Relaxed) {
                Ok(_) => return,
                Err(changed) => word = changed,
            }
        }
    }

    /// How many are under way.
    pub fn active(&self) -> u64 {
        self.count(|_| true)
    }

    /// How many are under way for more than `limit_s` seconds (1 to 120).
    pub fn older_than(&self, limit_s: u32, now_s: u32) -> u64 {
        self.count(|second| u64::from(second) + u64::from(limit_s) < u64::from(now_s))
    }

    fn count(&self, which: impl Fn(u32) -> bool) -> u64 {
        let slots = self.slots.iter().map(|slot| parts(slot.load(Relaxed)));
        let young: i64 = slots.filter(|&(second, _)| which(second)).map(|(_, count)| i64::from(count)).sum();
        u64::try_from(young + self.ancient.load(Relaxed)).unwrap_or(0)
    }
}

/// (second, count)
fn parts(word: u64) -> (u32, u32) {
    ((word >> 32) as u32, word as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn counts_agree_with_a_list(
            steps in prop::collection::vec((prop_oneof![0u32..3, 0u32..200], any::<bool>(), any::<usize>()), 0..200),
            limit in 1u32..=120,
        ) {
            let (ages, mut list, mut now) = (Ages::default(), Vec::new(), 0);
            for (later, begins, which) in steps {
                now += later;
                if begins || list.is_empty() {
                    ages.begin(now);
                    list.push(now);
                } else {
                    ages.end(list.swap_remove(which % list.len()));
                }
                prop_assert_eq!(ages.active(), list.len() as u64);
                let older = list.iter().filter(|&&began| began + limit < now).count();
                prop_assert_eq!(ages.older_than(limit, now), older as u64);
            }
        }
    }

    #[test]
    fn threads_that_race_for_slots_end_at_none() {
        let ages = Ages::default();
        std::thread::scope(|scope| {
            for thread in 0..4u32 {
                let ages = &ages;
                scope.spawn(move || {
                    for round in 0..20_000u32 {
                        // One slot, whose second moves on all the time.
                        let second = (round / 3 + thread) * 128;
                        ages.begin(second);
                        ages.begin(second + 128);
                        ages.end(second);
                        ages.end(second + 128);
                    }
                });
            }
        });
        assert_eq!((ages.active(), ages.ancient.load(Relaxed)), (0, 0));
    }
}
