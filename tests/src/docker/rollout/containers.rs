//! What runs, as the engine says it.

use super::Project;
use crate::docker::{docker, run};
use crate::eventually;
use std::time::Duration;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    pub id: String,
    pub running: bool,
    /// The VERSION that its image was made with.
    pub version: String,
}

impl Project {
    /// All of a Compose service, stopped ones included.
    pub fn containers(&self, service: &str) -> Vec<Container> {
        all(self.name(), service)
    }

    /// What a Compose service runs, sorted: `["v1", "v1"]`.
    pub fn versions(&self, service: &str) -> Vec<String> {
        let running = self.containers(service).into_iter().filter(|c| c.running);
        let mut versions: Vec<String> = running.map(|c| c.version).collect();
        versions.sort();
        versions
    }

    /// Waits until a Compose service runs just this.
    pub async fn runs(&self, service: &str, versions: &[&str]) {
        eventually(format!("{service} runs {versions:?}"), Duration::from_secs(15), || async {
            self.versions(service) == versions
        })
        .await;
    }

    /// SIGKILL to what a Compose service runs.
    pub fn kill_containers(&self, service: &str) {
        for container in self.containers(service).iter().filter(|c| c.running) {
            docker(&["kill", &container.id]);
        }
    }
}

pub(super) fn all(project: &str, service: &str) -> Vec<Container> {
    let project = format!("label=com.docker.compose.project={project}");
    let service = format!("label=com.docker.compose.service={service}");
    let ids = docker(&["ps", "-aq", "--no-trunc", "--filter", &project, "--filter", &service]);
    ids.split_whitespace().filter_map(inspect).collect()
}

/// `None`: it has gone since it was listed.
fn inspect(id: &str) -> Option<Container> {
    let format = "{{.State.Running}} {{range .Config.Env}}{{println .}}{{end}}";
    let output = run(&["inspect", "-f", format, id]).filter(|output| output.status.success())?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (running, env) = text.split_once(' ')?;
    let version = env.lines().find_map(|line| line.strip_prefix("VERSION=")).unwrap_or_default();
    Some(Container { id: id.to_owned(), running: running == "true", version: version.to_owned() })
}
