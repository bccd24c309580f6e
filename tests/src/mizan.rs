//! The binary under test.

mod log;

pub use log::Log;

use crate::raw::{self, Answer, Raw};
use crate::upstream::Upstream;
use mizan_api::{Client, EndpointStatus, Status};
use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// How long a start, a reload or an end may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running `mizan run`; killed when dropped.
#[derive(Debug)]
pub struct Mizan {
    child: Child,
    pid: Pid,
    folder: TempDir,
    log: Log,
    addresses: Vec<SocketAddr>,
    /// What the harness adds to a file that does not say it itself.
    listen: String,
}

/// How to start it.
#[derive(Debug, Clone)]
pub struct Launch {
    listeners: usize,
    env: Vec<(String, String)>,
    /// Words before the binary: `nsenter -t PID -n`.
    prefix: Vec<String>,
}

impl Default for Launch {
    fn default() -> Self {
        Self { listeners: 1, env: Vec::new(), prefix: Vec::new() }
    }
}

impl Launch {
    /// Waits for so many `listening on` lines. Default 1.
    #[must_use]
    pub fn listeners(mut self, count: usize) -> Self {
        self.listeners = count;
        self
    }

    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Runs the binary by these words: `nsenter -t PID -n`.
    #[must_use]
    pub fn by(mut self, words: &[&str]) -> Self {
        self.prefix = words.iter().map(ToString::to_string).collect();
        self
    }

    /// Starts `mizan run` with this mizan.yml. `listen` (port 0) and `admin` are added where the text has none.
    ///
    /// # Panics
    /// When it does not listen in time: with everything it logged.
    pub async fn start(self, yaml: &str) -> Mizan {
        let folder = tempfile::Builder::new().prefix("mzt").tempdir().expect("a temporary folder");
        self.start_in(folder, yaml).await
    }

    /// As [`start`](Self::start), in a folder that an earlier one left; `${FOLDER}` in the text is this folder.
    ///
    /// # Panics
    /// When it does not listen in time: with everything it logged.
    pub async fn start_in(self, folder: TempDir, yaml: &str) -> Mizan {
        let listen = "listen: { http: \"127.0.0.1:0\" }\n".to_owned();
        let file = folder.path().join("mizan.yml");
        std::fs::write(&file, completed(folder.path(), &listen, yaml)).expect("write mizan.yml");
        let mut words = self.prefix.clone();
        words.push(binary().display().to_string());
        let mut child = Command::new(&words[0])
            .args(&words[1..])
            .args(["run", "--config"])
            .arg(&file)
            .envs(self.env)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|e| panic!("start {words:?}: {e}"));
        let pid = child.id().and_then(|id| Pid::from_raw(id.cast_signed())).expect("it was just started");
        let log = Log::follow(child.stderr.take().expect("stderr is piped"));
        let lines = log.wait_for_count("listening on ", self.listeners, PATIENCE).await;
        let lines = lines.unwrap_or_else(|| panic!("it does not listen; its log:\n{}", log.text()));
        // The first file's verdict comes behind them; a reload must not take it for its own.
        log.wait_for("in force", PATIENCE).await;
        let addresses = lines.iter().filter_map(|line| address_in(line)).collect();
        Mizan { child, pid, folder, log, addresses, listen }
    }
}

impl Mizan {
    /// Starts with one listener on a port of its own; see [`Launch::start`].
    pub async fn start(yaml: &str) -> Self {
        Launch::default().start(yaml).await
    }

    /// Starts with one service `app` over these upstreams and one site `*`. `service` and `top` are further lines of
    /// the service and of the file.
    pub async fn before(upstreams: &[&Upstream], service: &str, top: &str) -> Self {
        Self::start(&one_service(upstreams, service, top)).await
    }

    /// The first listener on TCP.
    pub fn addr(&self) -> SocketAddr {
        *self.addresses.first().expect("there is a TCP listener")
    }

    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    pub fn log(&self) -> &Log {
        &self.log
    }

    pub fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().cast_unsigned()
    }

    /// The folder that holds mizan.yml and the admin socket.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("admin.sock")
    }

    /// GET as host `app.test`.
    pub async fn get(&self, path: &str) -> Answer {
        raw::get(self.addr(), "app.test", path).await
    }

    pub async fn connect(&self) -> Raw {
        Raw::connect(self.addr()).await
    }

    /// A client of the admin socket.
    pub fn admin(&self) -> Client {
        Client::new(self.socket())
    }

    /// SIGKILL, and waits for the end; gives the folder with mizan.yml and `state`.
    pub async fn kill(mut self) -> TempDir {
        self.signal(Signal::KILL);
        self.ended(PATIENCE).await;
        self.folder
    }

    /// # Panics
    /// When the admin socket gives no status.
    pub async fn status(&self) -> Status {
        let status = Client::new(self.socket()).status().await;
        status.unwrap_or_else(|e| panic!("{e}; the log:\n{}", self.log.text()))
    }

    /// All endpoints of all services, by address.
    pub async fn endpoints(&self) -> BTreeMap<String, EndpointStatus> {
        let services = self.status().await.services;
        let tracks = services.into_iter().flat_map(|s| s.tracks);
        tracks.flat_map(|t| t.endpoints).map(|e| (e.address.clone(), e)).collect()
    }

    /// Requests under way, of all endpoints.
    pub async fn in_flight(&self) -> u64 {
        self.endpoints().await.values().map(|e| e.in_flight).sum()
    }

    /// Waits until nothing is under way any more.
    pub async fn is_quiet(&self) {
        crate::eventually("nothing is in flight", PATIENCE, || async { self.in_flight().await == 0 }).await;
    }

    /// Waits until /lb-ready says 200.
    pub async fn is_ready(&self) {
        crate::eventually("it is ready", PATIENCE, || async { self.get("/lb-ready").await.status == 200 })
            .await;
    }

    /// Waits until these are the endpoints that take requests, whatever their state but draining.
    pub async fn has_endpoints(&self, count: usize) {
        crate::eventually(format!("there are {count} endpoints"), PATIENCE, || async {
            let endpoints = self.endpoints().await;
            endpoints.values().filter(|e| e.state != mizan_api::EndpointState::Draining).count() == count
        })
        .await;
    }

    /// Writes another mizan.yml, without telling the process.
    pub fn write(&self, yaml: &str) {
        let file = self.folder.path().join("mizan.yml");
        std::fs::write(file, completed(self.folder.path(), &self.listen, yaml)).expect("write mizan.yml");
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid, signal).unwrap_or_else(|e| panic!("{signal:?} to mizan: {e}"));
    }

    /// Writes, sends SIGHUP and waits until the file is in force.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn reload(&mut self, yaml: &str) {
        let verdict = self.try_reload(yaml).await;
        assert!(verdict.contains("in force"), "{verdict}\n{}", self.log.text());
    }

    /// Writes, sends SIGHUP and waits for the verdict: the log line that has it.
    pub async fn try_reload(&mut self, yaml: &str) -> String {
        let mark = self.log.mark();
        self.write(yaml);
        self.signal(Signal::HUP);
        let said = |line: &str| line.contains("in force") || line.contains("configuration refused");
        match self.log.wait_after(mark, said, PATIENCE).await {
            Some(line) => line,
            None => panic!("no verdict on the reload; the log:\n{}", self.log.text()),
        }
    }

    /// SIGTERM, and waits for the end.
    pub async fn terminate(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.ended(PATIENCE).await
    }

    /// Waits for the end.
    ///
    /// # Panics
    /// When it does not end in time.
    pub async fn ended(&mut self, within: Duration) -> ExitStatus {
        let ended = tokio::time::timeout(within, self.child.wait()).await;
        let ended = ended
            .unwrap_or_else(|_| panic!("it did not end within {within:?}; its log:\n{}", self.log.text()));
        ended.expect("wait for mizan")
    }

    /// Memory of the process in bytes.
    pub fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap_or_default();
        let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|n| n.parse::<u64>().ok()).unwrap_or_default() * 1024
    }
}

/// mizan.yml with one service `app` over these upstreams and one site `*`.
pub fn one_service(upstreams: &[&Upstream], service: &str, top: &str) -> String {
    let addresses: Vec<String> = upstreams.iter().map(|u| format!("\"{}\"", u.addr())).collect();
    one_service_at(&format!("[{}]", addresses.join(", ")), service, top)
}

/// As [`one_service`], for endpoints written out: `app.test:3000`.
pub fn one_service_at(endpoints: &str, service: &str, top: &str) -> String {
    let mut text = format!("{}\nservices:\n  app:\n    endpoints: {endpoints}\n", unindented(top));
    for line in unindented(service).lines() {
        let _ = writeln!(text, "    {line}");
    }
    text.push_str("sites:\n  - hosts: [\"*\"]\n    routes:\n      - { path: /, service: app }\n");
    text
}

/// The binary: `MIZAN_BIN`, or `mizan` in the build folder that this test was built in.
///
/// # Panics
/// When it is not there: with what to do.
pub fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("MIZAN_BIN") {
        let path = PathBuf::from(path);
        assert!(path.is_file(), "MIZAN_BIN={} is no file", path.display());
        return path;
    }
    built("mizan")
}

/// A program of the build folder that this test was built in, whatever `MIZAN_BIN` says.
///
/// # Panics
/// When it is not there: with what to do.
pub fn built(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own path");
    // target/debug/deps/serve-0123456789abcdef -> target/debug/mizan
    let path = test.ancestors().nth(2).unwrap_or(&test).join(name);
    assert!(path.is_file(), "{} is missing: build it first with `cargo build`", path.display());
    path
}

fn completed(folder: &Path, listen: &str, yaml: &str) -> String {
    let yaml = unindented(yaml).replace("${FOLDER}", &folder.display().to_string());
    let has = |key: &str| yaml.lines().any(|line| line.starts_with(key));
    let mut text = String::new();
    if !has("listen:") {
        text.push_str(listen);
    }
    if !has("admin:") {
        let _ = writeln!(text, "admin: {{ socket: {} }}", folder.join("admin.sock").display());
    }
    text + &yaml
}

/// Takes away the indentation that a text has from its place in a test.
pub fn unindented(text: &str) -> String {
    let lines = || text.lines().filter(|l| !l.trim().is_empty());
    let margin = lines().map(|l| l.len() - l.trim_start().len()).min().unwrap_or(0);
    text.lines().map(|l| l.get(margin..).unwrap_or("").to_owned() + "\n").collect()
}

fn address_in(line: &str) -> Option<SocketAddr> {
    let rest = line.split("listening on ").nth(1)?;
    let word = rest.split(|c: char| c.is_whitespace() || c == ',').next()?;
    word.trim_start_matches("http://").parse().ok()
}
