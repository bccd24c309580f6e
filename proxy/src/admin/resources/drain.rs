//! `/v1/services/{service}/drain` and `/undrain`.

use crate::admin::call::{Call, Reply, bad};
use crate::admin::named;
use crate::upstream::{Endpoint, Service, Track};
use mizan_api::{DrainChange, DrainStatus, EndpointState, Problem, ProblemKind};
use std::sync::Arc;

pub(in crate::admin) fn drain(call: &Call) -> Result<Reply, Problem> {
    change(call, true)
}

pub(in crate::admin) fn undrain(call: &Call) -> Result<Reply, Problem> {
    change(call, false)
}

/// What a call is about.
enum Target {
    Track(Arc<Track>),
    Endpoints(Vec<(Arc<Track>, Arc<Endpoint>)>),
}

fn change(call: &Call, drained: bool) -> Result<Reply, Problem> {
    let change: DrainChange = call.json()?;
    call.admin.changer.steer(|snapshot, _| {
        let service = named(&snapshot.services, call.parameter(0))?;
        let target = find(&service, &change)?;
        if drained && !change.force {
            leaves_somebody(&service, &target)?;
        }
        let endpoints = match &target {
            Target::Track(track) => {
                track.set_drained(drained);
                track.known().into_iter().map(|endpoint| (track.clone(), endpoint)).collect()
            }
            Target::Endpoints(endpoints) => {
                for (_, endpoint) in endpoints {
                    endpoint.set_drained(drained, &service.passive);
                }
                endpoints.clone()
            }
        };
        Ok(Reply::json(&status(&service, &endpoints)))
    })
}

fn find(service: &Arc<Service>, wanted: &DrainChange) -> Result<Target, Problem> {
    let mut tracks: Vec<&Arc<Track>> = service.tracks.iter().collect();
    if let Some(name) = &wanted.track {
        tracks.retain(|track| track.name == *name);
        if tracks.is_empty() {
            return Err(nothing(format!("the service `{}` has no track `{name}`", service.name)));
        }
    }
    match (&wanted.endpoint, tracks.as_slice()) {
        (None, [track]) if wanted.track.is_some() => Ok(Target::Track(Arc::clone(track))),
        (None, _) => Err(bad("say which `track` or `endpoint`")),
        (Some(address), tracks) => {
            let endpoints: Vec<_> = tracks
                .iter()
                .flat_map(|track| track.known().into_iter().map(|endpoint| (Arc::clone(track), endpoint)))
                .filter(|(_, endpoint)| endpoint.name() == address)
                .collect();
            if endpoints.is_empty() {
                let detail = format!("the service `{}` has no endpoint `{address}`", service.name);
                return Err(nothing(detail));
            }
            Ok(Target::Endpoints(endpoints))
        }
    }
}

fn nothing(detail: String) -> Problem {
    Problem::new(ProblemKind::NotFound, detail)
}

/// Where somebody could serve the service's requests, somebody still can.
fn leaves_somebody(service: &Service, target: &Target) -> Result<(), Problem> {
    let in_force = service.steering.in_force();
    let weighted = || {
        service
            .tracks
            .iter()
            .zip(in_force.split.weights())
            .filter(|(_, weight)| **weight > 0)
            .map(|(track, _)| track)
    };
    let before = weighted().any(|track| track.can_serve(&service.passive, &[]));
    let after = weighted().any(|track| match target {
        Target::Track(out) => !Arc::ptr_eq(track, out) && track.can_serve(&service.passive, &[]),
        Target::Endpoints(out) => {
            let out: Vec<_> = out.iter().map(|(_, endpoint)| endpoint.clone()).collect();
            track.can_serve(&service.passive, &out)
        }
    });
    if after || !before {
        return Ok(());
    }
    let detail = format!(
        "nobody would be left to take the requests of `{}`; `force` does it all the same",
        service.name
    );
    let split = Some(Box::new(service.steering.status()));
    Err(Problem { split, ..Problem::new(ProblemKind::NoEndpoint, detail) })
}

fn status(service: &Service, endpoints: &[(Arc<Track>, Arc<Endpoint>)]) -> DrainStatus {
    let status =
        |(track, endpoint): &(Arc<Track>, Arc<Endpoint>)| endpoint.status(&service.passive, track.drained());
    let endpoints: Vec<_> = endpoints.iter().map(status).collect();
    let there = endpoints.iter().filter(|endpoint| endpoint.state != EndpointState::Draining);
    DrainStatus {
        service: service.name.clone(),
        in_flight: there.map(|endpoint| endpoint.in_flight).sum(),
        endpoints,
    }
}
