//! What all steps work with, and what they leave.

use crate::compose::Driver;
use crate::deploy::fault::Fault;
use crate::deploy::lease::Lease;
use crate::deploy::place::Place;
use crate::deploy::progress::Progress;
use crate::deploy::proxy::Proxy;
use mizan_config::deploy::model::Track;
use mizan_rollout::{Image, Plan, Reason, Version};
use std::fs::File;
use tokio::sync::{mpsc, watch as channel};

/// What steps work with.
pub(crate) struct Tools {
    pub(crate) place: Place,
    pub(crate) proxy: Proxy,
    pub(crate) driver: Driver,
    pub(crate) lease: Lease,
    pub(crate) tell: mpsc::UnboundedSender<Progress>,
    pub(crate) controls: channel::Receiver<Controls>,
    /// For the stdin of commands.
    pub(crate) hook_lock: Box<dyn Fn() -> Option<File>>,
}

/// What people asked a running deploy for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Controls {
    pub(crate) paused: bool,
    /// Waits to be ended; counts up.
    pub(crate) promoted: u32,
    /// All of them.
    pub(crate) to_the_end: bool,
}

/// What a step leaves for the journal.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outcome {
    pub(crate) output: String,
    /// The ids of the new and of the previous image.
    pub(crate) images: Option<(Option<String>, Option<String>)>,
    /// To be remembered.
    pub(crate) notes: Vec<String>,
}

/// The circumstances of a step.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attempt<'a> {
    pub(crate) again: bool,
    /// Of the way back: why.
    pub(crate) why: Option<&'a str>,
}

impl Tools {
    pub(super) fn say(&self, progress: Progress) {
        // Nobody listens once the deploy is over.
        let _ = self.tell.send(progress);
    }

    /// As deploy.yml has it.
    pub(super) fn track(&self, track: &str) -> Result<&Track, Fault> {
        self.place.track(track).ok_or_else(|| {
            let why = format!("deploy.yml has no track `{track}` any more: put it back, and resume");
            Fault::new(Reason::Docker, why)
        })
    }

    /// The name by which a version is started: its reference, or where that means another image by now, one of our own for
    /// its id.
    pub(super) async fn reference(&self, image: &Image) -> Result<String, Fault> {
        let Some(id) = &image.id else { return Ok(image.reference.clone()) };
        let engine = self.driver.engine();
        if engine.image(&image.reference).await?.is_some_and(|found| found.id == *id) {
            return Ok(image.reference.clone());
        }
        if engine.image(id).await?.is_none() {
            let why =
                format!("{} was the image {id}, which is not on this machine any more", image.reference);
            return Err(Fault::new(Reason::Image, why));
        }
        let tag = id.trim_start_matches("sha256:").chars().take(12).collect::<String>();
        let repository = format!("mizan-kept/{}", self.place.service.name.to_lowercase());
        engine.tag(id, &repository, &tag).await?;
        Ok(format!("{repository}:{tag}"))
    }
}

/// The image of a version.
pub(super) fn image_of(plan: &Plan, version: Version) -> Result<&Image, Fault> {
    match version {
        Version::New => Ok(&plan.image),
        Version::Previous => plan
            .previous
            .as_ref()
            .ok_or_else(|| Fault::new(Reason::Image, "there was no version before this one")),
    }
}
