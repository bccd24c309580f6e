//! Containers on a network of their own, on the machine's Docker engine.
//!
//! Images come from the engine itself (an empty one), programs from the host by bind mounts: nothing is pulled. Names
//! begin with `mzt-<pid>-`; what a dead test left behind is removed by the next one.

pub mod compose;
pub mod rollout;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fmt::Debug;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

const IMAGE: &str = "mizan-test-empty:1";

/// Where the test-backend listens.
const PORT: u16 = 3000;

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
            return skipped("no Docker engine answers");
        }
        remove_leftovers();
        let name = format!("mzt-{}-{}", std::process::id(), NEXT.fetch_add(1, SeqCst));
        make_image();
        docker(&["network", "create", "--label", &label(), &name]);
        Some(Self { name, backend: backend.into(), containers: AtomicU32::new(0) })
    }

    /// Starts a backend that is found under `alias` and answers with its container's name, which is returned.
    pub fn backend(&self, alias: &str) -> String {
        self.backend_with(alias, &[])
    }

    /// As [`Docker::backend`], with further variables: `DELAY=20`.
    pub fn backend_with(&self, alias: &str, env: &[&str]) -> String {
        let container = self.next_name();
        docker(&self.run_words(&container, alias, env, &[]));
        container
    }

    /// Starts a backend in the background; the handle gives the moment at which it first answered, asked directly.
    pub fn launch(&self, alias: &str, env: &[&str]) -> (String, JoinHandle<Instant>) {
        let container = self.next_name();
        let words = self.run_words(&container, alias, env, &[]);
        let name = container.clone();
        let started = tokio::task::spawn_blocking(move || {
            docker(&words);
            first_answer((address(&name), PORT).into())
        });
        (container, started)
    }

    /// A container that does nothing, and takes the lowest free address.
    pub fn placeholder(&self) -> String {
        let container = self.next_name();
        docker(&self.run_words(&container, "placeholder", &[], &["sleep"]));
        container
    }

    /// A container that does nothing: its network namespace is where mizan and the clients run.
    pub fn inside(&self) -> Inside {
        let container = self.placeholder();
        let pid = docker(&["inspect", "-f", "{{.State.Pid}}", &container]);
        Inside { pid, ip: address(&container) }
    }

    /// Its address on the network.
    pub fn address(&self, container: &str) -> Ipv4Addr {
        address(container)
    }

    fn next_name(&self) -> String {
        format!("{}-{}", self.name, self.containers.fetch_add(1, SeqCst))
    }

    fn run_words(&self, container: &str, alias: &str, env: &[&str], args: &[&str]) -> Vec<String> {
        let (label, name_env) = (label(), format!("NAME={container}"));
        let mount = format!("{}:/test-backend:ro", self.backend.display());
        let mut words = vec!["run", "-d", "--name", container, "--network", &self.name];
        words.extend(["--network-alias", alias, "--label", &label, "-e", &name_env, "-v", &mount]);
        words.extend(["-v", "/lib64:/lib64:ro", "-v", "/lib/x86_64-linux-gnu:/lib/x86_64-linux-gnu:ro"]);
        words.extend(env.iter().flat_map(|variable| ["-e", variable]));
        words.extend([IMAGE, "/test-backend"]);
        words.extend(args);
        words.into_iter().map(str::to_owned).collect()
    }

    /// SIGTERM to all of them at once, and waits for the end.
    pub async fn stop(&self, containers: &[&str]) {
        command(&[&["stop", "-t", "5"], containers].concat()).await;
    }

    /// Kills and removes: the address is gone and hangs.
    pub async fn remove(&self, container: &str) {
        command(&["rm", "-f", "-v", container]).await;
    }

    pub async fn kill(&self, container: &str) {
        command(&["kill", container]).await;
    }

    /// It accepts from now on, and never answers.
    pub async fn pause(&self, container: &str) {
        command(&["pause", container]).await;
    }

    pub async fn unpause(&self, container: &str) {
        command(&["unpause", container]).await;
    }

    /// Its connections hang, without a word.
    pub async fn disconnect(&self, container: &str) {
        command(&["network", "disconnect", &self.name, container]).await;
    }

    /// Back under this alias, perhaps at another address.
    pub async fn connect(&self, container: &str, alias: &str) {
        command(&["network", "connect", "--alias", alias, &self.name, container]).await;
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

/// One line on stderr.
///
/// # Panics
/// Where CI=true: there tests must not be skipped.
fn skipped<T>(why: &str) -> Option<T> {
    assert!(std::env::var("CI").as_deref() != Ok("true"), "CI=true, but {why}");
    eprintln!("skipped: {why}");
    None
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

fn address(container: &str) -> Ipv4Addr {
    let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
    let text = docker(&["inspect", "-f", format, container]);
    text.parse().unwrap_or_else(|e| panic!("`{text}`: {e}"))
}

/// Asks again and again until there is an answer.
fn first_answer(addr: SocketAddr) -> Instant {
    let begin = Instant::now();
    loop {
        let mut status = [0; 12];
        let answer = TcpStream::connect_timeout(&addr, Duration::from_secs(1)).and_then(|mut stream| {
            stream.write_all(b"GET / HTTP/1.1\r\nHost: direct\r\n\r\n")?;
            stream.read_exact(&mut status)
        });
        if answer.is_ok() && &status == b"HTTP/1.1 200" {
            return Instant::now();
        }
        assert!(begin.elapsed() < Duration::from_secs(10), "{addr} never answered: {answer:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Runs docker without holding up what else the test does.
async fn command(words: &[&str]) {
    let words: Vec<String> = words.iter().map(ToString::to_string).collect();
    let run = tokio::task::spawn_blocking(move || docker(&words));
    run.await.unwrap_or_else(|e| panic!("docker: {e}"));
}

fn run<S: AsRef<OsStr>>(args: &[S]) -> Option<Output> {
    Command::new("docker").args(args).stdin(Stdio::null()).output().ok()
}

/// What docker printed.
fn docker<S: AsRef<OsStr> + Debug>(args: &[S]) -> String {
    let output = run(args).unwrap_or_else(|| panic!("docker is not installed"));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "docker {args:?}: {error}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
