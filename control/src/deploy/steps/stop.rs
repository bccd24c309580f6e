//! No container of a track runs.

use super::drain;
use super::tools::{Outcome, Tools};
use crate::compose::Container;
use crate::deploy::fault::Fault;
use crate::deploy::ground::is_running;
use mizan_rollout::Plan;
use std::fmt::Write;

/// Of each container, for the journal: they are gone afterwards.
const LOG_LINES: u32 = 20;

pub(super) async fn stop(tools: &Tools, plan: &Plan, track: &str) -> Result<Outcome, Fault> {
    drain::has_no_share(tools, plan, track).await?;
    let service = &tools.track(track)?.compose_service;
    // An `up` that was interrupted may still be making some.
    tools.driver.settled().await?;
    let containers = tools.driver.engine().containers(tools.driver.project(), Some(service)).await?;
    let mut output = String::new();
    for container in containers.iter().filter(|container| is_running(container)) {
        let logs = tools.driver.engine().logs(&container.id, LOG_LINES).await.unwrap_or_default();
        let _ = writeln!(output, "{}:\n{logs}", container.name);
    }
    // All at once: each has its own time to end.
    let mut stops = tokio::task::JoinSet::new();
    for container in containers {
        let (engine, grace) = (tools.driver.engine().clone(), tools.place.service.stop_timeout);
        stops.spawn(async move { remove(&engine, &container, grace).await });
    }
    while let Some(stopped) = stops.join_next().await {
        stopped.map_err(|error| Fault::new(mizan_rollout::Reason::Docker, error.to_string()))??;
    }
    Ok(Outcome { output, ..Outcome::default() })
}

pub(super) async fn remove(
    engine: &crate::compose::Engine,
    container: &Container,
    grace: std::time::Duration,
) -> Result<(), Fault> {
    engine.stop(&container.id, grace).await?;
    Ok(engine.remove(&container.id).await?)
}
