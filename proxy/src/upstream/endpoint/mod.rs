//! One endpoint: an address, what is under way there, and what is known of its health.

mod peer;
mod state;

pub(crate) use peer::Lane;

use super::Address;
use super::Failure;
use super::Transport;
use super::address::entry_name;
use super::checked::Checked;
use super::dial::{CONFIRM, HANGS, TunnelDial};
use crate::check::Target;
use crate::clock;
use crate::discover::{Confirmation, Watch};
use mizan_api::EndpointState;
use mizan_config::model::{EndpointAddress, HealthCheck};
use mizan_policy::health::cell::ConfidenceCell;
use mizan_policy::health::confidence::{Confidence, Dial as May, Event};
use mizan_policy::health::fitness::Fitness;
use mizan_policy::health::passive::{Failed, Passive, PassiveState, Standing};
use peer::{KEPT_FOR, next_group, template};
use pingora_core::upstreams::peer::HttpPeer;
use std::borrow::Cow;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;
use tokio::sync::Notify;

/// How much earlier than that, in milliseconds, a close may still be our own.
const KEPT_MARGIN: u64 = 200;

/// Identity is the address: an endpoint outlives reloads and answers of discovery, and its counts with it.
pub(crate) struct Endpoint {
    pub(crate) address: Address,
    /// The entry of mizan.yml: `api:3000`.
    pub(crate) from: String,
    name: String,
    key: u64,
    /// `None` for addresses that are written out: nobody can be asked about them.
    watch: Option<Arc<Watch>>,
    /// The entry of mizan.yml, and how what it names is spoken to.
    entry: EndpointAddress,
    transport: Arc<Transport>,
    template: HttpPeer,
    tunnel_dial: Arc<TunnelDial>,
    /// Keeps this endpoint's connections apart from those of others, and from its own before it left.
    group: AtomicU64,
    /// Requests under way.
    pub(super) active: AtomicU32,
    /// Open connections, kept ones included.
    pub(super) connections: AtomicU64,
    pub(super) requests: AtomicU64,
    failures: AtomicU64,
    /// When the last request ended.
    pub(super) last_used: AtomicU64,
    passive: PassiveState,
    confidence: ConfidenceCell,
    checked: Checked,
    /// Since it was first seen, or came back.
    has_answered: AtomicBool,
    last_failure: Mutex<Cow<'static, str>>,
    left: AtomicBool,
    retired: AtomicBool,
    left_now: Notify,
    place: Arc<Place>,
    /// By hand, until it is put back or leaves.
    drained: AtomicBool,
    noted: Mutex<Noted>,
    /// Time to the head of an answer in microseconds, averaged; 0: none yet.
    latency: AtomicU64,
}

/// Where an endpoint belongs, for events.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) service: String,
    pub(crate) track: String,
}

/// The state that was last told.
#[derive(Debug, Default)]
struct Noted {
    state: Option<EndpointState>,
    since_unix_ms: u64,
}

impl Endpoint {
    pub(super) fn new(
        address: Address,
        entry: &EndpointAddress,
        watch: Option<Arc<Watch>>,
        transport: &Arc<Transport>,
        place: &Arc<Place>,
    ) -> Arc<Self> {
        let name = address.to_string();
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        let key = hasher.finish();
        let confidence = if watch.is_some() { Confidence::Fresh } else { Confidence::Fixed };
        Arc::new_cyclic(|this: &Weak<Self>| Self {
            template: template(&address, entry, transport, this.clone()),
            entry: entry.clone(),
            transport: transport.clone(),
            tunnel_dial: Arc::new(TunnelDial::new(this.clone())),
            group: AtomicU64::new(next_group()),
            address,
            from: entry_name(entry),
            name,
            key,
            watch,
            active: AtomicU32::new(0),
            connections: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            last_used: AtomicU64::new(0),
            passive: PassiveState::default(),
            confidence: ConfidenceCell::new(confidence),
            checked: Checked::default(),
            has_answered: AtomicBool::new(false),
            last_failure: Mutex::default(),
            left: AtomicBool::new(false),
            retired: AtomicBool::new(false),
            left_now: Notify::new(),
            place: place.clone(),
            drained: AtomicBool::new(false),
            noted: Mutex::default(),
            latency: AtomicU64::new(0),
        })
    }

    /// For logs.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What a health check needs to know to speak to it.
    pub(super) fn target(&self) -> Target {
        Target {
            address: self.address.clone(),
            tls: self.transport.secured(&self.entry),
            protocol: self.transport.protocol(),
        }
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

    /// What is known of it, for choosing.
    pub(super) fn fitness(&self, passive: &Passive, now: u64) -> Fitness {
        Fitness {
            verdict: self.checked.verdict(),
            standing: self.passive.standing(passive, now),
            dial: if self.has_left() { May::Never } else { self.confidence.get().dial(now) },
        }
    }

    /// Takes what only one request may have: the trial of an endpoint that was out. False: another one was quicker.
    pub(super) fn claim(&self, passive: &Passive, now: u64) -> bool {
        let fitness = self.fitness(passive, now);
        let tried = fitness.standing != Standing::Due || self.passive.claim(passive, now);
        tried && (fitness.dial != May::Trial || self.confidence.claim(now))
    }

    /// An answer has begun.
    pub(crate) fn answered(&self, passive: &Passive, took: Duration) {
        let now = clock::now();
        self.note_latency(took.as_micros() as u64);
        let back = self.passive.succeeded(passive, now);
        if back {
            tracing::info!(endpoint = self.name, from = self.from, "endpoint is back in rotation");
        }
        if !self.has_answered.load(Ordering::Relaxed) {
            self.has_answered.store(true, Ordering::Relaxed);
        }
        if self.confidence.get() != Confidence::Confirmed {
            self.confidence.on(Event::Answered, now);
        }
        if back {
            self.settle(passive);
        }
    }

    /// A moving average over about the last sixteen answers. Two at a time may lose one of the two: it is an estimate.
    fn note_latency(&self, took_us: u64) {
        let last = self.latency.load(Ordering::Relaxed);
        let next = if last == 0 { took_us } else { last - last / 16 + took_us / 16 };
        self.latency.store(next.max(1), Ordering::Relaxed);
    }

    /// A try failed. True when this took the endpoint out of rotation.
    pub(crate) fn failed(&self, failure: Failure, passive: &Passive) -> bool {
        let now = clock::now();
        let counts = match failure {
            // The other end may close what is idle; the next connect tells whether it is still there.
            Failure::StaleConnection => {
                if self.watch.is_some() {
                    self.confidence.on(Event::IdleClosed, now);
                }
                false
            }
            Failure::Left | Failure::Refused => false,
            // Who never answered and refuses is starting; its address may even hang for a moment.
            Failure::Connect => {
                let before = self.confidence.on(Event::Refused, now).0;
                before.refusal_counts() && self.has_answered.load(Ordering::Relaxed)
            }
            Failure::ConnectTime | Failure::Unreachable => {
                self.confidence.on(Event::Hung, now);
                self.has_answered.load(Ordering::Relaxed)
            }
            // Who is there and cannot prove who it is (TLS), is there.
            Failure::Tls | Failure::AnswerTime | Failure::BadAnswer | Failure::Closed | Failure::Broken => {
                true
            }
        };
        if matches!(failure, Failure::Connect | Failure::ConnectTime | Failure::Unreachable) {
            self.kick();
        }
        if !counts {
            return false;
        }
        self.failures.fetch_add(1, Ordering::Relaxed);
        self.note_failure(Cow::Borrowed(failure.explain()));
        let ejected = self.passive.failed(passive, now) == Failed::Ejected;
        if ejected {
            self.settle(passive);
        }
        ejected
    }

    /// A connection closed. When it was the last one, the address may be somebody else's by now.
    pub(super) fn connection_closed(&self) {
        let last = self.connections.fetch_sub(1, Ordering::AcqRel) == 1;
        if last && self.watch.is_some() && self.active() == 0 && !self.closed_by_us(clock::now()) {
            self.confidence.on(Event::IdleClosed, clock::now());
        }
    }

    /// A connection that closes now was kept as long as we keep any: its end says nothing of the endpoint.
    fn closed_by_us(&self, now: u64) -> bool {
        let idle = now.saturating_sub(self.last_used.load(Ordering::Relaxed));
        idle + KEPT_MARGIN >= KEPT_FOR.as_millis() as u64
    }

    /// Has the address looked up again, soon and once for all who ask.
    pub(super) fn kick(&self) {
        if let Some(watch) = &self.watch {
            watch.kick();
        }
    }

    /// Sees to it that the address is still this endpoint's where that is in doubt. False: it is not to be dialled.
    pub(super) async fn confirm(&self, limit: Duration) -> bool {
        let (Some(watch), Address::Tcp(address)) = (&self.watch, &self.address) else { return true };
        if self.confidence.get().dial(clock::now()) != May::AfterLookup {
            return true;
        }
        let event = match watch.confirm(address.ip(), limit).await {
            Confirmation::Present => Event::Present,
            Confirmation::Absent => Event::Absent,
            Confirmation::Unknown => Event::LookupFailed,
        };
        let (_, after) = self.confidence.on(event, clock::now());
        after.dial(clock::now()) == May::Now
    }

    /// Returns when a connect hangs for long and discovery does not have the address any more, or does not answer: a name
    /// without containers is silence. Of an address that is written out nobody knows better: then never.
    pub(super) async fn vanished(&self) {
        if let (Some(watch), Address::Tcp(address)) = (&self.watch, &self.address) {
            tokio::time::sleep(HANGS).await;
            if watch.confirm(address.ip(), CONFIRM).await != Confirmation::Present {
                self.confidence.on(Event::Hung, clock::now());
                return;
            }
        }
        std::future::pending::<()>().await;
    }

    /// The address left its name's answer: no new requests, pending connects given up.
    pub(super) fn leave(&self) {
        if !self.left.swap(true, Ordering::AcqRel) {
            self.left_now.notify_waiters();
            self.checked.stop();
            self.note_left();
        }
    }

    /// No snapshot in force has the endpoint any more. Requests of the last one may still be sent to it.
    pub(super) fn retire(&self) {
        self.retired.store(true, Ordering::Relaxed);
        self.checked.stop();
    }

    /// A snapshot in force has the endpoint (again).
    pub(super) fn serve(&self) {
        self.retired.store(false, Ordering::Relaxed);
    }

    /// The address is back: what is under way counts on, health starts anew.
    pub(super) fn come_back(&self) {
        if self.left.swap(false, Ordering::AcqRel) {
            self.passive.reset();
            self.has_answered.store(false, Ordering::Relaxed);
            // Connections kept from before may end at another process: they are not found again.
            self.group.store(next_group(), Ordering::Relaxed);
            self.confidence.reset(Confidence::Fresh);
            // Whatever answers there now is another process than the one that was drained.
            self.drained.store(false, Ordering::Relaxed);
        }
    }

    /// Taken out by hand, or put back. False: it was so already.
    pub(crate) fn set_drained(&self, drained: bool, passive: &Passive) -> bool {
        let changed = self.drained.swap(drained, Ordering::Relaxed) != drained;
        self.settle(passive);
        changed
    }

    /// Nobody took it out.
    pub(super) fn in_rotation(&self) -> bool {
        !self.drained.load(Ordering::Relaxed)
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
        match wanted {
            Some(wanted) if !self.has_left() => self.checked.run(self, wanted),
            Some(_) | None => self.checked.stop(),
        }
    }

    fn note_failure(&self, why: Cow<'static, str>) {
        *self.last_failure.lock().expect("nothing panics while it holds the lock") = why;
    }

    pub(super) fn note_check(&self, healthy: bool, why: &str) {
        self.checked.note(healthy);
        if healthy {
            self.has_answered.store(true, Ordering::Relaxed);
            self.confidence.on(Event::Answered, clock::now());
            tracing::info!(endpoint = self.name, from = self.from, "endpoint is healthy");
        } else {
            self.note_failure(Cow::Owned(why.to_owned()));
            tracing::warn!(endpoint = self.name, from = self.from, "endpoint is unhealthy: {why}");
        }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("address", &self.address).finish_non_exhaustive()
    }
}
