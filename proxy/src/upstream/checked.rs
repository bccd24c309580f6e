//! An endpoint's active checks: the task that runs them, and what they say.

use super::Endpoint;
use crate::check;
use crate::random::random;
use mizan_config::model::HealthCheck;
use mizan_policy::health::active::Verdict;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::task::AbortHandle;

#[derive(Default)]
pub(super) struct Checked {
    /// One of the constants below, so that choosing an endpoint takes no lock.
    verdict: AtomicU8,
    running: Mutex<Option<Running>>,
}

const NO_CHECKS: u8 = 0;
const UNKNOWN: u8 = 1;
const HEALTHY: u8 = 2;
const UNHEALTHY: u8 = 3;

struct Running {
    check: Arc<HealthCheck>,
    task: AbortHandle,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Checked {
    /// `None`: there are no checks.
    pub(super) fn verdict(&self) -> Option<Verdict> {
        match self.verdict.load(Ordering::Relaxed) {
            NO_CHECKS => None,
            HEALTHY => Some(Verdict::Healthy),
            UNHEALTHY => Some(Verdict::Unhealthy),
            _ => Some(Verdict::Unknown),
        }
    }

    /// The checks came to a verdict.
    pub(super) fn note(&self, healthy: bool) {
        self.verdict.store(if healthy { HEALTHY } else { UNHEALTHY }, Ordering::Relaxed);
    }

    /// Starts the checks of `endpoint`, or goes on with them where they are the wanted ones.
    pub(super) fn run(&self, endpoint: &Arc<Endpoint>, wanted: &Arc<HealthCheck>) {
        let mut running = self.running();
        if running.as_ref().is_some_and(|running| running.check == *wanted) {
            return;
        }
        *running = Some(Running { check: wanted.clone(), task: spawn(endpoint, wanted) });
        self.verdict.store(UNKNOWN, Ordering::Relaxed);
    }

    pub(super) fn stop(&self) {
        *self.running() = None;
        self.verdict.store(NO_CHECKS, Ordering::Relaxed);
    }

    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().expect("nothing panics while it holds the lock")
    }
}

fn spawn(endpoint: &Arc<Endpoint>, check: &Arc<HealthCheck>) -> AbortHandle {
    let target = endpoint.target();
    let host = check.host.clone().unwrap_or_else(|| endpoint.host().to_owned());
    let weak = Arc::downgrade(endpoint);
    let check = check.clone();
    let checking = async move {
        let changed = |healthy, why: &str| {
            if let Some(endpoint) = weak.upgrade() {
                endpoint.note_check(healthy, why);
            }
        };
        check::watch_endpoint(&check, &target, &host, changed, random).await;
    };
    tokio::spawn(checking).abort_handle()
}
