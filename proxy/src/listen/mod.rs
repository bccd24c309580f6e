//! Where clients connect: listeners that come and go at run time, and the life of one connection.

mod client;
mod connection;
mod digest;
mod http1;
mod refuse;
mod socket;
mod stall;
mod timer;

pub(crate) use client::ClientInfo;
pub(crate) use socket::BindError;

use crate::forward::Forwarder;
use crate::runtime::Runtime;
use connection::{Connection, Socket};
use mizan_config::model::ListenAddress;
use mizan_policy::rate::MinimumRate;
use pingora_core::protocols::raw_connect::ProxyDigest;
use pingora_core::server::ShutdownWatch;
use pingora_http::ResponseHeader;
use pingora_proxy::HttpProxy;
use socket::{Bound, Listening};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// What every connection needs: the engine, and what is in force.
pub(crate) struct Edge {
    pub(crate) engine: Arc<HttpProxy<Forwarder>>,
    pub(crate) runtime: Arc<Runtime>,
    /// Turns true when the process drains.
    pub(crate) shutdown: ShutdownWatch,
}

/// The listeners in force, by what mizan.yml calls them.
#[derive(Default)]
pub(crate) struct Listeners {
    open: BTreeMap<ListenAddress, Listener>,
}

struct Listener {
    /// `127.0.0.1:8080`, as bound.
    name: String,
    /// Dropped to end accepting.
    stop: oneshot::Sender<()>,
    accepting: JoinHandle<()>,
}

/// Sockets that are bound and not yet accepting: proof that a change can be put in force.
pub(crate) struct Prepared {
    new: Vec<(ListenAddress, Bound)>,
    wanted: Vec<ListenAddress>,
}

impl Listeners {
    /// Binds what is new in `wanted`. Nothing changes yet; on an error nothing was.
    pub(crate) fn prepare(&self, wanted: &[ListenAddress]) -> Result<Prepared, BindError> {
        let mut new = Vec::new();
        for address in wanted.iter().filter(|address| !self.open.contains_key(*address)) {
            new.push((address.clone(), socket::bind(address)?));
        }
        Ok(Prepared { new, wanted: wanted.to_vec() })
    }

    /// Begins to accept on what was prepared, and ends what is no longer wanted; open connections stay.
    pub(crate) fn install(&mut self, prepared: Prepared, edge: &Arc<Edge>) {
        let gone: Vec<_> =
            self.open.keys().filter(|known| !prepared.wanted.contains(known)).cloned().collect();
        for address in gone {
            if let Some(listener) = self.open.remove(&address) {
                tracing::info!("no longer listening on {}", listener.name);
            }
        }
        for (address, bound) in prepared.new {
            let name = bound.name();
            match bound.accepting() {
                Ok(listening) => {
                    tracing::info!("listening on {name}");
                    let (stop, stopped) = oneshot::channel();
                    let accepting = tokio::spawn(accept(listening, edge.clone(), stopped));
                    self.open.insert(address, Listener { name, stop, accepting });
                }
                Err(error) => tracing::error!("cannot accept on {name}: {error}"),
            }
        }
    }

    /// Ends accepting everywhere; what it gives back is done once every queue is empty and every socket closed.
    pub(crate) fn close(&mut self) -> impl Future<Output = ()> + use<> {
        let closing: Vec<_> = std::mem::take(&mut self.open)
            .into_values()
            .map(|listener| {
                drop(listener.stop);
                listener.accepting
            })
            .collect();
        async {
            for accepting in closing {
                // A task that panicked accepts no more either.
                let _ = accepting.await;
            }
        }
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.open.values().map(|listener| listener.name.clone()).collect()
    }
}

/// Accepts until stopped. Errors that concern one connection pass; a lack of descriptors is waited out.
async fn accept(listening: Listening, edge: Arc<Edge>, mut stopped: oneshot::Receiver<()>) {
    loop {
        let accepted = tokio::select! {
            accepted = listening.accept() => accepted,
            _ = &mut stopped => return accept_queued(&listening, &edge).await,
        };
        match accepted {
            Ok((socket, peer)) => admit(socket, peer, &edge),
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
async fn accept_queued(listening: &Listening, edge: &Arc<Edge>) {
    listening.shrink_queue();
    // The queue keeps room for one: under load it would never be seen empty.
    let limit = Instant::now() + QUEUE_LIMIT;
    while Instant::now() < limit {
        match tokio::time::timeout(QUEUE_LOOK, listening.accept()).await {
            Ok(Ok((socket, peer))) => admit(socket, peer, edge),
            Ok(Err(error)) if socket::concerns_one_connection(&error) => {}
            Ok(Err(_)) | Err(_) => return,
        }
    }
}

/// How long a queue of connections has to be seen empty before its listener is closed.
const QUEUE_LOOK: Duration = Duration::from_millis(5);

/// How long it may take to be seen empty.
const QUEUE_LIMIT: Duration = Duration::from_millis(200);

/// The pause after an accept that failed for want of descriptors or memory: without one the loop would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Starts serving a connection, or drops it when even the reserve is full.
fn admit(socket: Box<dyn Socket>, peer: IpAddr, edge: &Arc<Edge>) {
    let Some(permit) = edge.runtime.gate.enter() else {
        edge.runtime.note_full();
        return;
    };
    let snapshot = edge.runtime.snapshot();
    let pace = MinimumRate { grace: snapshot.limits.body_grace, rate: snapshot.limits.body_rate };
    let client = ClientInfo::new(peer, next_id(), pace, permit);
    let connection = Box::new(Connection::new(socket, client.clone(), digest_of(client)));
    tokio::spawn(http1::serve(connection, edge.clone()));
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
