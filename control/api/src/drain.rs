//! `POST /v1/services/{service}/drain` and `/undrain`: take an endpoint or a track out, and put it back.

use crate::EndpointStatus;
use serde::{Deserialize, Serialize};

/// What to drain or to put back: one of the two, or an endpoint of one track.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq, Default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DrainChange {
    /// A track of the service.
    #[serde(default)]
    pub track: Option<String>,
    /// An endpoint's address as the status has it: `10.0.0.2:3000`.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// Also when nothing would be left that can take the service's requests.
    #[serde(default)]
    pub force: bool,
}

/// How far a drain is. New requests go elsewhere from the reply on; it is done when `in_flight` is 0.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DrainStatus {
    pub service: String,
    /// Requests under way at the endpoints below.
    pub in_flight: u64,
    /// What the call was about.
    pub endpoints: Vec<EndpointStatus>,
}
