//! What a failure means, and the way back.

use crate::plan::{Kind, Strategy};
use crate::record::Reason;
use crate::state::{Mark, State};
use crate::step::{Hook, OnFailure, Step, Version};

impl State {
    /// What a failure of a step means.
    pub fn on_failure(&self, step: usize, back: bool) -> OnFailure {
        match self.steps(back).get(step) {
            None => OnFailure::Tell,
            Some(what) if back => on_failure_back(what),
            Some(what) => self.on_failure_forward(step, what),
        }
    }

    /// As above, for the reason that it had. Whoever changed the split in the middle had one of their own: a person decides.
    pub fn meaning(&self, step: usize, back: bool, reason: Reason) -> OnFailure {
        match self.on_failure(step, back) {
            _ if reason == Reason::SplitChanged => OnFailure::Halt,
            meaning => meaning,
        }
    }

    fn on_failure_forward(&self, step: usize, what: &Step) -> OnFailure {
        match what {
            // Some instances are new and serve, or users are still on the track that is to be left: which way is right, a
            // person decides.
            Step::Replace { .. } | Step::Traffic { .. } => OnFailure::Halt,
            Step::Hook { hook: Hook::Smoke } if self.is_rolling() => OnFailure::Halt,
            Step::Hook { hook: Hook::AfterDeploy | Hook::AfterRollback } => OnFailure::Tell,
            _ if self.is_settled_before(step) => OnFailure::Tell,
            Step::Pull
            | Step::Hook { .. }
            | Step::Start { .. }
            | Step::Healthy { .. }
            | Step::Shift { .. }
            | Step::Commit { .. }
            | Step::Keep { .. }
            | Step::Drain { .. }
            | Step::Stop { .. }
            | Step::FinalHealth { .. } => OnFailure::Back,
        }
    }

    /// Behind this a plan only tidies up: all requests are where they belong, and were watched as long as was asked for.
    fn is_settled_before(&self, step: usize) -> bool {
        let settles = |step: &Step| {
            let to_a_track = matches!(step, Step::Commit { .. } | Step::Traffic { .. } | Step::Keep { .. });
            to_a_track || matches!(step, Step::Replace { .. })
        };
        self.plan().steps.iter().rposition(settles).is_some_and(|settled| step > settled)
    }

    /// Why nobody may turn it back, if so: to be asked before [`crate::Record::Back`] is written because somebody wishes it.
    /// [`crate::Next::TurnBack`] comes only where it may.
    pub fn may_turn_back(&self) -> Result<(), &'static str> {
        let reverting = |(step, mark): (&Step, &Mark)| !step.may_repeat() && *mark != Mark::Waiting;
        if self.ended().is_some() {
            return Err("it has ended");
        }
        if self.back().is_some() {
            return Err("it is on its way back already");
        }
        if self.is_first_and_serves() {
            return Err("it is the first version: there is none to go back to");
        }
        if self.plan().steps.iter().zip(self.marks(false)).any(reverting) {
            return Err(
                "the migration is being reverted, and the version that it was made for would not find it",
            );
        }
        Ok(())
    }

    /// The way back from here: traffic first, then what takes the bad version away, then the migration, then the looks at
    /// what is there.
    pub fn way_back(&self) -> Vec<Step> {
        let plan = self.plan();
        let mut steps = Vec::new();
        if self.is_first_and_serves() {
            return steps;
        }
        let replaced = self.has_begun(|step| matches!(step, Step::Replace { .. }));
        let shifted =
            |step: &Step| matches!(step, Step::Shift { .. } | Step::Commit { .. } | Step::Traffic { .. });
        let mut moved = replaced;
        if replaced {
            let of = plan.replicas;
            steps.extend((1..=of).map(|nth| Step::Replace { nth, of, version: Version::Previous }));
        } else {
            let touched = self.has_begun(shifted);
            if let Some(stable) = plan.stable.as_ref().filter(|_| touched) {
                moved = true;
                steps.extend(self.start_again(stable));
                steps.push(Step::Traffic { track: stable.clone() });
            }
            if touched || self.has_begun(|step| matches!(step, Step::Start { .. })) {
                steps.push(Step::Drain { track: plan.target.clone() });
                steps.push(Step::Stop { track: plan.target.clone() });
            }
        }
        let hook = |hook: Hook| plan.hooks.contains(&hook).then_some(Step::Hook { hook });
        if self.migrated() {
            steps.extend(hook(Hook::RevertMigration));
        }
        if moved || self.migrated() {
            steps.extend(hook(Hook::CheckData));
            steps.extend(hook(Hook::CheckMetrics));
            // Also where it served all the time: the migration may have broken it, and the revert.
            steps.extend(plan.stable.clone().map(|track| Step::FinalHealth { track }));
        }
        if moved {
            steps.extend(hook(Hook::AfterRollback));
        }
        steps
    }

    /// Where the stopping of the track that is gone back to has begun.
    fn start_again(&self, stable: &str) -> Vec<Step> {
        if !self.has_begun(|step| matches!(step, Step::Stop { track } if track == stable)) {
            return Vec::new();
        }
        let plan = self.plan();
        // As many as were asked for on the way there: requiring more would keep users on the bad version.
        let ready = plan.steps.iter().find_map(|step| match step {
            Step::Healthy { ready, .. } => Some(*ready),
            _ => None,
        });
        let (track, replicas) = (stable.to_owned(), plan.replicas);
        vec![
            // Containers that were told to end still look as if they ran.
            Step::Stop { track: track.clone() },
            Step::Start { track: track.clone(), version: Version::Previous, replicas },
            Step::Healthy { track, ready: ready.unwrap_or(replicas) },
        ]
    }

    /// Whether such a step of the plan was begun.
    pub fn has_begun(&self, wanted: impl Fn(&Step) -> bool) -> bool {
        let mut all = self.plan().steps.iter().zip(self.marks(false));
        all.any(|(step, mark)| wanted(step) && *mark != Mark::Waiting)
    }

    /// Nothing ran before, and what runs now has all requests: what is left is to tell.
    fn is_first_and_serves(&self) -> bool {
        let serves = |(step, mark): (&Step, &Mark)| {
            *mark == Mark::Done || matches!(step, Step::Hook { hook: Hook::AfterDeploy })
        };
        let plan = self.plan();
        plan.kind == Kind::Deploy
            && plan.stable.is_none()
            && plan.steps.iter().zip(self.marks(false)).all(serves)
    }

    fn is_rolling(&self) -> bool {
        let plan = self.plan();
        plan.strategy == Strategy::Rolling
            && plan.steps.iter().any(|step| matches!(step, Step::Replace { .. }))
    }
}

/// On the way back there is no other way: it stops while users are on the wrong version, and else goes on.
fn on_failure_back(what: &Step) -> OnFailure {
    match what {
        Step::Start { .. } | Step::Healthy { .. } | Step::Traffic { .. } | Step::Replace { .. } => {
            OnFailure::Halt
        }
        Step::Pull
        | Step::Hook { .. }
        | Step::Shift { .. }
        | Step::Commit { .. }
        | Step::Keep { .. }
        | Step::Drain { .. }
        | Step::Stop { .. }
        | Step::FinalHealth { .. } => OnFailure::Tell,
    }
}
