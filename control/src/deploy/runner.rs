//! Takes a deploy's steps one by one: what comes next is `mizan_rollout`'s to say, and each is in the journal before it
//! begins and when it is done.

mod ask;
mod book;
mod end;

pub(crate) use end::End;

use super::facts::{self, Identity};
use super::fault::Fault;
use super::progress::Progress;
use super::reporter::Reporter;
use super::steps::{self, Attempt, Controls, Outcome, Tools};
use super::store::{Journal, Kept, Lock, Store, Wish};
use super::workshop::Workshop;
use crate::console::now_unix_ms;
use crate::notify::Notifier;
use crate::view::deploy::{Screen, step as in_words};
use ask::{Ask, Asked};
use book::Book;
use mizan_config::deploy::model::NotifyOn;
use mizan_rollout::{Next, OnFailure, Reason, Record, State, Status, Step};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

/// A step that tells nothing for so long is told to go on.
const QUIET: Duration = Duration::from_secs(1);
/// How long webhooks are waited for at the end.
const NOTIFY: Duration = Duration::from_secs(5);

/// One deploy, from wherever its journal is to its end.
pub(crate) struct Runner {
    pub(crate) tools: Tools,
    pub(crate) store: Store,
    pub(crate) journal: Book,
    pub(crate) state: State,
    pub(crate) screen: Screen,
    pub(crate) identity: Identity,
    pub(crate) notifier: Notifier,
    pub(crate) progress: mpsc::UnboundedReceiver<Progress>,
    pub(crate) controls: watch::Sender<Controls>,
    /// Held to the end.
    pub(crate) _lock: Lock,
}

/// Why the steps stopped before the end.
enum Halt {
    /// A signal, or a journal that cannot be written.
    Interrupted(String),
    Halted(String),
}

impl Runner {
    /// A deploy whose first record has just been written.
    pub(crate) fn begin(
        workshop: Workshop,
        store: Store,
        lock: Lock,
        journal: Journal,
        begin: &Record,
        now_unix_ms: u64,
        screen: Screen,
    ) -> Self {
        let Record::Begin { plan, by } = begin else { unreachable!("a journal begins with its plan") };
        let proxy_service = workshop.place.service.proxy_service.clone();
        let identity = Identity { proxy_service, by: by.clone(), began_unix_ms: now_unix_ms };
        let facts = facts::facts(plan, &identity, "started", "", now_unix_ms);
        let mut runner =
            Self::with(workshop, store, lock, journal, State::begin((**plan).clone()), identity, screen);
        runner.notifier.tell(NotifyOn::Started, &facts);
        runner
    }

    /// One that was left open.
    pub(crate) fn resume(
        workshop: Workshop,
        store: Store,
        lock: Lock,
        journal: Journal,
        kept: Kept,
        screen: Screen,
    ) -> Self {
        let identity = Identity::of(&kept, &workshop.place.service.proxy_service);
        Self::with(workshop, store, lock, journal, kept.state, identity, screen)
    }

    fn with(
        workshop: Workshop,
        store: Store,
        lock: Lock,
        journal: Journal,
        state: State,
        identity: Identity,
        screen: Screen,
    ) -> Self {
        let notifier = Notifier::new(workshop.place.file.notify.clone());
        let (tools, progress, controls) = {
            let store = store.clone();
            workshop.open(state.paused(), Box::new(move || store.hook_lock()))
        };
        Self {
            tools,
            store,
            journal: Book::new(journal),
            state,
            screen,
            identity,
            notifier,
            progress,
            controls,
            _lock: lock,
        }
    }

    /// Goes on with one that was left open: what is to be trusted is looked at again first.
    pub(crate) async fn carry_on(mut self, resumed: &Record) -> End {
        let applied = self.record(resumed).is_ok();
        let paused = self.state.paused();
        self.controls.send_modify(|controls| controls.paused = paused);
        self.tell_where_it_is(resumed);
        if applied
            && let Next::Do { step, back: false, .. } = self.state.next()
            && let Some((track, ready)) = self.trusted(step)
            && let Err(Fault { reason, why, output }) = steps::healthy(&self.tools, &track, ready).await
        {
            // It was healthy once; the step that needs it fails.
            let _ = self.record(&Record::Started { step, back: false });
            let _ = self.record(&Record::Failed { step, back: false, reason, why, output });
        }
        Box::pin(self.run()).await
    }

    fn tell_where_it_is(&mut self, resumed: &Record) {
        if let Some(back) = self.state.back() {
            let plan = self.state.plan();
            let steps = back.steps.iter().map(|step| in_words(step, plan)).collect();
            let (reason, why) = (back.reason, back.why.clone());
            self.screen.tell(&Progress::TurnBack { reason, why, steps });
        }
        if let (Record::Resumed { by }, Next::Do { step, .. } | Next::GiveUp { step, .. }) =
            (resumed, self.state.next())
        {
            self.screen.tell(&Progress::Resumed { by: by.clone(), done: step });
        }
    }

    /// The track that the next step relies on.
    fn trusted(&self, step: usize) -> Option<(String, u32)> {
        let steps = &self.state.plan().steps;
        let relies = matches!(steps.get(step)?, Step::Shift { .. } | Step::Commit { .. } | Step::Keep { .. });
        let healthy = steps[..step].iter().find_map(|step| match step {
            Step::Healthy { track, ready } => Some((track.clone(), *ready)),
            _ => None,
        });
        healthy.filter(|_| relies)
    }

    /// To the end, or as far as it goes. The journal has its first record already.
    pub(crate) async fn run(mut self) -> End {
        let reporter = Reporter::begin(self.tools.proxy.client().clone());
        let begin = Instant::now();
        self.report(&reporter, false, false);
        let halt = self.steps(&reporter).await.err();
        let end = match halt {
            None => self.ended(begin),
            Some(Halt::Halted(why)) => self.halted(why),
            Some(Halt::Interrupted(why)) => self.interrupted(why).await,
        };
        self.report(&reporter, true, false);
        self.tell_webhooks(&end);
        reporter.finish().await;
        for trouble in self.notifier.finish(NOTIFY).await {
            self.screen.tell(&Progress::Note { text: trouble });
        }
        if let Some(last) = &end.progress {
            self.screen.tell(last);
        }
        end
    }

    async fn steps(&mut self, reporter: &Reporter) -> Result<(), Halt> {
        let mut ask = Ask::begin(self.store.clone()).map_err(|error| Halt::Interrupted(error.to_string()))?;
        loop {
            match self.state.next() {
                Next::Nothing => return Ok(()),
                Next::End { status, why } => self.record(&Record::End { status, why })?,
                Next::GiveUp { step, back, what, reason, why } => {
                    let of = self.state.steps(back).len();
                    let text = in_words(&what, self.state.plan());
                    self.screen.tell(&Progress::Step { step: step + 1, of, back, what: text });
                    self.screen.tell(&Progress::Failed { step: step + 1, back, reason, why: why.clone() });
                    self.record(&Record::Failed { step, back, reason, why, output: String::new() })?;
                }
                Next::Halt { why } => return Err(Halt::Halted(why)),
                Next::TurnBack { reason, why } => self.turn_back(reason, why)?,
                Next::Do { step, back, what, again } => {
                    self.report(reporter, false, false);
                    self.one(step, back, &what, again, &mut ask, reporter).await?;
                }
            }
        }
    }

    /// One step, and what people ask for meanwhile.
    async fn one(
        &mut self,
        step: usize,
        back: bool,
        what: &Step,
        again: bool,
        ask: &mut Ask,
        reporter: &Reporter,
    ) -> Result<(), Halt> {
        self.record(&Record::Started { step, back })?;
        let plan = self.state.plan().clone();
        let of = self.state.steps(back).len();
        let begin = Instant::now();
        self.screen.tell(&Progress::Step { step: step + 1, of, back, what: in_words(what, &plan) });
        let why = self.state.back().map(|back| back.why.clone());
        let attempt = Attempt { again, why: why.as_deref() };
        if !what.may_repeat() && !self.journal.is_written() {
            let why = "the journal cannot be written, and without it this might be run a second time: look yourself";
            return self.failed(step, back, Fault::new(Reason::Disk, why)).await;
        }
        let mut asked_back = None;
        let mut quiet = tokio::time::interval(QUIET);
        quiet.reset();
        let outcome = {
            let mut work = std::pin::pin!(steps::perform(&self.tools, &plan, what, attempt));
            loop {
                tokio::select! {
                    outcome = &mut work => break Some(outcome),
                    _ = quiet.tick() => {
                        let elapsed_ms = begin.elapsed().as_millis() as u64;
                        let what = in_words(what, &plan);
                        self.screen.tell(&Progress::Wait { what, elapsed_ms, total_ms: None, tracks: Vec::new() });
                    }
                    Some(progress) = self.progress.recv() => {
                        if matches!(progress, Progress::Wait { .. }) {
                            quiet.reset();
                        }
                        if let Progress::Gate { .. } = &progress {
                            let now = now_unix_ms();
                            reporter.tell(facts::report(&self.state, &self.identity, now, false, true));
                            let facts = facts::facts(&plan, &self.identity, "waiting", "", now);
                            self.notifier.tell(NotifyOn::Waiting, &facts);
                        }
                        self.screen.tell(&progress);
                    }
                    asked = ask.next() => match asked {
                        Asked::Signal(name) => return Err(Halt::Interrupted(name.to_owned())),
                        Asked::Resized => self.screen.redraw(),
                        Asked::Wish(wish) => {
                            let desk = (&mut self.journal, &mut self.state, &mut self.screen);
                            asked_back = heed(wish, back, &self.controls, desk)?;
                            if asked_back.is_some() {
                                break None;
                            }
                        }
                    }
                }
            }
        };
        while let Ok(progress) = self.progress.try_recv() {
            self.screen.tell(&progress);
        }
        match outcome {
            Some(Ok(outcome)) => self.done(step, back, outcome, begin),
            Some(Err(fault)) => self.failed(step, back, fault).await,
            None => {
                self.requests_first().await;
                self.turn_back(Reason::Command, asked_back.unwrap_or_default())
            }
        }
    }

    fn done(&mut self, step: usize, back: bool, outcome: Outcome, begin: Instant) -> Result<(), Halt> {
        if let Some((new, previous)) = outcome.images {
            self.record(&Record::Images { new, previous })?;
        }
        for text in outcome.notes {
            self.record(&Record::Note { text })?;
        }
        self.record(&Record::Done { step, back, output: outcome.output })?;
        self.screen.tell(&Progress::Done {
            step: step + 1,
            back,
            took_ms: begin.elapsed().as_millis() as u64,
        });
        Ok(())
    }

    async fn failed(&mut self, step: usize, back: bool, fault: Fault) -> Result<(), Halt> {
        let Fault { reason, why, output } = fault;
        // The requests first: a slow disk is not to hold them up. What somebody else has set is theirs.
        if self.state.meaning(step, back, reason) == OnFailure::Back {
            self.requests_first().await;
        }
        self.screen.tell(&Progress::Failed { step: step + 1, back, reason, why: why.clone() });
        self.record(&Record::Failed { step, back, reason, why, output })?;
        if self.state.meaning(step, back, reason) == OnFailure::Tell {
            note(&mut self.screen, "it goes on: this step is not what the traffic depends on");
        }
        Ok(())
    }

    /// What the way back does first as well, and says when it cannot.
    async fn requests_first(&self) {
        self.tools.lease.give_back().await;
        let plan = self.state.plan();
        if let Some(stable) = plan.stable.as_ref().filter(|_| self.state.committed())
            && !self.state.has_begun(|step| matches!(step, Step::Stop { track } if track == stable))
        {
            let _ = steps::traffic(&self.tools, stable).await;
        }
    }

    fn turn_back(&mut self, reason: Reason, why: String) -> Result<(), Halt> {
        if self.state.migration_unfinished() {
            let text =
                "the migration was cut off, nobody knows how far it came: it is not reverted, look yourself";
            self.record(&Record::Note { text: text.to_owned() })?;
            self.screen.tell(&Progress::Note { text: text.to_owned() });
        }
        let way = self.state.way_back();
        let plan = self.state.plan();
        let steps = way.iter().map(|step| in_words(step, plan)).collect();
        self.screen.tell(&Progress::TurnBack { reason, why: why.clone(), steps });
        self.record(&Record::Back { reason, why, steps: way })
    }

    /// On the way back a journal that cannot be written holds nothing up: the traffic comes first.
    fn record(&mut self, record: &Record) -> Result<(), Halt> {
        book::keep(&mut self.journal, &mut self.state, record)
    }

    fn report(&self, reporter: &Reporter, left: bool, waiting: bool) {
        reporter.tell(facts::report(&self.state, &self.identity, now_unix_ms(), left, waiting));
    }
}

/// What somebody wishes while a step is under way; a reason, if the deploy is to turn back.
fn heed(
    wish: Wish,
    back: bool,
    controls: &watch::Sender<Controls>,
    (journal, state, screen): (&mut Book, &mut State, &mut Screen),
) -> Result<Option<String>, Halt> {
    let record = match wish {
        // It is on its way back already.
        Wish::Abort { .. } if back => return Ok(None),
        Wish::Abort { by } => match state.may_turn_back() {
            Ok(()) => return Ok(Some(format!("{by} asked for it"))),
            Err(why) => {
                note(screen, &format!("{by} asked for the way back: {why}"));
                return Ok(None);
            }
        },
        Wish::Promote { by, full } => {
            controls.send_modify(|controls| {
                controls.promoted += 1;
                controls.to_the_end |= full;
            });
            Record::Promoted { by }
        }
        Wish::Pause { by } => {
            controls.send_modify(|controls| controls.paused = true);
            screen.tell(&Progress::Paused { by: by.clone() });
            Record::Paused { by }
        }
        Wish::Unpause { by } => {
            controls.send_modify(|controls| controls.paused = false);
            screen.tell(&Progress::Unpaused { by: by.clone() });
            Record::Unpaused { by }
        }
    };
    book::keep(journal, state, &record)?;
    Ok(None)
}

fn note(screen: &mut Screen, text: &str) {
    screen.tell(&Progress::Note { text: text.to_owned() });
}

/// The status that webhooks hear of.
fn heard(status: Status) -> NotifyOn {
    match status {
        Status::Deployed => NotifyOn::Deployed,
        Status::RolledBack => NotifyOn::RolledBack,
        Status::Failed => NotifyOn::Failed,
    }
}
