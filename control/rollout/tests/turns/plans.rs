//! Plans of every kind.

use mizan_rollout::{CanaryStep, Deploying, Hook, Image, Plan, RollingBack, Strategy, deploy, roll_back};
use std::collections::BTreeSet;

/// What a plan is made of.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    pub(crate) strategy: Strategy,
    /// Nothing ran before.
    pub(crate) first: bool,
    pub(crate) replicas: u32,
    pub(crate) keep_ms: u64,
    pub(crate) hooks: BTreeSet<Hook>,
    pub(crate) rollback: Option<Rollback>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Rollback {
    pub(crate) migrated: bool,
    pub(crate) kept: bool,
}

pub(crate) const HOOKS: [Hook; 8] = [
    Hook::BeforeDeploy,
    Hook::Migrate,
    Hook::Smoke,
    Hook::AfterDeploy,
    Hook::RevertMigration,
    Hook::CheckData,
    Hook::CheckMetrics,
    Hook::AfterRollback,
];

pub(crate) fn blue_green() -> Strategy {
    Strategy::BlueGreen { watch_ms: 1000 }
}

pub(crate) fn canary(percents: &[u8]) -> Strategy {
    let step = |percent: &u8| CanaryStep { percent: *percent, hold_ms: 1000, gate: *percent == 50 };
    Strategy::Canary { steps: percents.iter().map(step).collect() }
}

impl Shape {
    pub(crate) fn new(strategy: Strategy) -> Self {
        Self { strategy, first: false, replicas: 2, keep_ms: 1000, hooks: HOOKS.into(), rollback: None }
    }

    /// Whether a rollback finds the track before it running.
    pub(crate) fn kept(&self) -> bool {
        self.strategy != Strategy::Rolling && self.rollback.is_some_and(|rollback| rollback.kept)
    }

    pub(crate) fn plan(&self) -> Plan {
        let image = |name: &str| Image { reference: format!("registry/api:{name}"), id: None };
        let rolling = self.strategy == Strategy::Rolling;
        let track = |name: &str| if rolling { String::new() } else { name.to_owned() };
        let plan = deploy(Deploying {
            number: 7,
            environment: "production".to_owned(),
            service: "api".to_owned(),
            strategy: self.strategy.clone(),
            image: image("v2"),
            previous: (!self.first).then(|| image("v1")),
            stable: (!self.first).then(|| track("blue")),
            target: track("green"),
            replicas: self.replicas,
            ready: self.replicas.div_ceil(2),
            keep_ms: self.keep_ms,
            hooks: self.hooks.clone(),
        });
        let Some(Rollback { migrated, kept }) = self.rollback else { return plan };
        let rolling_back = RollingBack {
            number: 8,
            of: Box::new(plan),
            migrated,
            kept,
            replicas: self.replicas,
            ready: self.replicas.div_ceil(2),
            hooks: self.hooks.clone(),
        };
        roll_back(rolling_back).expect("there was a version before")
    }

    /// One of each kind, small.
    pub(crate) fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for strategy in [blue_green(), canary(&[10, 100]), Strategy::Rolling] {
            let full = Self::new(strategy);
            let bare = Self { hooks: BTreeSet::new(), ..full.clone() };
            let first = Self { first: true, ..full.clone() };
            let hasty = Self { keep_ms: 0, replicas: 1, ..full.clone() };
            all.extend([bare, first, hasty, full.clone()]);
            // From here on a canary is as a blue-green one.
            if matches!(full.strategy, Strategy::Canary { .. }) {
                continue;
            }
            for (migrated, kept) in [(false, false), (true, false), (true, true)] {
                all.push(Self { rollback: Some(Rollback { migrated, kept }), ..full.clone() });
            }
        }
        all
    }
}
