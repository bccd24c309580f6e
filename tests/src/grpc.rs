//! gRPC by somebody else's hand: grpcio's client and server, in Python (`scripts/setup test` installs it).

use crate::authority::{Authority, Issued, put};
use serde_json::Value;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// The client's own patience is shorter: it says itself what hangs.
const PATIENCE: Duration = Duration::from_secs(40);

/// A running `tests/grpc/server.py`; killed when dropped.
#[derive(Debug)]
pub struct GrpcServer {
    child: Child,
    addr: SocketAddr,
    _folder: TempDir,
}

/// Runs scenarios of `tests/grpc/client.py`, each over a channel of its own.
#[derive(Debug, Clone)]
pub struct GrpcClient {
    addr: SocketAddr,
    /// `-`: plain.
    root: String,
}

impl GrpcServer {
    /// Plain HTTP/2.
    pub async fn start() -> Self {
        Self::run(None).await
    }

    pub async fn start_tls(certificate: &Issued) -> Self {
        Self::run(Some(certificate)).await
    }

    async fn run(certificate: Option<&Issued>) -> Self {
        let folder = tempfile::Builder::new().prefix("mzt-grpc").tempdir().expect("a temporary folder");
        let mut command = python("server.py");
        if let Some(certificate) = certificate {
            certificate.write(folder.path(), "server");
            command.arg(folder.path().join("server.pem")).arg(folder.path().join("server.key"));
        }
        let mut child = command.stdout(Stdio::piped()).spawn().expect("python starts");
        let mut lines = BufReader::new(child.stdout.take().expect("stdout is piped")).lines();
        let line = timeout(PATIENCE, lines.next_line()).await.expect("it starts in time");
        let port = line.ok().flatten().and_then(|line| line.parse().ok()).expect("it prints its port");
        Self { child, addr: SocketAddr::from((Ipv4Addr::LOCALHOST, port)), _folder: folder }
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// SIGKILL: its connections are closed, or reset, by the system.
    pub async fn kill(&mut self) {
        self.child.kill().await.expect("it is there to be killed");
    }
}

impl GrpcClient {
    /// With prior knowledge.
    pub fn plain(addr: SocketAddr) -> Self {
        Self { addr, root: "-".into() }
    }

    /// Over TLS, as `app.test`; the root is written to `folder`.
    pub fn tls(addr: SocketAddr, authority: &Authority, folder: &Path) -> Self {
        let root = folder.join("grpc-root.pem");
        put(&root, &authority.root());
        Self { addr, root: root.display().to_string() }
    }

    /// Runs one scenario to its end.
    ///
    /// # Panics
    /// When it fails by itself, or does not end.
    pub async fn run(&self, scenario: &str, argument: &str) -> Value {
        let running = python("client.py")
            .args([&self.addr.to_string(), &self.root, scenario, argument])
            .stderr(Stdio::piped())
            .output();
        let output = timeout(PATIENCE, running).await;
        let output = output.unwrap_or_else(|_| panic!("{scenario} {argument} does not end"));
        let output = output.expect("python starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{scenario} {argument}: {said}");
        serde_json::from_slice(&output.stdout).expect("it prints JSON")
    }

    /// [`run`](Self::run), while the test goes on.
    pub fn begin(&self, scenario: &str, argument: &str) -> tokio::task::JoinHandle<Value> {
        let (client, scenario, argument) = (self.clone(), scenario.to_owned(), argument.to_owned());
        tokio::spawn(async move { client.run(&scenario, &argument).await })
    }

    /// What the server has seen.
    pub async fn report(&self) -> Value {
        let answer = self.run("call", "Report").await;
        serde_json::from_str(answer["got"].as_str().expect("a report")).expect("it is JSON")
    }
}

fn python(script: &str) -> Command {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the repository");
    let python: PathBuf = top.join("target/grpc/bin/python");
    assert!(python.is_file(), "{} is missing: run `scripts/setup test`", python.display());
    let mut command = Command::new(python);
    command.arg(top.join("tests/grpc").join(script));
    command.env("GRPC_VERBOSITY", "NONE").stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    command
}
