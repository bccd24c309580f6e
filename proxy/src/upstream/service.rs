//! A service: its tracks, the split between them, and the rules for trying again.

use super::{Endpoint, Track};
use crate::discover::Names;
use mizan_config::model::{self, Balance, HashKey, Timeouts};
use mizan_policy::balance::{Algorithm, Draw};
use mizan_policy::health::passive::Passive;
use mizan_policy::retry::Budget;
use mizan_policy::split::Split;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) struct Service {
    pub(crate) name: String,
    pub(crate) tracks: Vec<Arc<Track>>,
    split: Split,
    pub(crate) hash_key: Option<HashKey>,
    pub(crate) timeouts: Timeouts,
    pub(crate) passive: Passive,
    pub(crate) keepalive: usize,
    pub(crate) retries: Budget,
    pub(crate) tries: u32,
    /// Requests that another track took because theirs had no endpoint.
    pub(crate) fallbacks: AtomicU64,
    config: model::Service,
    names: Arc<Names>,
}

/// An endpoint for one try.
pub(crate) struct Picked {
    pub(crate) endpoint: Arc<Endpoint>,
    /// Another endpoint could take the request as well.
    pub(crate) others: bool,
}

impl Service {
    /// The service of the next snapshot: the same object when nothing changed, else one that takes over the endpoints.
    pub(crate) fn next(
        wanted: &model::Service,
        last: Option<&Arc<Service>>,
        names: &Arc<Names>,
    ) -> Arc<Self> {
        if let Some(last) = last
            && last.config == *wanted
            && Arc::ptr_eq(&last.names, names)
        {
            return last.clone();
        }
        let (algorithm, hash_key) = algorithm(&wanted.balance);
        let check = wanted.health.clone().map(Arc::new);
        let tracks = wanted
            .tracks
            .iter()
            .map(|track| {
                let before = last.and_then(|last| last.tracks.iter().find(|known| known.name == track.name));
                Track::new(track, algorithm, check.clone(), before.map(AsRef::as_ref), names)
            })
            .collect();
        Arc::new(Self {
            name: wanted.name.clone(),
            tracks,
            split: Split::new(&wanted.split),
            hash_key,
            timeouts: wanted.timeouts.clone(),
            passive: Passive {
                max_fails: wanted.passive.max_fails,
                fail_timeout_ms: wanted.passive.fail_timeout.as_millis() as u64,
            },
            keepalive: wanted.keepalive,
            retries: Budget::new(wanted.retries.budget, wanted.retries.min_per_second),
            tries: wanted.retries.tries,
            fallbacks: AtomicU64::new(0),
            config: wanted.clone(),
            names: names.clone(),
        })
    }

    pub(crate) fn enter_force(&self) {
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

    pub(crate) fn weights(&self) -> &[u32] {
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

    /// The track that takes a new request.
    pub(crate) fn choose_track(&self, random: u64) -> usize {
        if self.tracks.len() == 1 { 0 } else { self.split.choose(random) }
    }

    /// An endpoint of `track`.
    pub(crate) fn pick(&self, track: usize, draw: Draw, tried: &[Arc<Endpoint>]) -> Option<Picked> {
        let (endpoint, others) = self.tracks[track].pick(draw, &self.passive, tried)?;
        Some(Picked { endpoint, others })
    }

    /// An endpoint of another track, where `track` has none: weight never turns into errors.
    pub(crate) fn pick_elsewhere(&self, track: usize, draw: Draw, tried: &[Arc<Endpoint>]) -> Option<Picked> {
        let mut asked = vec![track];
        while let Some(other) = self.split.fallback(|track| asked.contains(&track)) {
            asked.push(other);
            if let Some(picked) = self.pick(other, draw, tried) {
                self.fallbacks.fetch_add(1, Ordering::Relaxed);
                tracing::debug!(
                    service = self.name,
                    wanted = self.tracks[track].name,
                    taken = self.tracks[other].name,
                    "no endpoint of the track can take the request; another track does"
                );
                return Some(picked);
            }
        }
        None
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
