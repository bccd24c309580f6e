//! Which Compose a project is driven with.

use crate::compose::{Container, DockerError, printable};
use mizan_config::deploy::model::Compose;

/// The two make containers anew that the other one made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Generation {
    /// 1.x, in Python.
    One,
    /// 2.x and all that came after it.
    Two,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version {
    /// `2.26.1`.
    pub(super) text: String,
    major: u32,
    minor: u32,
}

/// A command that answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) command: Vec<String>,
    pub(super) version: Version,
}

/// Whose work the project is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Made {
    /// One of them.
    container: String,
    by: Version,
}

impl Version {
    /// `1.29.2`, `v2.26.1`, `2.26.1-4`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.strip_prefix('v').unwrap_or(text);
        let mut numbers = text.split(['.', '-', '+']);
        let mut number = || numbers.next()?.parse().ok();
        let (major, minor) = (number()?, number()?);
        (major > 0).then(|| Self { text: printable(text), major, minor })
    }

    pub(super) fn generation(&self) -> Generation {
        if self.major == 1 { Generation::One } else { Generation::Two }
    }

    /// `up --pull never`. The first few of the second generation do not have it.
    pub(super) fn knows_pull_never(&self) -> bool {
        (self.major, self.minor) >= (2, 5)
    }

    /// `pull --policy always`.
    pub(super) fn knows_pull_policy(&self) -> bool {
        (self.major, self.minor) >= (2, 24)
    }
}

/// `None`: it has no containers.
pub(super) fn made_by(project: &str, containers: &[Container]) -> Result<Option<Made>, DockerError> {
    let mut made = containers.iter().filter_map(|container| {
        let by = Version::parse(&container.compose_version)?;
        Some(Made { container: container.name.clone(), by })
    });
    let Some(first) = made.next() else { return Ok(None) };
    match made.find(|other| other.by.generation() != first.by.generation()) {
        None => Ok(Some(first)),
        Some(other) => Err(DockerError::OtherCompose(format!(
            "project {project} has containers of two Compose generations: {} is by {}, {} by {}. Each would make the \
             other's anew. Have all of them made by one of the two, at a quiet time",
            first.container, first.by.text, other.container, other.by.text
        ))),
    }
}

/// `ask` runs `COMMAND version --short`.
pub(super) async fn find(
    compose: &Compose,
    made: Option<&Made>,
    ask: impl AsyncFn(&[String]) -> Option<String>,
) -> Result<Found, DockerError> {
    let candidates = match &compose.command {
        Some(command) => vec![command.clone()],
        None => known(made),
    };
    let mut other = None;
    for command in candidates {
        let Some(version) = ask(&command).await.as_deref().and_then(Version::parse) else { continue };
        let found = Found { command, version };
        match made {
            Some(made) if made.by.generation() != found.version.generation() => {
                other.get_or_insert(found);
            }
            _ => return Ok(found),
        }
    }
    Err(match (made, other) {
        (Some(made), Some(other)) => other_compose(&compose.project, made, &other),
        _ => DockerError::Refused(match &compose.command {
            Some(command) => format!(
                "`{} version --short` does not answer with a version: is `compose.command` in deploy.yml right?",
                printable(&command.join(" "))
            ),
            None => {
                "there is no Docker Compose on this machine, neither `docker compose` nor `docker-compose`. \
                     Install it: `apt-get install docker-compose-plugin` from Docker's repository, or your \
                     distribution's docker-compose"
                    .to_owned()
            }
        }),
    })
}

/// The likelier one first. `docker-compose` is of the second generation on many machines.
fn known(made: Option<&Made>) -> Vec<Vec<String>> {
    let plugin = vec!["docker".to_owned(), "compose".to_owned()];
    let binary = vec!["docker-compose".to_owned()];
    match made.map(|made| made.by.generation()) {
        Some(Generation::One) => vec![binary, plugin],
        Some(Generation::Two) | None => vec![plugin, binary],
    }
}

fn other_compose(project: &str, made: &Made, other: &Found) -> DockerError {
    let needed = match made.by.generation() {
        Generation::One => "docker-compose 1.29",
        Generation::Two => "Docker Compose 2 (`docker compose`)",
    };
    DockerError::OtherCompose(format!(
        "project {project} was made by Compose {} (container {}), and `{}` here is {}: it would make every container of \
         the project anew, all at once. Deploy with {needed} (`compose.command` in deploy.yml, if it is not found by \
         itself), or move the project to the other one first, at a quiet time",
        made.by.text,
        made.container,
        printable(&other.command.join(" ")),
        other.version.text
    ))
}
