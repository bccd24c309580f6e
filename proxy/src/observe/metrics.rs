//! What is counted for Prometheus: one registry for the process. What each kind of thing counts has a file below.

mod deploys;
mod labels;

use deploys::DeployMetrics;
use mizan_api::Deploy;
use prometheus::{Registry, TextEncoder};

/// The media type of [`Metrics::text`].
pub(crate) const TEXT: &str = "text/plain; version=0.0.4";

pub(crate) struct Metrics {
    registry: Registry,
    deploys: DeployMetrics,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let registry = Registry::new();
        Self { deploys: DeployMetrics::within(&registry), registry }
    }

    /// Everything, in Prometheus' text format 0.0.4. A family that has counted nothing yet is not in it.
    pub(crate) fn text(&self) -> String {
        let families = self.registry.gather();
        TextEncoder::new()
            .encode_to_string(&families)
            .expect("every family has samples, and memory takes text")
    }

    /// Counts a deploy that has ended: to be called once for each.
    pub(crate) fn deploy_ended(&self, deploy: &Deploy) {
        self.deploys.ended(deploy);
    }
}
