//! What a journal's records add up to, and what comes next.

use crate::plan::{Kind, Plan};
use crate::record::{Reason, Record, Status};
use crate::step::{Hook, OnFailure, Step};

/// How far a step is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    Waiting,
    /// Begun so many times, and not known to have ended.
    Begun(u32),
    Done,
    Failed {
        reason: Reason,
        why: String,
    },
}

/// A deploy, as its journal has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    plan: Plan,
    marks: Vec<Mark>,
    back: Option<WayBack>,
    paused: bool,
    ended: Option<(Status, String)>,
    migrated: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WayBack {
    pub reason: Reason,
    pub why: String,
    pub steps: Vec<Step>,
    pub marks: Vec<Mark>,
}

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Begin this step. `again`: it was begun before, and nobody knows how far it came.
    Do { step: usize, back: bool, what: Step, again: bool },
    /// It was cut off and may not be begun again: write [`Record::Failed`] with this, and go on.
    GiveUp { step: usize, back: bool, what: Step, reason: Reason, why: String },
    /// Decide to turn back: write [`Record::Back`] with [`State::way_back`].
    TurnBack { reason: Reason, why: String },
    /// Nothing more happens without a person.
    Halt { why: String },
    /// Write [`Record::End`].
    End { status: Status, why: String },
    /// It has ended.
    Nothing,
}

/// A record that does not fit what came before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a record does not fit those before it: {0}")]
pub struct Misplaced(pub String);

impl State {
    /// From the first record.
    pub fn begin(plan: Plan) -> Self {
        let marks = vec![Mark::Waiting; plan.steps.len()];
        Self { plan, marks, back: None, paused: false, ended: None, migrated: false }
    }

    /// From all records of a journal. `None`: there is none.
    pub fn replay<'r>(records: impl IntoIterator<Item = &'r Record>) -> Result<Option<Self>, Misplaced> {
        let mut records = records.into_iter();
        let mut state = match records.next() {
            None => return Ok(None),
            Some(Record::Begin { plan, .. }) => Self::begin((**plan).clone()),
            Some(other) => return Err(Misplaced(format!("{other:?} before the beginning"))),
        };
        for record in records {
            state.apply(record)?;
        }
        Ok(Some(state))
    }

    pub fn apply(&mut self, record: &Record) -> Result<(), Misplaced> {
        let misplaced = || Misplaced(format!("{record:?}"));
        if self.ended.is_some() {
            return Err(misplaced());
        }
        match record {
            Record::Begin { .. } => return Err(misplaced()),
            Record::Started { step, back } => {
                let open =
                    matches!(self.next(), Next::Do { step: s, back: b, .. } if (s, b) == (*step, *back));
                let mark = self.mark(*step, *back).filter(|_| open).ok_or_else(misplaced)?;
                *mark = match mark {
                    Mark::Begun(times) => Mark::Begun(times.saturating_add(1)),
                    _ => Mark::Begun(1),
                };
            }
            Record::Done { step, back, .. } => {
                let mark = self.mark(*step, *back).filter(|mark| matches!(mark, Mark::Begun(_)));
                *mark.ok_or_else(misplaced)? = Mark::Done;
                if self.steps(*back)[*step] == (Step::Hook { hook: Hook::Migrate }) {
                    self.migrated = true;
                }
            }
            Record::Failed { step, back, reason, why, .. } => {
                let begun = self.mark(*step, *back).is_some_and(|mark| matches!(mark, Mark::Begun(_)));
                // One that cannot even begin has failed too.
                let open =
                    matches!(self.next(), Next::Do { step: s, back: b, .. } if (s, b) == (*step, *back));
                let mark = self.mark(*step, *back).filter(|_| begun || open).ok_or_else(misplaced)?;
                *mark = Mark::Failed { reason: *reason, why: why.clone() };
            }
            Record::Images { new, previous } => {
                if let Some(new) = new {
                    self.plan.image.id = Some(new.clone());
                }
                if let (Some(id), Some(image)) = (previous, &mut self.plan.previous) {
                    image.id = Some(id.clone());
                }
            }
            Record::Back { reason, why, steps } => {
                if self.back.is_some() {
                    return Err(misplaced());
                }
                let marks = vec![Mark::Waiting; steps.len()];
                self.paused = false;
                self.back = Some(WayBack { reason: *reason, why: why.clone(), steps: steps.clone(), marks });
            }
            Record::Resumed { .. } => {
                self.paused = false;
                // What stopped it is tried again.
                for (step, back) in self.halted() {
                    *self.mark(step, back).ok_or_else(misplaced)? = Mark::Begun(1);
                }
            }
            Record::Paused { .. } => self.paused = true,
            Record::Unpaused { .. } => self.paused = false,
            Record::End { status, why } => self.ended = Some((*status, why.clone())),
            Record::Interrupted { .. } | Record::Promoted { .. } | Record::Note { .. } => {}
        }
        Ok(())
    }

    pub fn next(&self) -> Next {
        if self.ended.is_some() {
            return Next::Nothing;
        }
        if let Some((step, back)) = self.halted().first() {
            let Some(Mark::Failed { why, .. }) = self.marks(*back).get(*step) else { return Next::Nothing };
            return Next::Halt { why: why.clone() };
        }
        if self.back.is_none() {
            for (step, mark) in self.marks.iter().enumerate() {
                if let Mark::Failed { reason, why } = mark
                    && self.meaning(step, false, *reason) == OnFailure::Back
                {
                    return Next::TurnBack { reason: *reason, why: why.clone() };
                }
            }
        }
        let back = self.back.is_some();
        let open = |mark: &Mark| matches!(mark, Mark::Waiting | Mark::Begun(_));
        if let Some(step) = self.marks(back).iter().position(open) {
            let again = matches!(self.marks(back)[step], Mark::Begun(_));
            let what = self.steps(back)[step].clone();
            if again && !what.may_repeat() {
                let why =
                    "it was cut off, nobody knows how far it came, and it is not begun again: look yourself";
                return Next::GiveUp { step, back, what, reason: Reason::Hook, why: why.to_owned() };
            }
            return Next::Do { step, back, what, again };
        }
        self.end()
    }

    fn end(&self) -> Next {
        match (&self.back, self.plan.kind) {
            (None, Kind::Deploy) => Next::End { status: Status::Deployed, why: String::new() },
            (None, Kind::Rollback { .. }) => Next::End { status: Status::RolledBack, why: String::new() },
            (Some(back), kind) => {
                let served = |step: &Step| matches!(step, Step::Traffic { .. } | Step::Replace { .. });
                let rolled_back = kind == Kind::Deploy && back.steps.iter().any(served);
                let status = if rolled_back { Status::RolledBack } else { Status::Failed };
                Next::End { status, why: back.why.clone() }
            }
        }
    }

    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    pub fn back(&self) -> Option<&WayBack> {
        self.back.as_ref()
    }

    /// Of the plan's steps, or of those of the way back.
    pub fn steps(&self, back: bool) -> &[Step] {
        match &self.back {
            Some(way) if back => &way.steps,
            _ if back => &[],
            _ => &self.plan.steps,
        }
    }

    /// As [`State::steps`].
    pub fn marks(&self, back: bool) -> &[Mark] {
        match &self.back {
            Some(way) if back => &way.marks,
            _ if back => &[],
            _ => &self.marks,
        }
    }

    pub fn paused(&self) -> bool {
        self.paused
    }

    /// The migration was run to its end.
    pub fn migrated(&self) -> bool {
        self.migrated
    }

    /// The migration was begun and did not end well: nobody knows what it left behind, and no way back reverts it.
    pub fn migration_unfinished(&self) -> bool {
        let migrations = self.plan.steps.iter().zip(&self.marks);
        let mut migrations = migrations.filter(|(step, _)| **step == Step::Hook { hook: Hook::Migrate });
        migrations.any(|(_, mark)| matches!(mark, Mark::Begun(_) | Mark::Failed { .. }))
    }

    /// What failed and was passed over, on the way it is on now: the step and why.
    pub fn told<'s>(&'s self) -> Vec<(&'s Step, &'s str)> {
        let back = self.back.is_some();
        let told = |(step, mark): (usize, &'s Mark)| match mark {
            Mark::Failed { why, .. } if self.on_failure(step, back) == OnFailure::Tell => {
                Some((&self.steps(back)[step], why.as_str()))
            }
            _ => None,
        };
        self.marks(back).iter().enumerate().filter_map(told).collect()
    }

    pub fn ended(&self) -> Option<(Status, &str)> {
        self.ended.as_ref().map(|(status, why)| (*status, why.as_str()))
    }

    /// The new version has all requests for good: it is the one to go back to from now on. Never of a rolling deploy,
    /// whose instances come to serve one by one.
    pub fn committed(&self) -> bool {
        self.back.is_none()
            && self.plan.steps.iter().zip(&self.marks).any(|(step, mark)| {
                matches!(step, Step::Commit { .. } | Step::Traffic { .. }) && *mark == Mark::Done
            })
    }

    fn halted(&self) -> Vec<(usize, bool)> {
        let back = self.back.is_some();
        let halted = |(step, mark): (usize, &Mark)| {
            let Mark::Failed { reason, .. } = mark else { return None };
            (self.meaning(step, back, *reason) == OnFailure::Halt).then_some((step, back))
        };
        self.marks(back).iter().enumerate().filter_map(halted).collect()
    }

    /// Of the way that it is on: what was left behind does not change any more.
    fn mark(&mut self, step: usize, back: bool) -> Option<&mut Mark> {
        match &mut self.back {
            Some(way) if back => way.marks.get_mut(step),
            None if !back => self.marks.get_mut(step),
            _ => None,
        }
    }
}
