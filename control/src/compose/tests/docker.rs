//! A Compose project of a test's own. Images come from this machine's shell: nothing is pulled.

use crate::compose::{DockerError, Driver, Engine, Images};
use mizan_config::deploy::model::Compose;
use std::cell::OnceCell;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::{Duration, Instant};
use tempfile::TempDir;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Generation {
    /// `docker-compose` 1.29.
    One,
    /// `docker compose`, from target/compose-v2 where it is.
    Two,
}

impl Generation {
    pub(super) fn other(self) -> Self {
        match self {
            Self::One => Self::Two,
            Self::Two => Self::One,
        }
    }

    fn command(self) -> Vec<String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("control/ is in it");
        let plugins = root.join("target/compose-v2");
        match self {
            Self::One => vec!["docker-compose".to_owned()],
            Self::Two if plugins.is_dir() => {
                let config = format!("DOCKER_CONFIG={}", plugins.display());
                vec!["env".to_owned(), config, "docker".to_owned(), "compose".to_owned()]
            }
            Self::Two => vec!["docker".to_owned(), "compose".to_owned()],
        }
    }

    fn answers(self) -> bool {
        let words = self.command();
        let version = Command::new(&words[0]).args(&words[1..]).args(["version", "--short"]).output();
        let Ok(version) = version else { return false };
        let first = String::from_utf8_lossy(&version.stdout).trim_start_matches('v').starts_with("1.");
        version.status.success() && first == (self == Self::One)
    }
}

/// Everything of it is removed when it is dropped.
pub(super) struct Project {
    folder: TempDir,
    compose: Compose,
    /// Everything before a verb.
    words: OnceCell<Vec<String>>,
}

const STABLE: &str = "services:\n  db:\n    image: mizan-test-shell:v1\n";
const TRACKS: &str = "services:\n  api-blue: {image: '${API_BLUE_IMAGE}', profiles: [mizan], depends_on: [db]}\n  \
                      api-green: {image: '${API_GREEN_IMAGE}', profiles: [mizan], depends_on: [db]}\n";

impl Project {
    /// `None`, with one line on stderr, where there is no engine or no such Compose.
    pub(super) fn start(generation: Generation) -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        if docker(&["version", "-f", "{{.Server.Version}}"]).is_none() {
            return skipped("no Docker engine answers");
        }
        if !generation.answers() {
            return skipped(&format!(
                "there is no Compose of generation {generation:?}: see `scripts/setup test`"
            ));
        }
        remove_leftovers();
        make_images();
        let folder = tempfile::Builder::new().prefix("mzt").tempdir().unwrap();
        let files = ["docker-compose.yml", "docker-compose.mizan.yml"].map(|name| folder.path().join(name));
        let project = format!("mzt-{}-c{}", std::process::id(), NEXT.fetch_add(1, SeqCst));
        let command = Some(generation.command());
        let engine = PathBuf::from("/var/run/docker.sock");
        let compose = Compose { files: files.into(), project, env_file: None, command, engine };
        let project = Self { folder, compose, words: OnceCell::new() };
        project.write("docker-compose.yml", STABLE);
        project.write("docker-compose.mizan.yml", TRACKS);
        Some(project)
    }

    pub(super) async fn driver(&self) -> Result<Driver, DockerError> {
        let engine = Engine::new(&self.compose.engine);
        let driver = Driver::open(&self.compose, engine, &self.folder.path().join("locks")).await?;
        // To start the first generation takes its time: once is enough.
        let _ = self.words.set(driver.words());
        Ok(driver)
    }

    /// The same project; `None` where there is no such Compose.
    pub(super) fn driven_by(
        &self,
        generation: Generation,
    ) -> Option<impl Future<Output = Result<Driver, DockerError>>> {
        if !generation.answers() {
            return skipped(&format!("there is no Compose of generation {generation:?}"));
        }
        let compose = Compose { command: Some(generation.command()), ..self.compose.clone() };
        let locks = self.folder.path().join("locks");
        Some(async move { Driver::open(&compose, Engine::new(&compose.engine), &locks).await })
    }

    pub(super) fn write(&self, name: &str, text: &str) {
        let file = self.folder.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }

    pub(super) fn env_file(&mut self, name: &str) {
        self.compose.env_file = Some(self.folder.path().join(name));
        self.words = OnceCell::new();
    }

    /// As the user would run it, but from another folder; what it printed. There was a driver before.
    pub(super) async fn compose(&self, verb: &[&str], images: &Images) -> String {
        let words = self.words.get().unwrap();
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).args(verb).envs(images).current_dir("/").stdin(Stdio::null());
        let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        assert!(output.status.success(), "{verb:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    pub(super) fn networks(&self) -> usize {
        let label = format!("label=com.docker.compose.project={}", self.compose.project);
        docker(&["network", "ls", "-q", "--filter", &label]).unwrap().lines().count()
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        remove_project(&self.compose.project);
    }
}

pub(super) fn image(tag: &str) -> String {
    format!("mizan-test-shell:{tag}")
}

/// Of the two tracks.
pub(super) fn images(blue: &str, green: &str) -> Images {
    [("API_BLUE_IMAGE".to_owned(), image(blue)), ("API_GREEN_IMAGE".to_owned(), image(green))].into()
}

/// Asks until it is so. The first generation takes seconds to start on a busy machine.
pub(super) async fn eventually<T>(mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        assert!(begin.elapsed() < Duration::from_secs(40), "it never came to be");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// One line on stderr; where CI=true tests must not be skipped.
fn skipped<T>(why: &str) -> Option<T> {
    assert!(std::env::var("CI").as_deref() != Ok("true"), "CI=true, but {why}");
    eprintln!("skipped: {why}");
    None
}

/// `v1` and `v2` run until SIGTERM, `bad` ends.
fn make_images() {
    let lock = File::create(std::env::temp_dir().join("mizan-test-shell.lock")).unwrap();
    lock.lock().unwrap();
    let stays = "trap \\\"exit 0\\\" TERM; echo started $V; echo to stderr >&2; sleep 100000 & wait";
    let falls = "printf \\\"I fall \\\\\\\\033[31mred\\\"; exit 3";
    for (tag, number, script) in [("v1", 1, stays), ("v2", 2, stays), ("bad", 3, falls)] {
        if docker(&["image", "inspect", &image(tag)]).is_some() {
            continue;
        }
        let tar = "tar -ch --owner=0 --group=0 -C / bin/sh bin/sleep bin/cat lib64/ld-linux-x86-64.so.2 \
                   lib/x86_64-linux-gnu/libc.so.6";
        let import = format!(
            "docker import -c 'LABEL mizan.test=image' -c 'ENV V={number}' -c 'ENV PATH=/bin' \
             -c 'CMD [\"sh\", \"-c\", \"{script}\"]' - {}",
            image(tag)
        );
        let made = Command::new("sh").args(["-c", &format!("{tar} | {import}")]).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }
}

/// Projects whose test process is dead: `Drop` does not run on SIGKILL.
fn remove_leftovers() {
    let format = "{{.Label \"com.docker.compose.project\"}}";
    let label = "label=com.docker.compose.project";
    for project in
        docker(&["network", "ls", "--filter", label, "--format", format]).unwrap_or_default().lines()
    {
        if let Some((pid, _)) = project.strip_prefix("mzt-").and_then(|rest| rest.split_once("-c"))
            && !Path::new("/proc").join(pid).exists()
        {
            remove_project(project);
        }
    }
}

/// `rm -f`, not `down`: that leaves networks behind now and then.
fn remove_project(project: &str) {
    let label = format!("label=com.docker.compose.project={project}");
    for container in docker(&["ps", "-aq", "--filter", &label]).unwrap_or_default().lines() {
        docker(&["rm", "-f", "-v", container]);
    }
    for network in docker(&["network", "ls", "-q", "--filter", &label]).unwrap_or_default().lines() {
        docker(&["network", "rm", network]);
    }
}

/// What it printed; `None` where it fails.
fn docker(words: &[&str]) -> Option<String> {
    let output = Command::new("docker").args(words).stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
