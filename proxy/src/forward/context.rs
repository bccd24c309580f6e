//! What a request carries from callback to callback, and gives back when it is dropped.

use super::grpc;
use super::request_id::RequestId;
use super::track::Place;
use crate::listen::ClientInfo;
use crate::runtime::{Busy, Runtime};
use crate::snapshot::{ForwardAction, Site, Snapshot};
use crate::upstream::Failure;
use crate::upstream::{Endpoint, InFlight, Service};
use mizan_policy::forwarded::Client;
use mizan_policy::head::Rule;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Instant;

/// Until the connection is asked.
const UNKNOWN: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// Dropped whatever happens: after an answer, an abort, a panic, a timeout. What must be undone is undone there.
pub(crate) struct Context {
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) started: Instant,
    pub(super) request_id: RequestId,
    pub(super) client: Option<Arc<ClientInfo>>,
    /// Who sent the request: behind a trusted proxy, whom that names.
    pub(super) origin: Client,
    /// The upstream side; `None` for what is answered here.
    pub(super) upstream: Option<Upstream>,
    /// The site that the host names, once it is known.
    site: Option<usize>,
    /// The client's certificate was asked for by that site's own authorities.
    pub(super) identified: bool,
    /// A gRPC call.
    pub(super) grpc: Option<grpc::Call>,
    /// Why the request was refused here.
    pub(super) refused: Option<Refused>,
    /// The status that the client was sent, 0 before.
    pub(super) status: u16,
    _busy: Busy,
}

/// What a refusal is logged with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Refused {
    pub(super) status: u16,
    pub(super) rule: &'static str,
    pub(super) why: &'static str,
}

pub(super) struct Upstream {
    pub(super) service: Arc<Service>,
    pub(super) action: Arc<ForwardAction>,
    /// The path (and query) to send when it is not the one that came.
    pub(super) target: Option<String>,
    /// The upgrade that the client asked for and the route allows.
    pub(super) upgrade: bool,
    pub(super) hash: Option<u64>,
    /// The track, and the request's line in its counts.
    pub(super) place: Place,
    /// The track of the endpoint being tried.
    pub(super) at: usize,
    /// When this try began.
    pub(super) try_began: Instant,
    /// Endpoints tried before, in order.
    pub(super) tried: Vec<Arc<Endpoint>>,
    /// How often an endpoint was asked, the try under way included.
    pub(super) tries: u32,
    /// The endpoint being tried, with the count it holds.
    pub(super) lease: Option<InFlight>,
    pub(super) body: RequestBody,
    /// An endpoint's answer has begun.
    pub(super) answered: bool,
    /// What went wrong with the try under way.
    pub(super) failure: Option<Failure>,
}

/// How far the request's body has come.
#[derive(Default)]
pub(super) struct RequestBody {
    /// A byte of it was handed to an endpoint.
    pub(super) sent: bool,
    /// The client has sent all of it.
    pub(super) ended: bool,
}

impl Context {
    pub(super) fn new(runtime: &Arc<Runtime>) -> Self {
        Self {
            snapshot: runtime.snapshot_arc(),
            started: Instant::now(),
            request_id: RequestId::next(),
            client: None,
            origin: Client { address: UNKNOWN, peer: UNKNOWN, peer_trusted: false },
            upstream: None,
            site: None,
            identified: false,
            grpc: None,
            refused: None,
            status: 0,
            _busy: runtime.begin_request(),
        }
    }

    /// The connection is TLS.
    pub(super) fn over_tls(&self) -> bool {
        self.client.as_ref().is_some_and(|client| client.tls.is_some())
    }

    /// The connection is TLS, with what stands in until there is a certificate.
    pub(super) fn shown_stand_in(&self) -> bool {
        let tls = self.client.as_ref().and_then(|client| client.tls.as_ref());
        tls.is_some_and(|tls| tls.stand_in)
    }

    pub(super) fn set_site(&mut self, site: usize) {
        self.site = Some(site);
    }

    pub(super) fn site(&self) -> Option<&Site> {
        self.snapshot.sites.get(self.site?)
    }

    pub(super) fn refuse(&mut self, status: u16, rule: Rule) -> Refused {
        self.refuse_for(status, rule.name(), rule.explain())
    }

    pub(super) fn refuse_for(&mut self, status: u16, rule: &'static str, why: &'static str) -> Refused {
        let refused = Refused { status, rule, why };
        self.refused = Some(refused);
        refused
    }
}
