//! How a service's endpoints are spoken to: HTTP/1.1 or HTTP/2, plain or over TLS.

use mizan_certs::ClientTls;
use mizan_config::model::{EndpointAddress, UpstreamProtocol};
use pingora_core::protocols::ALPN;
use pingora_core::protocols::tls::CaType;
use pingora_core::upstreams::peer::{HttpPeer, Scheme};
use pingora_core::utils::tls::{CertKey, WrappedX509, parse_x509};
use rustls::ClientConfig;
use std::fmt;
use std::sync::Arc;

/// Requests under way on one HTTP/2 connection to an endpoint; an endpoint may allow fewer.
const STREAMS: usize = 100;
/// What of an answer an endpoint may send ahead of a client that does not read it, in bytes: bounds the memory that a slow
/// client holds.
const STREAM_WINDOW: u32 = 128 * 1024;
/// All streams of a connection together: one slow client must not hold up the others'.
const CONNECTION_WINDOW: u32 = STREAM_WINDOW * STREAMS as u32;

/// Made from mizan.yml and the files that it names; another one means other connections.
pub(crate) struct Transport {
    protocol: UpstreamProtocol,
    tls: Option<Secured>,
}

struct Secured {
    verify: bool,
    /// `None`: the host that an endpoint's entry names.
    server_name: Option<String>,
    /// `None`: the system's roots.
    ca: Option<Arc<CaType>>,
    certificate: Option<Arc<CertKey>>,
    /// For health checks, which do not go through the engine.
    config: Arc<ClientConfig>,
    fingerprint: [u8; 32],
}

impl Transport {
    /// `tls`: read from the files that the service's `tls` names.
    pub(crate) fn new(protocol: UpstreamProtocol, tls: Option<&ClientTls>) -> Self {
        Self { protocol, tls: tls.map(|tls| Secured::new(protocol, tls)) }
    }

    /// Connections of one may be used by the other.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let fingerprint = |transport: &Self| transport.tls.as_ref().map(|tls| tls.fingerprint);
        self.protocol == other.protocol && fingerprint(self) == fingerprint(other)
    }

    /// An upgrade is HTTP/1.1's.
    pub(crate) fn can_upgrade(&self) -> bool {
        self.protocol != UpstreamProtocol::H2
    }

    /// Tells the engine of it.
    pub(super) fn shape(&self, peer: &mut HttpPeer, entry: &EndpointAddress) {
        peer.options.alpn = match self.protocol {
            UpstreamProtocol::Http1 => ALPN::H1,
            UpstreamProtocol::H2 => ALPN::H2,
            UpstreamProtocol::Auto => ALPN::H2H1,
        };
        peer.options.max_h2_streams = STREAMS;
        peer.options.h2_stream_window_size = Some(STREAM_WINDOW);
        peer.options.h2_connection_window_size = Some(CONNECTION_WINDOW);
        let Some(tls) = &self.tls else { return };
        peer.scheme = Scheme::HTTPS;
        peer.sni = tls.name(entry);
        peer.options.verify_cert = tls.verify;
        peer.options.verify_hostname = tls.verify;
        peer.options.ca.clone_from(&tls.ca);
        peer.client_cert_key.clone_from(&tls.certificate);
    }

    /// For a health check: how to speak TLS, and to whom.
    pub(super) fn secured(&self, entry: &EndpointAddress) -> Option<(Arc<ClientConfig>, String)> {
        self.tls.as_ref().map(|tls| (tls.config.clone(), tls.name(entry)))
    }

    pub(super) fn protocol(&self) -> UpstreamProtocol {
        self.protocol
    }
}

impl Secured {
    fn new(protocol: UpstreamProtocol, tls: &ClientTls) -> Self {
        let wrapped = |der: &[u8]| WrappedX509::new(der.to_vec(), parse_x509);
        let alpn: &[&[u8]] = match protocol {
            UpstreamProtocol::Http1 => &[b"http/1.1"],
            UpstreamProtocol::H2 => &[b"h2"],
            UpstreamProtocol::Auto => &[b"h2", b"http/1.1"],
        };
        Self {
            verify: tls.verify,
            server_name: tls.server_name.clone(),
            ca: tls.ca.as_ref().map(|ca| ca.iter().map(|der| wrapped(der)).collect()),
            certificate: tls.client.as_ref().map(|(chain, key)| {
                let chain = chain.iter().map(|der| der.to_vec()).collect();
                Arc::new(CertKey::new(chain, key.secret_der().to_vec()))
            }),
            config: tls.config(alpn),
            fingerprint: tls.fingerprint,
        }
    }

    fn name(&self, entry: &EndpointAddress) -> String {
        match (&self.server_name, entry) {
            (Some(name), _) => name.clone(),
            (None, EndpointAddress::Name { host, .. }) => host.clone(),
            (None, EndpointAddress::Ip(address)) => address.ip().to_string(),
            (None, EndpointAddress::Unix(_)) => "localhost".to_owned(),
        }
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport")
            .field("protocol", &self.protocol)
            .field("tls", &self.tls.is_some())
            .finish_non_exhaustive()
    }
}
