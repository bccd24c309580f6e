//! `/v1/services/{service}/split`: which share of a service's requests goes to which track.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Weight by track, relative to each other: `{"blue": 90, "green": 10}`.
pub type Weights = BTreeMap<String, u32>;

/// The answer to every call on a split.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SplitStatus {
    /// Another and a greater one after each change of the split; what a change is to be based on.
    pub revision: u64,
    /// In force for the next request.
    pub weights: Weights,
    /// What is in force when there is no lease, and after a restart.
    pub committed: Weights,
    /// Where `committed` comes from.
    pub origin: SplitOrigin,
    /// `weights` are leased: without renewal `committed` is in force again when the lease ends.
    pub lease: Option<Lease>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SplitOrigin {
    /// `split` of mizan.yml: nobody has committed another one.
    File,
    /// Committed over the admin socket, and kept in `state`.
    Committed,
}

#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Lease {
    /// How long it still holds.
    pub left_ms: u64,
}

/// `PUT /v1/services/{service}/split`: all tracks at once.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SplitChange {
    /// A track that is not named has 0. At least one must have more.
    pub weights: Weights,
    /// The revision that this change is based on; when it is not the split's any more, nothing changes (409).
    #[serde(default)]
    pub revision: Option<u64>,
    /// Not committed but leased, for so many seconds: 0.1 to 86400.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(range(min = 0.1, max = 86400.0)))]
    pub lease_seconds: Option<f64>,
    /// Also where a track with weight has no endpoint that can take a request.
    #[serde(default)]
    pub force: bool,
}

/// `POST /v1/services/{service}/split/renew`: the lease holds for so long again, from now. The revision stays.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LeaseRenewal {
    /// The revision of the leased split.
    pub revision: u64,
    /// 0.1 to 86400.
    #[cfg_attr(feature = "schema", schemars(range(min = 0.1, max = 86400.0)))]
    pub lease_seconds: f64,
}
