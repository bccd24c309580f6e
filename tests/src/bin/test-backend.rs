//! What the Docker tests run inside containers: answers every request with its VERSION, else its NAME, else its host's.
//!
//! SIGTERM stops the accepting at once; requests under way end, for up to TERM_WAIT (milliseconds, default 1000), as an
//! application with a graceful stop does. `test-backend sleep` only waits for SIGTERM: it holds a network namespace.
//! `test-backend healthcheck` asks the one in its own container. What makes a version a bad one:
//!
//!     DELAY=20                  every answer takes so many milliseconds
//!     START_DELAY=2000          listens so many milliseconds late
//!     EXIT_AT_ONCE=1            does not even start
//!     UNHEALTHY=1               /health is 503 for ever
//!     FAIL_PCT=50               so many of a hundred answers are 500
//!     DIE_AFTER_REQUESTS=100    ends in the middle of a request, after so many
//!
//! /health is no request in the sense of these: it is neither counted nor does it fail.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};

const PORT: u16 = 3000;

#[derive(Debug)]
struct State {
    name: String,
    unhealthy: bool,
    delay: Option<Duration>,
    fail_pct: u64,
    die_after: Option<u64>,
    ending: AtomicBool,
    under_way: AtomicUsize,
    requests: AtomicU64,
}

#[tokio::main]
async fn main() -> ExitCode {
    let mut term = signal(SignalKind::terminate()).expect("handle SIGTERM");
    match std::env::args().nth(1).as_deref() {
        Some("sleep") => {
            term.recv().await;
            return ExitCode::SUCCESS;
        }
        Some("healthcheck") => return healthcheck().await,
        _ => {}
    }
    if flag("EXIT_AT_ONCE") {
        eprintln!("EXIT_AT_ONCE is set");
        return ExitCode::FAILURE;
    }
    if let Some(delay) = milliseconds("START_DELAY") {
        tokio::time::sleep(delay).await;
    }
    let state = Arc::new(State::from_env());
    let listener = TcpListener::bind(("0.0.0.0", PORT)).await.expect("bind port 3000");
    loop {
        tokio::select! {
            _ = term.recv() => break,
            Ok((stream, _)) = listener.accept() => {
                tokio::spawn(serve(stream, state.clone()));
            }
        }
    }
    // The address stays in DNS for a while after this: who connects now is refused, and tries elsewhere.
    drop(listener);
    state.ending.store(true, SeqCst);
    let wait = milliseconds("TERM_WAIT").unwrap_or(Duration::from_secs(1));
    let quiet = async {
        while state.under_way.load(SeqCst) > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // The answer that says `Connection: close` is still on its way.
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let _ = tokio::time::timeout(wait, quiet).await;
    ExitCode::SUCCESS
}

impl State {
    fn from_env() -> Self {
        let name = ["VERSION", "NAME", "HOSTNAME"].into_iter().find_map(|name| std::env::var(name).ok());
        Self {
            name: name.unwrap_or_default(),
            unhealthy: flag("UNHEALTHY"),
            delay: milliseconds("DELAY"),
            fail_pct: number("FAIL_PCT").unwrap_or(0),
            die_after: number("DIE_AFTER_REQUESTS"),
            ending: AtomicBool::new(false),
            under_way: AtomicUsize::new(0),
            requests: AtomicU64::new(0),
        }
    }

    /// The status and the body of the next answer.
    async fn answer(&self, path: &str) -> (&'static str, &str) {
        if path == "/health" {
            return (if self.unhealthy { "503 Service Unavailable" } else { "200 OK" }, &self.name);
        }
        let nth = self.requests.fetch_add(1, SeqCst) + 1;
        if let Some(delay) = self.delay {
            tokio::time::sleep(delay).await;
        }
        if self.die_after.is_some_and(|after| nth > after) {
            std::process::exit(1);
        }
        // Spread evenly: the 4th, the 8th ... of 25 %.
        let failed = |count: u64| count * self.fail_pct / 100;
        let status = if failed(nth) > failed(nth - 1) { "500 Internal Server Error" } else { "200 OK" };
        (status, &self.name)
    }
}

async fn serve(mut stream: TcpStream, state: Arc<State>) {
    let mut buffer = Vec::new();
    loop {
        while !buffer.windows(4).any(|w| w == b"\r\n\r\n") {
            match stream.read_buf(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
        let head = String::from_utf8_lossy(&buffer).into_owned();
        let path = head.split(' ').nth(1).unwrap_or_default();
        buffer.clear();
        state.under_way.fetch_add(1, SeqCst);
        let (status, body) = state.answer(path).await;
        let connection = if state.ending.load(SeqCst) { "close" } else { "keep-alive" };
        let answer = format!(
            "HTTP/1.1 {status}\r\nconnection: {connection}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let sent = stream.write_all(answer.as_bytes()).await;
        state.under_way.fetch_sub(1, SeqCst);
        if sent.is_err() || connection == "close" {
            return;
        }
    }
}

/// As an image's HEALTHCHECK: 0 or 1.
async fn healthcheck() -> ExitCode {
    let asked = async {
        let mut stream = TcpStream::connect(("127.0.0.1", PORT)).await?;
        stream.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").await?;
        let mut status = [0; 12];
        stream.read_exact(&mut status).await.map(|_| &status == b"HTTP/1.1 200")
    };
    match tokio::time::timeout(Duration::from_secs(2), asked).await {
        Ok(Ok(true)) => ExitCode::SUCCESS,
        other => {
            eprintln!("not healthy: {other:?}");
            ExitCode::FAILURE
        }
    }
}

fn flag(variable: &str) -> bool {
    std::env::var(variable).is_ok_and(|value| value == "1")
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

fn milliseconds(variable: &str) -> Option<Duration> {
    number(variable).map(Duration::from_millis)
}
