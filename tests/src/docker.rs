//! Containers on a network of their own, on the machine's Docker engine.
//!
//! Images come from the engine itself (an empty one), programs from the host by bind mounts: nothing is pulled. Names
//! begin with `mzt-<pid>-`; what a dead test left behind is removed by the next one.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

const IMAGE: &str = "mizan-test-empty:1";

/// One network and the containers on it; removed when dropped.
#[derive(Debug)]
pub struct Docker {
    name: String,
    backend: PathBuf,
    containers: AtomicU32,
}

impl Docker {
    /// `None`, with one line on stderr, where no engine answers; `backend` is the test-backend's path.
    ///
    /// # Panics
    /// Where CI=true and no engine answers: there the tests must not be skipped.
    pub fn start(backend: &str) -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        if !engine_answers() {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "CI=true, but no Docker engine answers");
            eprintln!("skipped: no Docker engine answers");
            return None;
        }
        remove_leftovers();
        let name = format!("mzt-{}-{}", std::process::id(), NEXT.fetch_add(1, SeqCst));
        make_image();
        docker(&["network", "create", "--label", &label(), &name]);
        Some(Self { name, backend: backend.into(), containers: AtomicU32::new(0) })
    }

    /// Starts a backend that is found under `alias` and answers with its container's name, which is returned.
    pub fn backend(&self, alias: &str) -> String {
        self.run(alias, &[])
    }

    /// A container that does nothing: its network namespace is where mizan and the clients run.
    pub fn inside(&self) -> Inside {
        let container = self.run("inside", &["sleep"]);
        let format = "{{.State.Pid}} {{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
        let text = docker(&["inspect", "-f", format, &container]);
        let (pid, ip) = text.split_once(' ').unwrap_or_else(|| panic!("docker inspect says `{text}`"));
        Inside { pid: pid.into(), ip: ip.parse().unwrap_or_else(|e| panic!("`{ip}`: {e}")) }
    }

    fn run(&self, alias: &str, args: &[&str]) -> String {
        let container = format!("{}-{}", self.name, self.containers.fetch_add(1, SeqCst));
        let mount = format!("{}:/test-backend:ro", self.backend.display());
        let name_env = format!("NAME={container}");
        let mut words = vec!["run", "-d", "--name", &container, "--network", &self.name];
        let label = label();
        words.extend(["--network-alias", alias, "--label", &label, "-e", &name_env, "-v", &mount]);
        words.extend(["-v", "/lib64:/lib64:ro", "-v", "/lib/x86_64-linux-gnu:/lib/x86_64-linux-gnu:ro"]);
        words.extend([IMAGE, "/test-backend"]);
        words.extend(args);
        docker(&words);
        container
    }

    /// SIGTERM, and waits for the end, in the background.
    pub async fn stop(&self, container: &str) {
        let container = container.to_owned();
        let stop = move || {
            docker(&["stop", "-t", "5", &container]);
        };
        tokio::task::spawn_blocking(stop).await.expect("docker stop");
    }

    /// Kills and removes: the address is gone and hangs.
    pub async fn remove(&self, container: &str) {
        let container = container.to_owned();
        let remove = move || {
            docker(&["rm", "-f", "-v", &container]);
        };
        tokio::task::spawn_blocking(remove).await.expect("docker rm");
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        remove_named(&self.name);
    }
}

/// A network namespace to run programs in.
#[derive(Debug, Clone)]
pub struct Inside {
    pid: String,
    ip: Ipv4Addr,
}

impl Inside {
    /// Where the host reaches it, without any published port.
    pub fn ip(&self) -> Ipv4Addr {
        self.ip
    }

    /// The words that run a program there: `nsenter -t PID -n`.
    pub fn words(&self) -> [&str; 4] {
        ["nsenter", "-t", &self.pid, "-n"]
    }

    /// Runs a program there and gives what it printed.
    pub async fn output(&self, words: &[&str]) -> Output {
        let child = tokio::process::Command::new("nsenter")
            .args(["-t", &self.pid, "-n"])
            .args(words)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        child.await.unwrap_or_else(|e| panic!("nsenter: {e}"))
    }
}

fn engine_answers() -> bool {
    run(&["version", "-f", "{{.Server.Version}}"]).is_some_and(|o| o.status.success())
}

fn label() -> String {
    format!("mizan.test={}", std::process::id())
}

fn make_image() {
    if run(&["image", "inspect", IMAGE]).is_some_and(|o| o.status.success()) {
        return;
    }
    let import = format!("tar -c -T /dev/null | docker import -c 'LABEL mizan.test=image' - {IMAGE}");
    let made = Command::new("sh").args(["-c", &import]).stdout(Stdio::null()).status();
    assert!(made.is_ok_and(|s| s.success()), "import an empty image");
}

/// Objects whose test process is dead: `Drop` does not run on SIGKILL.
fn remove_leftovers() {
    let format = "{{.Label \"mizan.test\"}} {{.Name}}";
    let networks = docker(&["network", "ls", "--filter", "label=mizan.test", "--format", format]);
    let mut dead = BTreeSet::new();
    for line in networks.lines() {
        if let Some((pid, name)) = line.split_once(' ')
            && name.starts_with("mzt-")
            && !Path::new("/proc").join(pid).exists()
        {
            dead.insert(name.to_owned());
        }
    }
    for name in &dead {
        remove_named(name);
    }
}

/// `rm -f` first and the network afterwards: the engine's own `down` leaves networks behind now and then.
fn remove_named(network: &str) {
    let prefix = format!("name=^/?{network}-[0-9]+$");
    if let Some(output) = run(&["ps", "-aq", "--filter", &prefix]) {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let containers: Vec<&str> = text.split_whitespace().collect();
        if !containers.is_empty() {
            run(&[&["rm", "-f", "-v"], &containers[..]].concat());
        }
    }
    run(&["network", "rm", network]);
}

fn run(args: &[&str]) -> Option<Output> {
    Command::new("docker").args(args).stdin(Stdio::null()).output().ok()
}

/// What docker printed.
fn docker(args: &[&str]) -> String {
    let output = run(args).unwrap_or_else(|| panic!("docker is not installed"));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "docker {args:?}: {error}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
