//! An endpoint as the engine wants it described for one try.

use super::Endpoint;
use crate::clock;
use crate::upstream::dial::{CONFIRM, Dial};
use crate::upstream::{Address, Transport};
use mizan_config::model::{EndpointAddress, Timeouts};
use mizan_policy::health::confidence::Dial as May;
use pingora_core::protocols::ALPN;
use pingora_core::upstreams::peer::{HttpPeer, HttpUpstreamRequestPolicy};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// Kept connections are closed after so long without a request: just below the shortest keepalive that is a common
/// server's default (Node: 5 s), so that a request rarely meets a connection that its other end is closing.
pub(super) const KEPT_FOR: Duration = Duration::from_secs(4);
/// What a connection beyond `keepalive` is kept for: long enough to be handed back, not to be found again.
const NOT_KEPT: Duration = Duration::from_millis(1);
/// Reads of a tunnel (WebSocket) may be this far apart.
const TUNNEL_READ: Duration = Duration::from_secs(3600);

/// Which of an endpoint's connections a try may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// One that is kept, or a new one.
    Kept,
    /// A new one: a kept one has just turned out to be closed, and the others may be as well.
    Fresh,
    /// A new one for a request that may become a tunnel: never handed back, and its first answer not read too soon.
    Tunnel,
}

impl Endpoint {
    /// The engine's description of this endpoint for one try.
    pub(crate) fn peer(
        &self,
        timeouts: &Timeouts,
        connect: Duration,
        keepalive: usize,
        lane: Lane,
    ) -> HttpPeer {
        let mut peer = self.template.clone();
        let within = self.connections.load(Ordering::Relaxed) <= keepalive as u64;
        // The time that a confirmation takes is not the endpoint's.
        let confirmed = self.watch.is_none() || self.confidence.get().dial(clock::now()) != May::AfterLookup;
        peer.options.total_connection_timeout = Some(if confirmed { connect } else { connect + CONFIRM });
        peer.options.write_timeout = Some(timeouts.send);
        peer.options.read_timeout = Some(timeouts.read);
        peer.options.idle_timeout = Some(NOT_KEPT);
        match lane {
            Lane::Kept => {
                peer.group_key = self.group.load(Ordering::Relaxed);
                peer.options.idle_timeout = Some(if within { KEPT_FOR } else { NOT_KEPT });
            }
            // A group of its own: nothing kept is found in it.
            Lane::Fresh => peer.group_key = next_group(),
            Lane::Tunnel => {
                peer.group_key = next_group();
                peer.options.read_timeout = Some(TUNNEL_READ);
                peer.options.custom_l4 = Some(self.tunnel_dial.clone());
                // An upgrade is HTTP/1.1's.
                peer.options.alpn = ALPN::H1;
            }
        }
        peer
    }
}

/// What does not change between two tries.
pub(super) fn template(
    address: &Address,
    entry: &EndpointAddress,
    transport: &Transport,
    endpoint: Weak<Endpoint>,
) -> HttpPeer {
    let mut peer = match address {
        Address::Tcp(address) => HttpPeer::new(*address, false, String::new()),
        Address::Unix(path) => HttpPeer::new_uds(&path.to_string_lossy(), false, String::new())
            .unwrap_or_else(|_| HttpPeer::new(unreachable_address(), false, String::new())),
    };
    peer.options.custom_l4 = Some(Arc::new(Dial::new(endpoint)));
    transport.shape(&mut peer, entry);
    // What is between two hops is taken out by policy::head, for every engine alike.
    peer.options.http_upstream_request_policy = HttpUpstreamRequestPolicy::preserve();
    peer
}

/// Stands in for a Unix path that no socket address can hold; mizan.yml's check refuses those.
fn unreachable_address() -> SocketAddr {
    SocketAddr::from((IpAddr::V4(Ipv4Addr::LOCALHOST), 0))
}

pub(super) fn next_group() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
