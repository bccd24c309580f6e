//! `/v1/status`.

use super::services::service_status;
use crate::admin::call::{Call, Reply};
use mizan_api::{Problem, Status};

#[expect(clippy::unnecessary_wraps, reason = "one of the table's functions")]
pub(in crate::admin) fn get(call: &Call) -> Result<Reply, Problem> {
    let (changer, runtime) = (&call.admin.changer, &call.admin.runtime);
    let snapshot = runtime.snapshot_arc();
    Ok(Reply::json(&Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        started_unix_ms: runtime.started_unix_ms,
        draining: runtime.draining(),
        ready: snapshot.not_ready().is_empty(),
        generation: snapshot.generation,
        listeners: changer.listeners(),
        connections: runtime.gate.open() as u64,
        requests: runtime.active_requests() as u64,
        services: snapshot.services.iter().map(|service| service_status(service)).collect(),
        deploys: call.admin.history.under_way(),
    }))
}
