//! `GET /v1/status`.

use crate::lifecycle::Changer;
use crate::runtime::Runtime;
use crate::upstream::{Service, Track};
use mizan_api::{ServiceStatus, Status, TrackStatus};

pub(super) fn of(changer: &Changer, runtime: &Runtime) -> Status {
    let snapshot = runtime.snapshot_arc();
    Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        draining: runtime.draining(),
        ready: snapshot.not_ready().is_empty(),
        generation: snapshot.generation,
        listeners: changer.listeners(),
        connections: runtime.gate.open() as u64,
        services: snapshot.services.iter().map(|service| service_status(service)).collect(),
    }
}

fn service_status(service: &Service) -> ServiceStatus {
    let tracks = service.tracks.iter().zip(service.weights());
    ServiceStatus {
        name: service.name.clone(),
        ready: service.ready(),
        tracks: tracks.map(|(track, weight)| track_status(track, *weight, service)).collect(),
    }
}

fn track_status(track: &Track, weight: u32, service: &Service) -> TrackStatus {
    let endpoints = track.known().into_iter().map(|endpoint| endpoint.status(&service.passive)).collect();
    TrackStatus { name: track.name.clone(), weight, endpoints, names: track.names() }
}
