//! The Compose example of deploy/compose, run by docker-compose 1.29 or by Compose v2.

use super::{docker, engine_answers, run, skipped};
use crate::eventually;
use std::fs::{File, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;
use tempfile::TempDir;

/// Whom mizan runs as in its image.
const USER: u32 = 65532;

/// Which program it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// `docker-compose` 1.29.
    One,
    /// `docker compose`, from target/compose-v2 where the machine has none.
    Two,
}

/// A copy of deploy/compose in a folder of its own; everything of its project is removed when it is dropped.
#[derive(Debug)]
pub struct Compose {
    version: Version,
    project: String,
    folder: TempDir,
    env: Vec<(&'static str, String)>,
}

impl Compose {
    /// `None`, with one line on stderr, where there is no engine or no such Compose. Nothing runs yet.
    ///
    /// # Panics
    /// With CI=true instead of `None`, and where the image cannot be built.
    pub fn prepare(version: Version, backend: &str) -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        if !engine_answers() {
            return skipped("no Docker engine answers");
        }
        if !command(version).arg("version").output().is_ok_and(|o| o.status.success()) {
            return skipped(&format!("there is no Compose of version {version:?}: see `scripts/setup test`"));
        }
        remove_leftovers();
        let folder = tempfile::Builder::new().prefix("mzt").tempdir().expect("a temporary folder");
        sh(&format!("cp -R {}/. {}", root().join("deploy/compose").display(), folder.path().display()));
        let run = folder.path().join("run");
        // As the example says. Who is not root has to open it to all.
        let owned = std::os::unix::fs::chown(&run, Some(USER), None).is_ok();
        std::fs::set_permissions(&run, Permissions::from_mode(if owned { 0o750 } else { 0o777 }))
            .expect("our own folder");
        let project = format!("mzt-{}-{}", std::process::id(), NEXT.fetch_add(1, SeqCst));
        let env = vec![
            ("MIZAN_IMAGE", mizan_image()),
            ("API_IMAGE", backend_image(Path::new(backend))),
            // "127.0.0.1::80": any port.
            ("HTTP_PORT", "127.0.0.1:".to_owned()),
        ];
        Some(Self { version, project, folder, env })
    }

    /// Runs Compose with these words; gives what it printed.
    ///
    /// # Panics
    /// When it fails.
    pub async fn run(&self, words: &[&str]) -> String {
        let mut command = command(self.version);
        command.args(["-p", &self.project]).args(words).current_dir(self.folder.path());
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        let run = tokio::task::spawn_blocking(move || command.output());
        let output =
            run.await.expect("it does not panic").unwrap_or_else(|e| panic!("compose {words:?}: {e}"));
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "compose {words:?}: {error}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// `up -d --scale api=N`, and waits until so many run.
    pub async fn scale_api(&self, count: usize) {
        self.run(&["up", "-d", "--no-recreate", "--scale", &format!("api={count}"), "api"]).await;
        eventually(format!("{count} containers of api"), Duration::from_secs(10), || async {
            self.containers("api").len() == count
        })
        .await;
    }

    /// The running containers of a service.
    pub fn containers(&self, service: &str) -> Vec<String> {
        let project = format!("label=com.docker.compose.project={}", self.project);
        let service = format!("label=com.docker.compose.service={service}");
        let text = docker(&["ps", "-q", "--filter", &project, "--filter", &service]);
        text.split_whitespace().map(str::to_owned).collect()
    }

    /// What `docker inspect -f` says of a container.
    pub fn inspect(&self, container: &str, format: &str) -> String {
        docker(&["inspect", "-f", format, container])
    }

    /// Where the host reaches port 80 of the container.
    pub fn address(&self, container: &str) -> SocketAddr {
        let text = docker(&["port", container, "80/tcp"]);
        text.lines().next().and_then(|line| line.parse().ok()).unwrap_or_else(|| panic!("`{text}`"))
    }

    /// The folder on the host where the state's volume is.
    pub fn state(&self) -> PathBuf {
        docker(&["volume", "inspect", "-f", "{{.Mountpoint}}", &format!("{}_state", self.project)]).into()
    }

    /// The admin socket, as the host has it.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("run/admin.sock")
    }
}

impl Drop for Compose {
    fn drop(&mut self) {
        remove_project(&self.project);
    }
}

pub(super) fn command(version: Version) -> Command {
    match version {
        Version::One => Command::new("docker-compose"),
        Version::Two => {
            let mut command = Command::new("docker");
            let ours = root().join("target/compose-v2");
            if ours.is_dir() {
                command.env("DOCKER_CONFIG", ours);
            }
            command.arg("compose");
            command
        }
    }
}

/// The product's image, of static binaries of the dev profile: built once for each state of the sources.
fn mizan_image() -> String {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |t| root().join(t));
    let _lock = lock(&target.join("mizan-test-image.lock"));
    let flags = std::env::var("RUSTFLAGS").unwrap_or_default();
    let machine = sh("uname -m");
    let build = format!(
        "cd {} && RUSTFLAGS='{flags} -C target-feature=+crt-static' cargo build --target \
         {machine}-unknown-linux-gnu -p mizan -p mizan-control --bin mizan --bin mizanctl",
        root().display()
    );
    sh(&build);
    let binaries = target.join(format!("{machine}-unknown-linux-gnu/debug"));
    let inputs = format!(
        "cat {0}/mizan {0}/mizanctl {1}/Dockerfile {1}/scripts/image | sha256sum | cut -c-16",
        binaries.display(),
        root().display()
    );
    let tag = format!("mizan-test:{}", sh(&inputs));
    if !has_image(&tag) {
        let image = root().join("scripts/image");
        let (binaries, image) = (binaries.display(), image.display());
        sh(&format!("TAG={tag} LABEL=mizan.test=image BINARIES={binaries} {image} 2>&1"));
        remove_old_images("mizan-test");
    }
    tag
}

/// The test-backend with the libraries it needs.
fn backend_image(backend: &Path) -> String {
    let _lock = lock(&std::env::temp_dir().join("mizan-test-api.lock"));
    let (folder, backend) = (backend.parent().expect("a path").display(), backend.display());
    let tag = format!("mizan-test-api:{}", sh(&format!("sha256sum <{backend} | cut -c-16")));
    if !has_image(&tag) {
        sh(&format!(
            "tar -ch --owner=0 --group=0 -C / lib64/ld-linux-x86-64.so.2 lib/x86_64-linux-gnu/libc.so.6 \
             lib/x86_64-linux-gnu/libgcc_s.so.1 lib/x86_64-linux-gnu/libm.so.6 -C {folder} test-backend | \
             docker import -c 'LABEL mizan.test=image' -c 'ENV DELAY=5' -c 'ENTRYPOINT [\"/test-backend\"]' - {tag}"
        ));
        remove_old_images("mizan-test-api");
    }
    tag
}

pub(super) fn has_image(tag: &str) -> bool {
    run(&["image", "inspect", tag]).is_some_and(|o| o.status.success())
}

/// The last few stay: other builds may be at their tests.
fn remove_old_images(repository: &str) {
    let format = "{{.Repository}}:{{.Tag}}";
    let images =
        docker(&["image", "ls", "--filter", "label=mizan.test=image", "--format", format, repository]);
    for image in images.lines().skip(4) {
        run(&["image", "rm", image]);
    }
}

/// Held until it is dropped.
pub(super) fn lock(file: &Path) -> File {
    let lock = File::create(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    lock.lock().expect("lock a file");
    lock
}

/// Projects whose test process is dead.
pub(super) fn remove_leftovers() {
    let label = "label=com.docker.compose.project";
    let format = "{{.Label \"com.docker.compose.project\"}}";
    let mut projects = docker(&["network", "ls", "--filter", label, "--format", format]);
    projects += "\n";
    projects += &docker(&["volume", "ls", "--filter", label, "--format", format]);
    for project in projects.lines() {
        if let Some(pid) = project.strip_prefix("mzt-").and_then(|rest| rest.split('-').next())
            && !Path::new("/proc").join(pid).exists()
        {
            remove_project(project);
        }
    }
}

/// `rm -f`, not `down`: that leaves networks behind now and then.
pub(super) fn remove_project(project: &str) {
    let label = format!("label=com.docker.compose.project={project}");
    if let Some(output) = run(&["ps", "-aq", "--filter", &label]) {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let containers: Vec<&str> = text.split_whitespace().collect();
        if !containers.is_empty() {
            run(&[&["rm", "-f", "-v"], &containers[..]].concat());
        }
    }
    run(&["network", "rm", &format!("{project}_default")]);
    run(&["volume", "rm", &format!("{project}_state")]);
}

/// The project's folder.
pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in it")
}

/// What a shell's line printed. It does not see what cargo told this test: a build would begin anew because of it.
pub(super) fn sh(line: &str) -> String {
    let mut command = Command::new("sh");
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("CARGO_") && name != "CARGO_HOME" && name != "CARGO_TARGET_DIR" {
            command.env_remove(name);
        }
    }
    let output = command.args(["-c", line]).output().unwrap_or_else(|e| panic!("sh: {e}"));
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    assert!(output.status.success(), "{line}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text
}
