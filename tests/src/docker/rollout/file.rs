//! docker-compose.yml, mizan.yml and deploy.yml of a [`Project`](super::Project).

use super::Shape;
use std::fmt::Write;
use std::path::Path;

/// deploy.yml; what is not said is quick, so that tests are: nothing is kept, and holds are short.
#[derive(Debug, Clone)]
pub struct DeployFile {
    service: Vec<(&'static str, String)>,
    environment: String,
    top: String,
}

impl Default for DeployFile {
    fn default() -> Self {
        let file = Self { service: Vec::new(), environment: String::new(), top: String::new() };
        file.set("blue_green", "{ watch: 300ms }")
            .set("keep", "0s")
            .set("lease", "2s")
            .set("drain", "5s")
            .set("stop_timeout", "3s")
            .set("health", "{ timeout: 20s }")
            // How full the machine is, is not what is tested.
            .set("disk", "0")
    }
}

impl DeployFile {
    /// Blue-green, watched for 300 ms.
    pub fn blue_green() -> Self {
        Self::default().set("strategy", "blue_green")
    }

    /// Canary: 10, 50 and 100 %, each held for so many milliseconds.
    pub fn canary(hold_ms: u32) -> Self {
        let step = |percent: u8| format!("{{ weight: {percent}%, hold: {hold_ms}ms }}");
        let steps = [10, 50, 100].map(step).join(", ");
        Self::default().set("strategy", "canary").set("canary", &format!("[{steps}]"))
    }

    /// One key of the service, in place of what it was: `keep`, `5s`.
    #[must_use]
    pub fn set(mut self, key: &'static str, value: &str) -> Self {
        self.service.retain(|(other, _)| *other != key);
        self.service.push((key, value.to_owned()));
        self
    }

    /// A line of the environment: `variables: [TOKEN]`.
    #[must_use]
    pub fn environment(mut self, line: &str) -> Self {
        let _ = writeln!(self.environment, "    {line}");
        self
    }

    /// Lines at the top of the file.
    #[must_use]
    pub fn top(mut self, lines: &str) -> Self {
        self.top.push_str(lines);
        self.top.push('\n');
        self
    }

    pub(super) fn render(&self, shape: Shape, project: &str, state: &Path, socket: &Path) -> String {
        let mut text = format!(
            "state: {}\n{}environments:\n  production:\n    socket: {}\n    compose: {{ files: [docker-compose.yml], \
             project: {project} }}\n{}services:\n  api:\n",
            state.display(),
            self.top,
            socket.display(),
            self.environment
        );
        match shape {
            Shape::Tracks => {
                text.push_str("    tracks:\n");
                for track in ["blue", "green"] {
                    let variable = variable(&format!("api-{track}"));
                    let _ = writeln!(
                        text,
                        "      {track}: {{ compose_service: api-{track}, image_variable: {variable} }}"
                    );
                }
            }
            Shape::Rolling => {
                text.push_str("    compose_service: api\n    image_variable: API_IMAGE\n");
            }
        }
        for (key, value) in &self.service {
            // What is about switching says nothing to a service without tracks.
            if shape == Shape::Tracks || !matches!(*key, "blue_green" | "keep") {
                let _ = writeln!(text, "    {key}: {value}");
            }
        }
        text
    }
}

/// `api-blue` -> `API_BLUE_IMAGE`.
pub(super) fn variable(service: &str) -> String {
    format!("{}_IMAGE", service.to_uppercase().replace('-', "_"))
}

/// `net`, and these services as `mizanctl init` would write them.
pub(super) fn compose(image: &str, services: &[&str]) -> String {
    let mut text = format!("services:\n  net:\n    image: {image}\n    command: [sleep]\n");
    for service in services {
        let variable = variable(service);
        // A tick of the engine's takes 50 ms of the processor: once a second is what tests can wait for.
        let _ = write!(
            text,
            "  {service}:\n    image: ${{{variable}:-{image}}}\n    profiles: [mizan]\n    stop_grace_period: 5s\n    \
             healthcheck:\n      test: [CMD, /test-backend, healthcheck]\n      interval: 1s\n      timeout: 5s\n"
        );
    }
    text
}

/// `port` 0: any.
pub(super) fn mizan(shape: Shape, port: u16, folder: &Path) -> String {
    let endpoints = match shape {
        Shape::Tracks => {
            "tracks: { blue: \"api-blue:3000\", green: \"api-green:3000\" }\n    split: { blue: 100 }\n    force: { header: X-Track }"
        }
        Shape::Rolling => "endpoints: \"api:3000\"",
    };
    let folder = folder.display();
    format!(
        "listen: {{ http: \"0.0.0.0:{port}\" }}\nadmin: {{ socket: {folder}/run/admin.sock }}\nstate: \
         {folder}/mizan\nresolver: {{ servers: [127.0.0.11], interval: 250ms }}\nservices:\n  api:\n    {endpoints}\n    \
         health: {{ path: /health, interval: 200ms, timeout: 5s, healthy: 1, unhealthy: 5 }}\nsites:\n  - hosts: \
         [\"*\"]\n    routes:\n      - {{ path: /, service: api }}\n"
    )
}
