//! One instance at a time, inside one track: one more of the new, then one less of the old.

use super::tools::{Outcome, Tools, image_of};
use super::{drain, healthy, stop};
use crate::compose::{Container, DockerError};
use crate::deploy::fault::Fault;
use crate::deploy::ground::{Ground, is_running};
use mizan_api::{DrainChange, EndpointState};
use mizan_rollout::{Plan, Reason, Version};

/// On return at least `nth` of `of` instances have this version and take requests, and there are no more than `of`.
pub(super) async fn replace(
    tools: &Tools,
    plan: &Plan,
    nth: u32,
    of: u32,
    version: Version,
) -> Result<Outcome, Fault> {
    let track = plan.target.as_str();
    let image = image_of(plan, version)?;
    let reference = tools.reference(image).await?;
    let id = match &image.id {
        Some(id) => id.clone(),
        None => {
            let found = tools.driver.engine().image(&reference).await?;
            found.ok_or_else(|| Fault::new(Reason::Image, format!("{reference} is not on this machine")))?.id
        }
    };
    let mut outcome = Outcome::default();
    let mut added = 0;
    loop {
        let (new, old) = there(tools, track, &id).await?;
        let (have, all) = (new.len() as u32, (new.len() + old.len()) as u32);
        if have < nth {
            if all > of {
                // A crash between the two left one too many.
                take_out(tools, track, &old, &mut outcome).await?;
            }
            if added > of {
                let why = format!("of {added} instances that were started none stayed");
                return Err(Fault::new(Reason::Start, why));
            }
            added += 1;
            add(tools, track, all.min(of) + 1, &reference).await?;
            continue;
        }
        if let Err(fault) = wait(tools, track, &id, nth).await {
            give_up(tools, track, &id, of, &mut outcome).await;
            return Err(fault);
        }
        if all <= of {
            return Ok(outcome);
        }
        take_out(tools, track, if old.is_empty() { &new } else { &old }, &mut outcome).await?;
    }
}

/// The running containers of the wanted image, and the others. What does not run is removed, so that Compose counts right.
async fn there(tools: &Tools, track: &str, id: &str) -> Result<(Vec<Container>, Vec<Container>), Fault> {
    tools.driver.settled().await?;
    let (engine, service) = (tools.driver.engine(), &tools.track(track)?.compose_service);
    let all = engine.containers(tools.driver.project(), Some(service)).await?;
    let (running, ended): (Vec<_>, Vec<_>) = all.into_iter().partition(is_running);
    for container in ended {
        engine.remove(&container.id).await?;
    }
    Ok(running.into_iter().partition(|container| container.image_id == id))
}

async fn add(tools: &Tools, track: &str, replicas: u32, reference: &str) -> Result<(), Fault> {
    let ground = Ground::look(&tools.place, &tools.proxy, &tools.driver).await?;
    let images = ground.images(&tools.place, track, reference);
    let track = tools.track(track)?;
    let up = tools.driver.up(&track.compose_service, &track.image_variable, replicas, true, &images).await;
    up.map_err(|error| match error {
        DockerError::Unverified(_) => Fault::new(Reason::Start, error.to_string()),
        error => error.into(),
    })?;
    tools.proxy.resolve().await;
    Ok(())
}

async fn wait(tools: &Tools, track: &str, id: &str, wanted: u32) -> Result<(), Fault> {
    let service = tools.track(track)?.compose_service.clone();
    let list = || async {
        let all = tools.driver.engine().containers(tools.driver.project(), Some(&service)).await?;
        Ok(all.into_iter().filter(|container| container.image_id == id).collect())
    };
    healthy::wait(tools, track, wanted, list).await.map(|_| ())
}

/// Takes the first of these out: its requests end, then it does.
async fn take_out(
    tools: &Tools,
    track: &str,
    from: &[Container],
    outcome: &mut Outcome,
) -> Result<(), Fault> {
    let Some(container) = from.first() else { return Ok(()) };
    let status = tools.proxy.service().await?;
    if let Some(address) =
        healthy::endpoint(&status, track, container).map(|endpoint| endpoint.address.clone())
    {
        let change = DrainChange { endpoint: Some(address.clone()), ..DrainChange::default() };
        let begun = tools.proxy.drain(&change).await?;
        let under_way = |service: &mizan_api::ServiceStatus| {
            let mut endpoints = service.tracks.iter().flat_map(|track| &track.endpoints);
            match endpoints.find(|endpoint| endpoint.address == address) {
                None => Some(0),
                Some(endpoint)
                    if matches!(endpoint.state, EndpointState::Drained | EndpointState::Draining) =>
                {
                    Some(endpoint.in_flight)
                }
                Some(_) => None,
            }
        };
        let waited = drain::wait(tools, &container.name, &begun, under_way, &change).await?;
        outcome.notes.extend(waited.notes);
    }
    stop::remove(tools.driver.engine(), container, tools.place.service.stop_timeout).await
}

/// The newest instance did not get well: it goes, if enough others are there.
async fn give_up(tools: &Tools, track: &str, id: &str, of: u32, outcome: &mut Outcome) {
    let Ok((new, old)) = there(tools, track, id).await else { return };
    let enough = (new.len() + old.len()) as u32 > of;
    if let Some(newest) = new.last().filter(|_| enough) {
        // What cannot be removed is seen by whoever resumes.
        let _ = take_out(tools, track, std::slice::from_ref(newest), outcome).await;
    }
}
