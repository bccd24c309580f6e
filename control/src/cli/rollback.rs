//! `mizanctl rollback` and `abort`: back to the version before.

use super::place::busy;
use super::{Where, store};
use crate::console::{Console, now_unix_ms, print};
use crate::deploy::begun;
use crate::deploy::preflight::NOTHING_BEFORE;
use crate::deploy::runner::Runner;
use crate::deploy::store::{Kept, Lock, Store, StoreError, Wish};
use crate::deploy::{Ground, Place, Workshop, who};
use crate::exit::Failure;
use crate::view::deploy::Screen;
use clap::Args;
use mizan_rollout::{Hook, Kind, Reason, Record, RollingBack, State, Status, Step, roll_back};
use std::time::Duration;

/// Go back to the version before: of a deploy that is under way or was left open, or of the last one
///
/// At once where the track before it still runs; else its image is started again first.
#[derive(Debug, Args)]
pub(super) struct RollbackVerb {
    #[command(flatten)]
    place: Where,
}

/// Take the deploy back that is under way, or that was left open
#[derive(Debug, Args)]
pub(super) struct AbortVerb {
    #[command(flatten)]
    place: Where,
}

impl RollbackVerb {
    pub(super) async fn run(self, console: Console) -> Result<(), Failure> {
        Box::pin(run(&self.place, console, true)).await
    }
}

impl AbortVerb {
    pub(super) async fn run(self, console: Console) -> Result<(), Failure> {
        Box::pin(run(&self.place, console, false)).await
    }
}

/// `ended`: also of a deploy that has ended.
async fn run(at: &Where, console: Console, ended: bool) -> Result<(), Failure> {
    let place = at.find()?;
    let store = store(&place)?;
    let name = place.service.name.clone();
    let lock = match store.lock(&format!("the rollback of {name}"), &who()) {
        Ok(lock) => lock,
        Err(StoreError::Busy(_)) => return of_the_one_under_way(&store, &name, ended).await,
        Err(error) => return Err(busy(error)),
    };
    let proxy = super::proxy(&place);
    let driver = super::driver(&place).await?;
    let workshop = Workshop::new(place, proxy, driver);
    let screen = Screen::new(console);
    let last = store.last()?;
    if last.as_ref().is_some_and(|last| last.state.ended().is_none()) {
        super::no_hook_runs(&store)?;
    }
    match last {
        Some(open) if open.state.ended().is_none() => {
            of_an_open_one(workshop, store, lock, open, screen, ended).await
        }
        Some(_) if ended => Box::pin(of_an_ended_one(workshop, store, lock, screen)).await,
        _ if ended => Err(Failure::NotDeployed(format!("{name} was never deployed with this deploy.yml"))),
        _ => Err(Failure::Failed(format!("no deploy of {name} is under way or was left open"))),
    }
}

/// Tells its process, and waits until it is done. One that goes back already is waited for; `abort` alone turns a rollback
/// around.
async fn of_the_one_under_way(store: &Store, name: &str, is_rollback: bool) -> Result<(), Failure> {
    let goes_back = |kept: &Kept| kept.state.back().is_some() || is_a_rollback(kept);
    let said = if is_rollback && store.last()?.as_ref().is_some_and(goes_back) {
        format!("{name} goes back already\n")
    } else {
        store.leave_wish(&Wish::Abort { by: who() })?;
        format!("the deploy of {name} that is under way is told to go back\n")
    };
    print(&said)?;
    while store.locked_by().is_some() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    match store
        .last()?
        .as_ref()
        .and_then(|kept| kept.state.ended().map(|(status, why)| (status, why.to_owned())))
    {
        Some((Status::RolledBack | Status::Failed, why)) => print(&format!("it went back: {why}\n")),
        Some((Status::Deployed, _)) => {
            Err(Failure::Failed(format!("it had just ended; `mizanctl rollback {name}` takes it back now")))
        }
        None => Err(Failure::Halted("its process ended before it was done; say it again".to_owned())),
    }
}

async fn of_an_open_one(
    workshop: Workshop,
    store: Store,
    lock: Lock,
    open: Kept,
    mut screen: Screen,
    is_rollback: bool,
) -> Result<(), Failure> {
    let journal = store.append_to(open.state.plan().number)?;
    screen.tell(&begun(open.state.plan()));
    let by = who();
    // On its way back already: it carries on, and what stopped it is tried again.
    let carries_on = open.state.back().is_some() || (is_rollback && is_a_rollback(&open));
    let record = if carries_on {
        Record::Resumed { by }
    } else {
        if let Err(why) = open.state.may_turn_back() {
            return Err(Failure::NotDeployed(format!("nothing was changed: {why}")));
        }
        let steps = open.state.way_back();
        Record::Back { reason: Reason::Command, why: format!("{by} asked for it"), steps }
    };
    let runner = Runner::resume(workshop, store, lock, journal, open, screen);
    match Box::pin(runner.carry_on(&record)).await.outcome() {
        Err(Failure::RolledBack(_) | Failure::NotDeployed(_)) => Ok(()),
        other => other,
    }
}

async fn of_an_ended_one(
    workshop: Workshop,
    store: Store,
    lock: Lock,
    mut screen: Screen,
) -> Result<(), Failure> {
    let refused = |why: String| Failure::NotDeployed(format!("nothing was changed: {why}"));
    let Some((of, migrated)) = in_force(&store)? else { return Err(refused(NOTHING_BEFORE.to_owned())) };
    let (tools, place) = (&workshop, &workshop.place);
    let ground =
        Ground::look(place, &tools.proxy, &tools.driver).await.map_err(|error| refused(error.to_string()))?;
    let plan = of.plan();
    serves_still(place, &ground, &of).map_err(refused)?;
    let kept = plan.stable.as_ref().is_some_and(|stable| {
        let before = plan.previous.as_ref().and_then(|image| image.id.as_ref());
        let running = ground.running(stable);
        !running.is_empty()
            && before.is_none_or(|id| running.iter().all(|container| container.image_id == *id))
    });
    let running = ground.running(&plan.target).len() as u32;
    // Some of them may be down: that is why somebody goes back.
    let had = running.max(plan.replicas);
    let is_rolling = plan.stable.as_deref() == Some(plan.target.as_str());
    let replicas = place.service.replicas.filter(|_| !is_rolling).unwrap_or(had).max(1);
    let number = store.numbers()?.last().copied().unwrap_or(0) + 1;
    let plan = roll_back(RollingBack {
        number,
        of: Box::new(plan.clone()),
        migrated,
        kept,
        replicas,
        ready: place.ready(replicas),
        hooks: place.hooks(),
    });
    let plan = plan.ok_or_else(|| refused(NOTHING_BEFORE.to_owned()))?;
    let begin = Record::Begin { plan: Box::new(plan), by: who() };
    let now = now_unix_ms();
    let mut journal = store.create(number)?;
    journal.append(now, &begin)?;
    if let Record::Begin { plan, .. } = &begin {
        screen.tell(&begun(plan));
    }
    let runner = Runner::begin(workshop, store, lock, journal, &begin, now, screen);
    Box::pin(runner.run()).await.outcome()
}

/// Somebody asked for the version before already.
fn is_a_rollback(kept: &Kept) -> bool {
    matches!(kept.state.plan().kind, Kind::Rollback { .. })
}

/// The deploy whose version serves, the last good one that was not taken back; and whether its migration is there still.
fn in_force(store: &Store) -> Result<Option<(State, bool)>, Failure> {
    let (mut undone, mut reverted) = (Vec::new(), Vec::new());
    for number in store.numbers()?.into_iter().rev() {
        let Some(kept) = store.read(number)? else { continue };
        let (kind, ended) = (kept.state.plan().kind, kept.state.ended());
        match (kind, ended) {
            (Kind::Rollback { of }, ended) => {
                undone.extend(matches!(ended, Some((Status::RolledBack, _))).then_some(of));
                let revert = |step: &Step| *step == Step::Hook { hook: Hook::RevertMigration };
                reverted.extend(kept.state.has_begun(revert).then_some(of));
            }
            (Kind::Deploy, Some((Status::Deployed, _))) if !undone.contains(&number) => {
                let migrated = kept.state.migrated() && !reverted.contains(&number);
                return Ok(Some((kept.state, migrated)));
            }
            (Kind::Deploy, _) => {}
        }
    }
    Ok(None)
}

/// What serves is what that deploy left.
fn serves_still(place: &Place, ground: &Ground, of: &State) -> Result<(), String> {
    let roles = ground.roles(place.service.tracks.len() == 1)?;
    let plan = of.plan();
    if roles.stable.as_ref() == Some(&plan.target) || roles.stable.is_none() {
        return Ok(());
    }
    Err(format!(
        "what serves is {}, not {}, which deploy {} put there: somebody has changed it since",
        roles.stable.unwrap_or_default(),
        plan.target,
        plan.number
    ))
}
