//! `GET /v1/events`: what changes, as it changes, as server-sent events.
//!
//! Each event is one `data:` line with this JSON, and its number as `id:`. Whoever comes back with `Last-Event-ID`
//! gets what was missed, as far as it is still known.

use crate::{Deploy, EndpointState, SplitStatus};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Event {
    /// Counts up within one process, without gaps.
    pub id: u64,
    pub at_unix_ms: u64,
    #[serde(flatten)]
    pub what: Happening,
}

#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Happening {
    /// An endpoint is in another state. `track` is empty for a service without tracks. `from`: the state before; `None`:
    /// it is new. A state of `draining` says that it left.
    Endpoint {
        service: String,
        track: String,
        address: String,
        from: Option<EndpointState>,
        state: EndpointState,
        why: String,
    },
    /// A track was taken out, or put back, by hand.
    Track { service: String, track: String, drained: bool },
    /// Other weights are in force.
    Split { service: String, split: SplitStatus, why: SplitReason },
    /// Requests for a track without an endpoint go to another one; said at most once a second.
    Fallback { service: String, wanted: String, taken: String },
    /// A configuration is in force.
    Reload { generation: u64 },
    /// A configuration was refused; the last one is in force.
    ReloadRefused { why: String },
    /// Another certificate is in force.
    Certificate { names: Vec<String>, issuer: String, not_after_unix_ms: u64 },
    /// No certificate was issued; what is in force stays.
    CertificateFailed { names: Vec<String>, why: String },
    /// A deploy has begun, does something else now, or has ended.
    Deploy { deploy: Box<Deploy> },
    /// SIGTERM came: the process finishes what is under way and ends.
    Ending,
    /// So many events were lost because this reader was too slow, or came back too late.
    Missed { count: u64 },
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SplitReason {
    Committed,
    Leased,
    /// A lease ended without renewal.
    LeaseExpired,
    /// A lease was given back.
    LeaseReleased,
    /// mizan.yml's split is in force again, or mizan.yml has another one.
    File,
}
