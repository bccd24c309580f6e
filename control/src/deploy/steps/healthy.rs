//! Containers are healthy by Docker, and by the proxy's own checks.

use super::tools::{Outcome, Tools};
use crate::compose::{Container, ContainerState, Health};
use crate::deploy::fault::Fault;
use crate::deploy::place::ms;
use crate::deploy::progress::Progress;
use crate::deploy::proxy;
use mizan_api::{DrainChange, EndpointState, EndpointStatus, ServiceStatus};
use mizan_rollout::Reason;
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::Instant;

const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Names are looked up anew this often, until all containers are known.
const RESOLVE_EVERY: Duration = Duration::from_millis(500);
/// One that was started anew by its restart policy so often does not get well.
const RESTARTS: u64 = 3;
/// Of a container that failed.
const LOG_LINES: u32 = 20;

/// Waits until `ready` containers of a track take requests.
pub(in crate::deploy) async fn healthy(tools: &Tools, track: &str, ready: u32) -> Result<Outcome, Fault> {
    let service = tools.track(track)?.compose_service.clone();
    let list = || async {
        let all = tools.driver.engine().containers(tools.driver.project(), Some(&service)).await;
        all.map_err(Fault::from)
    };
    wait(tools, track, ready, list).await
}

/// As above, for chosen containers.
pub(super) async fn wait<F>(
    tools: &Tools,
    track: &str,
    ready: u32,
    list: impl Fn() -> F,
) -> Result<Outcome, Fault>
where
    F: Future<Output = Result<Vec<Container>, Fault>>,
{
    let (begin, limit) = (Instant::now(), tools.place.service.health.timeout);
    let mut resolved = begin;
    // A container may have been started anew often in the weeks that it ran.
    let mut restarts_before = HashMap::new();
    loop {
        let containers = list().await?;
        let status = tools.proxy.service().await?;
        for container in &containers {
            let before = *restarts_before.entry(container.id.clone()).or_insert(container.restarts);
            let serves = takes_requests(container, endpoint(&status, track, container));
            if !serves && is_lost(container, before) {
                return Err(lost(tools, container).await);
            }
        }
        let views: Vec<_> =
            containers.iter().map(|container| (container, endpoint(&status, track, container))).collect();
        let good =
            views.iter().filter(|(container, endpoint)| takes_requests(container, *endpoint)).count() as u32;
        if good >= ready {
            return Ok(Outcome::default());
        }
        for (_, endpoint) in &views {
            // Another container had this address before, and was drained.
            if let Some(endpoint) = endpoint.filter(|endpoint| endpoint.state == EndpointState::Drained) {
                let endpoint = Some(endpoint.address.clone());
                tools.proxy.undrain(&DrainChange { endpoint, ..DrainChange::default() }).await?;
            }
        }
        let what = waiting_for(&views, good, ready);
        if begin.elapsed() >= limit {
            return Err(Fault::new(
                Reason::Unhealthy,
                format!("after {} still {what}", crate::view::short(ms(limit))),
            ));
        }
        tools.say(Progress::Wait {
            what,
            elapsed_ms: ms(begin.elapsed()),
            total_ms: Some(ms(limit)),
            tracks: Vec::new(),
        });
        if views.iter().any(|(_, endpoint)| endpoint.is_none()) && resolved.elapsed() >= RESOLVE_EVERY {
            tools.proxy.resolve().await;
            resolved = Instant::now();
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn is_lost(container: &Container, restarts_before: u64) -> bool {
    matches!(container.state, ContainerState::Exited | ContainerState::Gone)
        || container.restarts >= restarts_before + RESTARTS
}

async fn lost(tools: &Tools, container: &Container) -> Fault {
    let why = match container.state {
        ContainerState::Exited | ContainerState::Gone => format!("ended with code {}", container.exit_code),
        _ => format!(
            "was started anew {} times, the last time after code {}",
            container.restarts, container.exit_code
        ),
    };
    let output = tools.driver.engine().logs(&container.id, LOG_LINES).await.unwrap_or_default();
    for line in output.lines() {
        tools.say(Progress::Output { line: line.to_owned() });
    }
    Fault { output, ..Fault::new(Reason::Unhealthy, format!("{} {why}", container.name)) }
}

pub(super) fn endpoint<'s>(
    status: &'s ServiceStatus,
    track: &str,
    container: &Container,
) -> Option<&'s EndpointStatus> {
    let track = status.tracks.iter().find(|one| one.name == track)?;
    let is_its = |endpoint: &&EndpointStatus| {
        proxy::ip(&endpoint.address).is_some_and(|ip| container.addresses.contains(&ip))
    };
    track.endpoints.iter().find(is_its)
}

fn takes_requests(container: &Container, endpoint: Option<&EndpointStatus>) -> bool {
    container.state == ContainerState::Running
        && matches!(container.health, Health::None | Health::Healthy)
        && endpoint.is_some_and(|endpoint| endpoint.state == EndpointState::Up)
}

fn waiting_for(views: &[(&Container, Option<&EndpointStatus>)], good: u32, ready: u32) -> String {
    let trouble = views.iter().filter(|(container, endpoint)| !takes_requests(container, *endpoint));
    let why = trouble.map(|(container, endpoint)| {
        let what = match (&container.state, &container.health, endpoint) {
            (ContainerState::Running, Health::Unhealthy(last), _) if last.is_empty() => {
                "unhealthy".to_owned()
            }
            (ContainerState::Running, Health::Unhealthy(last), _) => format!("unhealthy: {}", last.trim()),
            (ContainerState::Running, Health::Starting, _) => "starting, by Docker's health check".to_owned(),
            (ContainerState::Running, _, None) => "not known to mizan yet".to_owned(),
            (ContainerState::Running, _, Some(endpoint)) if endpoint.why.is_empty() => {
                format!("{} for mizan", endpoint.state.as_str())
            }
            (ContainerState::Running, _, Some(endpoint)) => endpoint.why.clone(),
            (state, ..) => format!("{state:?}").to_lowercase(),
        };
        format!("{} is {what}", container.name)
    });
    let why = why.collect::<Vec<_>>().join("; ");
    format!("{good} of {ready} healthy{}{why}", if why.is_empty() { "" } else { ": " })
}
