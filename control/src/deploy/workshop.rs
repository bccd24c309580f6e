//! Everything that a deploy works with, before it begins.

use super::lease::Lease;
use super::place::Place;
use super::progress::Progress;
use super::proxy::Proxy;
use super::steps::{Attempt, Controls, Tools, run_hook};
use crate::compose::Driver;
use mizan_rollout::{Hook, Plan};
use std::fs::File;
use tokio::sync::{mpsc, watch};

#[derive(Debug)]
pub(crate) struct Workshop {
    pub(crate) place: Place,
    pub(crate) proxy: Proxy,
    pub(crate) driver: Driver,
}

impl Workshop {
    pub(crate) fn new(place: Place, proxy: Proxy, driver: Driver) -> Self {
        Self { place, proxy, driver }
    }

    pub(crate) fn open(
        self,
        paused: bool,
        hook_lock: Box<dyn Fn() -> Option<File>>,
    ) -> (Tools, mpsc::UnboundedReceiver<Progress>, watch::Sender<Controls>) {
        let Self { place, proxy, driver } = self;
        let (tell, progress) = mpsc::unbounded_channel();
        let (sender, controls) = watch::channel(Controls { paused, ..Controls::default() });
        let lease = Lease::new(proxy.clone(), place.service.lease);
        (Tools { place, proxy, driver, lease, tell, controls, hook_lock }, progress, sender)
    }

    /// Why the user's own checklist says no, if it does.
    pub(crate) async fn preflight_hook(&self, plan: &Plan) -> Option<String> {
        let workshop = Self::new(self.place.clone(), self.proxy.clone(), self.driver.clone());
        let (tools, _progress, _controls) = workshop.open(false, Box::new(|| None));
        match run_hook(&tools, plan, Hook::Preflight, Attempt { again: false, why: None }).await {
            Ok(ran) => ran.and_then(|ran| {
                ran.failed.map(|why| {
                    let last = ran.output.lines().last().map(str::to_owned);
                    last.map_or(why.clone(), |last| format!("{why}: {last}"))
                })
            }),
            Err(fault) => Some(fault.why),
        }
    }
}
