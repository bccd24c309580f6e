//! What a running deploy is asked for: signals, and wishes that other processes leave.

use crate::deploy::store::{Store, Wish};
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Interval, MissedTickBehavior};

const LOOK_EVERY: Duration = Duration::from_millis(100);

pub(super) struct Ask {
    store: Store,
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
    resized: Signal,
    ticks: Interval,
}

pub(super) enum Asked {
    /// The terminal.
    Resized,
    Signal(&'static str),
    Wish(Wish),
}

impl Ask {
    pub(super) fn begin(store: Store) -> std::io::Result<Self> {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self {
            store,
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            resized: signal(SignalKind::window_change())?,
            ticks,
        })
    }

    pub(super) async fn next(&mut self) -> Asked {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => return Asked::Signal("it was interrupted (SIGINT)"),
                _ = self.terminate.recv() => return Asked::Signal("it was told to end (SIGTERM)"),
                _ = self.hangup.recv() => return Asked::Signal("its terminal is gone (SIGHUP)"),
                _ = self.resized.recv() => return Asked::Resized,
                _ = self.ticks.tick() => if let Some(wish) = self.store.take_wish() {
                    return Asked::Wish(wish);
                },
            }
        }
    }
}
