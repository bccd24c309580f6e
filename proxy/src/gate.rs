//! How many connections are open, and whether one more may be.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Connections beyond the limit that are accepted so that monitors still get their probes answered.
const RESERVE: usize = 64;

#[derive(Debug)]
pub(crate) struct Gate {
    open: AtomicUsize,
    limit: AtomicUsize,
}

/// A connection's place; given back by Drop.
#[derive(Debug)]
pub(crate) struct Permit {
    gate: Arc<Gate>,
    reserve: bool,
}

impl Gate {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { open: AtomicUsize::new(0), limit: AtomicUsize::new(limit) })
    }

    pub(crate) fn set_limit(&self, limit: usize) {
        self.limit.store(limit, Ordering::Relaxed);
    }

    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// `None`: not even the reserve has room.
    pub(crate) fn enter(self: &Arc<Self>) -> Option<Permit> {
        let limit = self.limit.load(Ordering::Relaxed);
        let before = self.open.fetch_add(1, Ordering::Relaxed);
        let permit = Permit { gate: self.clone(), reserve: before >= limit };
        (before < limit + RESERVE).then_some(permit)
    }
}

impl Permit {
    /// The connection came beyond the limit, and the process is still full.
    pub(crate) fn in_reserve(&self) -> bool {
        self.reserve && self.gate.open() > self.gate.limit.load(Ordering::Relaxed)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.gate.open.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_the_limit_the_reserve_is_left_and_beyond_that_nothing() {
        let gate = Gate::new(1);
        let first = gate.enter().expect("within the limit");
        assert!(!first.in_reserve());
        let rest: Vec<_> = (0..RESERVE).map(|_| gate.enter().expect("within the reserve")).collect();
        assert!(rest.iter().all(Permit::in_reserve));
        assert!(gate.enter().is_none());
        drop((first, rest));
        assert_eq!(gate.open(), 0);
    }
}
