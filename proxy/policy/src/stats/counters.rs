//! How many requests there were and how they ended.

use super::histogram::{BUCKETS, bucket};
use std::array;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counts of requests, of a time or since the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    pub requests: u64,
    /// 1xx to 5xx.
    pub status: [u64; 5],
    pub failed: u64,
    /// Failed tries, by kind.
    pub tries_failed: [u64; 11],
    pub retries: u64,
    pub fallbacks: u64,
    pub client_aborts: u64,
    /// Requests that named their track: counted here alone, since they are no sample of the traffic.
    pub forced: u64,
    pub forced_failed: u64,
    /// By [`bucket`].
    pub latency: [u64; BUCKETS],
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            requests: 0,
            status: [0; 5],
            failed: 0,
            tries_failed: [0; 11],
            retries: 0,
            fallbacks: 0,
            client_aborts: 0,
            forced: 0,
            forced_failed: 0,
            latency: [0; BUCKETS],
        }
    }
}

impl Tally {
    pub fn add(&mut self, other: &Tally) {
        self.change(other, u64::saturating_add);
    }

    /// What came after `earlier`. A counter that fell began anew: it counts from 0.
    #[must_use]
    pub fn since(&self, earlier: &Tally) -> Tally {
        let mut delta = self.clone();
        delta.change(earlier, |now, earlier| now.checked_sub(earlier).unwrap_or(now));
        delta
    }

    pub fn is_zero(&self) -> bool {
        *self == Tally::default()
    }

    fn change(&mut self, other: &Tally, with: impl Fn(u64, u64) -> u64) {
        // Taken apart, so that a new field is not forgotten here.
        let Tally {
            requests,
            status,
            failed,
            tries_failed,
            retries,
            fallbacks,
            client_aborts,
            forced,
            forced_failed,
            latency,
        } = self;
        let singles = [
            (requests, other.requests),
            (failed, other.failed),
            (retries, other.retries),
            (fallbacks, other.fallbacks),
            (client_aborts, other.client_aborts),
            (forced, other.forced),
            (forced_failed, other.forced_failed),
        ];
        let many = (status.iter_mut().zip(other.status))
            .chain(tries_failed.iter_mut().zip(other.tries_failed))
            .chain(latency.iter_mut().zip(other.latency));
        for (mine, other) in singles.into_iter().chain(many) {
            *mine = with(*mine, other);
        }
    }
}

/// How a request ended.
#[derive(Debug, Clone, Copy)]
pub enum Ended {
    Answered { status: u16, failed: bool },
    ClientLeft,
}

/// A [`Tally`] that all requests share. A reading is of each counter, not of one moment.
#[derive(Debug)]
pub struct Counters {
    requests: AtomicU64,
    status: [AtomicU64; 5],
    failed: AtomicU64,
    tries_failed: [AtomicU64; 11],
    retries: AtomicU64,
    fallbacks: AtomicU64,
    client_aborts: AtomicU64,
    forced: AtomicU64,
    forced_failed: AtomicU64,
    latency: [AtomicU64; BUCKETS],
}

impl Default for Counters {
    fn default() -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            requests: zero(),
            status: array::from_fn(|_| zero()),
            failed: zero(),
            tries_failed: array::from_fn(|_| zero()),
            retries: zero(),
            fallbacks: zero(),
            client_aborts: zero(),
            forced: zero(),
            forced_failed: zero(),
            latency: array::from_fn(|_| zero()),
        }
    }
}

impl Counters {
    /// A request ended. `forced`: it named its track. `latency_us`: until the answer's head, in microseconds.
    pub fn finished(&self, ended: Ended, forced: bool, latency_us: Option<u64>) {
        let failed = matches!(ended, Ended::Answered { failed: true, .. });
        if forced {
            grow(&self.forced);
            if failed {
                grow(&self.forced_failed);
            }
            return;
        }
        let Ended::Answered { status, .. } = ended else {
            return grow(&self.client_aborts);
        };
        grow(&self.requests);
        // A status that is none is the upstream's fault.
        let class = if (100..600).contains(&status) { usize::from(status / 100 - 1) } else { 4 };
        grow(&self.status[class]);
        if failed {
            grow(&self.failed);
        }
        if let Some(latency_us) = latency_us {
            grow(&self.latency[bucket(latency_us)]);
        }
    }

    /// A try failed; an unknown kind counts as the last.
    pub fn try_failed(&self, kind: usize) {
        grow(&self.tries_failed[kind.min(8)]);
    }

    pub fn retried(&self) {
        grow(&self.retries);
    }

    pub fn fell_back(&self) {
        grow(&self.fallbacks);
    }

    pub fn read(&self) -> Tally {
        Tally {
            requests: self.requests.load(Relaxed),
            status: array::from_fn(|at| self.status[at].load(Relaxed)),
            failed: self.failed.load(Relaxed),
            tries_failed: array::from_fn(|at| self.tries_failed[at].load(Relaxed)),
            retries: self.retries.load(Relaxed),
            fallbacks: self.fallbacks.load(Relaxed),
            client_aborts: self.client_aborts.load(Relaxed),
            forced: self.forced.load(Relaxed),
            forced_failed: self.forced_failed.load(Relaxed),
            latency: array::from_fn(|at| self.latency[at].load(Relaxed)),
        }
    }
}

fn grow(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_counts_in_its_class_and_its_bucket() {
        let counters = Counters::default();
        for status in [101, 200, 302, 404, 503, 0, 600, 99] {
            counters.finished(Ended::Answered { status, failed: status == 503 }, false, Some(501));
        }
        counters.finished(Ended::Answered { status: 200, failed: false }, false, None);
        let read = counters.read();
        assert_eq!((read.requests, read.status, read.failed, read.latency[1]), (9, [1, 2, 1, 1, 4], 1, 8));
    }

    #[test]
    fn forced_requests_and_clients_that_left_count_apart() {
        let counters = Counters::default();
        counters.finished(Ended::Answered { status: 500, failed: true }, true, Some(1));
        counters.finished(Ended::ClientLeft, true, None);
        counters.finished(Ended::ClientLeft, false, Some(1));
        let expected = Tally { forced: 2, forced_failed: 1, client_aborts: 1, ..Tally::default() };
        assert_eq!(counters.read(), expected);
    }

    #[test]
    fn what_came_since_and_what_was_before_add_up() {
        let counters = Counters::default();
        counters.retried();
        let before = counters.read();
        counters.try_failed(3);
        counters.fell_back();
        let (now, mut sum) = (counters.read(), before.clone());
        sum.add(&now.since(&before));
        assert_eq!(sum, now);
        assert!(now.since(&now).is_zero() && !now.is_zero());
        assert_eq!(before.since(&Tally { retries: 5, ..Tally::default() }).retries, 1);
    }
}
