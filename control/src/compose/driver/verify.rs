//! Whether `up` did what it said: the first generation says 0 to a great deal.

use crate::compose::{Container, ContainerState, DockerError, Engine, printable};
use std::fmt::Write;
use std::time::{Duration, Instant};

/// The engine may be a little behind.
const LIMIT: Duration = Duration::from_secs(3);
const AGAIN: Duration = Duration::from_millis(100);

/// Of a container that ended.
const LOG_LINES: u32 = 20;

#[derive(Debug)]
pub(super) struct Goal<'a> {
    pub(super) service: &'a str,
    /// As it is called, and its `sha256:...`.
    pub(super) image: &'a str,
    pub(super) image_id: &'a str,
    pub(super) replicas: u32,
    /// What there was before stays as it was.
    pub(super) keep: bool,
    pub(super) before: &'a [Container],
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict<'a> {
    Reached,
    /// Why not.
    NotYet(String),
    /// It ended: it will not get better.
    Ended(&'a Container),
}

pub(super) async fn reached(
    engine: &Engine,
    project: &str,
    goal: &Goal<'_>,
) -> Result<Vec<Container>, DockerError> {
    let begin = Instant::now();
    loop {
        let containers = engine.containers(project, Some(goal.service)).await?;
        match goal.verdict(&containers) {
            Verdict::Reached => return Ok(containers),
            Verdict::NotYet(_) if begin.elapsed() < LIMIT => tokio::time::sleep(AGAIN).await,
            Verdict::NotYet(why) => {
                return Err(DockerError::Unverified(format!("Compose says that it is done, but {why}")));
            }
            Verdict::Ended(container) => return Err(ended(engine, container).await),
        }
    }
}

impl Goal<'_> {
    pub(super) fn verdict<'a>(&self, now: &'a [Container]) -> Verdict<'a> {
        if let Some(gone) =
            self.before.iter().filter(|_| self.keep).find(|before| !now.iter().any(|c| c.id == before.id))
        {
            return Verdict::NotYet(format!("container {} is gone, which was to stay", gone.name));
        }
        let stays = |container: &Container| self.keep && self.before.iter().any(|b| b.id == container.id);
        for container in now {
            let name = &container.name;
            // An old one that is left alone may be in any state; one of this image was to be started.
            if container.image_id != self.image_id && stays(container) {
                continue;
            }
            if container.image_id != self.image_id {
                return Verdict::NotYet(format!(
                    "container {name} has the image {} ({}), and not {} ({})",
                    printable(&container.image),
                    short(&container.image_id),
                    printable(self.image),
                    short(self.image_id)
                ));
            }
            match container.state {
                ContainerState::Running => {}
                ContainerState::Exited | ContainerState::Restarting => return Verdict::Ended(container),
                ContainerState::Created => {
                    return Verdict::NotYet(format!("container {name} was not started"));
                }
                ContainerState::Paused => {
                    return Verdict::NotYet(format!("container {name} is paused: `docker unpause {name}`"));
                }
                ContainerState::Gone => {
                    return Verdict::NotYet(format!("container {name} is being removed, or dead"));
                }
            }
        }
        if now.len() != self.replicas as usize {
            return Verdict::NotYet(format!(
                "{} has {} containers, and not {}",
                self.service,
                now.len(),
                self.replicas
            ));
        }
        Verdict::Reached
    }
}

async fn ended(engine: &Engine, container: &Container) -> DockerError {
    let Container { name, exit_code, restarts, .. } = container;
    let mut why = format!("container {name} ended with code {exit_code} right after its start");
    if *restarts > 0 {
        write!(why, " and was started again {restarts} times").expect("a string can be written to");
    }
    match engine.logs(&container.id, LOG_LINES).await {
        Ok(log) if log.is_empty() => why += ". It printed nothing",
        Ok(log) => write!(why, ". It printed last:\n{log}").expect("a string can be written to"),
        Err(error) => write!(why, ". Its log cannot be read: {error}").expect("a string can be written to"),
    }
    DockerError::Unverified(why)
}

/// `sha256:1f7e4e985754`, as `docker images` shows it.
fn short(id: &str) -> &str {
    id.get(.."sha256:".len() + 12).unwrap_or(id)
}
