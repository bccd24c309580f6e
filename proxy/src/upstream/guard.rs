//! Counts that are given back by Drop: after an answer, an abort, a reset, a panic, a timeout.

use super::Endpoint;
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
