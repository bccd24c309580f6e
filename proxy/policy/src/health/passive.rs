//! Passive health: what live requests say of an endpoint. nginx's `max_fails` and `fail_timeout`.
//!
//! An endpoint is ejected when `max_fails` requests failed, each within `fail_timeout` of the one before. A success in
//! between does not take a failure back, as in nginx: an endpoint that fails every second request is not well. After
//! `fail_timeout` without requests one is let through, the trial; the others stay away until it ends. A trial that
//! succeeds brings the endpoint back with nothing counted; one that fails, or has not ended after another
//! `fail_timeout`, leaves it out for that long again. Successes of requests begun before the ejection change nothing.
//!
//! That a pool never ejects its last endpoint is the rule of [`super::fitness::Stage`], not of this file.

use std::sync::atomic::{AtomicU64, Ordering};

/// The settings, which may change while a state lives on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passive {
    /// Failures that eject; 0 turns ejection off.
    pub max_fails: u32,
    pub fail_timeout_ms: u64,
}

/// Whether requests may go to an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    In,
    /// Ejected, its time is up, and nobody tries it yet: one request may, after [`PassiveState::claim`].
    Due,
    Out,
}

/// What became of an endpoint by a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failed {
    /// Counted, or not even that: ejection is off.
    Counted,
    /// This failure ejected it.
    Ejected,
    /// It was out before and stays out.
    StillOut,
}

/// One endpoint's failures, in one word: no lock on the request path.
#[derive(Debug, Default)]
pub struct PassiveState(AtomicU64);

impl PassiveState {
    /// A request failed by the endpoint's fault.
    pub fn failed(&self, settings: &Passive, now_ms: u64) -> Failed {
        if settings.max_fails == 0 {
            return Failed::Counted;
        }
        let after = |word| {
            let tally = Tally::decode(word);
            let recent =
                tally.out(settings) || now_ms <= tally.at_ms.saturating_add(settings.fail_timeout_ms);
            let fails = if recent { (tally.fails + 1).min(MOST_FAILS) } else { 1 };
            Some(Tally { fails, at_ms: now_ms.max(tally.at_ms), trial: false }.encode())
        };
        let before = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, after);
        let before = before.unwrap_or_else(|word| word);
        let now = after(before).map_or(Tally::decode(before), Tally::decode);
        match (Tally::decode(before).out(settings), now.out(settings)) {
            (false, true) => Failed::Ejected,
            (true, _) => Failed::StillOut,
            (false, false) => Failed::Counted,
        }
    }

    /// A request succeeded. True when that brought the endpoint back.
    pub fn succeeded(&self, settings: &Passive, now_ms: u64) -> bool {
        let word = self.0.load(Ordering::Relaxed);
        let tally = Tally::decode(word);
        if word == 0 {
            return false;
        }
        let forgotten = !tally.out(settings) && now_ms > tally.at_ms.saturating_add(settings.fail_timeout_ms);
        if !tally.trial && !forgotten {
            return false;
        }
        // A failure that came in between stands.
        self.0.compare_exchange(word, 0, Ordering::Relaxed, Ordering::Relaxed).is_ok() && tally.trial
    }

    /// Where the endpoint stands. Changes nothing, so that choosing may ask for every endpoint.
    pub fn standing(&self, settings: &Passive, now_ms: u64) -> Standing {
        let tally = Tally::decode(self.0.load(Ordering::Relaxed));
        match (tally.out(settings), tally.due(settings, now_ms)) {
            (false, _) => Standing::In,
            (true, true) => Standing::Due,
            (true, false) => Standing::Out,
        }
    }

    /// Takes the trial, for a chosen endpoint that was `Due` (`In` is true as well). False: another request took it in
    /// this moment; choose again. Not to be asked for one that was chosen though it is `Out`.
    pub fn claim(&self, settings: &Passive, now_ms: u64) -> bool {
        let word = self.0.load(Ordering::Relaxed);
        let tally = Tally::decode(word);
        if !tally.out(settings) {
            return true;
        }
        let trial = Tally { at_ms: now_ms, trial: true, ..tally }.encode();
        tally.due(settings, now_ms)
            && self.0.compare_exchange(word, trial, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Forgets everything: the address belongs to another process now, or an active check vouches for it.
    pub fn reset(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// Bits: 1 trial, 20 failures, 43 milliseconds (278 years).
struct Tally {
    fails: u64,
    /// The last failure, or the beginning of the trial.
    at_ms: u64,
    trial: bool,
}

const MOST_FAILS: u64 = (1 << 20) - 1;

impl Tally {
    fn decode(word: u64) -> Self {
        Self { trial: word & 1 == 1, fails: (word >> 1) & MOST_FAILS, at_ms: word >> 21 }
    }

    fn encode(&self) -> u64 {
        (self.at_ms << 21) | (self.fails << 1) | u64::from(self.trial)
    }

    fn out(&self, settings: &Passive) -> bool {
        settings.max_fails != 0 && self.fails >= u64::from(settings.max_fails).min(MOST_FAILS)
    }

    fn due(&self, settings: &Passive, now_ms: u64) -> bool {
        now_ms > self.at_ms.saturating_add(settings.fail_timeout_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: Passive = Passive { max_fails: 3, fail_timeout_ms: 30_000 };

    fn ejected_at(now_ms: u64) -> PassiveState {
        let state = PassiveState::default();
        assert_eq!(state.failed(&RULE, now_ms), Failed::Counted);
        assert_eq!(state.failed(&RULE, now_ms), Failed::Counted);
        assert_eq!(state.failed(&RULE, now_ms), Failed::Ejected);
        state
    }

    #[test]
    fn the_last_allowed_failure_ejects_for_the_fail_timeout() {
        let state = ejected_at(1000);
        assert_eq!(state.standing(&RULE, 1000), Standing::Out);
        assert_eq!(state.standing(&RULE, 31_000), Standing::Out);
        assert_eq!(state.standing(&RULE, 31_001), Standing::Due);
    }

    #[test]
    fn failures_further_apart_than_the_timeout_never_eject() {
        let state = PassiveState::default();
        for n in 0..100 {
            assert_eq!(state.failed(&RULE, n * 30_001), Failed::Counted);
        }
    }

    #[test]
    fn a_success_between_failures_does_not_take_them_back() {
        let state = PassiveState::default();
        for now_ms in [10, 20] {
            state.failed(&RULE, now_ms);
            assert!(!state.succeeded(&RULE, now_ms + 1));
        }
        assert_eq!(state.failed(&RULE, 30), Failed::Ejected);
    }

    #[test]
    fn only_a_trial_brings_an_endpoint_back() {
        let state = PassiveState::default();
        state.failed(&RULE, 0);
        // The failure is forgotten, but the endpoint was never out.
        assert!(!state.succeeded(&RULE, 30_001));
        let state = ejected_at(0);
        assert!(state.claim(&RULE, 30_001));
        assert!(state.succeeded(&RULE, 30_002));
    }

    #[test]
    fn one_trial_at_a_time_is_let_through() {
        let state = ejected_at(0);
        assert_eq!(state.standing(&RULE, 30_001), Standing::Due);
        assert!(state.claim(&RULE, 30_001));
        assert!(!state.claim(&RULE, 30_001));
        assert_eq!(state.standing(&RULE, 60_001), Standing::Out);
        // The trial never ended: the next one.
        assert!(state.claim(&RULE, 60_002));
    }

    #[test]
    fn a_trial_that_succeeds_brings_it_back_with_nothing_counted() {
        let state = ejected_at(0);
        assert!(state.claim(&RULE, 40_000));
        assert!(state.succeeded(&RULE, 40_010));
        assert!(state.claim(&RULE, 40_010));
        assert_eq!(state.failed(&RULE, 40_020), Failed::Counted);
    }

    #[test]
    fn a_trial_that_fails_keeps_it_out_as_long_again() {
        let state = ejected_at(0);
        assert!(state.claim(&RULE, 40_000));
        assert_eq!(state.failed(&RULE, 40_500), Failed::StillOut);
        assert_eq!(state.standing(&RULE, 70_500), Standing::Out);
        assert_eq!(state.standing(&RULE, 70_501), Standing::Due);
    }

    #[test]
    fn a_success_of_before_the_ejection_does_not_end_it() {
        let state = ejected_at(0);
        assert!(!state.succeeded(&RULE, 10));
        assert_eq!(state.standing(&RULE, 10), Standing::Out);
    }

    #[test]
    fn max_fails_of_zero_turns_it_off() {
        let off = Passive { max_fails: 0, ..RULE };
        let state = PassiveState::default();
        for _ in 0..10 {
            assert_eq!(state.failed(&off, 5), Failed::Counted);
        }
        assert!(state.standing(&off, 5) == Standing::In && state.claim(&off, 5));
    }

    #[test]
    fn an_ejection_ends_when_the_settings_are_turned_off() {
        let state = ejected_at(0);
        assert_eq!(state.standing(&Passive { max_fails: 0, ..RULE }, 1), Standing::In);
    }

    #[test]
    fn the_largest_numbers_fit() {
        let most = Passive { max_fails: u32::MAX, fail_timeout_ms: u64::MAX };
        let state = PassiveState::default();
        let years = 100 * 365 * 86_400_000;
        assert_eq!(state.failed(&most, years), Failed::Counted);
        assert_eq!(state.standing(&most, years), Standing::In);
        assert_eq!(state.failed(&RULE, years), Failed::Counted);
        assert_eq!(state.failed(&RULE, years), Failed::Ejected);
    }
}
