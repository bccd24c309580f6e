//! What a connection that speaks HTTP/2 is held to beside the engine: floods of frames, and header blocks that do not end.

use super::timer::Timer;
use crate::clock;
use mizan_policy::h2::{Flood, FrameGuard, Limits, goaway};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::Instant;

const NO_ERROR: u32 = 0;
/// RFC 9113, 7: the peer shows a behaviour that might be generating excessive load.
const ENHANCE_YOUR_CALM: u32 = 0xb;

/// Why a client that is waited for must go.
pub(super) struct Late {
    pub(super) code: u32,
    pub(super) rule: &'static str,
    pub(super) why: &'static str,
}

pub(super) struct H2 {
    guard: FrameGuard,
    /// How long a header block may take.
    head_timeout: Duration,
    /// When the one under way was begun, as the guard and as the timer tell it.
    block: Option<(u64, Instant)>,
    timer: Timer,
    /// How long a client may take to answer that it was told to go: the engine waits for it without end.
    goodbye_timeout: Duration,
    goodbye: Option<Instant>,
    goodbye_timer: Timer,
    /// The engine closes the connection for an error, and the log has it.
    told: bool,
}

impl H2 {
    pub(super) fn new(head_timeout: Duration, goodbye_timeout: Duration) -> Self {
        Self {
            guard: FrameGuard::new(Limits::default()),
            head_timeout,
            block: None,
            timer: Timer::default(),
            goodbye_timeout,
            goodbye: None,
            goodbye_timer: Timer::default(),
            told: false,
        }
    }

    /// The client sent `bytes`.
    pub(super) fn received(&mut self, bytes: &[u8]) -> Result<(), Flood> {
        self.guard.received(bytes, clock::now())
    }

    /// The engine wrote `bytes`. Gives the error for which it closes the connection, once.
    pub(super) fn sent(&mut self, bytes: &[u8]) -> Option<u32> {
        self.guard.sent(bytes, clock::now());
        let error = self.guard.server_error().filter(|_| !self.told);
        self.told |= error.is_some();
        error
    }

    /// What is sent to a client that must go; `None` where the last frame was not whole, and nothing can follow it.
    pub(super) fn goaway(&self, code: u32) -> Option<[u8; 17]> {
        self.guard.between_frames().then(|| goaway(self.guard.last_stream(), code))
    }

    /// Called while the client is waited for; ready once it has taken too long for what it owes.
    pub(super) fn poll_stalled(&mut self, cx: &mut Context<'_>) -> Poll<Late> {
        if let Poll::Ready(late) = self.poll_goodbye(cx) {
            return Poll::Ready(late);
        }
        self.poll_block(cx)
    }

    /// Ready once the client has not answered a goodbye in time. Called with each flush as well: after a goodbye the engine
    /// may write and not read.
    pub(super) fn poll_goodbye(&mut self, cx: &mut Context<'_>) -> Poll<Late> {
        if !self.guard.awaits_goodbye() {
            self.goodbye = None;
            return Poll::Pending;
        }
        let since = *self.goodbye.get_or_insert_with(Instant::now);
        ready!(self.goodbye_timer.poll_until(cx, since + self.goodbye_timeout));
        Poll::Ready(Late {
            code: NO_ERROR,
            rule: "h2-goodbye-timeout",
            why: "the client does not answer that it was told to go",
        })
    }

    fn poll_block(&mut self, cx: &mut Context<'_>) -> Poll<Late> {
        let Some(since) = self.guard.header_block_since() else {
            self.block = None;
            return Poll::Pending;
        };
        let begun = match self.block {
            Some((known, begun)) if known == since => begun,
            _ => Instant::now(),
        };
        self.block = Some((since, begun));
        ready!(self.timer.poll_until(cx, begun + self.head_timeout));
        Poll::Ready(Late {
            code: ENHANCE_YOUR_CALM,
            rule: "h2-head-timeout",
            why: "a block of fields did not end in time",
        })
    }
}
