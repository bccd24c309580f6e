//! What an endpoint is, in one word, and why: for people, and told to those who watch.

use super::{Endpoint, Place};
use crate::clock;
use crate::observe::events;
use mizan_api::{EndpointState, EndpointStatus, Happening};
use mizan_policy::health::active::Verdict;
use mizan_policy::health::confidence::{Cause, Confidence};
use mizan_policy::health::passive::{Passive, Standing};
use std::sync::atomic::Ordering;

const LEFT: &str = "it is not among the service's addresses any more";
const BY_HAND: &str = "taken out by hand; `mizanctl undrain` puts it back";

impl Endpoint {
    /// What it is now, and why.
    fn state(&self, passive: &Passive) -> (EndpointState, String) {
        let fitness = self.fitness(passive, clock::now());
        let state = if self.has_left() || self.retired.load(Ordering::Relaxed) {
            EndpointState::Draining
        } else if !self.in_rotation() {
            EndpointState::Drained
        } else if fitness.verdict == Some(Verdict::Unhealthy) {
            EndpointState::Unhealthy
        } else if fitness.standing != Standing::In {
            EndpointState::Ejected
        } else {
            match self.confidence.get() {
                Confidence::Fixed if !self.has_answered.load(Ordering::Relaxed) => EndpointState::Starting,
                Confidence::Fixed | Confidence::Confirmed | Confidence::Unconfirmed(Cause::IdleClosed) => {
                    EndpointState::Up
                }
                Confidence::Fresh | Confidence::Starting { .. } => EndpointState::Starting,
                Confidence::Unconfirmed(Cause::ConnectFailed)
                | Confidence::Suspect { .. }
                | Confidence::Gone => EndpointState::Unconfirmed,
            }
        };
        let why = match state {
            EndpointState::Up | EndpointState::Starting => String::new(),
            EndpointState::Draining => LEFT.to_owned(),
            EndpointState::Drained => BY_HAND.to_owned(),
            EndpointState::Ejected | EndpointState::Unhealthy | EndpointState::Unconfirmed => {
                self.last_failure.lock().expect("nothing panics while it holds the lock").to_string()
            }
        };
        (state, why)
    }

    /// Tells those who watch when its state is another one.
    pub(in crate::upstream) fn settle(&self, passive: &Passive) {
        let (state, why) = self.state(passive);
        self.note_state(state, &why);
    }

    pub(super) fn note_left(&self) {
        self.note_state(EndpointState::Draining, LEFT);
    }

    fn note_state(&self, state: EndpointState, why: &str) {
        let mut noted = self.noted.lock().expect("nothing panics while it holds the lock");
        if noted.state == Some(state) {
            return;
        }
        let from = noted.state.replace(state);
        noted.since_unix_ms = clock::unix_ms();
        let Place { service, track } = (*self.place).clone();
        let why = why.to_owned();
        events::publish(Happening::Endpoint { service, track, address: self.name.clone(), from, state, why });
    }

    /// `track_drained`: its track was taken out by hand, and it with it.
    pub(crate) fn status(&self, passive: &Passive, track_drained: bool) -> EndpointStatus {
        self.settle(passive);
        let (mut state, mut why) = self.state(passive);
        if track_drained && state != EndpointState::Draining {
            (state, why) = (EndpointState::Drained, BY_HAND.to_owned());
        }
        let latency_us = self.latency.load(Ordering::Relaxed);
        EndpointStatus {
            address: self.name.clone(),
            from: self.from.clone(),
            state,
            why,
            since_unix_ms: self.noted.lock().expect("nothing panics while it holds the lock").since_unix_ms,
            in_flight: u64::from(self.active()),
            connections: self.connections.load(Ordering::Relaxed),
            requests: self.requests.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
            latency_ms: (latency_us > 0).then_some(latency_us as f64 / 1000.0),
        }
    }
}
