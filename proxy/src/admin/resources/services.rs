//! `/v1/services`, and looking their names up.

use crate::admin::call::{Call, Reply};
use crate::upstream::{Service, Track};
use mizan_api::{Problem, ResolveReply, ServiceStatus, Services, TrackStatus};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How long a call waits for the answers of name servers.
const LOOKUP_TIME: Duration = Duration::from_secs(5);

#[expect(clippy::unnecessary_wraps, reason = "one of the table's functions")]
pub(in crate::admin) fn all(call: &Call) -> Result<Reply, Problem> {
    let snapshot = call.admin.runtime.snapshot_arc();
    let services = snapshot.services.iter().map(|service| service_status(service)).collect();
    Ok(Reply::json(&Services { services }))
}

pub(in crate::admin) fn one(call: &Call) -> Result<Reply, Problem> {
    Ok(Reply::json(&service_status(&*call.admin.service(call.parameter(0))?)))
}

type Later = Pin<Box<dyn Future<Output = Result<Reply, Problem>> + Send>>;

pub(in crate::admin) fn resolve_one(call: Call) -> Later {
    Box::pin(async move {
        let service = call.admin.service(call.parameter(0))?;
        Ok(Reply::json(&resolve(vec![service]).await))
    })
}

pub(in crate::admin) fn resolve_all(call: Call) -> Later {
    Box::pin(async move {
        let services = call.admin.runtime.snapshot_arc().services.clone();
        Ok(Reply::json(&resolve(services).await))
    })
}

async fn resolve(services: Vec<Arc<Service>>) -> ResolveReply {
    let tracks = || services.iter().flat_map(|service| service.tracks.iter());
    let lookups =
        tracks().cloned().map(|track| tokio::spawn(async move { track.resolve(LOOKUP_TIME).await }));
    for lookup in lookups.collect::<Vec<_>>() {
        // A lookup that panicked shows by the age of its answer.
        let _ = lookup.await;
    }
    let mut names: Vec<_> = tracks().flat_map(|track| track.names()).collect();
    names.sort_by(|one, other| one.name.cmp(&other.name));
    names.dedup_by(|one, other| one.name == other.name);
    ResolveReply { names }
}

pub(super) fn service_status(service: &Service) -> ServiceStatus {
    let in_force = service.steering.in_force();
    let tracks = service.tracks.iter().zip(in_force.split.weights());
    ServiceStatus {
        name: service.name.clone(),
        ready: service.ready(),
        split: has_split(service).then(|| service.steering.status()),
        sticky: service.sticky.is_some(),
        fallbacks: service.fallbacks.load(Ordering::Relaxed),
        tracks: tracks.map(|(track, weight)| track_status(track, *weight, service)).collect(),
    }
}

/// A service of one nameless track has nothing to split.
pub(super) fn has_split(service: &Service) -> bool {
    service.tracks.iter().any(|track| !track.name.is_empty())
}

fn track_status(track: &Track, weight: u32, service: &Service) -> TrackStatus {
    let drained = track.drained();
    let endpoints = track.known().into_iter();
    TrackStatus {
        name: track.name.clone(),
        weight,
        drained,
        endpoints: endpoints.map(|endpoint| endpoint.status(&service.passive, drained)).collect(),
        names: track.names(),
    }
}
