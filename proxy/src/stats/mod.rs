//! What became of the requests of each track: the counts that the admin API's `stats` and an analysis read.
//!
//! A request writes to one [`Step`], that of the track and the split it was routed by; so nothing that began under
//! another split is ever mixed in. A [`Book`] is a track's: all its steps together, and windows over them.

mod marks;
mod record;

pub(crate) use marks::Marks;
pub(crate) use record::{Record, Routed, seconds};

use crate::clock;
use mizan_policy::stats::{Ages, Clients, Counters, Tally, Window, Windows};
use std::sync::{Arc, Mutex, MutexGuard};

/// One track while the split stays the same.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) counters: Counters,
    pub(crate) ages: Ages,
    /// For sticky services.
    pub(crate) clients: Option<Clients>,
}

impl Step {
    pub(crate) fn new(sticky: bool) -> Arc<Self> {
        Arc::new(Self {
            counters: Counters::default(),
            ages: Ages::default(),
            clients: sticky.then(Clients::new),
        })
    }
}

/// One track since the process began; it outlives snapshots.
#[derive(Debug)]
pub(crate) struct Book(Mutex<Ledger>);

#[derive(Debug)]
struct Ledger {
    /// Of steps that no request holds any more.
    closed: Tally,
    /// Steps that are over and still have requests.
    past: Vec<Arc<Step>>,
    current: Arc<Step>,
    windows: Windows,
}

impl Book {
    pub(crate) fn new(sticky: bool) -> Arc<Self> {
        let mut windows = Windows::default();
        // Windows begin here, not at the ticker's first look a moment later.
        windows.tick(&Tally::default(), clock::now());
        Arc::new(Self(Mutex::new(Ledger {
            closed: Tally::default(),
            past: Vec::new(),
            current: Step::new(sticky),
            windows,
        })))
    }

    /// Another split: what is routed from now on is counted anew.
    pub(crate) fn begin_step(&self, sticky: bool) -> Arc<Step> {
        let mut ledger = self.ledger();
        let next = Step::new(sticky);
        let last = std::mem::replace(&mut ledger.current, next.clone());
        ledger.past.push(last);
        next
    }

    pub(crate) fn tick(&self, now_ms: u64) {
        let mut ledger = self.ledger();
        ledger.close();
        let total = ledger.total();
        ledger.windows.tick(&total, now_ms);
    }

    pub(crate) fn total(&self) -> Tally {
        self.ledger().total()
    }

    /// Milliseconds that the window really covers, and what was in them.
    pub(crate) fn last(&self, window: Window, now_ms: u64) -> (u64, Tally) {
        let ledger = self.ledger();
        ledger.windows.last(window, &ledger.total(), now_ms)
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.0.lock().expect("nothing panics while it holds the lock")
    }
}

impl Ledger {
    fn total(&self) -> Tally {
        let mut total = self.closed.clone();
        for step in self.past.iter().chain([&self.current]) {
            total.add(&step.counters.read());
        }
        total
    }

    /// A past step that nobody holds any more is final.
    fn close(&mut self) {
        for step in std::mem::take(&mut self.past) {
            match Arc::try_unwrap(step) {
                Ok(step) => self.closed.add(&step.counters.read()),
                Err(held) => self.past.push(held),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mizan_policy::stats::Ended;

    const GOOD: Ended = Ended::Answered { status: 200, failed: false };

    #[test]
    fn what_began_in_a_step_is_counted_there_and_in_the_total() {
        let book = Book::new(false);
        let first = book.begin_step(false);
        let second = book.begin_step(false);
        first.counters.finished(GOOD, false, Some(1000));
        second.counters.finished(GOOD, false, None);
        assert_eq!((first.counters.read().requests, second.counters.read().requests), (1, 1));
        assert_eq!(book.total().requests, 2);
    }

    #[test]
    fn a_step_is_closed_only_when_no_request_holds_it() {
        let book = Book::new(false);
        let held = book.begin_step(false);
        drop(book.begin_step(false));
        book.tick(clock::now());
        assert_eq!(book.ledger().past.len(), 1);
        held.counters.finished(GOOD, false, None);
        drop(held);
        book.tick(clock::now());
        assert_eq!(book.ledger().past.len(), 0);
        assert_eq!(book.total().requests, 1);
    }
}
