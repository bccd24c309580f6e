//! A scriptable HTTP/1.1 upstream on raw sockets.
//!
//! It reads requests as any server would, records them byte for byte and answers by [`Script`]: well, badly or not at
//! all. Without a script it answers 200 with its own name as the body, so that balancing can be counted.

mod connection;

use crate::authority::Issued;
use crate::net::Refuses;
use crate::recorded::Recorded;
use crate::script::{Script, Step, answer};
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

/// A running upstream. It stops, connections and all, when dropped.
#[derive(Debug)]
pub struct Upstream {
    name: String,
    addr: SocketAddr,
    shared: Arc<Shared>,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    Serving(JoinHandle<()>),
    /// Holds the port, so that nobody else gets it.
    Refusing {
        _port: Refuses,
    },
}

struct Shared {
    by_path: Mutex<HashMap<String, Answers>>,
    otherwise: Mutex<Script>,
    requests: Mutex<Vec<Recorded>>,
    /// Requests whose records were dropped to save memory are still counted here.
    count: AtomicU64,
    connections: AtomicU64,
    open: AtomicU64,
    /// Connections that the proxy closed while an answer was still owed.
    abandoned: AtomicU64,
    keep_records: std::sync::atomic::AtomicBool,
    tls: Option<TlsAcceptor>,
}

#[derive(Debug, Default)]
struct Answers {
    once: VecDeque<Script>,
    then: Option<Script>,
}

impl Upstream {
    /// On 127.0.0.1, on a port that the system chooses.
    pub async fn start(name: &str) -> Self {
        Self::start_at(name, SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await
    }

    /// Over TLS, with HTTP/1.1 alone by ALPN.
    pub async fn start_tls(name: &str, certificate: &Issued) -> Self {
        let acceptor = crate::tls::acceptor(certificate, &["http/1.1"]);
        Self::start_by(name, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), Some(acceptor)).await
    }

    pub async fn start_at(name: &str, address: SocketAddr) -> Self {
        Self::start_by(name, address, None).await
    }

    async fn start_by(name: &str, address: SocketAddr, tls: Option<TlsAcceptor>) -> Self {
        let listener = bind(address).await;
        let addr = listener.local_addr().expect("the listener is bound");
        let identity = Script::steps([Step::Send(answer(200, &[("x-upstream", name)], name))]);
        let shared = Arc::new(Shared {
            by_path: Mutex::default(),
            otherwise: Mutex::new(identity),
            requests: Mutex::default(),
            count: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            open: AtomicU64::new(0),
            abandoned: AtomicU64::new(0),
            keep_records: true.into(),
            tls,
        });
        let serving = tokio::spawn(serve(listener, shared.clone()));
        Self { name: name.to_owned(), addr, shared, state: Mutex::new(State::Serving(serving)) }
    }

    /// One upstream on each of these addresses, all on the same port: what a DNS name with several addresses needs.
    /// Each is named by its address.
    pub async fn start_group(addresses: &[Ipv4Addr]) -> Vec<Self> {
        let port = crate::net::common_port(addresses);
        let mut group = Vec::new();
        for ip in addresses {
            group.push(Self::start_at(&ip.to_string(), SocketAddr::from((*ip, port))).await);
        }
        group
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub fn port(&self) -> u16 {
        self.addr.port()
    }

    /// Answers `path` (without query) so, from now on.
    pub fn on(&self, path: &str, script: Script) -> &Self {
        lock(&self.shared.by_path).entry(path.to_owned()).or_default().then = Some(script);
        self
    }

    /// Answers the next request for `path` so; several queue up.
    pub fn once(&self, path: &str, script: Script) -> &Self {
        lock(&self.shared.by_path).entry(path.to_owned()).or_default().once.push_back(script);
        self
    }

    /// Answers every path so that has no script of its own.
    pub fn otherwise(&self, script: Script) -> &Self {
        *lock(&self.shared.otherwise) = script;
        self
    }

    /// Under load: count requests, keep none.
    pub fn forget_requests(&self) -> &Self {
        self.shared.keep_records.store(false, SeqCst);
        self
    }

    /// Every request whose head arrived, in order.
    pub fn requests(&self) -> Vec<Recorded> {
        lock(&self.shared.requests).clone()
    }

    /// Every request for this path, query aside.
    pub fn requests_for(&self, path: &str) -> Vec<Recorded> {
        self.requests().into_iter().filter(|r| path_of(r.target()) == path).collect()
    }

    /// The only request so far.
    ///
    /// # Panics
    /// When there was none, or more than one.
    pub fn only_request(&self) -> Recorded {
        let requests = self.requests();
        assert_eq!(requests.len(), 1, "`{}` saw {requests:#?}", self.name);
        requests.into_iter().next().expect("there is one")
    }

    pub fn last_request(&self) -> Recorded {
        self.requests().pop().unwrap_or_else(|| panic!("`{}` saw no request", self.name))
    }

    pub fn request_count(&self) -> u64 {
        self.shared.count.load(SeqCst)
    }

    /// Accepted since the start.
    pub fn connection_count(&self) -> u64 {
        self.shared.connections.load(SeqCst)
    }

    pub fn open_connections(&self) -> u64 {
        self.shared.open.load(SeqCst)
    }

    /// Connections that the proxy closed while an answer was still owed.
    pub fn abandoned(&self) -> u64 {
        self.shared.abandoned.load(SeqCst)
    }

    /// From now on: every connection closed, new ones refused, the port held.
    pub async fn stop(&self) {
        let serving = match &*self.state() {
            State::Serving(serving) => serving.abort_handle(),
            State::Refusing { .. } => return,
        };
        serving.abort();
        // The listener's socket is gone when its task is.
        crate::eventually(format!("`{}` stops", self.name), Duration::from_secs(5), || {
            let finished = serving.is_finished();
            async move { finished }
        })
        .await;
        let port =
            Refuses::at(self.addr).unwrap_or_else(|e| panic!("holding the port of `{}`: {e}", self.name));
        *self.state() = State::Refusing { _port: port };
    }

    /// After [`stop`](Self::stop): serves again at the same address, with the same scripts and counts.
    pub async fn resume(&self) {
        {
            let mut state = self.state();
            if matches!(*state, State::Serving(_)) {
                return;
            }
            // Gives the port free for a moment; nobody else asks for this very number.
            *state = State::Serving(tokio::spawn(async {}));
        }
        let listener = bind(self.addr).await;
        *self.state() = State::Serving(tokio::spawn(serve(listener, self.shared.clone())));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("count", &self.count).finish_non_exhaustive()
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        if let State::Serving(serving) = &*self.state() {
            serving.abort();
        }
    }
}

impl Shared {
    fn script_for(&self, path: &str) -> Script {
        let mut by_path = lock(&self.by_path);
        by_path
            .get_mut(path)
            .and_then(|answers| answers.once.pop_front().or_else(|| answers.then.clone()))
            .unwrap_or_else(|| lock(&self.otherwise).clone())
    }
}

/// Accepts until aborted; the connections end with it.
async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let number = shared.connections.fetch_add(1, SeqCst) + 1;
                shared.open.fetch_add(1, SeqCst);
                connections.spawn(connection::run(stream, number, OpenGuard(shared.clone())));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// One open connection; counted down even when its task is aborted.
#[derive(Debug)]
struct OpenGuard(Arc<Shared>);

impl Drop for OpenGuard {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, SeqCst);
    }
}

async fn bind(address: SocketAddr) -> TcpListener {
    let mut last = None;
    for _ in 0..100 {
        match TcpListener::bind(address).await {
            Ok(listener) => return listener,
            Err(e) => last = Some(e),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("bind {address}: {last:?}");
}

fn path_of(target: &str) -> &str {
    target.split('?').next().unwrap_or(target)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
