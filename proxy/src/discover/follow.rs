//! The task that looks a name up, one for each family: waits until a lookup is due, asks, takes the answer in.

use super::lookup::lookup;
use super::message::Family;
use super::resolved::{Confirmation, Resolved};
use super::servers::Servers;
use crate::clock;
use crate::random::random;
use mizan_config::model::Resolver;
use mizan_policy::discover::answers::{Addresses, Answer, Change, Failure, Negative, Rules};
use mizan_policy::discover::schedule::{FRESH_MS, Schedule};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// A name and all that its tasks share.
#[derive(Debug)]
pub(super) struct Followed {
    host: String,
    servers: Arc<Servers>,
    limit: Duration,
    rules: Rules,
    pub(super) families: Vec<FamilyState>,
    pub(super) resolved: watch::Sender<Arc<Resolved>>,
}

#[derive(Debug)]
pub(super) struct FamilyState {
    pub(super) of: Family,
    state: Mutex<State>,
    /// Something was asked of the schedule.
    pub(super) wake: Notify,
    /// The last lookup that ended.
    pub(super) finished: watch::Sender<Option<Finished>>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) schedule: Schedule,
    pub(super) addresses: Addresses,
}

/// A lookup that ended, and what was in use after it.
#[derive(Debug)]
pub(super) struct Finished {
    began_ms: u64,
    pub(super) outcome: Outcome,
    in_use: Vec<IpAddr>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Good,
    Negative(Negative),
    Failed(Failure),
}

impl Followed {
    pub(super) fn new(host: &str, resolver: &Resolver, servers: Arc<Servers>) -> Self {
        let families = if resolver.ipv6 { &[Family::V4, Family::V6][..] } else { &[Family::V4] };
        let family = |&of: &Family| FamilyState {
            of,
            state: Mutex::new(State {
                schedule: Schedule::new(resolver.interval, clock::now()),
                addresses: Addresses::default(),
            }),
            wake: Notify::new(),
            finished: watch::Sender::new(None),
        };
        Self {
            host: host.to_owned(),
            servers,
            limit: resolver.timeout,
            rules: Rules {
                obsolete_hold_ms: resolver.obsolete_hold.as_millis() as u64,
                max_stale_ms: resolver.max_stale.map(|most| most.as_millis() as u64),
            },
            families: families.iter().map(family).collect(),
            resolved: watch::Sender::default(),
        }
    }

    /// Tells followers of the name what it is, if that is news.
    fn publish(&self) {
        self.resolved.send_if_modified(|resolved| {
            // Put together under the channel's lock: of two families that change at once, the later one sees both.
            let mut addresses: Vec<IpAddr> =
                self.families.iter().flat_map(|family| family.state().addresses.in_use()).collect();
            addresses.sort_unstable();
            let looked_up = self.families.iter().all(|family| family.finished.borrow().is_some());
            let known = self.families.iter().any(|family| family.state().addresses.answered());
            // What was known once stays known: a set that emptied is an answer as well.
            let answered = resolved.answered || !addresses.is_empty() || (looked_up && known);
            let next = Resolved { addresses, answered };
            let news = **resolved != next;
            if news {
                *resolved = Arc::new(next);
            }
            news
        });
    }

    /// Says what changed, once and not with every answer.
    fn log(&self, change: &Change, before: Option<Outcome>, now: Outcome) {
        let host = &self.host;
        if !change.is_empty() {
            tracing::info!(name = host, added = ?change.added, removed = ?change.removed, "addresses changed");
        }
        match (before, now) {
            (Some(Outcome::Failed(_)), Outcome::Failed(_))
            | (Some(Outcome::Negative(_)), Outcome::Negative(_))
            | (Some(Outcome::Good) | None, Outcome::Good) => {}
            (_, Outcome::Failed(why)) => {
                tracing::warn!(name = host, "the name cannot be looked up, what is known serves on: {why}");
            }
            (_, Outcome::Negative(why)) => tracing::warn!(name = host, "{why}"),
            (Some(Outcome::Failed(_) | Outcome::Negative(_)), Outcome::Good) => {
                tracing::info!(name = host, "lookups work again");
            }
        }
    }
}

impl FamilyState {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds the lock")
    }
}

impl Finished {
    /// Did it begin late enough to confirm an address for somebody who asked at `asked_ms`?
    pub(super) fn confirms(&self, asked_ms: u64) -> bool {
        self.began_ms.saturating_add(FRESH_MS) >= asked_ms
    }

    pub(super) fn says_of(&self, address: IpAddr) -> Confirmation {
        let in_use = self.in_use.contains(&address);
        match self.outcome {
            Outcome::Good if in_use => Confirmation::Present,
            Outcome::Good => Confirmation::Absent,
            // A negative answer is believed only when the whole set was dropped.
            Outcome::Negative(_) if self.in_use.is_empty() => Confirmation::Absent,
            Outcome::Negative(_) | Outcome::Failed(_) => Confirmation::Unknown,
        }
    }

    /// Why it gave nothing.
    pub(super) fn error(&self) -> Option<String> {
        match self.outcome {
            Outcome::Good => None,
            Outcome::Negative(why) => Some(why.to_string()),
            Outcome::Failed(why) => Some(why.to_string()),
        }
    }
}

impl Outcome {
    fn of(answer: &Answer) -> Self {
        match answer {
            Answer::Addresses { .. } => Self::Good,
            Answer::Negative(why) => Self::Negative(*why),
            Answer::Failed(why) => Self::Failed(*why),
        }
    }
}

/// Looks the name up until aborted.
pub(super) async fn follow(followed: Arc<Followed>, family: usize) {
    let family = &followed.families[family];
    loop {
        until_due(&followed, family).await;
        let began_ms = clock::now();
        family.state().schedule.begin(began_ms);
        let answer = lookup(&followed.servers, &followed.host, family.of, followed.limit).await;
        take_in(&followed, family, &answer, began_ms);
    }
}

/// Waits until a lookup is due; meanwhile drops what time alone removes.
async fn until_due(followed: &Followed, family: &FamilyState) {
    loop {
        let now_ms = clock::now();
        let (due_ms, wakeup_ms) = {
            let mut state = family.state();
            let change = state.addresses.on_time(&followed.rules, now_ms);
            let due_ms = state.schedule.due().unwrap_or(now_ms);
            let wakeup_ms = state.addresses.wakeup(&followed.rules);
            drop(state);
            if !change.is_empty() {
                followed.log(&change, None, Outcome::Good);
                followed.publish();
            }
            (due_ms, wakeup_ms)
        };
        if due_ms <= now_ms {
            return;
        }
        let wait_ms = due_ms.min(wakeup_ms.unwrap_or(u64::MAX)).saturating_sub(now_ms);
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(wait_ms)) => {}
            () = family.wake.notified() => {}
        }
    }
}

fn take_in(followed: &Followed, family: &FamilyState, answer: &Answer, began_ms: u64) {
    let now_ms = clock::now();
    let (change, in_use) = {
        let mut state = family.state();
        state.schedule.finish(answer, now_ms, random());
        (state.addresses.on_answer(answer, &followed.rules, now_ms), state.addresses.in_use())
    };
    let outcome = Outcome::of(answer);
    let before = family.finished.borrow().as_ref().map(|last| last.outcome);
    followed.log(&change, before, outcome);
    family.finished.send_replace(Some(Finished { began_ms, outcome, in_use }));
    followed.publish();
}
