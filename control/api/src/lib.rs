//! The admin API's request and reply types, and its client.
//!
//! HTTP/1.1 and JSON over a Unix socket, versioned under `/v1`. `proxy` serves these types, `mizanctl` and the tests
//! read them; neither side knows the other's code.

mod client;

pub use client::{Client, ClientError};

use serde::{Deserialize, Serialize};

/// `GET /v1/status`: the whole proxy at a glance.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub struct Status {
    /// Version of the running binary.
    pub version: String,
    pub pid: u32,
    /// True from SIGTERM on.
    pub draining: bool,
    /// True once every service has had an answer from discovery.
    pub ready: bool,
    /// Counts the configurations this process has put in force, the first included.
    pub generation: u64,
    /// Bound addresses: `127.0.0.1:8080`, `unix:/run/mizan/http.sock`.
    pub listeners: Vec<String>,
    /// Open client connections.
    pub connections: u64,
    pub services: Vec<ServiceStatus>,
}

#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub struct ServiceStatus {
    pub name: String,
    /// Discovery has answered for all of its endpoints.
    pub ready: bool,
    pub tracks: Vec<TrackStatus>,
}

#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub struct TrackStatus {
    /// Empty for a service without tracks.
    pub name: String,
    /// Share of the service's new requests, as a weight among its tracks.
    pub weight: u32,
    pub endpoints: Vec<EndpointStatus>,
    /// The names that the endpoints come from; none for addresses that are written out.
    pub names: Vec<NameStatus>,
}

/// What discovery knows of one name.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct NameStatus {
    /// The entry of mizan.yml: `api:3000`.
    pub name: String,
    /// Milliseconds since the last good answer; `None`: there was none.
    pub age_ms: Option<u64>,
    /// Why the last lookup gave nothing.
    pub last_error: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub struct EndpointStatus {
    /// `10.0.0.2:3000`, `unix:/run/app.sock`.
    pub address: String,
    /// The entry of mizan.yml it came from: `api:3000`.
    pub from: String,
    pub state: EndpointState,
    /// In words a person can act on; empty when there is nothing to say.
    pub why: String,
    /// Requests under way.
    pub in_flight: u64,
    /// Open upstream connections, idle ones included.
    pub connections: u64,
    /// Requests sent since the endpoint was first seen.
    pub requests: u64,
    /// Failed tries since then: connects, bad answers, timeouts.
    pub failures: u64,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum EndpointState {
    /// Takes requests.
    Up,
    /// Has never answered yet.
    Starting,
    /// Taken out by max_fails, for fail_timeout.
    Ejected,
    /// Active checks fail.
    Unhealthy,
    /// Refused or hung, and discovery has not confirmed it since.
    Unconfirmed,
    /// Left its name's answer; finishes what it has.
    Draining,
}
