//! A service: its tracks, the split between them, and the rules for trying again.

use super::steering::Steering;
use super::{Endpoint, Track, Transport};
use crate::clock;
use crate::discover::Names;
use crate::observe::events;
use crate::state::{State, StateError};
use mizan_api::Happening;
use mizan_certs::{ClientTls, Signer};
use mizan_config::model::{self, Balance, Force, HashKey, Timeouts};
use mizan_policy::balance::{Algorithm, Draw};
use mizan_policy::health::passive::Passive;
use mizan_policy::retry::Budget;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) struct Service {
    pub(crate) name: String,
    pub(crate) tracks: Vec<Arc<Track>>,
    /// The split, and what is counted by track.
    pub(crate) steering: Arc<Steering>,
    /// Who may choose a track by header or cookie.
    pub(crate) force: Option<Force>,
    pub(crate) sticky: Option<Sticky>,
    pub(crate) hash_key: Option<HashKey>,
    pub(crate) timeouts: Timeouts,
    pub(crate) passive: Passive,
    pub(crate) keepalive: usize,
    /// How its endpoints are spoken to.
    pub(crate) transport: Arc<Transport>,
    pub(crate) retries: Budget,
    pub(crate) tries: u32,
    /// Requests that another track took because theirs had no endpoint.
    pub(crate) fallbacks: AtomicU64,
    /// When that was last said, in milliseconds.
    fallback_said: AtomicU64,
    config: model::Service,
    names: Arc<Names>,
}

/// What clients stay on their track by.
pub(crate) struct Sticky {
    pub(crate) cookie: String,
    pub(crate) max_age_s: u64,
    pub(crate) signer: Arc<Signer>,
}

/// What a service is built on.
#[derive(Clone)]
pub(crate) struct Ground {
    pub(crate) names: Arc<Names>,
    /// `None`: mizan.yml had no `state` when the process began.
    pub(crate) state: Option<Arc<State>>,
}

/// The pause between two log lines about requests that another track takes.
const FALLBACK_LOG_PAUSE_MS: u64 = 1000;

/// An endpoint for one try.
pub(crate) struct Picked {
    pub(crate) track: usize,
    pub(crate) endpoint: Arc<Endpoint>,
    /// Another endpoint could take the request as well.
    pub(crate) others: bool,
}

impl Service {
    /// The service of the next snapshot: the same object when nothing changed, else one that takes over the endpoints.
    /// `tls`: what the files hold that its `tls` names.
    pub(crate) fn next(
        wanted: &model::Service,
        last: Option<&Arc<Service>>,
        ground: &Ground,
        tls: Option<&ClientTls>,
    ) -> Result<Arc<Self>, GroundError> {
        let names = &ground.names;
        let transport = Arc::new(Transport::new(wanted.protocol, tls));
        if let Some(last) = last
            && last.config == *wanted
            && Arc::ptr_eq(&last.names, names)
            && last.transport.is_same(&transport)
        {
            return Ok(last.clone());
        }
        let (algorithm, hash_key) = algorithm(&wanted.balance);
        let check = wanted.health.clone().map(Arc::new);
        let tracks = wanted
            .tracks
            .iter()
            .map(|track| {
                let before = last.and_then(|last| last.tracks.iter().find(|known| known.name == track.name));
                let before = before.map(AsRef::as_ref);
                Track::new(&wanted.name, track, algorithm, check.clone(), &transport, before, names)
            })
            .collect();
        let steering = Steering::next(wanted, last.map(|last| &last.steering), ground.state.as_deref());
        Ok(Arc::new(Self {
            name: wanted.name.clone(),
            tracks,
            steering,
            force: wanted.force.clone(),
            sticky: wanted.sticky.as_ref().map(|sticky| Sticky::new(sticky, ground)).transpose()?,
            hash_key,
            timeouts: wanted.timeouts.clone(),
            passive: Passive {
                max_fails: wanted.passive.max_fails,
                fail_timeout_ms: wanted.passive.fail_timeout.as_millis() as u64,
            },
            keepalive: wanted.keepalive,
            transport,
            retries: Budget::new(wanted.retries.budget, wanted.retries.min_per_second),
            tries: wanted.retries.tries,
            fallbacks: AtomicU64::new(last.map_or(0, |last| last.fallbacks.load(Ordering::Relaxed))),
            fallback_said: AtomicU64::new(0),
            config: wanted.clone(),
            names: names.clone(),
        }))
    }

    pub(crate) fn enter_force(&self) {
        self.steering.follow_file(&self.config.split);
        for track in &self.tracks {
            track.enter_force();
        }
    }

    pub(crate) fn leave_force(&self, kept: &HashSet<*const Endpoint>) {
        for track in &self.tracks {
            track.leave_force(kept);
        }
    }

    /// Every endpoint of every track, by identity.
    pub(crate) fn endpoints(&self) -> impl Iterator<Item = *const Endpoint> {
        self.tracks.iter().flat_map(|track| track.members()).map(|endpoint| Arc::as_ptr(&endpoint))
    }

    /// mizan.yml's own split.
    pub(crate) fn file_split(&self) -> &[u32] {
        &self.config.split
    }

    pub(crate) fn ready(&self) -> bool {
        self.tracks.iter().all(|track| track.ready())
    }

    pub(crate) async fn until_ready(&self) {
        for track in &self.tracks {
            track.until_ready().await;
        }
    }

    /// An endpoint of `track`.
    pub(crate) fn pick(&self, track: usize, draw: Draw, tried: &[Arc<Endpoint>]) -> Option<Picked> {
        let (endpoint, others) = self.tracks[track].pick(draw, &self.passive, tried)?;
        Some(Picked { track, endpoint, others })
    }

    /// An endpoint of another track, where `track` has none: weight never turns into errors.
    pub(crate) fn pick_elsewhere(&self, track: usize, draw: Draw, tried: &[Arc<Endpoint>]) -> Option<Picked> {
        let in_force = self.steering.in_force();
        let mut asked = vec![track];
        while let Some(other) = in_force.split.fallback(|track| asked.contains(&track)) {
            asked.push(other);
            if let Some(picked) = self.pick(other, draw, tried) {
                self.fell_back(track, other);
                return Some(picked);
            }
        }
        None
    }

    /// Could a request be served by this track, and nothing speak against it?
    pub(crate) fn can_serve(&self, track: usize) -> bool {
        self.tracks[track].can_serve(&self.passive, &[])
    }

    /// Every quarter of a second: what changed by time alone is noticed.
    pub(crate) fn look(&self) {
        for track in &self.tracks {
            track.look(&self.passive);
        }
    }

    fn fell_back(&self, wanted: usize, taken: usize) {
        self.fallbacks.fetch_add(1, Ordering::Relaxed);
        let now = clock::now().max(1);
        let last = self.fallback_said.load(Ordering::Relaxed);
        let due = last == 0 || now.saturating_sub(last) >= FALLBACK_LOG_PAUSE_MS;
        let said = &self.fallback_said;
        if !due || said.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_err() {
            return;
        }
        let (wanted, taken) = (&self.tracks[wanted].name, &self.tracks[taken].name);
        tracing::warn!(
            service = self.name,
            wanted,
            taken,
            "no endpoint of the track can take requests; another track does"
        );
        events::publish(Happening::Fallback {
            service: self.name.clone(),
            wanted: wanted.clone(),
            taken: taken.clone(),
        });
    }
}

/// A service cannot be built on what there is.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GroundError {
    #[error(transparent)]
    State(#[from] StateError),
    #[error("`state` was added to mizan.yml: that takes a restart, and `sticky` needs it")]
    NoState,
}

impl Sticky {
    fn new(wanted: &model::Sticky, ground: &Ground) -> Result<Self, GroundError> {
        let state = ground.state.as_ref().ok_or(GroundError::NoState)?;
        Ok(Self {
            cookie: wanted.cookie.clone(),
            max_age_s: wanted.max_age.as_secs(),
            signer: Arc::new(state.signer()?),
        })
    }
}

fn algorithm(balance: &Balance) -> (Algorithm, Option<HashKey>) {
    match balance {
        Balance::LeastConn => (Algorithm::LeastConn, None),
        Balance::RoundRobin => (Algorithm::RoundRobin, None),
        Balance::RandomTwo => (Algorithm::RandomTwo, None),
        Balance::Hash(key) => (Algorithm::Hash, Some(key.clone())),
    }
}
