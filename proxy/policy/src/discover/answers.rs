//! From answers to the set of addresses in use.
//!
//! A good answer is believed at once. That a name is gone is believed only when it was said [`NEGATIVES`] times over
//! [`NEGATIVE_MS`], because a restarting DNS server says it too. No answer changes nothing, for as long as it lasts.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

/// Negative answers in a row after which a name is believed to be gone...
pub const NEGATIVES: u32 = 3;
/// ...if the first of them was at least so long ago.
pub const NEGATIVE_MS: u64 = 5000;

/// What one lookup of a name gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// At least one address; in any order.
    Addresses {
        addresses: Vec<IpAddr>,
        ttl: Duration,
    },
    Negative(Negative),
    Failed(Failure),
}

/// The server knows that there is nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Negative {
    /// NXDOMAIN.
    NoSuchName,
    /// The name exists, without an address of the family.
    NoAddress,
}

/// No answer, or none that can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    Timeout,
    /// No server could be reached.
    Unreachable,
    /// SERVFAIL, REFUSED or another code (RFC 1035, section 4.1.1).
    Code(u16),
    /// It did not fit, and TCP did not help.
    Truncated,
    /// No DNS message, or not one that answers the question.
    Garbage,
}

impl fmt::Display for Negative {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSuchName => "the name does not exist",
            Self::NoAddress => "the name has no address",
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout => f.write_str("no DNS server answered in time"),
            Self::Unreachable => f.write_str("no DNS server could be reached"),
            Self::Code(2) => f.write_str("the DNS server answered SERVFAIL"),
            Self::Code(5) => f.write_str("the DNS server answered REFUSED"),
            Self::Code(code) => write!(f, "the DNS server answered with error code {code}"),
            Self::Truncated => f.write_str("the DNS answer was cut off"),
            Self::Garbage => f.write_str("the DNS answer made no sense"),
        }
    }
}

/// The settings of `resolver` that concern the set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rules {
    /// How long an address that left the answer stays in rotation.
    pub obsolete_hold_ms: u64,
    /// How long the last good answer is kept without a new one; `None`: for ever.
    pub max_stale_ms: Option<u64>,
}

/// What an answer, or time, changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Change {
    pub added: Vec<IpAddr>,
    /// To take no more requests.
    pub removed: Vec<IpAddr>,
}

impl Change {
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }
}

/// The addresses of one name in one family.
#[derive(Debug, Default)]
pub struct Addresses {
    /// The last good answer; sorted, each once.
    present: Vec<IpAddr>,
    /// Left the answer; in use until the time beside it.
    obsolete: Vec<(IpAddr, u64)>,
    good_at_ms: Option<u64>,
    /// Negative answers since the last good one: how many, and when the first came.
    negatives: u32,
    negative_since_ms: u64,
    answered: bool,
}

impl Addresses {
    /// In use: sorted, each once.
    pub fn in_use(&self) -> Vec<IpAddr> {
        let mut all: Vec<_> = self.present.iter().copied().chain(self.obsolete()).collect();
        all.sort_unstable();
        all
    }

    /// Those in use that the last good answer no longer had.
    pub fn obsolete(&self) -> impl Iterator<Item = IpAddr> {
        self.obsolete.iter().map(|&(address, _)| address)
    }

    /// Has any server ever said what the name is, or that it is not?
    pub fn answered(&self) -> bool {
        self.answered
    }

    /// When the last good answer came.
    pub fn good_at_ms(&self) -> Option<u64> {
        self.good_at_ms
    }

    /// Takes an answer in.
    pub fn on_answer(&mut self, answer: &Answer, rules: &Rules, now_ms: u64) -> Change {
        let before = self.in_use();
        match answer {
            Answer::Addresses { addresses, .. } => self.good(addresses, rules, now_ms),
            Answer::Negative(_) => self.negative(now_ms),
            Answer::Failed(_) => {}
        }
        self.expire(rules, now_ms);
        self.change_since(&before)
    }

    /// Takes the time in, at [`Addresses::wakeup`].
    pub fn on_time(&mut self, rules: &Rules, now_ms: u64) -> Change {
        let before = self.in_use();
        self.expire(rules, now_ms);
        self.change_since(&before)
    }

    /// When time alone will change something.
    pub fn wakeup(&self, rules: &Rules) -> Option<u64> {
        let held = self.obsolete.iter().map(|&(_, until_ms)| until_ms).min();
        let stale = rules
            .max_stale_ms
            .zip(self.good_at_ms)
            .filter(|_| !self.present.is_empty())
            .map(|(most_ms, good_at_ms)| good_at_ms.saturating_add(most_ms));
        held.into_iter().chain(stale).min()
    }

    fn good(&mut self, addresses: &[IpAddr], rules: &Rules, now_ms: u64) {
        let mut present = addresses.to_vec();
        present.sort_unstable();
        present.dedup();
        let until_ms = now_ms.saturating_add(rules.obsolete_hold_ms);
        let left = self.present.iter().filter(|address| present.binary_search(address).is_err());
        self.obsolete.extend(left.map(|&address| (address, until_ms)));
        self.obsolete.retain(|(address, _)| present.binary_search(address).is_err());
        self.present = present;
        self.good_at_ms = Some(now_ms);
        self.negatives = 0;
        self.answered = true;
    }

    fn negative(&mut self, now_ms: u64) {
        if self.negatives == 0 {
            self.negative_since_ms = now_ms;
        }
        self.negatives = self.negatives.saturating_add(1);
        self.answered = true;
        if self.negatives >= NEGATIVES && now_ms >= self.negative_since_ms.saturating_add(NEGATIVE_MS) {
            self.present.clear();
            self.obsolete.clear();
        }
    }

    fn expire(&mut self, rules: &Rules, now_ms: u64) {
        self.obsolete.retain(|&(_, until_ms)| now_ms < until_ms);
        let stale = rules.max_stale_ms.zip(self.good_at_ms);
        if stale.is_some_and(|(most_ms, good_at_ms)| now_ms >= good_at_ms.saturating_add(most_ms)) {
            self.present.clear();
        }
    }

    fn change_since(&self, before: &[IpAddr]) -> Change {
        let now = self.in_use();
        let missing_in = |from: &[IpAddr], other: &[IpAddr]| -> Vec<IpAddr> {
            from.iter().filter(|address| other.binary_search(address).is_err()).copied().collect()
        };
        Change { added: missing_in(&now, before), removed: missing_in(before, &now) }
    }
}
