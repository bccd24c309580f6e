//! One change: read, check, build the next snapshot from the last, swap. A bad one is refused and nothing changes.

use crate::discover::Names;
use crate::listen::{BindError, Edge, Listeners};
use crate::snapshot::{BuildError, Next, Snapshot};
use crate::upstream::Service;
use mizan_config::Problems;
use mizan_config::model::{Config, ListenAddress};
use std::collections::HashSet;
use std::path::PathBuf;
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
    pub(super) names: Arc<Names>,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum ReloadError {
    #[error("{0}")]
    Problems(Problems),
    #[error(transparent)]
    Build(#[from] BuildError),
    #[error(transparent)]
    Bind(#[from] BindError),
    #[error("this process was not started from a file")]
    NoFile,
}

impl Changer {
    pub(super) fn new(edge: Arc<Edge>, file: Option<PathBuf>, installed: Installed) -> Arc<Self> {
        Arc::new(Self { edge, file, installed: Mutex::new(installed) })
    }

    /// Reads the file again. The generation that is in force afterwards, or every reason why nothing changed.
    pub(crate) fn reload(&self) -> Result<u64, ReloadError> {
        let file = self.file.as_ref().ok_or(ReloadError::NoFile)?;
        let config = mizan_config::load(file).map_err(ReloadError::Problems)?;
        self.install(config)
    }

    fn install(&self, config: Config) -> Result<u64, ReloadError> {
        let mut installed = self.installed.lock().expect("no change panics while it holds the lock");
        let wanted = addresses(&config);
        let next = Next::after(&self.edge.runtime.snapshot(), &installed.names, config)?;
        let prepared = installed.listeners.prepare(&wanted)?;
        let generation = next.snapshot.generation;
        // Nothing can fail from here on.
        let last = self.edge.runtime.install(next.snapshot);
        succeed(&last, &self.edge.runtime.snapshot());
        installed.names = next.names;
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

pub(super) fn addresses(config: &Config) -> Vec<ListenAddress> {
    config.listen.iter().map(|listener| listener.address.clone()).collect()
}
