//! Active health: what checks say of an endpoint, and when to check next.

use std::time::Duration;

/// How many results in a row change the verdict; 0 counts as 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    pub healthy: u32,
    pub unhealthy: u32,
}

/// What the checks so far amount to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Verdict {
    /// Not settled yet: new, and no check has passed. Others are preferred, see [`super::fitness::Stage`].
    #[default]
    Unknown,
    Healthy,
    Unhealthy,
}

/// One check's result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Passed,
    Failed,
}

/// An endpoint's checks: the verdict, and how many results in a row speak against it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Checks {
    verdict: Verdict,
    against: u32,
}

impl Checks {
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// Counts one result. The new verdict when this result changed it.
    ///
    /// A new endpoint's first pass settles it; its failures count as a healthy one's do, so that an application may
    /// take its time to start.
    pub fn observe(&mut self, thresholds: Thresholds, outcome: Outcome) -> Option<Verdict> {
        let (needed, verdict) = match (self.verdict, outcome) {
            (Verdict::Healthy, Outcome::Passed) | (Verdict::Unhealthy, Outcome::Failed) => {
                self.against = 0;
                return None;
            }
            (Verdict::Unknown, Outcome::Passed) => (1, Verdict::Healthy),
            (Verdict::Unhealthy, Outcome::Passed) => (thresholds.healthy, Verdict::Healthy),
            (Verdict::Unknown | Verdict::Healthy, Outcome::Failed) => {
                (thresholds.unhealthy, Verdict::Unhealthy)
            }
        };
        self.against = self.against.saturating_add(1);
        if self.against < needed {
            return None;
        }
        *self = Self { verdict, against: 0 };
        Some(verdict)
    }
}

/// The longest wait before the first check.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// The wait before the first check: short, because what has passed is preferred to what has not been asked yet, and at a
/// start one endpoint would carry all until the others have passed as well; and not none, so that a thousand endpoints
/// are not checked in the same instant.
pub fn first_wait(interval: Duration, random: u64) -> Duration {
    interval.min(FIRST_WAIT).mul_f64(unit(random))
}

/// The wait between two checks: 0.9 to 1.1 of the interval.
pub fn next_wait(interval: Duration, random: u64) -> Duration {
    interval.mul_f64(0.9 + 0.2 * unit(random))
}

/// `random` scaled to `0.0..1.0`.
fn unit(random: u64) -> f64 {
    (random >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TWO_THREE: Thresholds = Thresholds { healthy: 2, unhealthy: 3 };

    /// The verdict after each of the results: `+` passed, `-` failed; `.` where it did not change.
    fn verdicts(results: &str) -> String {
        let mut checks = Checks::default();
        let one = |result| {
            let outcome = if result == '+' { Outcome::Passed } else { Outcome::Failed };
            match checks.observe(TWO_THREE, outcome) {
                None => '.',
                Some(Verdict::Healthy) => 'H',
                Some(Verdict::Unhealthy) => 'U',
                Some(Verdict::Unknown) => '?',
            }
        };
        results.chars().map(one).collect()
    }

    #[test]
    fn results_in_a_row_change_the_verdict() {
        assert_eq!(verdicts("+---++"), "H..U.H");
    }

    #[test]
    fn a_result_to_the_contrary_begins_the_row_anew() {
        assert_eq!(verdicts("+--+--+---"), "H........U");
        assert_eq!(verdicts("+---+-+-++"), "H..U.....H");
    }

    #[test]
    fn the_first_pass_of_a_new_endpoint_is_enough() {
        assert_eq!(verdicts("+"), "H");
        assert_eq!(verdicts("--+"), "..H");
    }

    #[test]
    fn a_new_endpoint_that_keeps_failing_is_unhealthy() {
        assert_eq!(verdicts("---"), "..U");
    }

    #[test]
    fn thresholds_of_zero_count_as_one() {
        let mut checks = Checks::default();
        let none = Thresholds { healthy: 0, unhealthy: 0 };
        assert_eq!(checks.observe(none, Outcome::Failed), Some(Verdict::Unhealthy));
        assert_eq!(checks.observe(none, Outcome::Passed), Some(Verdict::Healthy));
    }

    proptest! {
        #[test]
        fn waits_stay_within_a_tenth_of_the_interval(seconds in 1u64..3600, random: u64) {
            let wait = next_wait(Duration::from_secs(seconds), random).as_secs_f64() / seconds as f64;
            prop_assert!((0.9..=1.1).contains(&wait));
            prop_assert!(first_wait(Duration::from_secs(seconds), random) <= FIRST_WAIT);
        }
    }
}
