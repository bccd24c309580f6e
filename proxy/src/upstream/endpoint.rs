//! One endpoint: an address, what is under way there, and what is known of its health.

use super::dial::Dial;
use super::Address;
use super::address::entry_name;
use crate::check::{self, Target};
use crate::discover::Watch;
use crate::forward::Failure;
use mizan_api::{EndpointState, EndpointStatus};
use mizan_config::model::{EndpointAddress, HealthCheck, Timeouts};
use mizan_policy::health::{Confidence, ConfidenceCell, Event, Passive, PassiveState};
use pingora_core::upstreams::peer::{HttpPeer, HttpUpstreamRequestPolicy};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock, Weak};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio::task::AbortHandle;

/// Kept connections are closed after so long without a request: just below the shortest keepalive that is a common
/// server's default (Node: 5 s), so that a request rarely meets a connection that its other end is closing.
const KEPT_FOR: Duration = Duration::from_secs(4);
/// What a connection beyond `keepalive` is kept for: long enough to be handed back, not to be found again.
const NOT_KEPT: Duration = Duration::from_millis(1);
/// Reads of a tunnel (WebSocket) may be this far apart.
const TUNNEL_READ: Duration = Duration::from_secs(3600);

/// Identity is the address: an endpoint outlives reloads and answers of discovery, and its counts with it.
pub(crate) struct Endpoint {
    pub(crate) address: Address,
    /// The entry of mizan.yml: `api:3000`.
    pub(crate) from: String,
    name: String,
    key: u64,
    /// `None` for addresses that are written out: nobody can be asked about them.
    watch: Option<Arc<Watch>>,
    template: HttpPeer,
    born: Instant,
    /// Requests under way.
    pub(super) active: AtomicU32,
    /// Open connections, kept ones included.
    pub(super) connections: AtomicU64,
    pub(super) requests: AtomicU64,
    failures: AtomicU64,
    passive: PassiveState,
    confidence: ConfidenceCell,
    checked: AtomicU8,
    last_failure: RwLock<String>,
    left: AtomicBool,
    left_now: Notify,
    check: Mutex<Option<Checking>>,
}

/// What active checks say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CheckResult {
    /// There are none, or none has ended yet.
    Unknown,
    Healthy,
    Unhealthy,
}

struct Checking {
    check: Arc<HealthCheck>,
    task: AbortHandle,
}

impl Drop for Checking {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Endpoint {
    pub(super) fn new(address: Address, entry: &EndpointAddress, watch: Option<Arc<Watch>>) -> Arc<Self> {
        let name = address.to_string();
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        let key = hasher.finish();
        Arc::new_cyclic(|this: &Weak<Self>| Self {
            template: template(&address, this.clone()),
            address,
            from: entry_name(entry),
            name,
            key,
            watch,
            born: Instant::now(),
            active: AtomicU32::new(0),
            connections: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            passive: PassiveState::default(),
            confidence: ConfidenceCell::default(),
            checked: AtomicU8::new(0),
            last_failure: RwLock::default(),
            left: AtomicBool::new(false),
            left_now: Notify::new(),
            check: Mutex::new(None),
        })
    }

    /// For logs.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// For a request that brought no Host of its own.
    pub(crate) fn host(&self) -> &str {
        if matches!(self.address, Address::Unix(_)) { "localhost" } else { &self.from }
    }

    pub(crate) fn key(&self) -> u64 {
        self.key
    }

    pub(crate) fn active(&self) -> u32 {
        self.active.load(Ordering::Relaxed)
    }

    fn clock(&self) -> u64 {
        self.born.elapsed().as_millis() as u64
    }

    /// May take a request. `ejected_too`: passive ejection is overlooked, since nobody else is left.
    pub(super) fn usable(&self, passive: &Passive, ejected_too: bool) -> bool {
        if self.left.load(Ordering::Relaxed) || self.check_result() == CheckResult::Unhealthy {
            return false;
        }
        let now = self.clock();
        self.confidence.may_try(now) && (ejected_too || self.passive.available(passive, now))
    }

    /// The engine's description of this endpoint for one try.
    pub(crate) fn peer(&self, timeouts: &Timeouts, connect: Duration, keepalive: usize, upgrade: bool) -> HttpPeer {
        let mut peer = self.template.clone();
        let kept = self.connections.load(Ordering::Relaxed) <= keepalive as u64;
        peer.options.total_connection_timeout = Some(connect);
        peer.options.read_timeout = Some(if upgrade { TUNNEL_READ } else { timeouts.read });
        peer.options.write_timeout = Some(timeouts.send);
        peer.options.idle_timeout = Some(if kept { KEPT_FOR } else { NOT_KEPT });
        peer
    }

    /// An answer has begun.
    pub(crate) fn answered(&self, passive: &Passive) {
        let now = self.clock();
        self.passive.succeeded(passive, now);
        self.confidence.on(Event::Answered, now);
    }

    /// A try failed. True when this took the endpoint out of rotation.
    pub(crate) fn failed(&self, failure: Failure, passive: &Passive) -> bool {
        let now = self.clock();
        let starting = self.confidence.get(now) == Confidence::Starting;
        if matches!(failure, Failure::Connect | Failure::ConnectTime) {
            self.confidence.on(Event::ConnectFailed, now);
            self.kick();
            if starting {
                return false;
            }
        }
        if failure == Failure::StaleConnection {
            // The other end may close what is idle; the next connect tells whether it is still there.
            return false;
        }
        self.failures.fetch_add(1, Ordering::Relaxed);
        *self.last_failure.write().expect("nothing panics while it holds the lock") = failure.explain().to_owned();
        self.passive.failed(passive, now)
    }

    /// A connection closed. When it was the last one, the address may be somebody else's by now.
    pub(super) fn connection_closed(&self) {
        if self.connections.fetch_sub(1, Ordering::AcqRel) == 1 && self.watch.is_some() {
            self.confidence.on(Event::ConnectionsClosed, self.clock());
        }
    }

    /// Has the address looked up again, soon and once for all who ask.
    pub(super) fn kick(&self) {
        if let Some(watch) = &self.watch {
            watch.kick();
        }
    }

    /// True when a lookup has to confirm the address before it is dialled.
    pub(super) fn unconfirmed(&self) -> bool {
        self.watch.is_some() && self.confidence.get(self.clock()) == Confidence::Unconfirmed
    }

    /// Asks discovery about the address. False: it is not this endpoint's any more.
    pub(super) async fn confirm(&self, limit: Duration) -> bool {
        use crate::discover::Confirmation;
        let (Some(watch), Address::Tcp(address)) = (&self.watch, &self.address) else { return true };
        let confirmation = watch.confirm(address.ip(), limit).await;
        let event = match confirmation {
            Confirmation::Present => Event::LookedUp,
            Confirmation::Absent => Event::LookupAbsent,
            Confirmation::Unknown => Event::LookupFailed,
        };
        self.confidence.on(event, self.clock());
        confirmation != Confirmation::Absent && self.confidence.may_try(self.clock())
    }

    /// The address left its name's answer: no new requests, pending connects given up.
    pub(super) fn leave(&self) {
        if !self.left.swap(true, Ordering::AcqRel) {
            self.left_now.notify_waiters();
            *self.check.lock().expect("nothing panics while it holds the lock") = None;
        }
    }

    /// The address is back: what is under way counts on, health starts anew.
    pub(super) fn come_back(&self) {
        if self.left.swap(false, Ordering::AcqRel) {
            self.passive.reset();
            self.confidence.reset();
            self.checked.store(0, Ordering::Relaxed);
        }
    }

    pub(super) fn has_left(&self) -> bool {
        self.left.load(Ordering::Acquire)
    }

    /// Returns once the endpoint has left.
    pub(super) async fn left(&self) {
        loop {
            let left = self.left_now.notified();
            if self.has_left() {
                return;
            }
            left.await;
        }
    }

    /// Starts, changes or ends its active checks.
    pub(super) fn set_check(self: &Arc<Self>, wanted: Option<&Arc<HealthCheck>>) {
        let mut check = self.check.lock().expect("nothing panics while it holds the lock");
        if check.as_ref().map(|running| running.check.as_ref()) == wanted.map(AsRef::as_ref) || self.has_left() {
            return;
        }
        *check = wanted.map(|wanted| Checking { check: wanted.clone(), task: spawn_check(self, wanted).abort_handle() });
        if wanted.is_none() {
            self.checked.store(0, Ordering::Relaxed);
        }
    }

    fn check_result(&self) -> CheckResult {
        match self.checked.load(Ordering::Relaxed) {
            1 => CheckResult::Healthy,
            2 => CheckResult::Unhealthy,
            _ => CheckResult::Unknown,
        }
    }

    fn note_check(&self, healthy: bool, why: &str) {
        self.checked.store(if healthy { 1 } else { 2 }, Ordering::Relaxed);
        if healthy {
            self.confidence.on(Event::Answered, self.clock());
            tracing::info!(endpoint = self.name, from = self.from, "endpoint is healthy");
        } else {
            why.clone_into(&mut self.last_failure.write().expect("nothing panics while it holds the lock"));
            tracing::warn!(endpoint = self.name, from = self.from, "endpoint is unhealthy: {why}");
        }
    }

    pub(crate) fn status(&self, passive: &Passive) -> EndpointStatus {
        let now = self.clock();
        let state = if self.has_left() {
            EndpointState::Draining
        } else if self.check_result() == CheckResult::Unhealthy {
            EndpointState::Unhealthy
        } else if !self.passive.available(passive, now) {
            EndpointState::Ejected
        } else {
            match self.confidence.get(now) {
                Confidence::Starting => EndpointState::Starting,
                Confidence::Confirmed => EndpointState::Up,
                Confidence::Unconfirmed | Confidence::Suspect => EndpointState::Unconfirmed,
            }
        };
        let why = match state {
            EndpointState::Up | EndpointState::Starting => String::new(),
            EndpointState::Draining => "its address left the name's answer".to_owned(),
            EndpointState::Ejected | EndpointState::Unhealthy | EndpointState::Unconfirmed => {
                self.last_failure.read().expect("nothing panics while it holds the lock").clone()
            }
        };
        EndpointStatus {
            address: self.name.clone(),
            from: self.from.clone(),
            state,
            why,
            in_flight: u64::from(self.active()),
            connections: self.connections.load(Ordering::Relaxed),
            requests: self.requests.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
        }
    }
}

fn spawn_check(endpoint: &Arc<Endpoint>, check: &Arc<HealthCheck>) -> tokio::task::JoinHandle<()> {
    let target = match &endpoint.address {
        Address::Tcp(address) => Target::Tcp(*address),
        Address::Unix(path) => Target::Unix(path.clone()),
    };
    let host = check.host.clone().unwrap_or_else(|| endpoint.host().to_owned());
    let weak = Arc::downgrade(endpoint);
    let check = check.clone();
    tokio::spawn(async move {
        check::watch_endpoint(&check, &target, &host, |healthy, why| {
            if let Some(endpoint) = weak.upgrade() {
                endpoint.note_check(healthy, why);
            }
        })
        .await;
    })
}

/// What does not change between two tries. The group key keeps connections of different endpoint objects apart, so that
/// one that left and came back under the same address is never served over the old one's connections.
fn template(address: &Address, endpoint: Weak<Endpoint>) -> HttpPeer {
    let mut peer = match address {
        Address::Tcp(address) => HttpPeer::new(*address, false, String::new()),
        Address::Unix(path) => HttpPeer::new_uds(&path.to_string_lossy(), false, String::new())
            .unwrap_or_else(|_| HttpPeer::new(unreachable_address(), false, String::new())),
    };
    peer.group_key = next_group();
    peer.options.custom_l4 = Some(Arc::new(Dial::new(endpoint)));
    // What is between two hops is taken out by policy::head, for every engine alike.
    peer.options.http_upstream_request_policy = HttpUpstreamRequestPolicy::preserve();
    peer
}

/// Stands in for a Unix path that no socket address can hold; mizan.yml's check refuses those.
fn unreachable_address() -> SocketAddr {
    SocketAddr::from((IpAddr::V4(Ipv4Addr::LOCALHOST), 0))
}

fn next_group() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("address", &self.address).finish_non_exhaustive()
    }
}
