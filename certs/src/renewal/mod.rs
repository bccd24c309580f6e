//! When a certificate is renewed: everything in, a moment out.
//!
//! Nothing here reads a clock, draws a random number or remembers anything, so a year of renewals is a loop in a test.
//! No rule is a number of days: lifetimes shrink, and some are six days. All times are Unix seconds.

mod backoff;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod year;

pub use backoff::backoff;

use backoff::{LONGEST, between};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// By when a certificate is renewed whatever anybody suggests: when this part of its lifetime is left.
const EMERGENCY: i64 = 20;

/// 9999-12-31T23:59:59Z, the last moment that a certificate can name (RFC 5280, 4.1.2.5).
const END_OF_TIME: i64 = 253_402_300_799;

const MINUTE: i64 = 60;
const DAY: i64 = 24 * 60 * MINUTE;

/// What is known of a certificate in hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    pub not_before: i64,
    pub not_after: i64,
}

/// The window in which the authority suggests to renew (RFC 9773, 4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    pub start: i64,
    pub end: i64,
}

/// What happened so far, and what was drawn. Kept over restarts: a program that crashes over and over must not spend
/// what the authority allows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    /// In a row, until now.
    pub failures: u32,
    pub last_attempt: Option<i64>,
    /// The authority asked for nothing before this (RFC 8555, 6.6).
    pub retry_after: Option<i64>,
    /// From 0 to 1, drawn once a certificate: where in the window it is renewed.
    pub chance: f64,
    /// From 0 to 1, drawn at each failed attempt: what keeps many from coming back at once.
    pub jitter: f64,
}

/// When the next attempt is due, and why then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// In the past where it is overdue.
    pub at: i64,
    pub reason: Reason,
}

/// Why a certificate is due when it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    First,
    Lifetime,
    Window,
    Emergency,
    Failures(u32),
    RetryAfter,
}

impl Held {
    /// In seconds; 0 for dates that make no sense.
    fn lifetime(self) -> i64 {
        self.not_after.saturating_sub(self.not_before).max(0)
    }

    /// From when on little of the lifetime is left.
    fn emergency(self) -> i64 {
        let part = self.lifetime();
        // Rounded up: for a certificate of seconds, too, some time is left.
        self.not_after.saturating_sub(part / EMERGENCY + i64::from(part % EMERGENCY != 0))
    }

    /// At two thirds of the lifetime, or up to a twentieth of it sooner.
    fn two_thirds(self, chance: f64) -> i64 {
        let lifetime = self.lifetime();
        self.not_before.saturating_add(lifetime - lifetime / 3 - part_of(lifetime / 20, chance))
    }
}

impl Window {
    /// `None`: its end is not behind its start, or it lies outside the time that certificates know.
    pub fn sound(start: i64, end: i64) -> Option<Self> {
        (0 <= start && start < end && end <= END_OF_TIME).then_some(Self { start, end })
    }

    fn point(self, chance: f64) -> i64 {
        self.start + part_of(self.end - self.start, chance)
    }
}

/// `little of its lifetime is left`: what stands behind "because".
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::First => f.write_str("there is none yet"),
            Self::Lifetime => f.write_str("two thirds of its lifetime"),
            Self::Window => f.write_str("the authority's window"),
            Self::Emergency => f.write_str("little of its lifetime is left"),
            Self::Failures(1) => f.write_str("after 1 failed attempt"),
            Self::Failures(count) => write!(f, "after {count} failed attempts"),
            Self::RetryAfter => f.write_str("the authority asked to wait"),
        }
    }
}

/// When to ask for a certificate next.
///
/// Inside the authority's window where there is one, else at two thirds of the lifetime; in either case while a
/// twentieth of the lifetime is left. What failed is tried again after [`backoff`], which the time that is left cuts
/// short, and never before the authority allows it.
pub fn due(now: i64, held: Option<Held>, window: Option<Window>, history: &History) -> Due {
    let mut due = match held {
        Some(held) => planned(now, held, window, history.chance),
        None => Due { at: now, reason: Reason::First },
    };
    if let Some(at) = again(now, held, history)
        && at > due.at
    {
        due = Due { at, reason: Reason::Failures(history.failures) };
    }
    if let Some(at) = history.retry_after
        && at > due.at
    {
        due = Due { at, reason: Reason::RetryAfter };
    }
    due
}

/// When to ask for the window again (RFC 9773, 4.3): as the authority said, but neither all the time nor so late that
/// the answer is of no use.
pub fn ask_window_again(now: i64, retry_after: Duration, held: Held) -> i64 {
    let (mut least, mut most) = (MINUTE, DAY);
    if held.lifetime() < DAY {
        most = (held.lifetime() / 8).max(1);
        least = least.min(most);
    }
    let asked = i64::try_from(retry_after.as_secs()).unwrap_or(i64::MAX);
    now.saturating_add(asked.clamp(least, most))
}

/// As if nothing ever failed.
fn planned(now: i64, held: Held, window: Option<Window>, chance: f64) -> Due {
    // What came from a file may be anything.
    let window = window.and_then(|window| Window::sound(window.start, window.end));
    let (at, reason) = match window {
        Some(window) => (window.point(chance), Reason::Window),
        None => (held.two_thirds(chance), Reason::Lifetime),
    };
    let emergency = held.emergency();
    let reason = if at > emergency || now >= emergency { Reason::Emergency } else { reason };
    Due { at: at.min(emergency), reason }
}

/// After what failed. `None`: nothing did.
fn again(now: i64, held: Option<Held>, history: &History) -> Option<i64> {
    let last = history.last_attempt.filter(|_| history.failures > 0)?;
    let wait = match held {
        Some(held) => between(history.failures, held, last, history.jitter),
        None => backoff(history.failures, None, history.jitter),
    };
    // Further ahead than any wait: it was written under a clock that was wrong, and says nothing.
    (last.saturating_sub(now) <= seconds(LONGEST)).then(|| last.saturating_add(seconds(wait)))
}

/// Rounded up: a wait of less than a second is one.
fn seconds(length: Duration) -> i64 {
    let whole = length.as_secs() + u64::from(length.subsec_nanos() > 0);
    i64::try_from(whole).unwrap_or(i64::MAX)
}

/// Never more than the whole.
fn part_of(whole: i64, chance: f64) -> i64 {
    ((whole as f64 * unit(chance)) as i64).min(whole)
}

/// From 0 to 1, whatever a file said.
fn unit(number: f64) -> f64 {
    if number.is_nan() { 0.0 } else { number.clamp(0.0, 1.0) }
}
