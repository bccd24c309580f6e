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

/// How much waiting one direction of a body has left.
///
/// It begins with the grace, waiting uses it up, and every byte earns back its share of a second, but never more than
/// the grace: a gigabyte that went quickly does not buy an hour of silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    rule: MinimumRate,
    left: Duration,
}

impl Patience {
    pub fn new(rule: MinimumRate) -> Self {
        Self { rule, left: rule.grace }
    }

    /// How long may be waited from now on; `None` when nothing is demanded.
    pub fn left(&self) -> Option<Duration> {
        (self.rule.rate > 0).then_some(self.left)
    }

    /// A wait has ended with `bytes` moved.
    pub fn waited(&mut self, wait: Duration, bytes: u64) {
        self.left = self.left.saturating_sub(wait);
        self.moved(bytes);
    }

    /// `bytes` were moved without a wait.
    pub fn moved(&mut self, bytes: u64) {
        if self.rule.rate > 0 && self.left < self.rule.grace {
            self.left = self.left.saturating_add(self.earned(bytes)).min(self.rule.grace);
        }
    }

    fn earned(&self, bytes: u64) -> Duration {
        let whole = Duration::from_secs(bytes / self.rule.rate);
        let rest = u128::from(bytes % self.rule.rate) * 1_000_000_000 / u128::from(self.rule.rate);
        whole.saturating_add(Duration::from_nanos(rest as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn patience(rate: u64) -> Patience {
        Patience::new(MinimumRate { grace: 10 * SECOND, rate })
    }

    #[test]
    fn a_client_that_sends_nothing_has_the_grace_alone() {
        let mut patience = patience(100);
        assert_eq!(patience.left(), Some(10 * SECOND));
        patience.waited(4 * SECOND, 0);
        assert_eq!(patience.left(), Some(6 * SECOND));
        patience.waited(7 * SECOND, 0);
        assert_eq!(patience.left(), Some(Duration::ZERO));
    }

    #[test]
    fn a_client_above_the_rate_may_take_for_ever() {
        let mut patience = patience(100);
        for _ in 0..10_000 {
            patience.waited(SECOND, 101);
            assert!(patience.left() > Some(8 * SECOND));
        }
    }

    #[test]
    fn a_client_below_the_rate_uses_the_grace_up_by_what_it_lacks() {
        let mut patience = patience(100);
        let waits = (1..).take_while(|_| {
            patience.waited(SECOND, 50);
            patience.left() > Some(Duration::from_millis(500))
        });
        assert_eq!(waits.count(), 18);
    }

    #[test]
    fn bytes_that_went_quickly_buy_no_more_than_the_grace() {
        let mut patience = patience(1);
        patience.moved(u64::MAX);
        assert_eq!(patience.left(), Some(10 * SECOND));
        patience.waited(9 * SECOND, u64::MAX);
        assert_eq!(patience.left(), Some(10 * SECOND));
    }

    #[test]
    fn a_rate_of_zero_demands_nothing() {
        let mut patience = patience(0);
        patience.waited(100 * SECOND, 0);
        assert_eq!(patience.left(), None);
    }
}
