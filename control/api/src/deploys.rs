//! `/v1/deploys`: what the deploy controller did, kept by the proxy as history and as metrics.

use serde::{Deserialize, Serialize};

/// `PUT /v1/deploys/{id}`: begins a deploy, says how far it is, or ends it. `GET` gives it back.
///
/// The id is the controller's own. One that has ended does not change any more: the same end again is no error.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Deploy {
    /// Letters, digits, `-`, `_`, `.`, and a letter or digit first; at most 128.
    pub id: String,
    /// Counts the deploys of one service in one environment.
    pub number: u64,
    /// As `service`.
    pub environment: String,
    /// As mizan.yml names it: letters, digits, `-`, `_`, `.`, and a letter or digit first; at most 64.
    pub service: String,
    pub kind: DeployKind,
    /// `blue_green`, `canary`, `rolling`: letters and `_`, at most 32.
    pub strategy: String,
    /// `registry/api:v2`; at most 1024 characters.
    pub image: String,
    /// What ran before; as `image`.
    #[serde(default)]
    pub previous_image: Option<String>,
    /// The track that gets the image, written as `service`; empty for a service without tracks.
    #[serde(default)]
    pub track: String,
    /// Who asked for it: `ali@host`; at most 256 characters.
    #[serde(default)]
    pub by: String,
    pub status: DeployStatus,
    /// What is being done, in words; at most 1024 characters.
    #[serde(default)]
    pub step: String,
    pub steps_done: u32,
    pub steps: u32,
    /// Why it failed or turned back, in words; at most 4096 characters.
    #[serde(default)]
    pub why: String,
    /// The same in a word, the label of `rollback_total`: letters and `_`, at most 32.
    #[serde(default)]
    pub reason: Option<String>,
    pub started_unix_ms: u64,
    pub updated_unix_ms: u64,
    /// Where it has ended, and only there.
    #[serde(default)]
    pub ended_unix_ms: Option<u64>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DeployKind {
    Deploy,
    /// Somebody asked for the version before.
    Rollback,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DeployStatus {
    Running,
    /// It waits for a person.
    Waiting,
    RollingBack,
    /// Its controller ended in the middle; `mizanctl resume` carries on.
    Interrupted,
    /// It stopped half way.
    Halted,
    /// Ended: the new version serves.
    Deployed,
    /// Ended: the version before serves.
    RolledBack,
    /// Ended before it changed what serves.
    Failed,
}

/// `GET /v1/deploys`: the newest first.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq, Default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Deploys {
    pub deploys: Vec<Deploy>,
}

/// What the proxy takes of each, in characters.
pub const DEPLOY_ID_MOST: usize = 128;
pub const DEPLOY_NAME_MOST: usize = 64;
pub const DEPLOY_WORD_MOST: usize = 32;
pub const DEPLOY_IMAGE_MOST: usize = 1024;
pub const DEPLOY_BY_MOST: usize = 256;
pub const DEPLOY_STEP_MOST: usize = 1024;
pub const DEPLOY_WHY_MOST: usize = 4096;

impl Deploy {
    /// With words that are too long cut off: what a command said must not keep the proxy from hearing of the end.
    #[must_use]
    pub fn fitted(mut self) -> Self {
        for (text, most) in [
            (&mut self.by, DEPLOY_BY_MOST),
            (&mut self.step, DEPLOY_STEP_MOST),
            (&mut self.why, DEPLOY_WHY_MOST),
        ] {
            if text.chars().count() > most {
                *text = text.chars().take(most - 1).chain(['…']).collect();
            }
        }
        self
    }
}

impl DeployStatus {
    pub fn has_ended(self) -> bool {
        matches!(self, Self::Deployed | Self::RolledBack | Self::Failed)
    }

    /// The word that JSON has.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::RollingBack => "rolling_back",
            Self::Interrupted => "interrupted",
            Self::Halted => "halted",
            Self::Deployed => "deployed",
            Self::RolledBack => "rolled_back",
            Self::Failed => "failed",
        }
    }
}
