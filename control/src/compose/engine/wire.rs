//! What the engine answers, as far as it is read.

use super::{Container, ContainerState, Health};
use crate::compose::{DockerError, printable};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Of what a health check printed.
const KEPT_OUTPUT: usize = 1024;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Listed {
    pub(super) id: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Inspected {
    id: String,
    name: String,
    created: String,
    image: String,
    restart_count: u64,
    pub(super) config: Config,
    state: State,
    network_settings: NetworkSettings,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Config {
    image: String,
    pub(super) tty: bool,
    labels: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct State {
    status: Status,
    exit_code: i64,
    health: Option<HealthState>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Created,
    Running,
    Paused,
    Restarting,
    Removing,
    Exited,
    Dead,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HealthState {
    status: HealthStatus,
    log: Option<Vec<Check>>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum HealthStatus {
    #[serde(alias = "")]
    None,
    Starting,
    Healthy,
    Unhealthy,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Check {
    output: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NetworkSettings {
    networks: Option<BTreeMap<String, Network>>,
}

#[derive(Debug, Deserialize)]
struct Network {
    #[serde(rename = "IPAddress")]
    v4: String,
    #[serde(rename = "GlobalIPv6Address")]
    v6: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Image {
    pub(super) id: String,
    pub(super) repo_digests: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Version {
    pub(super) version: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Info {
    pub(super) docker_root_dir: String,
}

impl Inspected {
    pub(super) fn container(self) -> Result<Container, DockerError> {
        let name = self.name.trim_start_matches('/').to_owned();
        let mut labels = self.config.labels.unwrap_or_default();
        let mut label = |key: &str| {
            labels.remove(&format!("com.docker.compose.{key}")).ok_or_else(|| {
                DockerError::Refused(format!(
                    "container {name} has the label of a Compose project, but not com.docker.compose.{key}: it was not \
                     made by Compose. Remove it, or take its labels away"
                ))
            })
        };
        let (service, number, compose_version) =
            (label("service")?, label("container-number")?, label("version")?);
        let number = number.parse().map_err(|_| {
            let number = printable(&number);
            DockerError::Refused(format!(
                "container {name}: com.docker.compose.container-number is `{number}`"
            ))
        })?;
        let networks = self.network_settings.networks.unwrap_or_default();
        Ok(Container {
            addresses: addresses(&name, networks.values())?,
            id: self.id,
            name,
            service,
            number,
            compose_version,
            image: self.config.image,
            image_id: self.image,
            state: self.state.status.into(),
            health: self.state.health.map_or(Health::None, Health::from),
            exit_code: self.state.exit_code,
            restarts: self.restart_count,
            created: self.created,
        })
    }
}

impl From<Status> for ContainerState {
    fn from(status: Status) -> Self {
        match status {
            Status::Created => Self::Created,
            Status::Running => Self::Running,
            Status::Paused => Self::Paused,
            Status::Restarting => Self::Restarting,
            Status::Exited => Self::Exited,
            Status::Removing | Status::Dead => Self::Gone,
        }
    }
}

impl From<HealthState> for Health {
    fn from(health: HealthState) -> Self {
        match health.status {
            HealthStatus::None => Self::None,
            HealthStatus::Starting => Self::Starting,
            HealthStatus::Healthy => Self::Healthy,
            HealthStatus::Unhealthy => {
                let last = health.log.unwrap_or_default().pop().map(|check| check.output).unwrap_or_default();
                let from = last.ceil_char_boundary(last.len().saturating_sub(KEPT_OUTPUT));
                Self::Unhealthy(printable(last[from..].trim()))
            }
        }
    }
}

/// A network that it is not (yet, or any more) connected to has empty ones.
fn addresses<'a>(
    name: &str,
    networks: impl Iterator<Item = &'a Network>,
) -> Result<Vec<IpAddr>, DockerError> {
    networks
        .flat_map(|network| [&network.v4, &network.v6])
        .filter(|address| !address.is_empty())
        .map(|address| {
            address.parse().map_err(|_| {
                DockerError::Refused(format!("container {name} has the address `{}`", printable(address)))
            })
        })
        .collect()
}
