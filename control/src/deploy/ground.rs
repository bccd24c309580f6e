//! What is there: the containers of the tracks, and where requests go.

use super::place::Place;
use super::proxy::{Proxy, sole};
use crate::compose::{Container, ContainerState, DockerError, Driver, Images};
use mizan_api::{ClientError, ServiceStatus};
use mizan_rollout::Image;

/// One look at it.
#[derive(Debug, Clone)]
pub(crate) struct Ground {
    /// As the proxy has it.
    pub(crate) service: ServiceStatus,
    /// The running containers by track, in deploy.yml's order.
    pub(crate) tracks: Vec<(String, Vec<Container>)>,
}

/// Which track serves, and which one gets the new version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Roles {
    /// `None`: nothing runs.
    pub(crate) stable: Option<String>,
    pub(crate) target: String,
}

impl Ground {
    pub(crate) async fn look(place: &Place, proxy: &Proxy, driver: &Driver) -> Result<Self, LookError> {
        let service = proxy.service().await?;
        let mut tracks = Vec::new();
        for track in &place.service.tracks {
            let all = driver.engine().containers(driver.project(), Some(&track.compose_service)).await?;
            tracks.push((track.name.clone(), all.into_iter().filter(is_running).collect()));
        }
        Ok(Self { service, tracks })
    }

    pub(crate) fn running(&self, track: &str) -> &[Container] {
        self.tracks.iter().find(|(name, _)| name == track).map_or(&[], |(_, containers)| containers)
    }

    /// What a track runs, as its first container says.
    pub(crate) fn image(&self, track: &str) -> Option<Image> {
        let container = self.running(track).first()?;
        Some(Image { reference: container.image.clone(), id: Some(container.image_id.clone()) })
    }

    /// Who serves. An error is a sentence that says what to do.
    pub(crate) fn roles(&self, rolling: bool) -> Result<Roles, String> {
        let name = &self.service.name;
        let Some(split) = &self.service.split else {
            let stable = (!self.running("").is_empty()).then(String::new);
            return Ok(Roles { stable, target: String::new() });
        };
        if split.lease.is_some() {
            return Err(format!(
                "the split of {name} is leased: somebody is trying a version out. Wait, or give the lease back: \
                 `mizanctl split {name} --release`"
            ));
        }
        let Some(serving) = sole(&split.committed).map(str::to_owned) else {
            return Err(format!(
                "several tracks of {name} have a share of the requests; give them all to one: `mizanctl split {name} \
                 TRACK=100`"
            ));
        };
        let other = self.tracks.iter().map(|(track, _)| track).find(|track| **track != serving).cloned();
        let other = other.ok_or_else(|| {
            format!("the requests of {name} go to `{serving}`, which is no track of deploy.yml")
        })?;
        match (self.running(&serving).is_empty(), self.running(&other).is_empty()) {
            (false, _) if rolling => Ok(Roles { stable: Some(serving.clone()), target: serving }),
            (false, _) => Ok(Roles { stable: Some(serving), target: other }),
            (true, true) => Ok(Roles { stable: None, target: serving }),
            (true, false) => Err(format!(
                "the requests of {name} go to {serving}, of which no container runs, while {other} runs. If {other} is \
                 what should serve: `mizanctl split {name} {other}=100`"
            )),
        }
    }

    /// The image variables of all tracks: `chosen` for one of them, for the others what they run.
    pub(crate) fn images(&self, place: &Place, track: &str, chosen: &str) -> Images {
        let mut images = Images::new();
        for one in &place.service.tracks {
            let image = if one.name == track { None } else { self.image(&one.name) };
            let image = image.map_or_else(|| chosen.to_owned(), |image| image.reference);
            images.insert(one.image_variable.clone(), image);
        }
        images
    }
}

pub(crate) fn is_running(container: &Container) -> bool {
    matches!(container.state, ContainerState::Running | ContainerState::Paused | ContainerState::Restarting)
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum LookError {
    #[error(transparent)]
    Proxy(#[from] ClientError),
    #[error(transparent)]
    Docker(#[from] DockerError),
}
