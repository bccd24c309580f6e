//! The image is on this machine, and its id is known.

use super::tools::{Outcome, Tools};
use crate::deploy::fault::Fault;
use crate::deploy::ground::Ground;
use crate::deploy::preflight::earlier;
use mizan_config::deploy::model::Pull;
use mizan_rollout::{Plan, Reason};

pub(super) async fn pull(tools: &Tools, plan: &Plan) -> Result<Outcome, Fault> {
    let engine = tools.driver.engine();
    let reference = &plan.image.reference;
    // Of a version that ran here the very image is meant, whatever its name means by now.
    if let Some(id) = &plan.image.id {
        if engine.image(id).await?.is_some() {
            return Ok(Outcome::default());
        }
        // It was removed here; its registry may still have it under this name.
        let fetched = fetch(tools, plan).await;
        if fetched.is_ok() && engine.image(id).await?.is_some() {
            return Ok(Outcome::default());
        }
        let why = format!(
            "{reference} was the image {id}, which is not on this machine any more, nor in its registry"
        );
        return Err(Fault::new(Reason::Image, why));
    }
    let here = engine.image(reference).await?;
    let wanted = match tools.place.service.pull {
        Pull::Always => true,
        Pull::Never => false,
        Pull::Auto => here.as_ref().is_none_or(|image| image.from_registry),
    };
    if wanted {
        fetch(tools, plan).await?;
    }
    let found = engine.image(reference).await?.ok_or_else(|| {
        let why = format!("{reference} is not on this machine, and `pull` of deploy.yml is `never`");
        Fault::new(Reason::Image, why)
    })?;
    if let Some(after) = &tools.place.environment.after {
        let good = earlier::good_one(&tools.place, after, &found.id);
        if good.map_err(|error| Fault::new(Reason::Image, error.to_string()))?.is_none() {
            let why = format!("{reference} is another image than any that was deployed well in {after}");
            return Err(Fault::new(Reason::Image, why));
        }
    }
    let previous = plan.previous.as_ref().and_then(|image| image.id.clone());
    Ok(Outcome { images: Some((Some(found.id), previous)), ..Outcome::default() })
}

async fn fetch(tools: &Tools, plan: &Plan) -> Result<(), Fault> {
    let ground = Ground::look(&tools.place, &tools.proxy, &tools.driver).await?;
    let images = ground.images(&tools.place, &plan.target, &plan.image.reference);
    let track = tools.track(&plan.target)?;
    let pulled = tools.driver.pull(&track.compose_service, &track.image_variable, &images).await;
    pulled.map_err(|error| Fault::new(Reason::Image, error.to_string()))
}
