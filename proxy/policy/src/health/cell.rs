//! A confidence that all requests share.

use super::confidence::{Cause, Confidence, Dial, Event};
use std::sync::atomic::{AtomicU64, Ordering};

/// A [`Confidence`] in one word, read for every request and changed by events.
#[derive(Debug)]
pub struct ConfidenceCell(AtomicU64);

impl ConfidenceCell {
    pub fn new(confidence: Confidence) -> Self {
        Self(AtomicU64::new(encode(confidence)))
    }

    pub fn get(&self) -> Confidence {
        decode(self.0.load(Ordering::Relaxed))
    }

    /// Applies an event; gives what it was and what it became.
    pub fn on(&self, event: Event, now_ms: u64) -> (Confidence, Confidence) {
        let mut word = self.0.load(Ordering::Relaxed);
        loop {
            let (before, after) = (decode(word), decode(word).on(event, now_ms));
            if before == after {
                return (before, after);
            }
            match self.0.compare_exchange_weak(word, encode(after), Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return (before, after),
                Err(changed) => word = changed,
            }
        }
    }

    /// Begins anew: the address left and is back, as another process perhaps.
    pub fn reset(&self, confidence: Confidence) {
        self.0.store(encode(confidence), Ordering::Relaxed);
    }

    /// Takes the trial of a chosen endpoint whose dial was `Trial` (`Now` is true as well). False: another request was
    /// quicker; choose again. Not to be asked for one that was chosen as the last resort.
    pub fn claim(&self, now_ms: u64) -> bool {
        let word = self.0.load(Ordering::Relaxed);
        let before = decode(word);
        if before.dial(now_ms) != Dial::Trial {
            return before.dial(now_ms) == Dial::Now;
        }
        let after = encode(before.on(Event::TrialBegun, now_ms));
        self.0.compare_exchange(word, after, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

/// Bits: 3 kind, 8 tries, 53 milliseconds.
fn encode(confidence: Confidence) -> u64 {
    let with = |kind: u64, tries: u8, next_ms: u64| (next_ms << 11) | (u64::from(tries) << 3) | kind;
    match confidence {
        Confidence::Fixed => 0,
        Confidence::Fresh => 1,
        Confidence::Starting { tries, next_ms } => with(2, tries, next_ms),
        Confidence::Confirmed => 3,
        Confidence::Unconfirmed(Cause::IdleClosed) => 4,
        Confidence::Unconfirmed(Cause::ConnectFailed) => 5,
        Confidence::Suspect { tries, next_ms } => with(6, tries, next_ms),
        Confidence::Gone => 7,
    }
}

pub(super) fn decode(word: u64) -> Confidence {
    let (tries, next_ms) = ((word >> 3) as u8, word >> 11);
    match word & 7 {
        0 => Confidence::Fixed,
        1 => Confidence::Fresh,
        2 => Confidence::Starting { tries, next_ms },
        3 => Confidence::Confirmed,
        4 => Confidence::Unconfirmed(Cause::IdleClosed),
        5 => Confidence::Unconfirmed(Cause::ConnectFailed),
        6 => Confidence::Suspect { tries, next_ms },
        _ => Confidence::Gone,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const EVENTS: [Event; 8] = [
        Event::Answered,
        Event::Refused,
        Event::Hung,
        Event::IdleClosed,
        Event::Present,
        Event::Absent,
        Event::LookupFailed,
        Event::TrialBegun,
    ];

    fn any_confidence() -> impl Strategy<Value = Confidence> {
        let waiting = || (any::<u8>(), 0u64..1 << 40);
        prop_oneof![
            Just(Confidence::Fixed),
            Just(Confidence::Fresh),
            waiting().prop_map(|(tries, next_ms)| Confidence::Starting { tries, next_ms }),
            Just(Confidence::Confirmed),
            Just(Confidence::Unconfirmed(Cause::IdleClosed)),
            Just(Confidence::Unconfirmed(Cause::ConnectFailed)),
            waiting().prop_map(|(tries, next_ms)| Confidence::Suspect { tries, next_ms }),
            Just(Confidence::Gone),
        ]
    }

    #[test]
    fn without_names_one_request_tries_and_the_rest_skip_it() {
        let cell = ConfidenceCell::new(Confidence::Confirmed);
        cell.on(Event::Hung, 0);
        cell.on(Event::LookupFailed, 500);
        assert_eq!(cell.get().dial(1499), Dial::Later);
        assert_eq!(cell.get().dial(1500), Dial::Trial);
        assert!(cell.claim(1500));
        assert!(!cell.claim(1500));
        assert_eq!(cell.get().dial(2499), Dial::Later);
        cell.on(Event::Hung, 1800);
        assert_eq!(cell.get().dial(3499), Dial::Later);
        assert_eq!(cell.get().dial(3500), Dial::Trial);
    }

    proptest! {
        #[test]
        fn every_state_fits_in_a_word(confidence in any_confidence(), event in prop::sample::select(&EVENTS[..])) {
            prop_assert_eq!(decode(encode(confidence)), confidence);
            let cell = ConfidenceCell::new(confidence);
            prop_assert_eq!(cell.on(event, 7), (confidence, confidence.on(event, 7)));
            prop_assert_eq!(cell.get(), confidence.on(event, 7));
        }

        #[test]
        fn no_more_than_one_trial_per_backoff(tries: u8, now_ms in 0u64..1 << 40) {
            let cell = ConfidenceCell::new(Confidence::Suspect { tries, next_ms: now_ms });
            let taken = (0..1000).filter(|later| cell.claim(now_ms + later)).count();
            prop_assert_eq!(taken, 1);
        }
    }
}
