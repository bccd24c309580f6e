//! What a journal's lines say.

use crate::{Plan, Step};
use serde::{Deserialize, Serialize};

/// One thing that happened. `step` counts the plan's steps, or with `back` those of the way back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum Record {
    /// The first line.
    Begin {
        plan: Box<Plan>,
        by: String,
    },
    /// Written before a step does anything.
    Started {
        step: usize,
        back: bool,
    },
    /// Written once it is done. `output`: the end of what its command printed.
    Done {
        step: usize,
        back: bool,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        output: String,
    },
    Failed {
        step: usize,
        back: bool,
        reason: Reason,
        why: String,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        output: String,
    },
    /// What the pull found: the images' ids.
    Images {
        new: Option<String>,
        previous: Option<String>,
    },
    /// The decision to turn back, and the way.
    Back {
        reason: Reason,
        why: String,
        steps: Vec<Step>,
    },
    /// The process ended on purpose, with the deploy open.
    Interrupted {
        why: String,
    },
    /// Another process carries on.
    Resumed {
        by: String,
    },
    Paused {
        by: String,
    },
    Unpaused {
        by: String,
    },
    /// Somebody ended a wait.
    Promoted {
        by: String,
    },
    /// Something to be remembered.
    Note {
        text: String,
    },
    /// The last line.
    End {
        status: Status,
        why: String,
    },
}

/// How a deploy ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Deployed,
    /// The version before it serves.
    RolledBack,
    /// It ended before it changed what serves.
    Failed,
}

/// Why a deploy failed or turned back; the label `reason` of `rollback_total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The image cannot be had.
    Image,
    /// Containers did not start.
    Start,
    /// They did not get healthy.
    Unhealthy,
    /// Requests failed beyond the limit.
    ErrorRate,
    /// A hook failed.
    Hook,
    /// Somebody else changed the split.
    SplitChanged,
    /// The proxy did not answer, or refused.
    Proxy,
    /// Docker did not answer, or refused.
    Docker,
    /// The journal or another file cannot be written.
    Disk,
    /// Somebody asked for it.
    Command,
}

impl Reason {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Start => "start",
            Self::Unhealthy => "unhealthy",
            Self::ErrorRate => "error_rate",
            Self::Hook => "hook",
            Self::SplitChanged => "split_changed",
            Self::Proxy => "proxy",
            Self::Docker => "docker",
            Self::Disk => "disk",
            Self::Command => "command",
        }
    }
}

impl Status {
    /// The label `status` of `deployment_duration_seconds`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deployed => "deployed",
            Self::RolledBack => "rolled_back",
            Self::Failed => "failed",
        }
    }
}
