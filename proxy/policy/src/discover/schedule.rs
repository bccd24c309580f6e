//! When to look a name up.
//!
//! The TTL is a hint only: Docker's is ten minutes whatever happens. So the wait is the TTL within a second and five,
//! unless the file sets one; shorter after an answer that does not help; and over at once when a connect failed.

use super::answers::Answer;
use std::time::Duration;

const SHORTEST_MS: u64 = 1000;
const LONGEST_MS: u64 = 5000;
/// The first wait after an answer that does not help; it doubles up to the regular one.
const RETRY_MS: u64 = 250;
/// Between two lookups that kicks asked for.
const KICK_MS: u64 = 1000;
/// An answer to a lookup begun so long ago, or later, still confirms an address.
pub const FRESH_MS: u64 = 10;

/// The lookups of one name in one family; one at a time.
#[derive(Debug)]
pub struct Schedule {
    /// `resolver.interval`.
    interval_ms: Option<u64>,
    next_ms: u64,
    /// Whether the next lookup is there because of a kick.
    reason: Reason,
    under_way: bool,
    began_ms: Option<u64>,
    last_kicked_ms: Option<u64>,
    /// Asked for while a lookup was under way: when the next one should begin.
    wanted: Option<(u64, Reason)>,
    unhelpful: u32,
    lookups: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    Regular,
    Kick,
}

impl Schedule {
    /// The first lookup is due at once; the second one at a random time, so that many names spread out.
    pub fn new(interval: Option<Duration>, now_ms: u64) -> Self {
        Self {
            interval_ms: interval.map(|interval| (interval.as_millis() as u64).max(1)),
            next_ms: now_ms,
            reason: Reason::Regular,
            under_way: false,
            began_ms: None,
            last_kicked_ms: None,
            wanted: None,
            unhelpful: 0,
            lookups: 0,
        }
    }

    /// When the next lookup is due. `None` while one is under way.
    pub fn due(&self) -> Option<u64> {
        (!self.under_way).then_some(self.next_ms)
    }

    /// A lookup begins.
    pub fn begin(&mut self, now_ms: u64) {
        self.under_way = true;
        self.began_ms = Some(now_ms);
        self.lookups = self.lookups.saturating_add(1);
        if self.reason == Reason::Kick {
            self.last_kicked_ms = Some(now_ms);
        }
        self.reason = Reason::Regular;
    }

    /// It ended. `random` is uniform.
    pub fn finish(&mut self, answer: &Answer, now_ms: u64, random: u64) {
        let wait_ms = match answer {
            Answer::Addresses { ttl, .. } => {
                self.unhelpful = 0;
                self.spread(self.regular_ms(*ttl), random)
            }
            Answer::Negative(_) | Answer::Failed(_) => {
                let doubled = RETRY_MS << self.unhelpful.min(16);
                self.unhelpful = self.unhelpful.saturating_add(1);
                doubled.min(self.regular_ms(Duration::from_millis(LONGEST_MS)))
            }
        };
        self.under_way = false;
        self.next_ms = now_ms.saturating_add(wait_ms);
        self.reason = Reason::Regular;
        if let Some((at_ms, reason)) = self.wanted.take() {
            self.not_later_than(at_ms.max(now_ms), reason);
        }
    }

    /// Something suggests that the answer has changed. The lookup is at once, or a second after the last kicked one: a
    /// kick is put off, never lost. Gives when it is due.
    pub fn kick(&mut self, now_ms: u64) -> u64 {
        let at_ms = self.last_kicked_ms.map_or(now_ms, |last| now_ms.max(last.saturating_add(KICK_MS)));
        self.not_later_than(at_ms, Reason::Kick);
        at_ms
    }

    /// Somebody waits for an address to be confirmed, by a lookup begun no longer than [`FRESH_MS`] ago. If the last
    /// one is older, the next is at once.
    pub fn demand(&mut self, now_ms: u64) {
        if self.began_ms.is_none_or(|began_ms| began_ms.saturating_add(FRESH_MS) < now_ms) {
            self.not_later_than(now_ms, Reason::Regular);
        }
    }

    fn not_later_than(&mut self, at_ms: u64, reason: Reason) {
        if self.under_way {
            let sooner = self.wanted.is_none_or(|(wanted_ms, _)| at_ms < wanted_ms);
            if sooner {
                self.wanted = Some((at_ms, reason));
            }
        } else if at_ms < self.next_ms {
            self.next_ms = at_ms;
            self.reason = reason;
        }
    }

    fn regular_ms(&self, ttl: Duration) -> u64 {
        self.interval_ms.unwrap_or((ttl.as_millis() as u64).clamp(SHORTEST_MS, LONGEST_MS))
    }

    /// 0.9 to 1.0 of the wait; after the first lookup anything up to the whole of it.
    fn spread(&self, wait_ms: u64, random: u64) -> u64 {
        let free_ms = if self.lookups <= 1 { wait_ms } else { wait_ms / 10 };
        wait_ms - ((u128::from(random) * u128::from(free_ms)) >> 64) as u64
    }
}
