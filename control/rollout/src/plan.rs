//! The steps of a deploy, fixed when it begins.

use crate::step::{Hook, Step, Version};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Counts the deploys of one service in one environment.
    pub number: u64,
    pub kind: Kind,
    pub environment: String,
    /// As deploy.yml names it.
    pub service: String,
    pub strategy: Strategy,
    pub image: Image,
    /// What runs on `stable`; `None`: nothing does.
    pub previous: Option<Image>,
    /// The track that serves when it begins; `None`: none does. Empty for a service without tracks.
    pub stable: Option<String>,
    /// The track that gets the image; `stable` itself for a rolling deploy.
    pub target: String,
    pub replicas: u32,
    /// The commands that deploy.yml has.
    pub hooks: BTreeSet<Hook>,
    /// The number of the deploy whose migration is to be reverted.
    pub reverts: Option<u64>,
    pub steps: Vec<Step>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Deploy,
    /// Of the deploy with this number, which had ended.
    Rollback {
        of: u64,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// As it was asked for: `registry/api:v2`.
    pub reference: String,
    /// `sha256:...` of its configuration, as the engine knows it.
    pub id: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "strategy", rename_all = "snake_case")]
pub enum Strategy {
    /// All at once, and watched for a while before it is for good.
    BlueGreen {
        watch_ms: u64,
    },
    Canary {
        steps: Vec<CanaryStep>,
    },
    Rolling,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CanaryStep {
    /// 1 to 100.
    pub percent: u8,
    pub hold_ms: u64,
    /// Not left until somebody promotes it.
    pub gate: bool,
}

impl Strategy {
    /// As deploy.yml has it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::BlueGreen { .. } => "blue_green",
            Self::Canary { .. } => "canary",
            Self::Rolling => "rolling",
        }
    }
}

/// What a deploy is planned from.
#[derive(Debug, Clone)]
pub struct Deploying {
    pub number: u64,
    pub environment: String,
    pub service: String,
    pub strategy: Strategy,
    pub image: Image,
    pub previous: Option<Image>,
    /// The track that serves, where one has running containers.
    pub stable: Option<String>,
    pub target: String,
    pub replicas: u32,
    /// So many must be healthy before they take requests.
    pub ready: u32,
    pub keep_ms: u64,
    pub hooks: BTreeSet<Hook>,
}

pub fn deploy(from: Deploying) -> Plan {
    let hook = |hook: Hook| from.hooks.contains(&hook).then_some(Step::Hook { hook });
    let mut steps = vec![Step::Pull];
    steps.extend(hook(Hook::BeforeDeploy));
    steps.extend(hook(Hook::Migrate));
    let target = from.target.clone();
    // With nothing to go back to there is nothing to shift, whatever the strategy.
    let first = from.stable.is_none();
    if from.strategy == Strategy::Rolling && !first {
        steps.extend((1..=from.replicas).map(|nth| Step::Replace {
            nth,
            of: from.replicas,
            version: Version::New,
        }));
        steps.extend(hook(Hook::Smoke));
    } else {
        let (track, replicas) = (target.clone(), from.replicas);
        steps.push(Step::Start { track, version: Version::New, replicas });
        steps.push(Step::Healthy { track: target.clone(), ready: from.ready });
        steps.extend(hook(Hook::Smoke));
        if !first {
            steps.extend(shifts(&from.strategy));
        }
        if !target.is_empty() {
            steps.push(Step::Commit { track: target.clone() });
        }
        if let Some(stable) = &from.stable {
            if from.keep_ms > 0 {
                steps.push(Step::Keep { ms: from.keep_ms });
            }
            steps.push(Step::Drain { track: stable.clone() });
            steps.push(Step::Stop { track: stable.clone() });
        }
    }
    steps.extend(hook(Hook::AfterDeploy));
    Plan {
        number: from.number,
        kind: Kind::Deploy,
        environment: from.environment,
        service: from.service,
        strategy: from.strategy,
        image: from.image,
        previous: from.previous,
        stable: from.stable,
        target,
        replicas: from.replicas,
        hooks: from.hooks,
        reverts: None,
        steps,
    }
}

fn shifts(strategy: &Strategy) -> Vec<Step> {
    match strategy {
        Strategy::BlueGreen { watch_ms } => {
            vec![Step::Shift { percent: 100, hold_ms: *watch_ms, gate: false }]
        }
        Strategy::Canary { steps } => {
            let shift = |step: &CanaryStep| {
                let CanaryStep { percent, hold_ms, gate } = *step;
                Step::Shift { percent, hold_ms, gate }
            };
            steps.iter().map(shift).collect()
        }
        Strategy::Rolling => Vec::new(),
    }
}

/// What a rollback is planned from, of a deploy that had ended.
#[derive(Debug, Clone)]
pub struct RollingBack {
    pub number: u64,
    /// The deploy to be undone.
    pub of: Box<Plan>,
    /// Its migration was run to its end.
    pub migrated: bool,
    /// The track before it still runs, with the image before it.
    pub kept: bool,
    pub replicas: u32,
    pub ready: u32,
    /// The commands that deploy.yml has now.
    pub hooks: BTreeSet<Hook>,
}

/// `None`: there is no version before that deploy.
pub fn roll_back(from: RollingBack) -> Option<Plan> {
    let of = *from.of;
    let (previous, stable) = (of.previous.clone()?, of.stable.clone()?);
    let mut steps = Vec::new();
    if of.strategy == Strategy::Rolling {
        steps.push(Step::Pull);
        steps.extend((1..=from.replicas).map(|nth| Step::Replace {
            nth,
            of: from.replicas,
            version: Version::New,
        }));
    } else {
        if !from.kept {
            let (track, replicas) = (stable.clone(), from.replicas);
            steps.push(Step::Pull);
            steps.push(Step::Start { track, version: Version::New, replicas });
            steps.push(Step::Healthy { track: stable.clone(), ready: from.ready });
        }
        steps.push(Step::Traffic { track: stable.clone() });
        steps.push(Step::Drain { track: of.target.clone() });
        steps.push(Step::Stop { track: of.target.clone() });
    }
    let hook = |hook: Hook| from.hooks.contains(&hook).then_some(Step::Hook { hook });
    if from.migrated {
        steps.extend(hook(Hook::RevertMigration));
    }
    steps.extend(hook(Hook::CheckData));
    steps.extend(hook(Hook::CheckMetrics));
    steps.push(Step::FinalHealth { track: stable.clone() });
    steps.extend(hook(Hook::AfterRollback));
    Some(Plan {
        number: from.number,
        kind: Kind::Rollback { of: of.number },
        environment: of.environment,
        service: of.service,
        strategy: of.strategy,
        // What was new then is what is left now.
        image: previous,
        previous: Some(of.image),
        target: stable,
        stable: Some(of.target),
        replicas: from.replicas,
        hooks: from.hooks,
        reverts: from.migrated.then_some(of.number),
        steps,
    })
}
