//! One track of a service: the entries of mizan.yml, what they resolve to, and the endpoints that come of it.

use super::address::entry_name;
use super::endpoint::Place;
use super::members::{Member, Members};
use super::{Address, Endpoint, Transport};
use crate::clock;
use crate::discover::{Names, Watch};
use crate::observe::events;
use arc_swap::ArcSwap;
use mizan_api::{Happening, NameStatus};
use mizan_config::model::{self, EndpointAddress, HealthCheck};
use mizan_policy::balance::{Algorithm, Cursor, Draw};
use mizan_policy::health::fitness::Stage;
use mizan_policy::health::passive::Passive;
use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::AbortHandle;

pub(crate) struct Track {
    /// Empty for a service without tracks.
    pub(crate) name: String,
    algorithm: Algorithm,
    members: ArcSwap<Members>,
    cursor: Cursor,
    sources: Mutex<Sources>,
    /// Turns true once every name has had an answer.
    ready: watch::Sender<bool>,
    followers: Mutex<Vec<AbortHandle>>,
    /// For events: what its endpoints belong to.
    place: Arc<Place>,
    /// By hand. Shared with the same track of the next snapshot.
    drained: Arc<AtomicBool>,
}

/// What `members` is made from.
struct Sources {
    entries: Vec<Source>,
    /// Endpoints by address, also those that left and still have requests: an address that returns is the same one.
    known: HashMap<Address, Weak<Endpoint>>,
    check: Option<Arc<HealthCheck>>,
    transport: Arc<Transport>,
    /// False until the snapshot this track belongs to is in force: nothing is checked before.
    in_force: bool,
}

struct Source {
    entry: model::Endpoint,
    watch: Option<Arc<Watch>>,
    addresses: Vec<Address>,
    answered: bool,
}

impl Track {
    /// `last`: the same track of the snapshot in force, whose endpoints are taken over by address.
    pub(super) fn new(
        service: &str,
        wanted: &model::Track,
        algorithm: Algorithm,
        check: Option<Arc<HealthCheck>>,
        transport: &Arc<Transport>,
        last: Option<&Track>,
        names: &Arc<Names>,
    ) -> Arc<Self> {
        let entries: Vec<Source> =
            wanted.endpoints.iter().map(|entry| Source::new(entry, last, names)).collect();
        // Who is spoken to in another way is another endpoint: no connection and no health is taken over.
        let alike = last.filter(|last| last.sources().transport.is_same(transport));
        let known = alike.map(Track::by_address).unwrap_or_default();
        let track = Arc::new(Self {
            name: wanted.name.clone(),
            algorithm,
            members: ArcSwap::from_pointee(Members::new(Vec::new(), algorithm)),
            cursor: Cursor::default(),
            sources: Mutex::new(Sources {
                entries,
                known,
                check,
                transport: transport.clone(),
                in_force: false,
            }),
            ready: watch::Sender::new(false),
            followers: Mutex::default(),
            place: Arc::new(Place { service: service.to_owned(), track: wanted.name.clone() }),
            drained: last.map(|last| last.drained.clone()).unwrap_or_default(),
        });
        track.rebuild();
        track
    }

    /// The snapshot is in force: names are followed and endpoints checked from now on.
    pub(super) fn enter_force(self: &Arc<Self>) {
        let mut followers = self.followers.lock().expect("nothing panics while it holds the lock");
        if !followers.is_empty() {
            return;
        }
        let mut sources = self.sources();
        sources.in_force = true;
        for (index, source) in sources.entries.iter().enumerate() {
            if let Some(watch) = &source.watch {
                followers.push(
                    tokio::spawn(follow(Arc::downgrade(self), index, watch.subscribe())).abort_handle(),
                );
            }
        }
        for endpoint in self.members.load().iter() {
            endpoint.serve();
            endpoint.come_back();
            endpoint.set_check(sources.check.as_ref());
        }
    }

    /// The snapshot was replaced: nothing is followed any more, and endpoints that no successor keeps retire.
    pub(super) fn leave_force(&self, kept: &HashSet<*const Endpoint>) {
        // A follower may be at work at this moment; it changes nothing any more.
        self.sources().in_force = false;
        for follower in self.followers.lock().expect("nothing panics while it holds the lock").drain(..) {
            follower.abort();
        }
        for endpoint in self.members.load().iter().filter(|endpoint| !kept.contains(&Arc::as_ptr(endpoint))) {
            endpoint.retire();
        }
    }

    pub(super) fn pick(
        &self,
        draw: Draw,
        passive: &Passive,
        tried: &[Arc<Endpoint>],
    ) -> Option<(Arc<Endpoint>, bool)> {
        if self.drained() {
            return None;
        }
        self.members.load().pick(&self.cursor, draw, passive, tried)
    }

    pub(super) fn members(&self) -> Vec<Arc<Endpoint>> {
        self.members.load().iter().cloned().collect()
    }

    /// Taken out by hand.
    pub(crate) fn drained(&self) -> bool {
        self.drained.load(Ordering::Relaxed)
    }

    /// Takes the track out, or puts it back. False: it was so already.
    pub(crate) fn set_drained(&self, drained: bool) -> bool {
        let changed = self.drained.swap(drained, Ordering::Relaxed) != drained;
        if changed {
            let Place { service, track } = (*self.place).clone();
            events::publish(Happening::Track { service, track, drained });
        }
        changed
    }

    /// Some endpoint that is not among `without` would be a request's first choice.
    pub(crate) fn can_serve(&self, passive: &Passive, without: &[Arc<Endpoint>]) -> bool {
        let now = clock::now();
        !self.drained()
            && self.members.load().iter().any(|endpoint| {
                !without.iter().any(|out| Arc::ptr_eq(out, endpoint))
                    && endpoint.in_rotation()
                    && Stage::Best.admits(endpoint.fitness(passive, now))
            })
    }

    /// Notices what changed by time alone.
    pub(super) fn look(&self, passive: &Passive) {
        for endpoint in self.members.load().iter() {
            endpoint.settle(passive);
        }
    }

    /// Has every name looked up at once, and waits for the answers.
    pub(crate) async fn resolve(&self, limit: Duration) {
        let watches: Vec<Arc<Watch>> =
            self.sources().entries.iter().filter_map(|source| source.watch.clone()).collect();
        for watch in &watches {
            watch.refresh(limit).await;
        }
    }

    /// All endpoints in sight, those that left and still have requests included.
    pub(crate) fn known(&self) -> Vec<Arc<Endpoint>> {
        let mut known: Vec<_> = self.sources().known.values().filter_map(Weak::upgrade).collect();
        known.sort_by(|one, other| one.address.cmp(&other.address));
        known
    }

    /// What discovery knows of the names among the entries.
    pub(crate) fn names(&self) -> Vec<NameStatus> {
        let sources = self.sources();
        let named =
            sources.entries.iter().filter_map(|source| Some((source, source.watch.as_ref()?.status())));
        named
            .map(|(source, status)| NameStatus {
                name: entry_name(&source.entry.address),
                addresses: source.addresses.iter().map(ToString::to_string).collect(),
                age_ms: status.age.map(|age| age.as_millis() as u64),
                last_error: status.last_error,
            })
            .collect()
    }

    pub(super) fn ready(&self) -> bool {
        *self.ready.borrow()
    }

    pub(super) async fn until_ready(&self) {
        // The sender lives as long as the track, so waiting cannot fail.
        let _ = self.ready.subscribe().wait_for(|ready| *ready).await;
    }

    fn sources(&self) -> std::sync::MutexGuard<'_, Sources> {
        self.sources.lock().expect("nothing panics while it holds the lock")
    }

    fn by_address(&self) -> HashMap<Address, Weak<Endpoint>> {
        self.sources().known.clone()
    }

    /// A name has another answer.
    fn update(&self, index: usize, watch: &watch::Receiver<Arc<crate::discover::Resolved>>) {
        {
            let resolved = watch.borrow().clone();
            let mut sources = self.sources();
            let source = &mut sources.entries[index];
            source.take(&resolved);
        }
        self.rebuild();
    }

    /// Makes the members anew from what the entries resolve to.
    fn rebuild(&self) {
        let mut sources = self.sources();
        let mut members: Vec<Member> = Vec::new();
        let mut seen = HashSet::new();
        let sources = &mut *sources;
        for source in &sources.entries {
            for address in &source.addresses {
                if !seen.insert(address.clone()) {
                    continue;
                }
                let endpoint = sources.known.get(address).and_then(Weak::upgrade).unwrap_or_else(|| {
                    let endpoint = Endpoint::new(
                        address.clone(),
                        &source.entry.address,
                        source.watch.clone(),
                        &sources.transport,
                        &self.place,
                    );
                    sources.known.insert(address.clone(), Arc::downgrade(&endpoint));
                    endpoint
                });
                if sources.in_force {
                    endpoint.come_back();
                    endpoint.set_check(sources.check.as_ref());
                }
                members.push(Member { endpoint, weight: source.entry.weight });
            }
        }
        let ready = sources.entries.iter().all(|source| source.answered);
        let last = self.members.swap(Arc::new(Members::new(members, self.algorithm)));
        if sources.in_force {
            for endpoint in last.iter().filter(|endpoint| !seen.contains(&endpoint.address)) {
                tracing::info!(endpoint = endpoint.name(), from = endpoint.from, "endpoint left");
                endpoint.leave();
            }
        }
        sources.known.retain(|_, endpoint| endpoint.strong_count() > 0);
        self.ready.send_if_modified(|was| std::mem::replace(was, *was || ready) != *was || ready);
    }
}

impl Drop for Track {
    fn drop(&mut self) {
        for follower in self.followers.lock().expect("nothing panics while it holds the lock").drain(..) {
            follower.abort();
        }
    }
}

impl Source {
    fn new(entry: &model::Endpoint, last: Option<&Track>, names: &Arc<Names>) -> Self {
        match &entry.address {
            EndpointAddress::Ip(address) => Self::fixed(entry, Address::Tcp(*address)),
            EndpointAddress::Unix(path) => Self::fixed(entry, Address::Unix(path.clone())),
            EndpointAddress::Name { host, .. } => {
                let watch = names.watch(host);
                let mut source = Self {
                    entry: entry.clone(),
                    addresses: Vec::new(),
                    answered: false,
                    watch: Some(watch.clone()),
                };
                source.take(&watch.current());
                if !source.answered
                    && let Some(last) = last
                {
                    // Another resolver has not answered yet: what the last one said serves until it does.
                    let sources = last.sources();
                    if let Some(known) =
                        sources.entries.iter().find(|known| known.entry.address == entry.address)
                    {
                        source.addresses.clone_from(&known.addresses);
                    }
                }
                source
            }
        }
    }

    fn fixed(entry: &model::Endpoint, address: Address) -> Self {
        Self { entry: entry.clone(), watch: None, addresses: vec![address], answered: true }
    }

    fn take(&mut self, resolved: &crate::discover::Resolved) {
        let EndpointAddress::Name { port, .. } = &self.entry.address else { return };
        if resolved.answered {
            self.answered = true;
            self.addresses =
                resolved.addresses.iter().map(|ip| Address::Tcp(SocketAddr::new(*ip, *port))).collect();
        }
    }
}

/// Follows a name until its track is gone.
async fn follow(
    track: Weak<Track>,
    index: usize,
    mut resolved: watch::Receiver<Arc<crate::discover::Resolved>>,
) {
    loop {
        match track.upgrade() {
            Some(track) => {
                resolved.mark_unchanged();
                track.update(index, &resolved);
            }
            None => return,
        }
        if resolved.changed().await.is_err() {
            return;
        }
    }
}
