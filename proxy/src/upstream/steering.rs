//! A service's split as it is steered over the admin socket: in force, committed, leased.
//!
//! It outlives snapshots: a reload changes nothing that was committed. A request loads what is in force once.

use crate::clock;
use crate::observe::events;
use crate::state::{KeptSplit, State, StateError};
use crate::stats::{Book, Marks, Step};
use arc_swap::ArcSwap;
use mizan_api::{Happening, Lease, SplitOrigin, SplitReason, SplitStatus, Weights};
use mizan_config::model;
use mizan_policy::split::{Owner, Split, SplitFault, SplitState};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Duration;
use tokio::task::AbortHandle;

pub(crate) struct Steering {
    this: Weak<Self>,
    service: String,
    tracks: Vec<Steered>,
    sticky: bool,
    in_force: ArcSwap<InForce>,
    state: Mutex<SplitState>,
    expiry: Mutex<Option<AbortHandle>>,
    pub(crate) marks: Marks,
}

struct Steered {
    name: String,
    book: Arc<Book>,
}

/// What requests are routed by.
pub(crate) struct InForce {
    pub(crate) split: Split,
    /// By track.
    pub(crate) steps: Vec<Arc<Step>>,
    /// Hashes of the tracks' names: a client's place does not depend on the order in mizan.yml.
    pub(crate) names: Arc<[u64]>,
    /// The revision that the step began with.
    pub(crate) step: u64,
    /// By the process's clock.
    pub(crate) began_ms: u64,
}

/// Why a split was not changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SteerError {
    #[error("{0:?}")]
    Fault(SplitFault),
    #[error(transparent)]
    State(#[from] StateError),
    #[error("mizan.yml has no `state`: the split would be lost at the next restart")]
    NoState,
}

/// A change of the split.
pub(crate) enum Steer {
    Commit { weights: Vec<u32>, expected: Option<u64> },
    Lease { weights: Vec<u32>, expected: Option<u64>, hold: Duration },
    Renew { expected: u64, hold: Duration },
    Release { expected: Option<u64> },
    ToFile { weights: Vec<u32>, expected: Option<u64> },
}

impl Steering {
    /// The steering of the next snapshot's service: the same one where the tracks are the same; else one that takes over
    /// what it can by the tracks' names.
    pub(super) fn next(
        wanted: &model::Service,
        last: Option<&Arc<Self>>,
        state: Option<&State>,
    ) -> Arc<Self> {
        let sticky = wanted.sticky.is_some();
        if let Some(last) = last
            && last.sticky == sticky
            && last.tracks.iter().map(|track| &track.name).eq(wanted.tracks.iter().map(|track| &track.name))
        {
            return last.clone();
        }
        let split = match last {
            Some(last) => last.carried_over(wanted),
            None => restored(wanted, state),
        };
        let tracks = wanted.tracks.iter().map(|track| {
            let known = last.and_then(|last| last.tracks.iter().find(|known| known.name == track.name));
            Steered {
                name: track.name.clone(),
                book: known.map_or_else(|| Book::new(sticky), |known| known.book.clone()),
            }
        });
        let tracks: Vec<_> = tracks.collect();
        let in_force = InForce::begin(&tracks, &split, sticky);
        Arc::new_cyclic(|this| Self {
            this: this.clone(),
            service: wanted.name.clone(),
            tracks,
            sticky,
            in_force: ArcSwap::from_pointee(in_force),
            state: Mutex::new(split),
            expiry: Mutex::default(),
            marks: Marks::default(),
        })
    }

    pub(crate) fn in_force(&self) -> arc_swap::Guard<Arc<InForce>> {
        self.in_force.load()
    }

    /// The books, by track.
    pub(crate) fn books(&self) -> impl Iterator<Item = &Arc<Book>> {
        self.tracks.iter().map(|track| &track.book)
    }

    pub(crate) fn status(&self) -> SplitStatus {
        self.status_of(&self.state())
    }

    /// Changes the split; it is in force, and kept where it is to be kept, on return.
    pub(crate) fn steer(&self, steer: Steer, kept_in: Option<&State>) -> Result<SplitStatus, SteerError> {
        let mut state = self.state();
        let stamp = clock::unix_ms();
        let until = |hold: Duration| clock::now() + hold.as_millis() as u64;
        let (next, why) = match steer {
            Steer::Commit { weights, expected } => {
                (state.commit(weights, expected, stamp), SplitReason::Committed)
            }
            Steer::Lease { weights, expected, hold } => {
                (state.lease(weights, until(hold), expected, stamp), SplitReason::Leased)
            }
            Steer::Renew { expected, hold } => (state.renew(until(hold), expected), SplitReason::Leased),
            Steer::Release { expected } => (state.release(expected, stamp), SplitReason::LeaseReleased),
            Steer::ToFile { weights, expected } => {
                (state.to_file(weights, expected, stamp), SplitReason::File)
            }
        };
        let next = next.map_err(SteerError::Fault)?;
        match why {
            SplitReason::Committed => {
                let kept = KeptSplit { revision: next.revision, weights: self.by_name(&next.committed) };
                kept_in.ok_or(SteerError::NoState)?.keep_split(&self.service, Some(kept))?;
            }
            SplitReason::File => {
                if let Some(kept_in) = kept_in {
                    kept_in.keep_split(&self.service, None)?;
                }
            }
            SplitReason::Leased | SplitReason::LeaseReleased | SplitReason::LeaseExpired => {}
        }
        Ok(self.install(&mut state, next, why))
    }

    /// mizan.yml may have another split: it counts as long as nobody has committed one.
    pub(super) fn follow_file(&self, weights: &[u32]) {
        let mut state = self.state();
        if state.owner == Owner::File
            && state.committed != weights
            && let Ok(next) = state.to_file(weights.to_vec(), None, clock::unix_ms())
        {
            self.install(&mut state, next, SplitReason::File);
        }
    }

    /// By track, in file order; a name that is no track is handed back.
    pub(crate) fn in_order(&self, weights: &Weights) -> Result<Vec<u32>, String> {
        match weights.keys().find(|name| self.tracks.iter().all(|track| track.name != **name)) {
            Some(stranger) => Err(stranger.clone()),
            None => {
                Ok(self.tracks.iter().map(|track| weights.get(&track.name).copied().unwrap_or(0)).collect())
            }
        }
    }

    fn install(&self, state: &mut SplitState, next: SplitState, why: SplitReason) -> SplitStatus {
        let (before, renewed) = (state.in_force().to_vec(), state.revision == next.revision);
        *state = next;
        self.watch_lease(state);
        // The same weights go on as the same step: nothing changed for a request.
        if before != state.in_force() {
            self.in_force.store(Arc::new(InForce::begin(&self.tracks, state, self.sticky)));
        }
        let status = self.status_of(state);
        if !renewed {
            tracing::info!(
                service = self.service, revision = status.revision, weights = ?status.weights, why = ?why, "split changed"
            );
            let split = status.clone();
            events::publish(Happening::Split { service: self.service.clone(), split, why });
        }
        status
    }

    /// Has a lease end by itself.
    fn watch_lease(&self, state: &SplitState) {
        let mut expiry = self.expiry.lock().expect("nothing panics while it holds the lock");
        if let Some(last) = expiry.take() {
            last.abort();
        }
        if let Some(lease) = &state.lease {
            let (this, until_ms) = (self.this.clone(), lease.until_ms);
            let ends = async move {
                tokio::time::sleep(Duration::from_millis(until_ms.saturating_sub(clock::now()))).await;
                // A commit holds the lock while it is written: no thread of the data plane waits for that.
                let end_it = move || {
                    if let Some(this) = this.upgrade() {
                        this.expire(until_ms);
                    }
                };
                let _ = tokio::task::spawn_blocking(end_it).await;
            };
            *expiry = Some(tokio::spawn(ends).abort_handle());
        }
    }

    /// The lease that was to end at `until_ms` has; one that was renewed in this moment goes on.
    fn expire(&self, until_ms: u64) {
        let mut state = self.state();
        if state.lease.as_ref().is_none_or(|lease| lease.until_ms != until_ms) {
            return;
        }
        if let Some(next) = state.expire(until_ms.max(clock::now()), clock::unix_ms()) {
            tracing::warn!(
                service = self.service,
                "the lease of the split was not renewed: the committed one is in force"
            );
            self.install(&mut state, next, SplitReason::LeaseExpired);
        }
    }

    /// For a service whose tracks changed: what was committed stays as far as its tracks are still there. A lease ends.
    fn carried_over(&self, wanted: &model::Service) -> SplitState {
        let state = self.state();
        let known = self.by_name(&state.committed);
        match state.owner {
            Owner::Committed => taken_over(wanted, &KeptSplit { revision: state.revision, weights: known }),
            Owner::File => SplitState::from_file(wanted.split.clone(), state.revision + 1),
        }
    }

    fn by_name(&self, weights: &[u32]) -> Weights {
        self.tracks.iter().zip(weights).map(|(track, weight)| (track.name.clone(), *weight)).collect()
    }

    fn status_of(&self, state: &SplitState) -> SplitStatus {
        SplitStatus {
            revision: state.revision,
            weights: self.by_name(state.in_force()),
            committed: self.by_name(&state.committed),
            origin: match state.owner {
                Owner::File => SplitOrigin::File,
                Owner::Committed => SplitOrigin::Committed,
            },
            lease: state
                .lease
                .as_ref()
                .map(|lease| Lease { left_ms: lease.until_ms.saturating_sub(clock::now()) }),
        }
    }

    fn state(&self) -> MutexGuard<'_, SplitState> {
        self.state.lock().expect("nothing panics while it holds the lock")
    }
}

impl Drop for Steering {
    fn drop(&mut self) {
        if let Some(expiry) = self.expiry.lock().expect("nothing panics while it holds the lock").take() {
            expiry.abort();
        }
    }
}

impl InForce {
    fn begin(tracks: &[Steered], state: &SplitState, sticky: bool) -> Self {
        Self {
            split: Split::new(state.in_force()),
            steps: tracks.iter().map(|track| track.book.begin_step(sticky)).collect(),
            names: tracks.iter().map(|track| hash(&track.name)).collect(),
            step: state.revision,
            began_ms: clock::now(),
        }
    }
}

/// The same in every process: std's hasher with its fixed keys.
fn hash(name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}

/// At a start: what was committed before, else mizan.yml's.
fn restored(wanted: &model::Service, state: Option<&State>) -> SplitState {
    match state.and_then(|state| state.split(&wanted.name)) {
        Some(kept) => taken_over(wanted, &kept),
        None => SplitState::from_file(wanted.split.clone(), clock::unix_ms()),
    }
}

fn taken_over(wanted: &model::Service, kept: &KeptSplit) -> SplitState {
    let weights: Vec<u32> = wanted
        .tracks
        .iter()
        .map(|track| kept.weights.get(&track.name).copied().unwrap_or_default())
        .collect();
    if weights.iter().all(|weight| *weight == 0) {
        tracing::warn!(
            service = wanted.name, committed = ?kept.weights,
            "none of the tracks of the committed split is in mizan.yml any more: its own split is in force"
        );
        return SplitState::from_file(wanted.split.clone(), kept.revision + 1);
    }
    let same = weights.len() == kept.weights.len();
    if !same {
        tracing::warn!(service = wanted.name, committed = ?kept.weights, "the tracks have changed since the split was committed");
    }
    let revision = kept.revision + u64::from(!same);
    SplitState { revision, committed: weights, owner: Owner::Committed, lease: None }
}
