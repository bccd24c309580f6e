//! Carries plans out in the simulated world, is killed, and goes on.

use crate::plans::Shape;
use crate::world::World;
use mizan_rollout::{Hook, Kind, Mark, Next, Reason, Record, State, Status, Step};

/// What goes wrong, and what people say then.
#[derive(Debug, Clone, Default)]
pub(crate) struct Troubles {
    pub(crate) faults: Vec<Fault>,
    /// A process lives so many moments.
    pub(crate) kills: Vec<usize>,
    /// Whenever it stands still; then always `Resume`.
    pub(crate) words: Vec<Word>,
}

/// A step that fails so often.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    pub(crate) step: usize,
    pub(crate) back: bool,
    /// So many of its parts are done before it fails.
    pub(crate) after: usize,
    pub(crate) times: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    Resume,
    Rollback,
}

#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) records: Vec<Record>,
    pub(crate) state: State,
    pub(crate) world: World,
    /// How often a process was killed that had something to do still.
    pub(crate) killed: usize,
    pub(crate) halted: usize,
    troubles: Troubles,
    moments_left: usize,
}

/// Why a process is no more.
#[derive(Debug)]
enum Stop {
    Killed,
    Halted,
    Ended,
}

/// Runs it to its end, and sees that the end is a good one.
pub(crate) fn run(shape: &Shape, troubles: &Troubles) -> Run {
    let plan = shape.plan();
    let mut troubles = troubles.clone();
    troubles.words.reverse();
    troubles.kills.reverse();
    let begin = Record::Begin { plan: Box::new(plan.clone()), by: "ali@host".to_owned() };
    let mut run = Run {
        world: World::before(&plan, shape.kept()),
        records: vec![begin],
        state: State::begin(plan),
        killed: 0,
        halted: 0,
        troubles,
        moments_left: 0,
    };
    for _ in 0..100 {
        run.moments_left = run.troubles.kills.pop().unwrap_or(usize::MAX);
        match run.process() {
            Err(Stop::Ended) => return run.good(),
            Err(Stop::Killed) => run.killed += 1,
            Err(Stop::Halted) => run.halted += 1,
            Ok(()) => {}
        }
        run.world.lease_runs_out();
        // The next process knows what the journal says, and nothing else.
        let replayed = State::replay(&run.records).expect("they fit").expect("it has begun");
        assert_eq!(replayed, run.state);
        run.moments_left = usize::MAX;
        let said = run.person();
        assert!(said.is_ok());
    }
    panic!("it never ends: {run:#?}");
}

impl Run {
    fn process(&mut self) -> Result<(), Stop> {
        self.moment()?;
        loop {
            match self.state.next() {
                Next::Do { step, back, what, again } => self.step(step, back, &what, again)?,
                Next::TurnBack { reason, why } => {
                    assert_eq!(self.state.may_turn_back(), Ok(()));
                    self.sees_that_it_may_turn_by_itself();
                    self.write(Record::Back { reason, why, steps: self.state.way_back() })?;
                }
                Next::GiveUp { step, back, what, reason, why } => {
                    assert_eq!(what, Step::Hook { hook: Hook::RevertMigration });
                    self.write(Record::Failed { step, back, reason, why, output: String::new() })?;
                }
                Next::Halt { .. } => return Err(Stop::Halted),
                Next::End { status, why } => self.write(Record::End { status, why })?,
                Next::Nothing => return Err(Stop::Ended),
            }
        }
    }

    fn step(&mut self, step: usize, back: bool, what: &Step, again: bool) -> Result<(), Stop> {
        let started = Record::Started { step, back };
        assert_eq!(again, self.records_of_this_way().contains(&started), "{what:?}");
        let done = |record: &Record| matches!(record, Record::Done { step: s, back: b, .. } if (*s, *b) == (step, back));
        assert!(!self.records.iter().any(done), "{what:?} is done twice");
        self.write(started)?;
        let parts = World::parts(what);
        let fails = |fault: &&mut Fault| (fault.step, fault.back) == (step, back) && fault.times > 0;
        let fails_after = self.troubles.faults.iter_mut().find(fails).map(|fault| {
            fault.times -= 1;
            fault.after.min(parts)
        });
        for part in 0..fails_after.unwrap_or(parts) {
            self.world.act(self.state.plan(), what, part);
            self.sees_that_reverts_are_right(what);
            self.moment()?;
        }
        if fails_after.is_some() {
            let (reason, why) = (Reason::Docker, "it was to fail".to_owned());
            return self.write(Record::Failed { step, back, reason, why, output: String::new() });
        }
        self.write(Record::Done { step, back, output: String::new() })
    }

    /// On the disk before anything else happens.
    fn write(&mut self, record: Record) -> Result<(), Stop> {
        self.state.apply(&record).unwrap_or_else(|error| panic!("{error}: {self:#?}"));
        self.records.push(record);
        self.moment()
    }

    /// It can be killed here: behind every record, and behind every part of a step.
    fn moment(&mut self) -> Result<(), Stop> {
        self.moments_left = self.moments_left.checked_sub(1).ok_or(Stop::Killed)?;
        Ok(())
    }

    fn person(&mut self) -> Result<(), Stop> {
        let word = self.troubles.words.pop().unwrap_or(Word::Resume);
        if word == Word::Rollback && self.state.may_turn_back().is_ok() {
            let (reason, why) = (Reason::Command, "somebody asked for it".to_owned());
            let steps = self.state.way_back();
            return self.write(Record::Back { reason, why, steps });
        }
        if self.state.ended().is_some() {
            return Ok(());
        }
        self.write(Record::Resumed { by: "ali@host".to_owned() })
    }

    /// Behind the turn where there was one.
    fn records_of_this_way(&self) -> &[Record] {
        let turn = self.records.iter().position(|record| matches!(record, Record::Back { .. }));
        &self.records[turn.unwrap_or(0)..]
    }

    /// Once the track before it is being taken away, only a person turns back.
    fn sees_that_it_may_turn_by_itself(&self) {
        let stable = self.state.plan().stable.as_ref();
        let leaves = |step: &Step| matches!(step, Step::Drain { track } | Step::Stop { track } if Some(track) == stable);
        let rolled = |step: &Step| matches!(step, Step::Replace { .. } | Step::Traffic { .. });
        let late =
            |step: &Step| leaves(step) || rolled(step) || *step == Step::Hook { hook: Hook::AfterDeploy };
        for (step, mark) in self.state.plan().steps.iter().zip(self.state.marks(false)) {
            assert!(*mark == Mark::Waiting || !late(step), "it turned back behind {step:?}");
        }
    }

    fn sees_that_reverts_are_right(&self, what: &Step) {
        if *what == (Step::Hook { hook: Hook::RevertMigration }) {
            assert!(
                self.state.migrated() || self.state.plan().reverts.is_some(),
                "nothing was migrated to its end"
            );
            assert_eq!(self.world.begun[&Hook::RevertMigration], 1, "a revert was begun again");
        }
    }

    fn good(self) -> Self {
        let ends = self.records.iter().filter(|record| matches!(record, Record::End { .. })).count();
        assert_eq!(ends, 1);
        assert!(matches!(self.records.last(), Some(Record::End { .. })), "nothing is written behind the end");
        assert_eq!(self.world.lease, None);
        self.world.check();
        let (status, _) = self.state.ended().expect("it is the end");
        let plan = self.state.plan();
        let turned = self.state.back().is_some();
        let wanted = match (plan.kind, turned, status) {
            (Kind::Deploy, false, Status::Deployed) | (Kind::Rollback { .. }, false, Status::RolledBack) => {
                true
            }
            (Kind::Deploy, true, Status::RolledBack | Status::Failed)
            | (Kind::Rollback { .. }, true, Status::Failed) => false,
            other => panic!("it ended as {other:?}"),
        };
        if plan.stable.as_ref() == Some(&plan.target) {
            self.one_version_runs(wanted);
        } else {
            self.one_track_runs(wanted);
        }
        self
    }

    /// Of a rolling one.
    fn one_version_runs(&self, wanted: bool) {
        let plan = self.state.plan();
        let image = if wanted { Some(&plan.image) } else { plan.previous.as_ref() };
        let image = &image.expect("something ran before").reference;
        assert_eq!(self.world.on(&plan.target), [(image.as_str(), plan.replicas)], "{self:#?}");
    }

    fn one_track_runs(&self, wanted: bool) {
        let plan = self.state.plan();
        let (serves, image, left) = if wanted {
            (Some(&plan.target), Some(&plan.image), plan.stable.as_ref())
        } else {
            (plan.stable.as_ref(), plan.previous.as_ref(), Some(&plan.target))
        };
        if plan.stable.is_some() {
            assert_eq!(self.world.committed.as_ref(), serves, "{self:#?}");
        }
        if let (Some(serves), Some(image)) = (serves, image) {
            let on = self.world.on(serves);
            assert_eq!(on.iter().map(|(image, _)| *image).collect::<Vec<_>>(), [image.reference.as_str()]);
        }
        // A stop that failed is told; and one that was running before and was never touched is left alone.
        let untouched = !wanted
            && self.world.on(&plan.target) == [(plan.image.reference.as_str(), plan.replicas)]
            && self.state.back().is_some_and(|back| back.steps.is_empty());
        let told = self.state.told().iter().any(|(step, _)| matches!(step, Step::Stop { .. }));
        if let Some(left) = left.filter(|_| !told && !untouched) {
            assert_eq!(self.world.on(left), [], "{self:#?}");
        }
    }
}
