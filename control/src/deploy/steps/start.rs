//! So many containers of a track run, with one version of the image.

use super::tools::{Outcome, Tools, image_of};
use crate::compose::DockerError;
use crate::deploy::fault::Fault;
use crate::deploy::ground::Ground;
use mizan_api::DrainChange;
use mizan_config::deploy::model::Track;
use mizan_rollout::{Plan, Reason, Version};

pub(super) async fn start(
    tools: &Tools,
    plan: &Plan,
    track: &str,
    version: Version,
    replicas: u32,
) -> Result<Outcome, Fault> {
    let Track { compose_service, image_variable, .. } = tools.track(track)?;
    let reference = tools.reference(image_of(plan, version)?).await?;
    let ground = Ground::look(&tools.place, &tools.proxy, &tools.driver).await?;
    if !track.is_empty() {
        // The deploy before this one drained it.
        let change = DrainChange { track: Some(track.to_owned()), ..DrainChange::default() };
        tools.proxy.undrain(&change).await?;
    }
    let images = ground.images(&tools.place, track, &reference);
    let started = tools.driver.up(compose_service, image_variable, replicas, false, &images).await;
    let containers = started.map_err(|error| match error {
        DockerError::Unverified(_) => Fault::new(Reason::Start, error.to_string()),
        error => error.into(),
    })?;
    let wanted = image_of(plan, version)?.id.as_ref();
    if let Some(other) = containers.iter().find(|one| wanted.is_some_and(|wanted| one.image_id != *wanted)) {
        let why = format!(
            "{} runs another image: {reference} means another one since this deploy began",
            other.name
        );
        return Err(Fault::new(Reason::Image, why));
    }
    tools.proxy.resolve().await;
    Ok(Outcome::default())
}
