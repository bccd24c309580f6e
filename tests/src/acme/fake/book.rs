//! What the fake authority knows, and what it was asked.

use super::answer::{Endpoint, Say};
use crate::Authority;
use serde_json::Value;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

const DAY: Duration = Duration::from_secs(86_400);

/// A request, as it came.
#[derive(Debug, Clone)]
pub struct Request {
    pub endpoint: Endpoint,
    pub path: String,
    pub at: Instant,
    /// Of the signed body, decoded; null where there was none.
    pub payload: Value,
    /// The protected header of the signed body; null where there was none.
    pub protected: Value,
}

/// What it says when it is asked for renewal information.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    pub start: SystemTime,
    pub end: SystemTime,
    pub retry_after: Duration,
}

/// An order, always ready or done.
#[derive(Debug, Clone)]
pub(super) struct Order {
    pub(super) identifiers: Value,
    /// The chain, in PEM.
    pub(super) certificate: Option<String>,
}

#[derive(Debug, Default)]
pub(super) struct Scripts {
    pub(super) once: VecDeque<Say>,
    pub(super) then: Option<Say>,
}

pub(super) struct Book {
    /// `https://127.0.0.1:PORT`
    pub(super) base: String,
    pub(super) scripts: HashMap<Endpoint, Scripts>,
    pub(super) requests: Vec<Request>,
    pub(super) orders: Vec<Order>,
    /// Their keys, in JSON.
    pub(super) accounts: Vec<String>,
    /// Before now, and from now.
    pub(super) validity: (Duration, Duration),
    pub(super) window: Option<Window>,
    pub(super) profiles: Vec<String>,
    pub(super) caa_identities: Vec<String>,
    /// How late its clock is.
    pub(super) behind: Duration,
    pub(super) nonces: u64,
    pub(super) authority: Arc<Authority>,
}

impl Book {
    pub(super) fn new(base: &str, authority: Arc<Authority>) -> Self {
        Self {
            base: base.to_owned(),
            scripts: HashMap::new(),
            requests: Vec::new(),
            orders: Vec::new(),
            accounts: Vec::new(),
            validity: (Duration::ZERO, 90 * DAY),
            window: None,
            profiles: Vec::new(),
            caa_identities: Vec::new(),
            behind: Duration::ZERO,
            nonces: 0,
            authority,
        }
    }

    /// How the next request there is answered.
    pub(super) fn next_say(&mut self, endpoint: Endpoint) -> Say {
        let scripts = self.scripts.entry(endpoint).or_default();
        scripts.once.pop_front().or_else(|| scripts.then.clone()).unwrap_or(Say::Well)
    }
}

impl fmt::Debug for Book {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Book").field("requests", &self.requests.len()).finish_non_exhaustive()
    }
}
