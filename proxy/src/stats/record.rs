//! One request's line in its step; written when it ends, however it ends.

use super::Step;
use crate::clock;
use crate::upstream::Failure;
use mizan_policy::stats::Ended;
use std::sync::Arc;
use std::time::Instant;

/// How a request came to its track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Routed {
    ByWeight,
    /// By a tester's header or cookie: counted apart.
    Forced,
}

/// Who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Course {
    /// The track itself.
    Straight,
    /// The track itself, after a try that failed.
    Stumbled,
    /// Another track: this one had nobody to ask.
    Elsewhere,
    /// Another track, after a try on this one failed.
    Saved,
}

/// Written by Drop, so that aborts and panics count as well.
#[derive(Debug)]
pub(crate) struct Record {
    step: Arc<Step>,
    routed: Routed,
    /// A keyed hash of the sticky cookie's id; `None`: the request is a client of its own.
    client: Option<u64>,
    began: Instant,
    began_s: u32,
    /// From the beginning to the head of the answer, in microseconds.
    latency: Option<u64>,
    /// What the client was answered; 0 before.
    status: u16,
    failed: bool,
    course: Course,
    /// Counted among those under way.
    active: bool,
}

impl Record {
    pub(crate) fn begin(step: Arc<Step>, routed: Routed, client: Option<u64>) -> Self {
        let began_s = seconds();
        let active = routed == Routed::ByWeight;
        if active {
            step.ages.begin(began_s);
        }
        Self {
            step,
            routed,
            client,
            began: Instant::now(),
            began_s,
            latency: None,
            status: 0,
            failed: false,
            course: Course::Straight,
            active,
        }
    }

    /// A try at an endpoint of the request's own track failed.
    pub(crate) fn try_failed(&mut self, failure: Failure) {
        if self.course == Course::Straight {
            self.course = Course::Stumbled;
        }
        self.step.counters.try_failed(failure.kind());
    }

    pub(crate) fn retried(&self) {
        self.step.counters.retried();
    }

    /// Another track takes the request.
    pub(crate) fn fell_back(&mut self) {
        self.course = match self.course {
            Course::Straight => Course::Elsewhere,
            Course::Stumbled => Course::Saved,
            Course::Elsewhere | Course::Saved => return,
        };
        self.step.counters.fell_back();
    }

    /// The head of the answer is there.
    pub(crate) fn answered(&mut self, status: u16) {
        self.status = status;
        if status == 101 {
            // A tunnel's length says nothing of the version behind it.
            self.inactive();
        } else {
            self.latency = Some(self.began.elapsed().as_micros() as u64);
        }
    }

    /// The request is over: what the client was told, and whether that was whole.
    pub(crate) fn ended(&mut self, status: u16, broke_off: bool) {
        self.status = status;
        self.failed = broke_off || status >= 500;
    }

    /// The client left before it was answered.
    pub(crate) fn client_left(&mut self) {
        self.status = 0;
    }

    fn inactive(&mut self) {
        if std::mem::take(&mut self.active) {
            self.step.ages.end(self.began_s);
        }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.inactive();
        let counters = &self.step.counters;
        let forced = self.routed == Routed::Forced;
        if self.status == 0 && !std::thread::panicking() {
            counters.finished(Ended::ClientLeft, forced, None);
            return;
        }
        let failed = self.failed || self.status == 0 || self.course == Course::Saved;
        let own = matches!(self.course, Course::Straight | Course::Stumbled);
        let latency = self.latency.filter(|_| own);
        counters.finished(Ended::Answered { status: self.status, failed }, forced, latency);
        let Some(clients) = self.step.clients.as_ref().filter(|_| !forced) else { return };
        if failed {
            clients.failed(self.client);
        }
        if let Some(latency) = latency
            && clients.is_first(self.client)
        {
            clients.first_latency(latency);
        }
    }
}

/// The clock in whole seconds.
pub(crate) fn seconds() -> u32 {
    (clock::now() / 1000) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(step: &Arc<Step>) -> Record {
        Record::begin(step.clone(), Routed::ByWeight, None)
    }

    #[test]
    fn a_request_is_under_way_until_it_is_dropped_and_counts_once() {
        let step = Step::new(false);
        let mut request = record(&step);
        assert_eq!(step.ages.active(), 1);
        request.answered(200);
        request.ended(200, false);
        drop(request);
        let tally = step.counters.read();
        assert_eq!((step.ages.active(), tally.requests, tally.status[1], tally.failed), (0, 1, 1, 0));
        assert_eq!(tally.latency.iter().sum::<u64>(), 1);
    }

    #[test]
    fn who_leaves_is_no_failure_and_no_request() {
        let step = Step::new(false);
        drop(record(&step));
        let mut request = record(&step);
        request.answered(200);
        request.client_left();
        drop(request);
        let tally = step.counters.read();
        assert_eq!((tally.requests, tally.failed, tally.client_aborts), (0, 0, 2));
    }

    #[test]
    fn what_another_track_saved_failed_here_and_a_mere_fallback_did_not() {
        let step = Step::new(true);
        for saved in [true, false] {
            let mut request = record(&step);
            if saved {
                request.try_failed(Failure::Connect);
            }
            request.fell_back();
            request.answered(200);
            request.ended(200, false);
        }
        let tally = step.counters.read();
        assert_eq!((tally.requests, tally.failed, tally.fallbacks, tally.tries_failed[0]), (2, 1, 2, 1));
        assert_eq!(tally.latency.iter().sum::<u64>(), 0, "the time is another track's");
        assert_eq!(step.clients.as_ref().expect("sticky").levels(), [1, 0, 0]);
    }

    #[test]
    fn a_tester_is_counted_apart_and_a_tunnel_is_not_waited_for() {
        let step = Step::new(false);
        let mut forced = Record::begin(step.clone(), Routed::Forced, None);
        assert_eq!(step.ages.active(), 0);
        forced.ended(502, false);
        drop(forced);
        let mut tunnel = record(&step);
        tunnel.answered(101);
        assert_eq!(step.ages.active(), 0);
        let tally = step.counters.read();
        assert_eq!((tally.requests, tally.forced, tally.forced_failed), (0, 1, 1));
    }

    #[test]
    fn a_client_is_counted_by_its_failures_and_by_its_first_request() {
        let step = Step::new(true);
        for _ in 0..5 {
            let mut request = Record::begin(step.clone(), Routed::ByWeight, Some(7));
            request.answered(500);
            request.ended(500, false);
        }
        let clients = step.clients.as_ref().expect("sticky");
        assert_eq!(clients.levels(), [1, 1, 0]);
        assert_eq!(clients.first().iter().sum::<u64>(), 1);
        assert_eq!(step.counters.read().failed, 5);
    }
}
