//! Where clients connect: listeners that come and go at run time, and the life of one connection.

mod client;
mod connection;
mod digest;
mod h2;
mod http1;
mod linger;
mod refuse;
mod remember;
mod socket;
mod stall;
mod timer;
mod tls;
mod tunnel;

pub(crate) use client::{ClientInfo, ClientTls};
pub(crate) use socket::BindError;

use crate::forward::Forwarder;
use crate::gate::Permit;
use crate::runtime::Runtime;
use connection::{Connection, Socket};
use mizan_config::model::{self, ListenAddress, ListenProtocol};
use mizan_policy::rate::MinimumRate;
use pingora_core::protocols::raw_connect::ProxyDigest;
use pingora_core::server::ShutdownWatch;
use pingora_http::ResponseHeader;
use pingora_proxy::HttpProxy;
use socket::{Bound, Listening};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

/// What every connection needs: the engine, and what is in force.
pub(crate) struct Edge {
    pub(crate) engine: Arc<HttpProxy<Forwarder>>,
    pub(crate) runtime: Arc<Runtime>,
}

/// What mizan.yml calls a listener, and how many of the same name come before it: port 0 is another port each time.
type Key = (ListenAddress, usize);

/// The listeners in force.
#[derive(Default)]
pub(crate) struct Listeners {
    open: BTreeMap<Key, Listener>,
    /// Of listeners that accept no more while the process ends: their connections are told to go when it drains.
    closed: Vec<watch::Sender<bool>>,
}

struct Listener {
    /// `127.0.0.1:8080`, as bound.
    name: String,
    /// Whether it speaks TLS; another configuration may change that without a new socket.
    tls: Arc<AtomicBool>,
    /// Turns true when its connections are to end: answers say `Connection: close`, HTTP/2 is sent GOAWAY.
    goodbye: watch::Sender<bool>,
    /// Dropped to end accepting.
    stop: oneshot::Sender<()>,
    accepting: JoinHandle<()>,
}

/// Sockets that are bound and not yet accepting: proof that a change can be put in force.
pub(crate) struct Prepared {
    new: Vec<(Key, Bound)>,
    wanted: BTreeMap<Key, ListenProtocol>,
}

impl Listeners {
    /// Binds what is new in `wanted`. Nothing changes yet; on an error nothing was.
    pub(crate) fn prepare(&self, wanted: &[model::Listener]) -> Result<Prepared, BindError> {
        let wanted = keyed(wanted);
        let mut new = Vec::new();
        for key in wanted.keys().filter(|key| !self.open.contains_key(*key)) {
            new.push((key.clone(), socket::bind(&key.0)?));
        }
        Ok(Prepared { new, wanted })
    }

    /// Begins to accept on what was prepared, and ends what is no longer wanted; its connections finish what is under way.
    pub(crate) fn install(&mut self, prepared: Prepared, edge: &Arc<Edge>) {
        let wanted = prepared.wanted;
        let gone: Vec<_> = self.open.keys().filter(|known| !wanted.contains_key(known)).cloned().collect();
        for key in gone {
            if let Some(listener) = self.open.remove(&key) {
                tracing::info!("no longer listening on {}", listener.name);
                // Whom the queue still holds is served as well, and told the same.
                let _ = listener.goodbye.send(true);
            }
        }
        for (key, listener) in &self.open {
            listener.tls.store(wanted[key] == ListenProtocol::Https, Ordering::Relaxed);
        }
        for (key, bound) in prepared.new {
            let name = bound.name();
            let tls = Arc::new(AtomicBool::new(wanted[&key] == ListenProtocol::Https));
            match bound.accepting() {
                Ok(listening) => {
                    tracing::info!(
                        "listening on {name}{}",
                        if tls.load(Ordering::Relaxed) { " (TLS)" } else { "" }
                    );
                    let (stop, stopped) = oneshot::channel();
                    let (goodbye, shutdown) = watch::channel(false);
                    let door = Door { listening, tls: tls.clone(), shutdown, edge: edge.clone() };
                    let accepting = tokio::spawn(door.accept(stopped));
                    self.open.insert(key, Listener { name, tls, goodbye, stop, accepting });
                }
                Err(error) => tracing::error!("cannot accept on {name}: {error}"),
            }
        }
        edge.runtime.set_https_port(self.https_port());
    }

    /// The port that clients reach TLS at, where nothing else is said.
    fn https_port(&self) -> Option<u16> {
        let tls = self.open.values().filter(|listener| listener.tls.load(Ordering::Relaxed));
        tls.filter_map(|listener| listener.name.parse::<SocketAddr>().ok())
            .map(|address| address.port())
            .min()
    }

    /// Ends accepting everywhere; what it gives back is done once every queue is empty and every socket closed.
    pub(crate) fn close(&mut self) -> impl Future<Output = ()> + use<> {
        let mut closing = Vec::new();
        for listener in std::mem::take(&mut self.open).into_values() {
            drop(listener.stop);
            closing.push(listener.accepting);
            self.closed.push(listener.goodbye);
        }
        async {
            for accepting in closing {
                // A task that panicked accepts no more either.
                let _ = accepting.await;
            }
        }
    }

    /// Tells the connections of closed listeners to end.
    pub(crate) fn say_goodbye(&mut self) {
        for goodbye in &self.closed {
            // An error means that nobody is connected any more.
            let _ = goodbye.send(true);
        }
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.open.values().map(|listener| listener.name.clone()).collect()
    }
}

fn keyed(wanted: &[model::Listener]) -> BTreeMap<Key, ListenProtocol> {
    let mut keyed = BTreeMap::new();
    for model::Listener { address, protocol } in wanted {
        let before = keyed.keys().filter(|(known, _): &&Key| known == address).count();
        keyed.insert((address.clone(), before), *protocol);
    }
    keyed
}

/// One listening socket, and what the connections that come through it need.
struct Door {
    listening: Listening,
    tls: Arc<AtomicBool>,
    shutdown: ShutdownWatch,
    edge: Arc<Edge>,
}

impl Door {
    /// Accepts until stopped. Errors that concern one connection pass; a lack of descriptors is waited out.
    async fn accept(self, mut stopped: oneshot::Receiver<()>) {
        loop {
            let accepted = tokio::select! {
                accepted = self.listening.accept() => accepted,
                _ = &mut stopped => return self.accept_queued().await,
            };
            match accepted {
                Ok((socket, peer)) => self.admit(socket, peer),
                Err(error) if socket::concerns_one_connection(&error) => {}
                Err(error) => {
                    tracing::warn!(
                        "cannot accept a connection: {error}; trying again in {} ms",
                        ACCEPT_PAUSE.as_millis()
                    );
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Connections that the kernel has completed already are served: closing the socket would reset them.
    async fn accept_queued(self) {
        self.listening.shrink_queue();
        // The queue keeps room for one: under load it would never be seen empty.
        let limit = Instant::now() + QUEUE_LIMIT;
        while Instant::now() < limit {
            match tokio::time::timeout(QUEUE_LOOK, self.listening.accept()).await {
                Ok(Ok((socket, peer))) => self.admit(socket, peer),
                Ok(Err(error)) if socket::concerns_one_connection(&error) => {}
                Ok(Err(_)) | Err(_) => return,
            }
        }
    }

    /// Starts serving a connection, or drops it when even the reserve is full.
    fn admit(&self, socket: Box<dyn Socket>, peer: IpAddr) {
        let Some(permit) = self.edge.runtime.gate.enter() else {
            self.edge.runtime.note_full();
            return;
        };
        let (edge, shutdown) = (self.edge.clone(), self.shutdown.clone());
        if self.tls.load(Ordering::Relaxed) {
            tokio::spawn(tls::serve(socket, peer, permit, edge, shutdown));
        } else {
            let client = client(peer, None, permit, &edge);
            tokio::spawn(http1::serve(connection(socket, client), http1::Opening::Plain, edge, shutdown));
        }
    }
}

/// How long a queue of connections has to be seen empty before its listener is closed.
const QUEUE_LOOK: Duration = Duration::from_millis(5);

/// How long it may take to be seen empty.
const QUEUE_LIMIT: Duration = Duration::from_millis(200);

/// The pause after an accept that failed for want of descriptors or memory: without one the loop would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// `tls`: what its handshake settled.
fn client(peer: IpAddr, tls: Option<ClientTls>, permit: Permit, edge: &Edge) -> Arc<ClientInfo> {
    let snapshot = edge.runtime.snapshot();
    let pace = MinimumRate { grace: snapshot.limits.body_grace, rate: snapshot.limits.body_rate };
    ClientInfo::new(peer, tls, next_id(), pace, permit)
}

fn connection(socket: Box<dyn Socket>, client: Arc<ClientInfo>) -> Box<Connection> {
    Box::new(Connection::new(socket, client.clone(), digest_of(client)))
}

/// The engine carries a digest from the connection to each of its requests; ours holds the client.
fn digest_of(client: Arc<ClientInfo>) -> Arc<ProxyDigest> {
    let unused = ResponseHeader::build(200, Some(0)).expect("200 is a status");
    Arc::new(ProxyDigest::new(Box::new(unused), Some(Box::new(client))))
}

fn next_id() -> i32 {
    static NEXT: AtomicI32 = AtomicI32::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
