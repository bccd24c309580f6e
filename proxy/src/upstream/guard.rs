//! Counts that are given back by Drop: after an answer, an abort, a reset, a panic, a timeout.

use super::Endpoint;
use crate::clock;
use pingora_core::upstreams::peer::{Tracer, Tracing};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

/// A request under way at an endpoint.
pub(crate) struct InFlight(Arc<Endpoint>);

impl InFlight {
    pub(crate) fn new(endpoint: Arc<Endpoint>) -> Self {
        endpoint.active.fetch_add(1, Ordering::Relaxed);
        endpoint.requests.fetch_add(1, Ordering::Relaxed);
        Self(endpoint)
    }

    pub(crate) fn endpoint(&self) -> &Arc<Endpoint> {
        &self.0
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.last_used.store(clock::now(), Ordering::Relaxed);
        self.0.active.fetch_sub(1, Ordering::Relaxed);
    }
}

/// An open connection to an endpoint, in use or kept. The engine's stream carries it and drops it when it closes.
#[derive(Debug)]
pub(super) struct OpenConnection(Weak<Endpoint>);

impl OpenConnection {
    pub(super) fn tracer(endpoint: &Arc<Endpoint>) -> Tracer {
        endpoint.connections.fetch_add(1, Ordering::Relaxed);
        Tracer(Box::new(Self(Arc::downgrade(endpoint))))
    }
}

impl Tracing for OpenConnection {
    fn on_connected(&self) {}

    fn on_disconnected(&self) {
        if let Some(endpoint) = self.0.upgrade() {
            endpoint.connection_closed();
        }
    }

    fn boxed_clone(&self) -> Box<dyn Tracing> {
        Box::new(Self(self.0.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Address;
    use super::super::endpoint::Place;
    use super::*;
    use crate::upstream::Transport;
    use mizan_config::model::{EndpointAddress, UpstreamProtocol};

    fn endpoint() -> Arc<Endpoint> {
        let address = "127.0.0.1:9".parse().expect("an address");
        let place = Place { service: "app".into(), track: String::new() };
        let transport = Arc::new(Transport::new(UpstreamProtocol::Http1, None));
        Endpoint::new(
            Address::Tcp(address),
            &EndpointAddress::Ip(address),
            None,
            &transport,
            &Arc::new(place),
        )
    }

    #[tokio::test]
    async fn in_flight_is_back_at_0_after_a_panic_and_after_a_request_that_was_dropped_half_way() {
        let endpoint = endpoint();
        let panicking = endpoint.clone();
        let panicked = tokio::spawn(async move {
            let held = InFlight::new(panicking);
            assert_eq!(held.endpoint().active(), 0, "a request's panic, on purpose");
        });
        assert!(panicked.await.expect_err("the task panics").is_panic());
        let forgotten = tokio::spawn({
            let endpoint = endpoint.clone();
            async move {
                let _held = InFlight::new(endpoint);
                std::future::pending::<()>().await;
            }
        });
        tokio::task::yield_now().await;
        assert_eq!(endpoint.active(), 1);
        forgotten.abort();
        assert!(forgotten.await.expect_err("the task was ended").is_cancelled());
        assert_eq!(endpoint.active(), 0);
    }

    #[test]
    fn a_connection_is_counted_until_the_engine_drops_it() {
        let endpoint = endpoint();
        let tracer = OpenConnection::tracer(&endpoint);
        assert_eq!(endpoint.connections.load(Ordering::Relaxed), 1);
        tracer.0.on_disconnected();
        assert_eq!(endpoint.connections.load(Ordering::Relaxed), 0);
    }
}
