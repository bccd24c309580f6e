//! What the whole process shares: the snapshot in force, the counts, and whether it is ending.

use crate::gate::Gate;
use crate::observe::metrics::Metrics;
use crate::snapshot::Snapshot;
use arc_swap::{ArcSwap, ArcSwapOption, Guard};
use mizan_acme::Agent;
use mizan_certs::ServerTls;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

pub(crate) struct Runtime {
    snapshot: ArcSwap<Snapshot>,
    /// The certificates in force; `None` until the first ones are. Swapped with the snapshot, and whenever the files change.
    server_tls: ArcSwapOption<ServerTls>,
    pub(crate) gate: Arc<Gate>,
    /// What gets certificates, and answers for them.
    pub(crate) acme: Arc<Agent>,
    pub(crate) metrics: Arc<Metrics>,
    /// Shared with every snapshot, so that a request sees it without a second look here.
    draining: Arc<AtomicBool>,
    requests: Arc<Requests>,
    last_full: AtomicU64,
    /// The port of the first TLS listener; 0: there is none.
    https_port: AtomicU16,
    pub(crate) started_unix_ms: u64,
}

/// Requests under way in the whole process.
#[derive(Default)]
struct Requests {
    active: AtomicUsize,
    none_left: Notify,
}

/// One request under way; given back by Drop.
pub(crate) struct Busy(Arc<Requests>);

/// The pause between two log lines about a full process.
const FULL_LOG_PAUSE: Duration = Duration::from_secs(1);

impl Runtime {
    pub(crate) fn new(snapshot: Snapshot, acme: Arc<Agent>, draining: Arc<AtomicBool>) -> Arc<Self> {
        Arc::new(Self {
            gate: Gate::new(snapshot.limits.connections),
            snapshot: ArcSwap::from_pointee(snapshot),
            server_tls: ArcSwapOption::empty(),
            acme,
            metrics: Arc::new(Metrics::new()),
            draining,
            requests: Arc::default(),
            last_full: AtomicU64::new(0),
            https_port: AtomicU16::new(0),
            started_unix_ms: crate::clock::unix_ms(),
        })
    }

    /// The snapshot in force, for a moment.
    pub(crate) fn snapshot(&self) -> Guard<Arc<Snapshot>> {
        self.snapshot.load()
    }

    /// The snapshot in force, to keep for a request's life.
    pub(crate) fn snapshot_arc(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Puts the next snapshot in force for every request that begins from now on; hands back the last one.
    pub(crate) fn install(&self, next: Snapshot) -> Arc<Snapshot> {
        self.gate.set_limit(next.limits.connections);
        self.snapshot.swap(Arc::new(next))
    }

    /// The certificates in force.
    pub(crate) fn server_tls(&self) -> Guard<Option<Arc<ServerTls>>> {
        self.server_tls.load()
    }

    /// Puts certificates in force for every handshake that begins from now on.
    pub(crate) fn install_tls(&self, tls: Arc<ServerTls>) {
        self.server_tls.store(Some(tls));
    }

    pub(crate) fn set_https_port(&self, port: Option<u16>) {
        self.https_port.store(port.unwrap_or(0), Ordering::Relaxed);
    }

    /// Where clients reach TLS, as far as the listeners say it.
    pub(crate) fn https_port(&self) -> u16 {
        match self.https_port.load(Ordering::Relaxed) {
            0 => 443,
            port => port,
        }
    }

    pub(crate) fn draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub(crate) fn begin_request(&self) -> Busy {
        self.requests.active.fetch_add(1, Ordering::Relaxed);
        Busy(self.requests.clone())
    }

    pub(crate) fn active_requests(&self) -> usize {
        self.requests.active.load(Ordering::Relaxed)
    }

    /// Returns once no request is under way.
    pub(crate) async fn idle(&self) {
        loop {
            let none_left = self.requests.none_left.notified();
            if self.active_requests() == 0 {
                return;
            }
            none_left.await;
        }
    }

    /// Says, at most once a second, that connections are turned away.
    pub(crate) fn note_full(&self) {
        let now = crate::clock::now().max(1);
        let last = self.last_full.load(Ordering::Relaxed);
        let due = last == 0 || now.saturating_sub(last) >= FULL_LOG_PAUSE.as_millis() as u64;
        if due && self.last_full.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            tracing::warn!(
                "connections are turned away: {} are open; raise `limits.connections` if this machine can bear more",
                self.gate.open()
            );
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        if self.0.active.fetch_sub(1, Ordering::Release) == 1 {
            self.0.none_left.notify_waiters();
        }
    }
}
