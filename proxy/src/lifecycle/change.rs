//! One change: read, check, build the next snapshot from the last, swap. A bad one is refused and nothing changes.

use super::candidate::{Candidate, Unfit};
use crate::listen::{BindError, Edge, Listeners};
use crate::observe::events;
use crate::snapshot::{BuildError, Next, Snapshot};
use crate::state::State;
use crate::tls::{self, Look, Strictness};
use crate::upstream::{Ground, Service};
use mizan_acme::{PlanError, Settings};
use mizan_api::Happening;
use mizan_config::Problems;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// Puts configurations in force, one at a time.
pub(crate) struct Changer {
    edge: Arc<Edge>,
    /// `None`: the configuration did not come from a file (the demo) and cannot be read again.
    file: Option<PathBuf>,
    installed: Mutex<Installed>,
}

pub(super) struct Installed {
    pub(super) listeners: Listeners,
    pub(super) ground: Ground,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum ReloadError {
    #[error("{0}")]
    Problems(Problems),
    #[error(transparent)]
    Build(#[from] BuildError),
    #[error(transparent)]
    Bind(#[from] BindError),
    #[error(transparent)]
    Certificates(#[from] PlanError),
    #[error("this process was not started from a file")]
    NoFile,
}

impl From<Unfit> for ReloadError {
    fn from(unfit: Unfit) -> Self {
        match unfit {
            Unfit::Problems(problems) => Self::Problems(problems),
            Unfit::Build(error) => Self::Build(error),
        }
    }
}

impl Changer {
    pub(super) fn new(edge: Arc<Edge>, file: Option<PathBuf>, installed: Installed) -> Arc<Self> {
        Arc::new(Self { edge, file, installed: Mutex::new(installed) })
    }

    /// Reads the file again. The generation that is in force afterwards and the file's warnings, or every reason why
    /// nothing changed.
    pub(crate) fn reload(&self) -> Result<(u64, Problems), ReloadError> {
        let outcome = self.examine().and_then(|candidate| {
            let warnings = candidate.warnings.clone();
            Ok((self.install(candidate)?, warnings))
        });
        match &outcome {
            Ok((generation, _)) => {
                tracing::info!("configuration {generation} in force");
                events::publish(Happening::Reload { generation: *generation });
            }
            Err(ReloadError::NoFile) => {}
            Err(error) => {
                tracing::error!("configuration refused, the last one stays in force:\n{error}");
                events::publish(Happening::ReloadRefused { why: error.to_string() });
            }
        }
        outcome
    }

    /// Where the configuration came from.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// What a reload would put in force.
    pub(crate) fn examine(&self) -> Result<Candidate, ReloadError> {
        let file = self.file.as_ref().ok_or(ReloadError::NoFile)?;
        let examined = mizan_config::examine_file(file).map_err(ReloadError::Problems)?;
        let last = self.edge.runtime.server_tls();
        Ok(Candidate::of(examined, last.as_deref(), self.edge.runtime.acme.unsaved(), Strictness::Valid)?)
    }

    /// Puts certificates in force whose files have changed; `anyway`: also where none has.
    pub(crate) fn refresh_certificates(&self, anyway: bool) -> Look {
        // No reload comes between: what is read is for the configuration in force.
        let _installed = self.installed.lock().expect("no change panics while it holds the lock");
        let runtime = &self.edge.runtime;
        let Some(last) = runtime.server_tls().as_ref().cloned() else { return Look::Unchanged };
        let (look, next) = tls::look(&runtime.snapshot().config, &last, runtime.acme.unsaved(), anyway);
        if let Some(next) = next {
            runtime.install_tls(next);
        }
        look
    }

    /// Changes something of the services in force while no reload replaces them.
    pub(crate) fn steer<T>(&self, change: impl FnOnce(&Snapshot, Option<&State>) -> T) -> T {
        let installed = self.installed.lock().expect("no change panics while it holds the lock");
        change(&self.edge.runtime.snapshot(), installed.ground.state.as_deref())
    }

    fn install(&self, candidate: Candidate) -> Result<u64, ReloadError> {
        let Candidate { config, material, .. } = candidate;
        let mut installed = self.installed.lock().expect("no change panics while it holds the lock");
        let wanted = config.listen.clone();
        let next = Next::after(&self.edge.runtime.snapshot(), &installed.ground, config, &material.upstream)?;
        let plan = self.edge.runtime.acme.prepare(Settings::of(&next.snapshot.config))?;
        let prepared = installed.listeners.prepare(&wanted)?;
        let generation = next.snapshot.generation;
        // Nothing can fail from here on.
        self.edge.runtime.install_tls(material.server);
        let last = self.edge.runtime.install(next.snapshot);
        succeed(&last, &self.edge.runtime.snapshot());
        installed.ground = next.ground;
        self.edge.runtime.acme.follow(plan);
        installed.listeners.install(prepared, &self.edge);
        Ok(generation)
    }

    pub(crate) fn listeners(&self) -> Vec<String> {
        self.installed.lock().expect("no change panics while it holds the lock").listeners.names()
    }

    /// Ends accepting; done once every listener is closed.
    pub(super) fn stop_listening(&self) -> impl Future<Output = ()> + use<> {
        self.installed.lock().expect("no change panics while it holds the lock").listeners.close()
    }

    /// Tells the connections that were accepted to end.
    pub(super) fn say_goodbye(&self) {
        self.installed.lock().expect("no change panics while it holds the lock").listeners.say_goodbye();
    }
}

/// What the next snapshot took over goes on; what it did not is left.
fn succeed(last: &Snapshot, next: &Snapshot) {
    for service in &next.services {
        service.enter_force();
    }
    let kept: HashSet<_> = next.services.iter().flat_map(|service| service.endpoints()).collect();
    let goes_on = |service: &&Arc<Service>| next.services.iter().any(|kept| Arc::ptr_eq(kept, service));
    for service in last.services.iter().filter(|service| !goes_on(service)) {
        service.leave_force(&kept);
    }
}
