//! A minimum rate for bodies, after a grace: slow is fine, stalled is not.
//!
//! Only the time counts in which the client was waited for. A body that is slow because the other side is slow never
//! uses up the grace.

use std::time::Duration;

/// What a client owes: `rate` bytes per second of waiting, once `grace` is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MinimumRate {
    pub grace: Duration,
    /// Bytes per second; 0 demands nothing.
    pub rate: u64,
}

impl MinimumRate {
    /// How much waiting `bytes` have paid for; `None` when nothing is demanded.
    ///
    /// The wait is over once the time waited so far reaches this.
    pub fn allowance(self, bytes: u64) -> Option<Duration> {
        if self.rate == 0 {
            return None;
        }
        let whole = Duration::from_secs(bytes / self.rate);
        let rest = Duration::from_nanos((bytes % self.rate) * 1_000_000_000 / self.rate);
        Some(self.grace + whole + rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_sends_nothing_has_the_grace_alone() {
        let rule = MinimumRate { grace: Duration::from_secs(10), rate: 100 };
        assert_eq!(rule.allowance(0), Some(Duration::from_secs(10)));
    }

    #[test]
    fn each_byte_pays_for_its_share_of_a_second() {
        let rule = MinimumRate { grace: Duration::from_secs(1), rate: 100 };
        assert_eq!(rule.allowance(250), Some(Duration::from_millis(3500)));
    }

    #[test]
    fn a_rate_of_zero_demands_nothing() {
        assert_eq!(MinimumRate { grace: Duration::ZERO, rate: 0 }.allowance(1), None);
    }
}
