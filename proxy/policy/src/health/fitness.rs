//! Everything known of an endpoint, put together: is it among those to choose from?

use super::active::Verdict;
use super::confidence::Dial;
use super::passive::Standing;

/// What is known of one endpoint at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fitness {
    /// `None`: this service has no active checks.
    pub verdict: Option<Verdict>,
    pub standing: Standing,
    pub dial: Dial,
}

/// How much is asked of an endpoint. Choosing goes through the stages in order and ends at the first in which some
/// endpoint is usable: so a pool never ejects its last endpoint, and nothing new is tried out while another one is ready.
///
/// Drained endpoints are the caller's: they are in no stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Nothing speaks against it. A trial of one that was out counts as well: somebody has to try.
    Best,
    /// Also one that no check has passed yet.
    Fit,
    /// Also an ejected one, and one that refused a moment ago because it is starting: better than no answer.
    LastResort,
}

impl Stage {
    /// In the order in which they are tried.
    pub const ALL: [Self; 3] = [Self::Best, Self::Fit, Self::LastResort];

    /// May a request of this stage go to such an endpoint?
    pub fn admits(self, fitness: Fitness) -> bool {
        fitness.first_stage().is_some_and(|first| self >= first)
    }
}

impl Fitness {
    /// An endpoint of a service without checks of which nothing is known but that it exists.
    pub const PLAIN: Self = Self { verdict: None, standing: Standing::In, dial: Dial::Now };

    /// The first stage that admits it. `None`: no request goes there. Such are those that failed their checks, and
    /// suspect ones: their connects hang, and a quick 503 is better.
    pub fn first_stage(self) -> Option<Stage> {
        let checks = match self.verdict {
            None | Some(Verdict::Healthy) => Stage::Best,
            Some(Verdict::Unknown) => Stage::Fit,
            Some(Verdict::Unhealthy) => return None,
        };
        let passive = match self.standing {
            Standing::In | Standing::Due => Stage::Best,
            Standing::Out => Stage::LastResort,
        };
        let dial = match self.dial {
            // The lookup takes a moment and is shared by all who wait; passed over, a quiet endpoint would never return.
            Dial::Now | Dial::Trial | Dial::AfterLookup => Stage::Best,
            Dial::Starting => Stage::LastResort,
            Dial::Later | Dial::Never => return None,
        };
        Some(checks.max(passive).max(dial))
    }
}

/// Chooses in the first stage that gives a choice; `pick` is one round of choosing.
pub fn in_stages<T>(mut pick: impl FnMut(Stage) -> Option<T>) -> Option<(Stage, T)> {
    Stage::ALL.into_iter().find_map(|stage| pick(stage).map(|chosen| (stage, chosen)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_without_a_history_is_among_the_best() {
        assert_eq!(Fitness::PLAIN.first_stage(), Some(Stage::Best));
    }

    #[test]
    fn a_trial_belongs_to_the_best_because_somebody_has_to_try() {
        let due = Fitness { standing: Standing::Due, dial: Dial::Trial, ..Fitness::PLAIN };
        assert_eq!(due.first_stage(), Some(Stage::Best));
    }

    #[test]
    fn one_that_no_check_has_passed_yet_waits_while_another_endpoint_is_ready() {
        let new = Fitness { verdict: Some(Verdict::Unknown), ..Fitness::PLAIN };
        assert!(!Stage::Best.admits(new) && Stage::Fit.admits(new) && Stage::LastResort.admits(new));
    }

    #[test]
    fn a_quiet_endpoint_keeps_its_place() {
        let quiet = Fitness { dial: Dial::AfterLookup, ..Fitness::PLAIN };
        assert_eq!(quiet.first_stage(), Some(Stage::Best));
    }

    #[test]
    fn the_last_endpoint_is_never_ejected() {
        let ejected = Fitness { standing: Standing::Out, ..Fitness::PLAIN };
        let pool = [ejected];
        let chosen = in_stages(|stage| pool.iter().position(|&fitness| stage.admits(fitness)));
        assert_eq!(chosen, Some((Stage::LastResort, 0)));
        let pool = [ejected, Fitness::PLAIN];
        let chosen = in_stages(|stage| pool.iter().position(|&fitness| stage.admits(fitness)));
        assert_eq!(chosen, Some((Stage::Best, 1)));
    }

    #[test]
    fn one_that_failed_its_checks_or_hangs_gets_nothing_even_as_the_last() {
        for unfit in [
            Fitness { verdict: Some(Verdict::Unhealthy), ..Fitness::PLAIN },
            Fitness { dial: Dial::Later, ..Fitness::PLAIN },
            Fitness { dial: Dial::Never, ..Fitness::PLAIN },
        ] {
            assert_eq!(in_stages(|stage| stage.admits(unfit).then_some(())), None);
        }
    }
}
