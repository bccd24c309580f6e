//! What the Docker tests run inside containers: answers every request with its NAME, or its host's.
//!
//! SIGTERM stops the accepting at once; requests under way end, for up to TERM_WAIT (milliseconds, default 1000), as an
//! application with a graceful stop does. DELAY is the milliseconds that every answer takes, so that there is something
//! under way. `test-backend sleep` only waits for SIGTERM: it holds a network namespace.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};

#[derive(Debug, Default)]
struct State {
    ending: AtomicBool,
    under_way: AtomicUsize,
}

#[tokio::main]
async fn main() {
    let mut term = signal(SignalKind::terminate()).expect("handle SIGTERM");
    if std::env::args().nth(1).as_deref() == Some("sleep") {
        term.recv().await;
        return;
    }
    let state = Arc::new(State::default());
    let listener = TcpListener::bind("0.0.0.0:3000").await.expect("bind port 3000");
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
}

async fn serve(mut stream: TcpStream, state: Arc<State>) {
    let name = std::env::var("NAME").or(std::env::var("HOSTNAME")).unwrap_or_default();
    let delay = milliseconds("DELAY");
    let mut buffer = Vec::new();
    loop {
        while !buffer.windows(4).any(|w| w == b"\r\n\r\n") {
            match stream.read_buf(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
        buffer.clear();
        state.under_way.fetch_add(1, SeqCst);
        if let Some(delay) = delay {
            tokio::time::sleep(delay).await;
        }
        let connection = if state.ending.load(SeqCst) { "close" } else { "keep-alive" };
        let answer = format!(
            "HTTP/1.1 200 OK\r\nconnection: {connection}\r\ncontent-length: {}\r\n\r\n{name}",
            name.len()
        );
        let sent = stream.write_all(answer.as_bytes()).await;
        state.under_way.fetch_sub(1, SeqCst);
        if sent.is_err() || connection == "close" {
            return;
        }
    }
}

fn milliseconds(variable: &str) -> Option<Duration> {
    std::env::var(variable).ok()?.parse().ok().map(Duration::from_millis)
}
