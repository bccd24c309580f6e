//! One name that is watched, as the rest of the proxy sees it.

use super::follow::{Followed, Outcome, follow};
use super::message::Family;
use super::resolved::{Confirmation, Resolved};
use super::servers::Servers;
use crate::clock;
use mizan_config::model::Resolver;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// A name's state for metrics and the admin API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Status {
    /// Of the last good answer, in the family where it is older. `None`: there was none.
    pub(crate) age: Option<Duration>,
    /// Why the last lookup gave nothing.
    pub(crate) last_error: Option<String>,
}

/// Watches a name for as long as it lives.
#[derive(Debug)]
pub(crate) struct Watch {
    followed: Arc<Followed>,
    tasks: Vec<AbortHandle>,
}

impl Watch {
    pub(super) fn start(host: &str, resolver: &Resolver, servers: &Arc<Servers>, runtime: &Handle) -> Self {
        let followed = Arc::new(Followed::new(host, resolver, servers.clone()));
        let tasks = (0..followed.families.len())
            .map(|family| runtime.spawn(follow(followed.clone(), family)).abort_handle())
            .collect();
        Self { followed, tasks }
    }

    /// What the name is now. Never waits.
    pub(crate) fn current(&self) -> Arc<Resolved> {
        self.followed.resolved.borrow().clone()
    }

    /// Wakes whenever [`Resolved`] changes, and ends with this watch.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Arc<Resolved>> {
        self.followed.resolved.subscribe()
    }

    /// Has the name looked up at once, or a second after the last kicked lookup.
    pub(crate) fn kick(&self) {
        for family in &self.followed.families {
            family.state().schedule.kick(clock::now());
            family.wake.notify_one();
        }
    }

    /// Is the address still the name's? Waits for a lookup begun no longer than a moment ago, shared by all who wait,
    /// and no longer than `limit`.
    ///
    /// While lookups fail the answer is `Unknown` at once, so that requests do not wait for a server that is away.
    pub(crate) async fn confirm(&self, address: IpAddr, limit: Duration) -> Confirmation {
        let of = Family::of(address);
        let Some(family) = self.followed.families.iter().find(|family| family.of == of) else {
            return Confirmation::Unknown;
        };
        let asked_ms = clock::now();
        let mut finished = family.finished.subscribe();
        family.state().schedule.demand(asked_ms);
        family.wake.notify_one();
        let enough = |last: &super::follow::Finished| {
            last.confirms(asked_ms) || matches!(last.outcome, Outcome::Failed(_))
        };
        match tokio::time::timeout(limit, finished.wait_for(|last| last.as_ref().is_some_and(enough))).await {
            Ok(Ok(last)) => last.as_ref().map_or(Confirmation::Unknown, |last| last.says_of(address)),
            Ok(Err(_)) | Err(_) => Confirmation::Unknown,
        }
    }

    /// Has the name looked up, and waits for the end of lookups begun no longer than a moment ago, and no longer than
    /// `limit`.
    pub(crate) async fn refresh(&self, limit: Duration) {
        let asked_ms = clock::now();
        for family in &self.followed.families {
            let mut finished = family.finished.subscribe();
            family.state().schedule.demand(asked_ms);
            family.wake.notify_one();
            let fresh = finished.wait_for(|last| last.as_ref().is_some_and(|last| last.confirms(asked_ms)));
            // What is not answered in time shows by its age.
            let _ = tokio::time::timeout(limit, fresh).await;
        }
    }

    /// For metrics and the admin API.
    pub(crate) fn status(&self) -> Status {
        let now_ms = clock::now();
        let families = &self.followed.families;
        let age_ms = families.iter().filter_map(|family| family.state().addresses.good_at_ms());
        let last_error = families.iter().find_map(|family| family.finished.borrow().as_ref()?.error());
        Status {
            age: age_ms.min().map(|at_ms| Duration::from_millis(now_ms.saturating_sub(at_ms))),
            last_error,
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}
