//! Active health checks: a GET to an endpoint, over a connection of its own, again and again.

mod probe;

use crate::upstream::Address;
use mizan_config::model::{HealthCheck, UpstreamProtocol};
use mizan_policy::health::active::{Checks, Outcome, Thresholds, Verdict, first_wait, next_wait};
use rustls::ClientConfig;
use std::sync::Arc;

/// Whom to check, and how it is spoken to.
pub(crate) struct Target {
    pub(crate) address: Address,
    /// `None`: plain. Else with the name that the endpoint has to prove.
    pub(crate) tls: Option<(Arc<ClientConfig>, String)>,
    pub(crate) protocol: UpstreamProtocol,
}

/// Checks an endpoint until aborted. `changed` is called whenever the verdict changes, with the reason for a bad one.
pub(crate) async fn watch_endpoint(
    check: &HealthCheck,
    target: &Target,
    host: &str,
    mut changed: impl FnMut(bool, &str),
    random: impl Fn() -> u64,
) {
    let thresholds = Thresholds { healthy: check.healthy, unhealthy: check.unhealthy };
    let mut checks = Checks::default();
    // Spread, so that endpoints that came together are not checked together for ever.
    tokio::time::sleep(first_wait(check.interval, random())).await;
    loop {
        let probed = probe::probe(check, target, host).await;
        let outcome = if probed.is_ok() { Outcome::Passed } else { Outcome::Failed };
        match checks.observe(thresholds, outcome) {
            Some(Verdict::Healthy) => changed(true, ""),
            Some(Verdict::Unhealthy) => {
                changed(false, &probed.err().map(|error| error.to_string()).unwrap_or_default());
            }
            Some(Verdict::Unknown) | None => {}
        }
        tokio::time::sleep(next_wait(check.interval, random())).await;
    }
}
