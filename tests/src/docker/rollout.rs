//! A Compose project that is rolled out by `mizanctl deploy`, behind a real proxy, by docker-compose 1.29 or Compose v2.
//!
//! Mizan is the ordinary binary in the network namespace of the service `net`, which does nothing else: its name
//! resolution is Docker's, its files and its admin socket are on the host, beside docker-compose.yml and deploy.yml.

mod containers;
mod ctl;
mod file;
mod image;
mod journal;
mod probe;

pub use ctl::Running;
pub use file::DeployFile;
pub use probe::{Probe, now_unix_ms};

use super::compose::{Version, command, remove_leftovers, remove_project};
use super::{Inside, address, docker, engine_answers, skipped};
use crate::load::Load;
use crate::mizan::{Launch, Mizan};
use crate::{eventually, raw};
use mizan_api::{Client, EndpointState, SplitStatus};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(20);

/// What every client asks for.
pub const REQUEST: &str = "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n";

/// How the service `api` is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Compose services api-blue and api-green.
    Tracks,
    /// One Compose service, api.
    Rolling,
}

/// A project in a folder of its own, with a proxy; all of it is removed when it is dropped.
#[derive(Debug)]
pub struct Project {
    version: Version,
    shape: Shape,
    name: String,
    folder: TempDir,
    backend: PathBuf,
    /// Where mizanctl keeps its journals.
    state: PathBuf,
    inside: Inside,
    mizan: Option<Mizan>,
    addr: SocketAddr,
    /// How often mizanctl was run.
    runs: AtomicU32,
}

impl Project {
    /// One instance of `v1` serves on blue; nothing runs on green. `None`, with one line on stderr, where there is no
    /// engine or no such Compose. `backend` is the test-backend's path.
    ///
    /// # Panics
    /// With CI=true instead of `None`, and where it does not come up.
    pub async fn start(version: Version, backend: &str) -> Option<Self> {
        Self::start_as(version, backend, Shape::Tracks, 1).await
    }

    /// As [`start`](Self::start), in another shape, with so many instances.
    pub async fn start_as(version: Version, backend: &str, shape: Shape, replicas: usize) -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        if !engine_answers() {
            return skipped("no Docker engine answers");
        }
        if !command(version).arg("version").output().is_ok_and(|o| o.status.success()) {
            return skipped(&format!("there is no Compose of version {version:?}: see `scripts/setup test`"));
        }
        remove_leftovers();
        let name = format!("mzt-{}-d{}", std::process::id(), NEXT.fetch_add(1, SeqCst));
        let folder = tempfile::Builder::new().prefix("mzt").tempdir().expect("a temporary folder");
        std::fs::create_dir(folder.path().join("run")).expect("our own folder");
        let guard = Remove(name.clone());
        let first = image::make(Path::new(backend), "v1", &[]);
        let compose = match shape {
            Shape::Tracks => file::compose(&first, &["api-blue", "api-green"]),
            Shape::Rolling => file::compose(&first, &["api"]),
        };
        std::fs::write(folder.path().join("docker-compose.yml"), compose).expect("our own folder");
        let service = if shape == Shape::Tracks { "api-blue" } else { "api" };
        let scale = format!("{service}={replicas}");
        let words = ["up", "-d", "--no-deps", "--scale", &scale, "net", service];
        run_compose(version, &name, folder.path(), &words, &[]).await;
        std::mem::forget(guard);
        let inside = inside(&name);
        let (state, backend) = (folder.path().join("state"), PathBuf::from(backend));
        let (mizan, runs) = (None, AtomicU32::new(0));
        let addr = SocketAddr::from((inside.ip(), 0));
        let mut project = Self { version, shape, name, folder, backend, state, inside, mizan, addr, runs };
        project.start_mizan().await;
        project.deploy_file(&DeployFile::default());
        project.answers("v1").await;
        Some(project)
    }

    /// An image without a registry: `version` is what it answers, `env` what the test-backend knows.
    pub fn image(&self, version: &str, env: &[&str]) -> String {
        image::make(&self.backend, version, env)
    }

    /// Another name for an image, moved if it is there: `latest`. Gives the whole reference, which is of this project
    /// alone.
    pub fn tag(&self, image: &str, tag: &str) -> String {
        let reference = format!("mizan-test-moving:{}-{tag}", self.name);
        docker(&["tag", image, &reference]);
        reference
    }

    /// Writes deploy.yml.
    pub fn deploy_file(&self, file: &DeployFile) {
        let text = file.render(self.shape, &self.name, &self.state, &self.socket());
        std::fs::write(self.path("deploy.yml"), text).expect("our own folder");
    }

    /// Where mizanctl keeps its journals from the next deploy file on.
    pub fn state_in(&mut self, folder: &Path) {
        folder.clone_into(&mut self.state);
    }

    /// A file in the project's folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What a file of the project's folder has; empty where there is none.
    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// Compose's name of the project.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn version(&self) -> Version {
        self.version
    }

    pub fn socket(&self) -> PathBuf {
        self.path("run/admin.sock")
    }

    pub fn admin(&self) -> Client {
        Client::new(self.socket())
    }

    /// Where clients reach the proxy.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub fn mizan(&self) -> &Mizan {
        self.mizan.as_ref().expect("it runs")
    }

    /// So many clients, each with one request after the other.
    pub fn load(&self, clients: usize) -> Load {
        Load::start(self.addr, clients, REQUEST)
    }

    /// Clients that note who answers.
    pub fn probe(&self) -> Probe {
        Probe::start(self.addr, 2)
    }

    /// The split as the proxy has it.
    pub async fn split(&self) -> SplitStatus {
        self.admin().split("api").await.unwrap_or_else(|e| panic!("{e}"))
    }

    /// How many endpoints of a track are in this state, as the proxy has them; the track of a service without any is "".
    pub async fn endpoints(&self, track: &str, state: EndpointState) -> usize {
        let service = self.admin().service("api").await.unwrap_or_else(|e| panic!("{e}"));
        let endpoints = service.tracks.iter().filter(|t| t.name == track).flat_map(|t| &t.endpoints);
        endpoints.filter(|endpoint| endpoint.state == state).count()
    }

    /// One request; the answer's body.
    pub async fn ask(&self) -> String {
        raw::get(self.addr, "app.test", "/").await.text()
    }

    /// Waits until the proxy answers with this version.
    pub async fn answers(&self, version: &str) {
        eventually(format!("{version} answers"), PATIENCE, || async { self.ask().await == version }).await;
    }

    /// # Panics
    /// Unless this track has all requests for good, and this version alone runs, there and nowhere else.
    pub async fn serves(&self, track: &str, version: &str) {
        let split = self.split().await;
        assert_eq!(split.lease, None, "nothing is on trial: {split:?}");
        let with_weight: Vec<_> = split.committed.iter().filter(|(_, weight)| **weight > 0).collect();
        assert!(with_weight.len() == 1 && with_weight[0].0 == track, "{track} has it all: {split:?}");
        let other = if track == "blue" { "green" } else { "blue" };
        assert_eq!(self.versions(&format!("api-{track}")), [version], "what runs on {track}");
        assert_eq!(self.versions(&format!("api-{other}")), [""; 0], "what runs on {other}");
        for _ in 0..5 {
            assert_eq!(self.ask().await, version);
        }
    }

    /// One instance of an image, by hand: no mizanctl has a part in it.
    pub async fn compose_up(&self, service: &str, image: &str) {
        let env = [(file::variable(service), image)];
        let scale = format!("{service}=1");
        let words = ["up", "-d", "--no-deps", "--scale", &scale, service];
        run_compose(self.version, &self.name, self.folder.path(), &words, &env).await;
    }

    /// Ends the proxy as `docker stop` would, and starts it again at the same address.
    pub async fn restart_mizan(&mut self) {
        let mut mizan = self.mizan.take().expect("it runs");
        mizan.terminate().await;
        self.start_mizan().await;
    }

    /// Ends the proxy as `docker stop` would.
    pub async fn stop_mizan(&mut self) {
        self.mizan.take().expect("it runs").terminate().await;
    }

    async fn start_mizan(&mut self) {
        let yaml = file::mizan(self.shape, self.addr.port(), self.folder.path());
        let mizan = Launch::default().by(&self.inside.words()).start(&yaml).await;
        self.addr = SocketAddr::from((self.inside.ip(), mizan.addr().port()));
        self.mizan = Some(mizan);
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        self.mizan = None;
        remove_project(&self.name);
        image::remove_moving(&self.name);
    }
}

/// For what goes wrong before there is a [`Project`].
struct Remove(String);

impl Drop for Remove {
    fn drop(&mut self) {
        remove_project(&self.0);
    }
}

async fn run_compose(version: Version, project: &str, folder: &Path, words: &[&str], env: &[(String, &str)]) {
    let mut command = command(version);
    command.args(["-p", project]).args(words).current_dir(folder);
    command.envs(env.iter().map(|(name, value)| (name, value)));
    let run = tokio::task::spawn_blocking(move || command.output());
    let output = run.await.expect("it does not panic").unwrap_or_else(|e| panic!("compose: {e}"));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "compose {words:?}: {error}");
}

/// The namespace of the service `net`.
fn inside(project: &str) -> Inside {
    let container = containers::all(project, "net").pop().expect("net runs").id;
    let pid = docker(&["inspect", "-f", "{{.State.Pid}}", &container]);
    Inside { pid, ip: address(&container) }
}
