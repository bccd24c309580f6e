//! How long one direction of a connection was waited for, held against the minimum rate.

use super::timer::Timer;
use mizan_policy::rate::{MinimumRate, Patience};
use std::task::{Context, Poll};
use tokio::time::Instant;

pub(super) struct Stall {
    patience: Patience,
    /// The wait under way.
    since: Option<Instant>,
    timer: Timer,
}

impl Stall {
    pub(super) fn new(rule: MinimumRate) -> Self {
        Self { patience: Patience::new(rule), since: None, timer: Timer::default() }
    }

    /// A new body begins.
    pub(super) fn restart(&mut self, rule: MinimumRate) {
        self.patience = Patience::new(rule);
        self.since = None;
    }

    /// Bytes have moved; the wait, if there was one, is over.
    pub(super) fn moved(&mut self, bytes: u64) {
        match self.since.take() {
            Some(since) => self.patience.waited(since.elapsed(), bytes),
            None => self.patience.moved(bytes),
        }
    }

    /// Called while the other side is waited for; ready once its patience is used up.
    pub(super) fn poll_stalled(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(left) = self.patience.left() else { return Poll::Pending };
        let since = *self.since.get_or_insert_with(Instant::now);
        self.timer.poll_until(cx, since + left)
    }
}
