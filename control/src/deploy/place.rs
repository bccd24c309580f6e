//! One service in one environment, as deploy.yml has it.

use crate::exit::Failure;
use mizan_config::deploy::model::{DeployFile, DeployService, Environment, HookName, StrategyName, Track};
use mizan_rollout::{CanaryStep, Hook, Strategy};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) file: DeployFile,
    /// Of deploy.yml: where hooks run.
    pub(crate) folder: PathBuf,
    pub(crate) environment: Environment,
    pub(crate) service: DeployService,
}

impl Place {
    /// Reads deploy.yml, and finds the service and the environment in it; the only ones need no name.
    pub(crate) fn find(
        path: &Path,
        service: Option<&str>,
        environment: Option<&str>,
    ) -> Result<Self, Failure> {
        let file =
            mizan_config::deploy::load(path).map_err(|problems| Failure::Problems(problems.to_string()))?;
        let shown = path.display();
        let environments: Vec<&str> = file.environments.iter().map(|one| one.name.as_str()).collect();
        let environment = match (environment, file.environments.as_slice()) {
            (Some(name), all) => all.iter().find(|one| one.name == name),
            (None, [only]) => Some(only),
            (None, _) => {
                let hint = format!(
                    "{shown} has several environments: say --env {}",
                    environments.join(" or --env ")
                );
                return Err(Failure::Usage(hint));
            }
        };
        let environment = environment.cloned().ok_or_else(|| {
            Failure::Usage(format!("{shown} has no such environment; there are: {}", environments.join(", ")))
        })?;
        let (compose, name) = (&environment.compose, &environment.name);
        let same = |other: &&Environment| {
            let theirs = &other.compose;
            other.name != *name && (&theirs.project, &theirs.engine) == (&compose.project, &compose.engine)
        };
        if let Some(other) = file.environments.iter().find(same) {
            return Err(Failure::Problems(format!(
                "{shown}: {name} and {} are the same Compose project, {}, on the same engine: a deploy of one would be \
                 one of the other. Give each a `project` of its own",
                other.name, compose.project
            )));
        }
        let services: Vec<&str> = file.services.iter().map(|one| one.name.as_str()).collect();
        let service = match (service, file.services.as_slice()) {
            (Some(name), all) => all.iter().find(|one| one.name == name),
            (None, [only]) => Some(only),
            (None, _) => None,
        };
        let service = service.cloned().ok_or_else(|| {
            Failure::Usage(format!("{shown} has these services, name one of them: {}", services.join(", ")))
        })?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let folder = std::path::absolute(folder)?;
        Ok(Self { file, folder, environment, service })
    }

    pub(crate) fn hooks(&self) -> BTreeSet<Hook> {
        self.service.hooks.iter().map(|(name, _)| hook(*name)).collect()
    }

    pub(crate) fn strategy(&self, chosen: Option<StrategyName>) -> Strategy {
        match chosen.unwrap_or(self.service.strategy) {
            StrategyName::BlueGreen => Strategy::BlueGreen { watch_ms: ms(self.service.watch) },
            StrategyName::Canary => Strategy::Canary {
                steps: (self.service.canary.iter())
                    .map(|step| CanaryStep { percent: step.percent, hold_ms: ms(step.hold), gate: step.gate })
                    .collect(),
            },
            StrategyName::Rolling => Strategy::Rolling,
        }
    }

    pub(crate) fn track(&self, name: &str) -> Option<&Track> {
        self.service.tracks.iter().find(|track| track.name == name)
    }

    /// There are two tracks.
    pub(crate) fn has_tracks(&self) -> bool {
        self.service.tracks.len() > 1
    }

    /// So many must be healthy before they take requests.
    pub(crate) fn ready(&self, replicas: u32) -> u32 {
        self.service.health.ready.unwrap_or(replicas).min(replicas)
    }
}

pub(crate) fn hook(name: HookName) -> Hook {
    match name {
        HookName::Preflight => Hook::Preflight,
        HookName::BeforeDeploy => Hook::BeforeDeploy,
        HookName::Migrate => Hook::Migrate,
        HookName::Smoke => Hook::Smoke,
        HookName::AfterDeploy => Hook::AfterDeploy,
        HookName::RevertMigration => Hook::RevertMigration,
        HookName::CheckData => Hook::CheckData,
        HookName::CheckMetrics => Hook::CheckMetrics,
        HookName::AfterRollback => Hook::AfterRollback,
    }
}

pub(crate) fn ms(duration: Duration) -> u64 {
    duration.as_millis() as u64
}
