//! Errors: RFC 9457 problem documents, `application/problem+json`.

use crate::{FileProblem, SplitStatus};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Problem {
    /// What kind of problem it is, for programs.
    #[serde(rename = "type")]
    pub kind: ProblemKind,
    /// The kind in words.
    pub title: String,
    /// The answer's HTTP status.
    pub status: u16,
    /// What happened this time, and what to do.
    pub detail: String,
    /// For `stale-revision` and `no-endpoint`: the split as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<Box<SplitStatus>>,
    /// For `config-refused`: every problem of the file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<FileProblem>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ProblemKind {
    /// 400: the request is not HTTP, its body not JSON, or a parameter is not what it must be.
    #[serde(rename = "urn:mizan:problem:bad-request")]
    BadRequest,
    /// 404: there is no such resource, service, track, endpoint or mark.
    #[serde(rename = "urn:mizan:problem:not-found")]
    NotFound,
    /// 405: the resource is there, the method is not.
    #[serde(rename = "urn:mizan:problem:method-not-allowed")]
    MethodNotAllowed,
    /// 413: the request's body is too large.
    #[serde(rename = "urn:mizan:problem:too-large")]
    TooLarge,
    /// 415: the request's body is not application/json.
    #[serde(rename = "urn:mizan:problem:unsupported-media-type")]
    UnsupportedMediaType,
    /// 409: somebody else changed the split in between.
    #[serde(rename = "urn:mizan:problem:stale-revision")]
    StaleRevision,
    /// 409: there is no lease to renew or to give back.
    #[serde(rename = "urn:mizan:problem:no-lease")]
    NoLease,
    /// 409: requests would go where no endpoint can take them.
    #[serde(rename = "urn:mizan:problem:no-endpoint")]
    NoEndpoint,
    /// 409: mizan.yml has no `state` to keep it in.
    #[serde(rename = "urn:mizan:problem:no-state")]
    NoState,
    /// 409: no certificate is ordered now.
    #[serde(rename = "urn:mizan:problem:not-now")]
    NotNow,
    /// 409: the deploy has ended already, and otherwise.
    #[serde(rename = "urn:mizan:problem:deploy-ended")]
    DeployEnded,
    /// 422: mizan.yml has problems; the last configuration serves on.
    #[serde(rename = "urn:mizan:problem:config-refused")]
    ConfigRefused,
    /// 500: what must be kept cannot be written.
    #[serde(rename = "urn:mizan:problem:cannot-write")]
    CannotWrite,
    /// 500: a fault of mizan itself.
    #[serde(rename = "urn:mizan:problem:internal")]
    Internal,
    /// 503: too many readers of events.
    #[serde(rename = "urn:mizan:problem:busy")]
    Busy,
}

impl ProblemKind {
    /// The HTTP status that goes with it.
    pub fn status(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::StaleRevision
            | Self::NoLease
            | Self::NoEndpoint
            | Self::NoState
            | Self::NotNow
            | Self::DeployEnded => 409,
            Self::TooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::ConfigRefused => 422,
            Self::CannotWrite | Self::Internal => 500,
            Self::Busy => 503,
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Self::BadRequest => "The request cannot be understood",
            Self::NotFound => "There is no such thing",
            Self::MethodNotAllowed => "The method does not fit the resource",
            Self::TooLarge => "The request's body is too large",
            Self::UnsupportedMediaType => "The request's body must be application/json",
            Self::StaleRevision => "The split was changed in between",
            Self::NoLease => "The split is not leased",
            Self::NoEndpoint => "No endpoint could take the requests",
            Self::NoState => "There is no place to keep it in",
            Self::NotNow => "Nothing is ordered now",
            Self::DeployEnded => "The deploy has ended",
            Self::ConfigRefused => "The configuration was refused",
            Self::CannotWrite => "It cannot be written",
            Self::Internal => "A fault of mizan itself",
            Self::Busy => "Too many readers",
        }
    }
}

impl Problem {
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            title: kind.title().to_owned(),
            status: kind.status(),
            detail: detail.into(),
            split: None,
            problems: Vec::new(),
        }
    }
}
