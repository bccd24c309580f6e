//! A proxy with two tracks, for tests.

use mizan_api::{
    Deploy, DeployKind, DeployStatus, EndpointState, EndpointStatus, Lease, ServiceStats, ServiceStatus,
    SplitOrigin, SplitStatus, Status, StepStats, Tally, TrackStats, TrackStatus,
};

pub(crate) const NOW: u64 = 1_800_000_000_000;
pub(crate) const WHY: &str = "the endpoint refused the connection 3 times; it is asked again in 7 s";

pub(crate) fn leased() -> SplitStatus {
    SplitStatus {
        revision: 7,
        weights: [("blue".to_owned(), 90), ("green".to_owned(), 10)].into(),
        committed: [("blue".to_owned(), 100)].into(),
        origin: SplitOrigin::File,
        lease: Some(Lease { left_ms: 42_300 }),
    }
}

pub(crate) fn endpoint(address: &str, state: EndpointState, why: &str) -> EndpointStatus {
    EndpointStatus {
        address: address.to_owned(),
        from: "api:3000".to_owned(),
        state,
        why: why.to_owned(),
        since_unix_ms: NOW - 200_000,
        in_flight: 4,
        connections: 9,
        requests: 120_345,
        failures: 3,
        latency_ms: Some(12.3),
    }
}

pub(crate) fn status() -> Status {
    let track = |name: &str, weight, endpoints| TrackStatus {
        name: name.to_owned(),
        weight,
        drained: false,
        endpoints,
        names: Vec::new(),
    };
    let blue = vec![
        endpoint("10.0.0.2:3000", EndpointState::Up, ""),
        endpoint("10.0.0.3:3000", EndpointState::Ejected, WHY),
    ];
    let long = "unix:/run/some/folder/that/is/rather/deep/app.sock";
    let green = vec![endpoint(long, EndpointState::Up, "")];
    Status {
        version: "0.1.0".to_owned(),
        pid: 4711,
        started_unix_ms: NOW - 273_600_000,
        draining: false,
        ready: true,
        generation: 3,
        listeners: vec!["127.0.0.1:8080".to_owned(), "unix:/run/mizan/http.sock".to_owned()],
        connections: 12,
        requests: 1,
        services: vec![ServiceStatus {
            name: "api".to_owned(),
            ready: true,
            split: Some(leased()),
            sticky: true,
            fallbacks: 2,
            tracks: vec![track("blue", 90, blue), track("green", 10, green)],
        }],
        deploys: Vec::new(),
    }
}

pub(crate) fn deploy() -> Deploy {
    Deploy {
        id: "api-production-12".to_owned(),
        number: 12,
        environment: "production".to_owned(),
        service: "api".to_owned(),
        kind: DeployKind::Deploy,
        strategy: "canary".to_owned(),
        image: "registry.test/api:v2".to_owned(),
        previous_image: Some("registry.test/api:v1".to_owned()),
        track: "green".to_owned(),
        by: "ali@host".to_owned(),
        status: DeployStatus::Running,
        step: "hold 25 %".to_owned(),
        steps_done: 2,
        steps: 9,
        why: String::new(),
        reason: None,
        started_unix_ms: NOW - 730_000,
        updated_unix_ms: NOW - 2000,
        ended_unix_ms: None,
    }
}

pub(crate) fn stats() -> ServiceStats {
    let tally =
        Tally { ms: 10_000, requests: 1234, failed: 3, latency: vec![1000, 200, 34], ..Tally::default() };
    let track = |name: &str, weight| TrackStats {
        track: name.to_owned(),
        weight,
        total: tally.clone(),
        step: StepStats {
            tally: tally.clone(),
            active: 4,
            active_old: 0,
            clients_failed: mizan_api::ClientsFailed::default(),
            first_latency: Vec::new(),
        },
        last_10s: tally.clone(),
        last_1m: tally.clone(),
        last_5m: tally.clone(),
        since_mark: None,
    };
    ServiceStats {
        service: "api".to_owned(),
        sticky: true,
        step: 7,
        step_ms: 1000,
        latency_bounds_ms: vec![4.0, 16.0],
        tracks: vec![track("blue", 90), track("green", 10)],
    }
}
