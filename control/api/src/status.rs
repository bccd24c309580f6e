//! `GET /v1/status`, `/v1/services`, `/v1/services/{service}`: what there is and how it is.

use crate::{Deploy, SplitStatus};
use serde::{Deserialize, Serialize};

/// `GET /v1/status`: the whole proxy at a glance.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Status {
    /// Version of the running binary.
    pub version: String,
    pub pid: u32,
    /// When the process began to serve.
    pub started_unix_ms: u64,
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
    /// Client requests under way.
    pub requests: u64,
    pub services: Vec<ServiceStatus>,
    /// Deploys that have not ended, as their controllers said it last; the newest first.
    #[serde(default)]
    pub deploys: Vec<Deploy>,
}

/// `GET /v1/services`.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Services {
    pub services: Vec<ServiceStatus>,
}

/// `GET /v1/services/{service}`.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ServiceStatus {
    pub name: String,
    /// Discovery has answered for all of its endpoints.
    pub ready: bool,
    /// Which share of the requests goes to which track; `None` for a service without tracks.
    pub split: Option<SplitStatus>,
    /// Clients stay on their track by a signed cookie.
    pub sticky: bool,
    /// Requests that another track took because theirs had no endpoint.
    pub fallbacks: u64,
    /// In file order.
    pub tracks: Vec<TrackStatus>,
}

#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TrackStatus {
    /// Empty for a service without tracks.
    pub name: String,
    /// Share of the service's new requests, as a weight among its tracks.
    pub weight: u32,
    /// Taken out by hand: it gets no new requests, whatever its weight.
    pub drained: bool,
    pub endpoints: Vec<EndpointStatus>,
    /// The names that the endpoints come from; none for addresses that are written out.
    pub names: Vec<NameStatus>,
}

/// What discovery knows of one name.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NameStatus {
    /// The entry of mizan.yml: `api:3000`.
    pub name: String,
    /// What the name stands for.
    pub addresses: Vec<String>,
    /// Milliseconds since the last good answer; `None`: there was none.
    pub age_ms: Option<u64>,
    /// Why the last lookup gave nothing.
    pub last_error: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EndpointStatus {
    /// `10.0.0.2:3000`, `unix:/run/app.sock`.
    pub address: String,
    /// The entry of mizan.yml it came from: `api:3000`.
    pub from: String,
    pub state: EndpointState,
    /// In words a person can act on; empty when there is nothing to say.
    pub why: String,
    /// Since when it is in this state.
    pub since_unix_ms: u64,
    /// Requests under way.
    pub in_flight: u64,
    /// Open upstream connections, idle ones included.
    pub connections: u64,
    /// Requests sent since the endpoint was first seen.
    pub requests: u64,
    /// Failed tries since then: connects, bad answers, timeouts.
    pub failures: u64,
    /// Time to the head of an answer, a moving average over the last answers; `None`: it has not answered yet.
    pub latency_ms: Option<f64>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    /// Taken out by hand, alone or with its track; finishes what it has.
    Drained,
    /// Left its name's answer; finishes what it has.
    Draining,
}

impl EndpointState {
    /// The word that JSON has.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Starting => "starting",
            Self::Ejected => "ejected",
            Self::Unhealthy => "unhealthy",
            Self::Unconfirmed => "unconfirmed",
            Self::Drained => "drained",
            Self::Draining => "draining",
        }
    }
}
