//! The steps that deploys are made of.

use serde::{Deserialize, Serialize};

/// One step. Each can be begun again after a crash: it brings about a state, whatever was there before. Hooks alone are
/// what their authors made them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// The image is on this machine, and its id is known.
    Pull,
    Hook {
        hook: Hook,
    },
    /// So many containers of a track run, with this version of the image, and none with another; a drain of the track that an
    /// earlier deploy left is taken back.
    Start {
        track: String,
        version: Version,
        replicas: u32,
    },
    /// They are healthy by Docker and by the proxy's own checks; `ready` of them at least.
    Healthy {
        track: String,
        ready: u32,
    },
    /// The plan's track has this share of the requests, on a lease, for a time; with `gate` until somebody promotes it.
    Shift {
        percent: u8,
        hold_ms: u64,
        gate: bool,
    },
    /// Within one track: at least `nth` of `of` instances run this version, and no more than `of` run at all.
    Replace {
        nth: u32,
        of: u32,
        version: Version,
    },
    /// All requests go to this track, for good.
    Commit {
        track: String,
    },
    /// The track that was left stays for a time, for an instant way back; what is new is watched.
    Keep {
        ms: u64,
    },
    /// Nothing is under way on this track any more, and nothing new comes.
    Drain {
        track: String,
    },
    /// No container of this track runs.
    Stop {
        track: String,
    },
    /// Back, at once: all requests go to this track, for good, and a drain of it is taken back before.
    Traffic {
        track: String,
    },
    /// This track takes requests and answers its checks.
    FinalHealth {
        track: String,
    },
}

/// Which image a step is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Version {
    New,
    Previous,
}

/// Commands of the user's, by when they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hook {
    /// Before anything is looked at; what the checklist cannot know.
    Preflight,
    /// Backups.
    BeforeDeploy,
    Migrate,
    /// Against the new track, by force, before it has any share.
    Smoke,
    AfterDeploy,
    RevertMigration,
    CheckData,
    CheckMetrics,
    AfterRollback,
}

/// What a failed step means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// The deploy turns back.
    Back,
    /// It stops as it is: a person says `resume` or `rollback`.
    Halt,
    /// It is told, and goes on.
    Tell,
}

impl Hook {
    /// As deploy.yml has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Preflight => "preflight",
            Self::BeforeDeploy => "before_deploy",
            Self::Migrate => "migrate",
            Self::Smoke => "smoke",
            Self::AfterDeploy => "after_deploy",
            Self::RevertMigration => "revert_migration",
            Self::CheckData => "check_data",
            Self::CheckMetrics => "check_metrics",
            Self::AfterRollback => "after_rollback",
        }
    }
}

impl Step {
    /// Whether it may be begun again when nobody knows how far it came. Reverting a migration twice would revert another
    /// one.
    pub fn may_repeat(&self) -> bool {
        !matches!(self, Self::Hook { hook: Hook::RevertMigration })
    }
}
