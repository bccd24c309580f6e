//! The Docker Engine API over its Unix socket: the few calls that a deploy needs.

mod frames;
mod http;
mod wire;

use self::http::{Answer, encoded};
use super::{DockerError, printable};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// For every call but those that wait for a container.
const ORDINARY: Duration = Duration::from_secs(10);

#[derive(Debug, Clone)]
pub(crate) struct Engine {
    socket: PathBuf,
}

/// A container of a Compose project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Container {
    pub(crate) id: String,
    pub(crate) name: String,
    /// `com.docker.compose.service`.
    pub(crate) service: String,
    /// `com.docker.compose.container-number`.
    pub(crate) number: u32,
    /// `com.docker.compose.version`.
    pub(crate) compose_version: String,
    /// As the container was made from: `registry/api:v2`.
    pub(crate) image: String,
    /// `sha256:...`.
    pub(crate) image_id: String,
    pub(crate) state: ContainerState,
    pub(crate) health: Health,
    pub(crate) exit_code: i64,
    pub(crate) restarts: u64,
    /// On all its networks.
    pub(crate) addresses: Vec<IpAddr>,
    pub(crate) created: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ContainerState {
    Created,
    Running,
    Paused,
    Restarting,
    Exited,
    /// `removing`, `dead`.
    Gone,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Health {
    /// The image and the Compose file have no `healthcheck`.
    None,
    Starting,
    Healthy,
    /// What the last check printed.
    Unhealthy(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ImageInfo {
    /// `sha256:...`.
    pub(crate) id: String,
    /// It can be pulled under this name: it came from there, or was pushed there.
    pub(crate) from_registry: bool,
}

impl Engine {
    pub(crate) fn new(socket: impl Into<PathBuf>) -> Self {
        Self { socket: socket.into() }
    }

    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    /// The engine's version: `20.10.24`.
    pub(crate) async fn version(&self) -> Result<String, DockerError> {
        let answer = self.get("/version").await?;
        Ok(printable(&expect(&answer, 200, "tell its version")?.understood::<wire::Version>()?.version))
    }

    /// All containers of a project, or of one of its services, stopped ones too, by number; one-off ones are left out.
    pub(crate) async fn containers(
        &self,
        project: &str,
        service: Option<&str>,
    ) -> Result<Vec<Container>, DockerError> {
        let mut labels = vec![format!("com.docker.compose.project={project}")];
        labels.push("com.docker.compose.oneoff=False".to_owned());
        labels.extend(service.map(|service| format!("com.docker.compose.service={service}")));
        let filters = encoded(&serde_json::json!({ "label": labels }).to_string());
        let answer = self.get(&format!("/containers/json?all=1&filters={filters}")).await?;
        let listed: Vec<wire::Listed> = expect(&answer, 200, "list containers")?.understood()?;
        let mut containers = Vec::with_capacity(listed.len());
        for wire::Listed { id } in listed {
            // `None`: it was removed since.
            if let Some(inspected) = self.inspect(&id).await? {
                containers.push(inspected.container()?);
            }
        }
        containers.sort_by(|a, b| (&a.service, a.number).cmp(&(&b.service, b.number)));
        Ok(containers)
    }

    /// `None`: it is not on this machine.
    pub(crate) async fn image(&self, reference: &str) -> Result<Option<ImageInfo>, DockerError> {
        let answer = self.get(&format!("/images/{}/json", encoded(reference))).await?;
        if answer.status == 404 {
            return Ok(None);
        }
        let what = format!("look at the image {}", printable(reference));
        let image: wire::Image = expect(&answer, 200, &what)?.understood()?;
        let from_registry = pulled_as(reference, &image.repo_digests.unwrap_or_default());
        Ok(Some(ImageInfo { id: image.id, from_registry }))
    }

    /// Gives an image another name: `repository:tag`.
    pub(crate) async fn tag(&self, image: &str, repository: &str, tag: &str) -> Result<(), DockerError> {
        let path =
            format!("/images/{}/tag?repo={}&tag={}", encoded(image), encoded(repository), encoded(tag));
        let answer = self.ask("POST", &path, ORDINARY).await?;
        let what = format!("name the image {} {repository}:{tag}", printable(image));
        expect(&answer, 201, &what).map(drop)
    }

    /// SIGTERM, and SIGKILL after `grace`; returns when the container has ended. One that has ended or is gone is no error.
    pub(crate) async fn stop(&self, id: &str, grace: Duration) -> Result<(), DockerError> {
        let (seconds, limit) = stop_times(grace);
        let answer =
            self.ask("POST", &format!("/containers/{}/stop?t={seconds}", encoded(id)), limit).await?;
        match answer.status {
            204 | 304 | 404 => Ok(()),
            _ => Err(answer.refusal(&format!("stop container {id}"))),
        }
    }

    /// Also one that runs; with its anonymous volumes. One that is gone is no error.
    pub(crate) async fn remove(&self, id: &str) -> Result<(), DockerError> {
        let limit = Duration::from_secs(30);
        let gone = async {
            loop {
                let path = format!("/containers/{}?force=1&v=1", encoded(id));
                let answer = self.ask("DELETE", &path, limit).await?;
                match answer.status {
                    204 | 404 => return Ok(()),
                    // Somebody else removes it at this moment: gone is what was asked for.
                    409 if answer.message().contains("already in progress") => {
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                    _ => return Err(answer.refusal(&format!("remove container {id}"))),
                }
            }
        };
        tokio::time::timeout(limit, gone).await.unwrap_or_else(|_| {
            let seconds = limit.as_secs();
            Err(DockerError::Deadline(format!(
                "container {id} is still being removed after {seconds} s: look at `docker ps -a` and the engine's log"
            )))
        })
    }

    /// The last lines that it printed, both streams.
    pub(crate) async fn logs(&self, id: &str, lines: u32) -> Result<String, DockerError> {
        let what = format!("give the log of container {id}");
        let Some(inspected) = self.inspect(id).await? else {
            return Err(DockerError::Refused(format!("the Docker engine did not {what}: it is gone")));
        };
        let path = format!("/containers/{}/logs?stdout=1&stderr=1&tail={lines}", encoded(id));
        let answer = self.get(&path).await?;
        let body = &expect(&answer, 200, &what)?.body;
        let text = if inspected.config.tty { body.to_vec() } else { frames::text(body) };
        Ok(printable(String::from_utf8_lossy(&text).trim_end()))
    }

    /// Where the engine keeps images: `/var/lib/docker`.
    pub(crate) async fn root(&self) -> Result<PathBuf, DockerError> {
        let answer = self.get("/info").await?;
        Ok(expect(&answer, 200, "tell where it keeps images")?
            .understood::<wire::Info>()?
            .docker_root_dir
            .into())
    }

    async fn inspect(&self, id: &str) -> Result<Option<wire::Inspected>, DockerError> {
        let answer = self.get(&format!("/containers/{}/json", encoded(id))).await?;
        if answer.status == 404 {
            return Ok(None);
        }
        expect(&answer, 200, &format!("look at container {id}"))?.understood().map(Some)
    }

    async fn get(&self, path: &str) -> Result<Answer, DockerError> {
        self.ask("GET", path, ORDINARY).await
    }

    async fn ask(&self, method: &str, path: &str, limit: Duration) -> Result<Answer, DockerError> {
        http::exchange(&self.socket, method, path, limit).await
    }
}

fn expect<'a>(answer: &'a Answer, status: u16, what: &str) -> Result<&'a Answer, DockerError> {
    if answer.status == status { Ok(answer) } else { Err(answer.refusal(what)) }
}

/// Whole seconds of grace, and a limit: the engine answers when it is over, and who asks again sends a second SIGTERM.
fn stop_times(grace: Duration) -> (u64, Duration) {
    let seconds = grace.as_secs() + u64::from(grace.subsec_nanos() > 0);
    (seconds, Duration::from_secs(seconds + 15))
}

/// An image keeps the digests of all repositories that it was pulled from or pushed to. Under another name, one that was
/// given here, it cannot be pulled.
fn pulled_as(reference: &str, digests: &[String]) -> bool {
    digests.iter().any(|digest| repository(digest) == repository(reference))
}

/// `docker.io/library/nginx:1` and `nginx@sha256:...` are both `nginx`.
fn repository(reference: &str) -> &str {
    let name = reference.split('@').next().unwrap_or(reference);
    let name = match name.rsplit_once(':') {
        // Not a registry's port.
        Some((name, tag)) if !tag.contains('/') => name,
        _ => name,
    };
    let name = ["docker.io/", "index.docker.io/"].iter().find_map(|p| name.strip_prefix(p)).unwrap_or(name);
    name.strip_prefix("library/").unwrap_or(name)
}

#[cfg(test)]
mod tests;
