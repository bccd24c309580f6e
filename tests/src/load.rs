//! Bounded load from a keepalive client of our own, for what wrk cannot tell apart: it knows when a connection may be
//! used again, and calls everything else a failure.

use crate::raw::{Broken, Raw};
use crate::tls::TlsClient;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use tokio::task::JoinHandle;

/// Clients that send one request after the other until told to stop.
#[derive(Debug)]
pub struct Load {
    shared: Arc<Shared>,
    clients: Vec<JoinHandle<()>>,
}

/// What became of the requests.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Whole answers of status 200.
    pub good: u64,
    /// Good answers by body (an upstream's name).
    pub by_body: BTreeMap<String, u64>,
    /// Everything else, in words, the first twenty.
    pub bad: Vec<String>,
    pub failed: u64,
    /// New connections that were refused: the end of a process, no lost request.
    pub refused: u64,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    good: AtomicU64,
    outcome: Mutex<Outcome>,
}

impl Load {
    /// `clients` connections, each with `request` (without `Connection: close`) again and again.
    pub fn start(addr: SocketAddr, clients: usize, request: impl Into<String>) -> Self {
        Self::through(&Way::Plain(addr), clients, request)
    }

    /// The same over TLS, as `name`.
    pub fn start_tls(
        addr: SocketAddr,
        tls: &TlsClient,
        name: &str,
        clients: usize,
        request: impl Into<String>,
    ) -> Self {
        Self::through(&Way::Tls(addr, Box::new(tls.clone()), name.to_owned()), clients, request)
    }

    fn through(way: &Way, clients: usize, request: impl Into<String>) -> Self {
        let shared = Arc::new(Shared::default());
        let request: Arc<str> = request.into().into();
        let clients = (0..clients)
            .map(|_| tokio::spawn(client(way.clone(), request.clone(), shared.clone())))
            .collect();
        Self { shared, clients }
    }

    /// Good answers so far.
    pub fn good(&self) -> u64 {
        self.shared.good.load(SeqCst)
    }

    /// Good answers so far, by body.
    pub fn by_body(&self) -> BTreeMap<String, u64> {
        self.outcome().by_body
    }

    /// Lets every request under way end, then counts.
    pub async fn stop(self) -> Outcome {
        self.shared.stop.store(true, SeqCst);
        self.ended().await
    }

    /// Waits until all clients were refused (see [`Outcome::refused`]), then counts.
    pub async fn ended(mut self) -> Outcome {
        for client in std::mem::take(&mut self.clients) {
            client.await.expect("a load client does not panic");
        }
        self.outcome()
    }

    fn outcome(&self) -> Outcome {
        self.shared.outcome.lock().expect("no client panics").clone()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.clients.iter().for_each(JoinHandle::abort);
    }
}

impl Outcome {
    /// # Panics
    /// When a request failed, or none was sent.
    pub fn assert_no_failure(&self) {
        assert_eq!(self.failed, 0, "failed requests, {} good ones beside them: {:#?}", self.good, self.bad);
        assert!(self.good > 0, "no request was answered");
    }
}

/// How a client gets there.
#[derive(Debug, Clone)]
enum Way {
    Plain(SocketAddr),
    Tls(SocketAddr, Box<TlsClient>, String),
}

impl Way {
    async fn connect(&self) -> std::io::Result<Raw> {
        match self {
            Self::Plain(addr) => Raw::try_connect(*addr).await,
            Self::Tls(addr, tls, name) => tls.connect(*addr, name).await.map(Raw::over),
        }
    }
}

async fn client(way: Way, request: Arc<str>, shared: Arc<Shared>) {
    let mut kept: Option<Raw> = None;
    while !shared.stop.load(SeqCst) {
        let fresh = match kept.take() {
            Some(raw) => Ok(raw),
            None => way.connect().await,
        };
        let mut raw = match fresh {
            Ok(raw) => raw,
            // An end of TLS is no refused connection.
            Err(error) if error.kind() != ErrorKind::ConnectionRefused && matches!(way, Way::Tls(..)) => {
                shared.fail(format!("TLS handshake: {error}"));
                continue;
            }
            Err(_) => {
                shared.edit(|o| o.refused += 1);
                return;
            }
        };
        let sent = raw.try_send(request.as_bytes()).await;
        match raw.try_answer("GET").await {
            Ok(answer) if answer.status == 200 && !answer.until_close => {
                let body = answer.text();
                shared.good.fetch_add(1, SeqCst);
                shared.edit(|o| {
                    o.good += 1;
                    *o.by_body.entry(body).or_default() += 1;
                });
                if !answer.says_close() {
                    kept = Some(raw);
                }
            }
            Ok(answer) => shared.fail(format!("{}{}", answer.head, answer.text())),
            Err(broken) => shared.fail(failure(&broken, sent.is_ok())),
        }
    }
}

fn failure(broken: &Broken, sent: bool) -> String {
    format!("{broken} (request {})", if sent { "sent" } else { "not taken" })
}

impl Shared {
    fn fail(&self, what: String) {
        self.edit(|o| {
            o.failed += 1;
            if o.bad.len() < 20 {
                o.bad.push(what);
            }
        });
    }

    fn edit(&self, change: impl FnOnce(&mut Outcome)) {
        change(&mut self.outcome.lock().expect("no client panics"));
    }
}
