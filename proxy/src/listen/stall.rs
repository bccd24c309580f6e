//! How long one direction of a connection was waited for, held against the minimum rate.

use super::timer::Timer;
use mizan_policy::rate::MinimumRate;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Instant;

pub(super) struct Stall {
    rule: MinimumRate,
    bytes: u64,
    /// Waits that have ended.
    waited: Duration,
    /// The wait that has not.
    since: Option<Instant>,
    timer: Timer,
}

impl Stall {
    pub(super) fn new(rule: MinimumRate) -> Self {
        Self { rule, bytes: 0, waited: Duration::ZERO, since: None, timer: Timer::default() }
    }

    /// A new body begins.
    pub(super) fn restart(&mut self, rule: MinimumRate) {
        self.rule = rule;
        self.bytes = 0;
        self.waited = Duration::ZERO;
        self.since = None;
    }

    /// Bytes have moved; the wait, if there was one, is over.
    pub(super) fn moved(&mut self, bytes: u64) {
        self.bytes += bytes;
        if let Some(since) = self.since.take() {
            self.waited += since.elapsed();
        }
    }

    /// Called while the other side is waited for; ready once it has used up what its bytes paid for.
    pub(super) fn poll_stalled(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(allowance) = self.rule.allowance(self.bytes) else { return Poll::Pending };
        let since = *self.since.get_or_insert_with(Instant::now);
        self.timer.poll_until(cx, since + allowance.saturating_sub(self.waited))
    }
}
