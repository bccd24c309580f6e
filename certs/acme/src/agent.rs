//! Keeps every certificate that a configuration wants: looks when each is due, orders what is, and says how it stands.

mod diagnose;
mod job;
mod schedule;
#[cfg(test)]
mod tests;

use crate::answers::Answers;
use crate::client::Client;
use crate::clock::unix_now;
use crate::dns::Records;
use crate::order::Work;
use crate::settings::Settings;
use crate::store::{Ledger, Store, StoreError};
use mizan_certs::renewal::Due;
use mizan_certs::{Unsaved, kept};
use schedule::{allows, asks_window, next, resumes};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore};

/// Orders at once.
const AT_ONCE: usize = 4;
/// The longest time between two looks: another process may have changed what lies in the store.
const LOOK: Duration = Duration::from_secs(60);
/// The shortest: a certificate of seconds is renewed in time, and nothing spins.
const SOON: Duration = Duration::from_millis(250);
/// When a set is looked at again that another process is at, or whose ledger cannot be read.
const ELSEWHERE: Duration = Duration::from_secs(2);
/// How often it is tried to write what a disk did not take.
const UNSAVED: Duration = Duration::from_secs(30);

/// One for a process.
pub struct Agent {
    answers: Arc<Answers>,
    unsaved: Arc<Unsaved>,
    plan: Mutex<Option<Arc<Plan>>>,
    sets: Mutex<BTreeMap<String, Standing>>,
    wake: Notify,
    at_once: Arc<Semaphore>,
    told: Box<dyn Fn(News) + Send + Sync>,
}

/// What others have to know at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// There is another certificate to be served.
    Issued,
    /// An attempt failed.
    Failed { names: Vec<String>, why: String },
}

/// What is wanted, with what gets it.
pub struct Plan {
    pub(crate) work: Arc<Work>,
}

/// Why a plan cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How it stands with one set of names.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    pub(crate) names: Vec<String>,
    pub(crate) running: bool,
    /// Asked for by a person, whatever the schedule says.
    wish: Option<Wish>,
    pub(crate) due: Option<Due>,
    /// Not looked at before.
    pause_until: Option<tokio::time::Instant>,
    /// As it was when it was last read or written.
    pub(crate) ledger: Option<Ledger>,
    /// What keeps the store from being used, and since when, in Unix seconds.
    pub(crate) obstacle: Option<(String, i64)>,
}

#[derive(Debug, Clone)]
struct Wish {
    name: String,
    /// Unix seconds.
    at: i64,
    /// Whatever the ledger says, too.
    force: bool,
}

/// Why an order was not begun.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenewError {
    #[error("no site with `tls: acme` has the host {0}")]
    Unknown(String),
    #[error("{0}")]
    NotNow(String),
}

impl Agent {
    /// `unsaved`: shared with whoever reads certificates. `told`: called on a blocking thread.
    pub fn new(
        answers: Arc<Answers>,
        unsaved: Arc<Unsaved>,
        told: impl Fn(News) + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            answers,
            unsaved,
            plan: Mutex::default(),
            sets: Mutex::default(),
            wake: Notify::new(),
            at_once: Arc::new(Semaphore::new(AT_ONCE)),
            told: Box::new(told),
        })
    }

    /// Opens what a plan needs; nothing changes yet.
    pub fn prepare(&self, settings: Option<Settings>) -> Result<Option<Plan>, PlanError> {
        let Some(settings) = settings else { return Ok(None) };
        let store = Store::open(&settings.state, &settings.acme.directory, self.unsaved.clone())?;
        let client = Client::new(settings.acme.ca.as_deref(), &settings.resolvers);
        let records = settings.acme.dns.as_ref().map(|dns| Records::new(dns, &settings.resolvers));
        let answers = self.answers.clone();
        let work = Work { settings: Arc::new(settings), store, client, answers, records };
        Ok(Some(Plan { work: Arc::new(work) }))
    }

    /// Goes by another plan from now on; orders that are under way end as they began.
    pub fn follow(&self, plan: Option<Plan>) {
        let plan = plan.map(Arc::new);
        self.answers
            .share(plan.as_ref().map(|plan| plan.work.settings.state.join("acme").join("challenges")));
        let mut sets = self.sets();
        let mut next = BTreeMap::new();
        for names in plan.iter().flat_map(|plan| &plan.work.settings.sets) {
            let slug = kept::slug(names);
            // Another authority has another ledger; a person's wish is the same.
            let standing = match sets.remove(&slug) {
                Some(last) if last.running => last,
                last => Standing { wish: last.and_then(|last| last.wish), ..Standing::new(names) },
            };
            next.insert(slug, standing);
        }
        *sets = next;
        *self.plan.lock().expect("nothing panics while it holds the lock") = plan;
        self.wake.notify_one();
    }

    /// Looks and orders for ever.
    pub async fn run(self: Arc<Self>) {
        if let Some(plan) = self.plan() {
            let _ = tokio::task::spawn_blocking(move || plan.work.store.challenges().tidy()).await;
        }
        let mut unsaved = tokio::time::interval(UNSAVED);
        loop {
            let pause = self.clone().look().await;
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.wake.notified() => {}
                _ = unsaved.tick() => self.write_unsaved().await,
            }
        }
    }

    /// Begins nothing any more: the process ends.
    pub fn end(&self) {
        self.at_once.close();
    }

    /// Whether the process ends.
    pub(crate) fn is_ending(&self) -> bool {
        self.at_once.is_closed()
    }

    /// Begins what is due; says how long nothing else will be.
    async fn look(self: Arc<Self>) -> Duration {
        let Some(plan) = self.plan() else { return LOOK };
        let (agent, of) = (self.clone(), plan.clone());
        let looked = tokio::task::spawn_blocking(move || agent.take_stock(&of)).await;
        let (due, pause) = looked.unwrap_or_default();
        for names in due {
            tokio::spawn(job::run(self.clone(), plan.clone(), names));
        }
        pause.clamp(SOON, LOOK)
    }

    /// Every set held against the schedule: those that are due, marked as running, and the time until the next one is.
    fn take_stock(&self, plan: &Arc<Plan>) -> (Vec<Vec<String>>, Duration) {
        let kept = plan.work.store.shelf();
        self.read_ledgers(plan);
        let now = unix_now();
        let mut begun = Vec::new();
        let mut pause = LOOK;
        let mut sets = self.sets();
        if !self.follows(plan) {
            return (begun, SOON);
        }
        for standing in sets.values_mut().filter(|standing| !standing.running) {
            let kept = match &kept {
                Ok(kept) => kept,
                Err(error) => {
                    standing.meet(error.to_string());
                    continue;
                }
            };
            let left = standing.paused();
            let (None, Some(ledger)) = (left, &mut standing.ledger) else {
                pause = pause.min(left.unwrap_or(LOOK));
                continue;
            };
            standing.obstacle = None;
            ledger.mend(now);
            let due = next(&standing.names, ledger, kept, now);
            standing.due = Some(due);
            let ask = asks_window(&standing.names, ledger, kept, now).unwrap_or(i64::MAX);
            if due.at <= now || ask <= now || resumes(ledger) || standing.wish.is_some() {
                standing.running = true;
                begun.push(standing.names.clone());
            } else {
                let left = due.at.min(ask).saturating_sub(now).max(0);
                pause = pause.min(Duration::from_secs(left.unsigned_abs()));
            }
        }
        (begun, pause)
    }

    /// Whether it is this plan that is gone by.
    fn follows(&self, plan: &Arc<Plan>) -> bool {
        self.plan().is_some_and(|current| Arc::ptr_eq(&current, plan))
    }

    /// Reads the ledgers that are not known yet, or not any more; who asks how it stands never waits for the disk.
    fn read_ledgers(&self, plan: &Arc<Plan>) {
        let unknown = |standing: &&Standing| {
            !standing.running && standing.ledger.is_none() && standing.paused().is_none()
        };
        let unknown: Vec<Vec<String>> =
            self.sets().values().filter(unknown).map(|standing| standing.names.clone()).collect();
        for names in unknown {
            let read = plan.work.store.ledger(&names);
            let mut sets = self.sets();
            if !self.follows(plan) {
                return;
            }
            let Some(standing) = sets.get_mut(&kept::slug(&names)) else { continue };
            match read {
                Ok(ledger) => {
                    standing.obstacle = None;
                    standing.ledger = Some(ledger);
                }
                Err(error) => standing.meet(error.to_string()),
            }
        }
    }

    async fn write_unsaved(&self) {
        let Some(plan) = self.plan() else { return };
        if self.unsaved.all().is_empty() {
            return;
        }
        // An error would mean that it panicked; it is tried again.
        let _ = tokio::task::spawn_blocking(move || {
            plan.work.store.write_unsaved(&plan.work.settings.sets);
        })
        .await;
    }

    /// Orders now what `name` belongs to.
    pub fn renew(&self, name: &str, force: bool) -> Result<(), RenewError> {
        let (now, name) = (unix_now(), &name.to_ascii_lowercase());
        let mut sets = self.sets();
        let standing = sets.values_mut().find(|standing| standing.names.iter().any(|known| known == name));
        let Some(standing) = standing else { return Err(RenewError::Unknown(name.clone())) };
        if let (false, Some(ledger)) = (force, &standing.ledger) {
            allows(ledger, now).map_err(RenewError::NotNow)?;
        }
        standing.wish = Some(Wish { name: name.clone(), at: now, force });
        standing.pause_until = None;
        drop(sets);
        self.wake.notify_one();
        Ok(())
    }

    pub fn answers(&self) -> &Arc<Answers> {
        &self.answers
    }

    pub fn unsaved(&self) -> &Arc<Unsaved> {
        &self.unsaved
    }

    /// Tells it where it may wait.
    pub(crate) async fn tell(self: &Arc<Self>, news: News) {
        let agent = self.clone();
        // An error would mean that it panicked; the watch on the files takes a certificate up then.
        let _ = tokio::task::spawn_blocking(move || (agent.told)(news)).await;
    }

    pub(crate) fn plan(&self) -> Option<Arc<Plan>> {
        self.plan.lock().expect("nothing panics while it holds the lock").clone()
    }

    /// How it stands with the set of exactly these names.
    pub(crate) fn standing(&self, names: &[String]) -> Option<Standing> {
        self.sets().get(&kept::slug(names)).cloned()
    }

    fn sets(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Standing>> {
        self.sets.lock().expect("nothing panics while it holds the lock")
    }
}

impl std::fmt::Debug for Agent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Agent").field("sets", &self.sets().len()).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plan").field("sets", &self.work.settings.sets).finish_non_exhaustive()
    }
}

impl Standing {
    fn new(names: &[String]) -> Self {
        Self {
            names: names.to_vec(),
            running: false,
            wish: None,
            due: None,
            pause_until: None,
            ledger: None,
            obstacle: None,
        }
    }

    /// How long it is still not to be looked at.
    fn paused(&self) -> Option<Duration> {
        let left = self.pause_until?.saturating_duration_since(tokio::time::Instant::now());
        (!left.is_zero()).then_some(left)
    }

    /// Something is in the way that is not the authority's: told once, looked at again a little later.
    fn meet(&mut self, obstacle: String) {
        if self.obstacle.as_ref().is_none_or(|(last, _)| *last != obstacle) {
            tracing::error!("certificate for {}: {obstacle}", self.names.join(", "));
            self.obstacle = Some((obstacle, unix_now()));
        }
        self.pause_until = Some(tokio::time::Instant::now() + LOOK);
    }
}
