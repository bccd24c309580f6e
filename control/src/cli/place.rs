//! What all verbs about deploys share: where deploy.yml is, and which service and environment are meant.

use crate::compose::{Driver, Engine};
use crate::deploy::store::{Store, StoreError};
use crate::deploy::{Place, Proxy};
use crate::exit::Failure;
use clap::Args;
use mizan_api::Client;
use std::path::PathBuf;

#[derive(Debug, Clone, Args)]
pub(super) struct Where {
    /// The service, as deploy.yml names it; the only one needs no name
    service: Option<String>,
    /// The environment, where deploy.yml has several
    #[arg(long, value_name = "NAME", env = "MIZAN_ENV")]
    env: Option<String>,
    /// The file that says how versions are rolled out
    #[arg(long, short, value_name = "FILE", env = "MIZAN_DEPLOY_FILE", default_value = "deploy.yml")]
    file: PathBuf,
}

impl Where {
    pub(super) fn find(&self) -> Result<Place, Failure> {
        Place::find(&self.file, self.service.as_deref(), self.env.as_deref())
    }

    /// What stands where the service does, if it is a number.
    pub(super) fn take_number(&mut self) -> Option<u64> {
        let number = self.service.as_ref()?.parse().ok()?;
        self.service = None;
        Some(number)
    }
}

/// The service, at the admin socket of its environment.
pub(super) fn proxy(place: &Place) -> Proxy {
    Proxy::new(Client::new(&place.environment.socket), &place.service.proxy_service)
}

/// The journals of a service.
pub(super) fn store(place: &Place) -> Result<Store, Failure> {
    let store = Store::open(&place.file.state, &place.environment.name, &place.service.name);
    store.map_err(|error| Failure::NotDeployed(format!("nothing was changed: {error}")))
}

pub(super) fn busy(error: StoreError) -> Failure {
    match error {
        StoreError::Busy(who) => Failure::Busy(who),
        error => Failure::NotDeployed(format!("nothing was changed: {error}")),
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        busy(error)
    }
}

/// What a deploy began that was killed goes on by itself: nothing is done beside it.
pub(super) fn no_hook_runs(store: &Store) -> Result<(), Failure> {
    if !store.hook_runs() {
        return Ok(());
    }
    let why = "a hook of the deploy that was left open still runs, although its mizanctl is gone: wait for it, or end it";
    Err(Failure::Busy(why.to_owned()))
}

/// Docker and Compose, where no checklist comes first.
pub(super) async fn driver(place: &Place) -> Result<Driver, Failure> {
    let compose = &place.environment.compose;
    let opened =
        Driver::open(compose, Engine::new(&compose.engine), &place.file.state.join("projects")).await;
    opened.map_err(|error| Failure::NotDeployed(format!("nothing was changed: {error}")))
}
