//! What was tried for a set of names, written before it is tried: a process that is killed again and again must not spend
//! what an authority allows.

use super::{StoreError, read_secret, write_secret};
use mizan_certs::renewal::{History, Window};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

const VERSION: u32 = 1;

/// How long attempts are remembered, in seconds. Authorities count over a week.
const REMEMBERED: i64 = 30 * 24 * 3600;

/// The longest that an authority's Retry-After is believed, in seconds.
pub(crate) const LONGEST_WAIT: i64 = 7 * DAY;

const DAY: i64 = 24 * 3600;

/// By how much two looks at the clock may differ.
const CLOCK: i64 = 60;

/// How many attempts are remembered at most.
const MOST: usize = 200;

#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ledger {
    version: u32,
    pub(crate) names: Vec<String>,
    /// Drawn once for each certificate: where between the earliest and the latest moment it is renewed.
    pub(crate) chance: f64,
    /// Drawn at each failure.
    pub(crate) jitter: f64,
    /// Attempts in a row that failed for all names.
    pub(crate) failures: u32,
    /// Unix seconds, as all times here.
    pub(crate) last_attempt: Option<i64>,
    /// Not before, says the authority.
    pub(crate) retry_after: Option<i64>,
    pub(crate) last_error: Option<Trouble>,
    /// Names that failed by themselves.
    pub(crate) troubled: BTreeMap<String, NameTrouble>,
    /// An order that has begun and not ended.
    pub(crate) order: Option<Began>,
    /// The order has ended, and its certificate is in memory only: should the process end, it is fetched again.
    pub(crate) unsaved: bool,
    /// The last ones, the oldest first.
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) window: Option<StoredWindow>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Trouble {
    pub(crate) at: i64,
    pub(crate) text: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NameTrouble {
    pub(crate) failures: u32,
    pub(crate) last: Trouble,
}

/// An order, from before it is made: with what is needed to go on with it after a crash.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Began {
    pub(crate) at: i64,
    pub(crate) names: Vec<String>,
    /// PEM of the certificate's key.
    pub(crate) key: String,
    /// base64url of the request in DER.
    pub(crate) csr: String,
    /// `None`: the authority may not have got it.
    pub(crate) url: Option<String>,
    /// How often it was gone on with in vain.
    pub(crate) failures: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Attempt {
    pub(crate) at: i64,
    pub(crate) issued: bool,
}

/// The authority's window for the certificate in force (RFC 9773).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoredWindow {
    /// Of the certificate that it is about.
    pub(crate) fingerprint: String,
    /// `None`: the authority has none, or one that makes no sense.
    pub(crate) start: Option<i64>,
    pub(crate) end: Option<i64>,
    pub(crate) ask_again: i64,
}

impl Ledger {
    pub(crate) fn new(names: &[String]) -> Self {
        Self {
            version: VERSION,
            names: names.to_vec(),
            chance: chance(),
            jitter: chance(),
            failures: 0,
            last_attempt: None,
            retry_after: None,
            last_error: None,
            troubled: BTreeMap::new(),
            order: None,
            unsaved: false,
            attempts: Vec::new(),
            window: None,
        }
    }

    /// As the schedule wants it.
    pub(crate) fn history(&self) -> History {
        History {
            failures: self.failures,
            last_attempt: self.last_attempt,
            retry_after: self.retry_after,
            chance: self.chance,
            jitter: self.jitter,
        }
    }

    pub(crate) fn window(&self, fingerprint: &str) -> Option<Window> {
        let stored = self.window.as_ref().filter(|window| window.fingerprint == fingerprint)?;
        Window::sound(stored.start?, stored.end?)
    }

    /// An attempt begins: on the disk before anybody hears of it.
    pub(crate) fn begin(&mut self, order: Began) {
        self.last_attempt = Some(order.at);
        self.attempts.push(Attempt { at: order.at, issued: false });
        self.attempts.retain(|attempt| order.at - attempt.at < REMEMBERED);
        let superfluous = self.attempts.len().saturating_sub(MOST);
        self.attempts.drain(..superfluous);
        self.order = Some(order);
    }

    /// `unsaved`: the certificate is in memory only.
    pub(crate) fn succeed(&mut self, now: i64, names: &[String], unsaved: bool) {
        self.unsaved = unsaved;
        if !unsaved {
            self.order = None;
        }
        self.failures = 0;
        self.retry_after = None;
        self.last_error = None;
        self.window = None;
        self.chance = chance();
        self.troubled.retain(|name, _| !names.contains(name));
        match self.attempts.last_mut() {
            Some(last) => *last = Attempt { at: now, issued: true },
            None => self.attempts.push(Attempt { at: now, issued: true }),
        }
    }

    /// An attempt failed for all names.
    pub(crate) fn fail(&mut self, now: i64, text: String, retry_after: Option<i64>) {
        self.order = None;
        self.unsaved = false;
        self.failures = self.failures.saturating_add(1);
        self.last_attempt = Some(now);
        self.retry_after = retry_after;
        self.jitter = chance();
        self.last_error = Some(Trouble { at: now, text });
    }

    /// Names that were left out have failed again, and nothing else has.
    pub(crate) fn note(&mut self, now: i64, text: String, retry_after: Option<i64>) {
        self.retry_after = retry_after;
        self.jitter = chance();
        self.last_error = Some(Trouble { at: now, text });
    }

    /// A name failed by itself.
    pub(crate) fn trouble(&mut self, now: i64, name: &str, text: &str) {
        let last = Trouble { at: now, text: text.to_owned() };
        let failures = self.troubled.get(name).map_or(0, |trouble| trouble.failures).saturating_add(1);
        self.troubled.insert(name.to_owned(), NameTrouble { failures, last });
    }

    /// A name that is left out was tried again with the others, and nothing was said of it.
    pub(crate) fn tried_again(&mut self, now: i64, name: &str) {
        if let Some(trouble) = self.troubled.get_mut(name) {
            trouble.last.at = now;
        }
    }

    /// Times that a clock wrote which was ahead: none can be later than the longest wait from now.
    pub(crate) fn mend(&mut self, now: i64) {
        let longest = now.saturating_add(LONGEST_WAIT);
        self.attempts.retain(|attempt| attempt.at <= now.saturating_add(CLOCK));
        self.retry_after = self.retry_after.filter(|until| *until <= longest);
        self.last_attempt = self.last_attempt.map(|at| at.min(now));
        for trouble in self.troubled.values_mut() {
            trouble.last.at = trouble.last.at.min(now);
        }
        if let Some(window) = &mut self.window {
            window.ask_again = window.ask_again.min(now.saturating_add(DAY));
        }
    }

    /// Certificates that were issued within so many seconds.
    pub(crate) fn issued_within(&self, now: i64, seconds: i64) -> usize {
        self.attempts.iter().filter(|attempt| attempt.issued && now - attempt.at < seconds).count()
    }
}

/// Without the key.
impl std::fmt::Debug for Began {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Began").field("at", &self.at).field("names", &self.names).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ledger").field("names", &self.names).finish_non_exhaustive()
    }
}

/// From 0 to 1.
pub(crate) fn chance() -> f64 {
    let mut bytes = [0; 4];
    // Without randomness everything happens at the middle: good enough for what is only spread.
    match aws_lc_rs::rand::fill(&mut bytes) {
        Ok(()) => f64::from(u32::from_ne_bytes(bytes)) / (f64::from(u32::MAX) + 1.0),
        Err(_) => 0.5,
    }
}

pub(super) fn read(file: &Path, names: &[String]) -> Result<Ledger, StoreError> {
    let Some(text) = read_secret(file)? else { return Ok(Ledger::new(names)) };
    let damaged = |why: String| StoreError::Damaged {
        file: file.to_owned(),
        why,
        then: "then what was ordered before is forgotten",
    };
    let ledger: Ledger = serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
    if ledger.version != VERSION {
        return Err(damaged(format!("its version is {}, not {VERSION}", ledger.version)));
    }
    Ok(ledger)
}

pub(super) fn write(file: &Path, ledger: &Ledger) -> Result<(), StoreError> {
    let text = serde_json::to_vec_pretty(ledger).expect("texts and numbers are JSON");
    write_secret(file, &text)
}
