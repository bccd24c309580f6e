//! A track takes requests and answers its checks.

use super::healthy::healthy;
use super::tools::{Outcome, Tools};
use crate::deploy::fault::Fault;
use crate::deploy::ground::is_running;
use mizan_rollout::Plan;

pub(super) async fn look(tools: &Tools, plan: &Plan, track: &str) -> Result<Outcome, Fault> {
    let service = &tools.track(track)?.compose_service;
    let all = tools.driver.engine().containers(tools.driver.project(), Some(service)).await?;
    let running = all.iter().filter(|container| is_running(container)).count() as u32;
    // Before this deploy there may have been fewer.
    healthy(tools, track, tools.place.ready(plan.replicas).min(running).max(1)).await
}
