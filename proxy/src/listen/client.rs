//! What is known of a client's connection, shared by its requests.

use crate::gate::Permit;
use http::HeaderValue;
use mizan_certs::{ClientAuthId, ClientIdentity};
use mizan_policy::forwarded::AddressText;
use mizan_policy::head::{Refusal, Rule};
use mizan_policy::rate::MinimumRate;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, OnceLock};

/// Reaches every request of the connection, HTTP/1 and HTTP/2 alike.
#[derive(Debug)]
pub(crate) struct ClientInfo {
    /// The connection's other end; loopback for a Unix socket.
    pub(crate) peer: IpAddr,
    /// `peer` as a field's value, made once for all requests of the connection.
    pub(crate) peer_text: HeaderValue,
    /// `None`: plain HTTP.
    pub(crate) tls: Option<ClientTls>,
    /// Distinguishes connections in this process.
    pub(crate) id: i32,
    /// The request under way is the connection's last one, by its version or its Connection fields.
    pub(crate) last_request: AtomicBool,
    /// The request under way asks for another protocol, by one Upgrade field that its Connection field names.
    pub(crate) wants_upgrade: AtomicBool,
    /// Set by the answer 101: from then on every byte belongs to the tunnel.
    pub(crate) tunnel: AtomicBool,
    /// The body came slower than the minimum rate.
    pub(crate) upload_stalled: AtomicBool,
    /// The body broke a rule: the answer's status, 0 when it did not.
    refused_status: AtomicU16,
    refused_rule: OnceLock<Rule>,
    pace: MinimumRate,
    /// Counts the connection until it is dropped; says whether it only fits into the reserve.
    permit: Permit,
}

/// What a TLS handshake settled for all requests of its connection.
#[derive(Debug)]
pub(crate) struct ClientTls {
    /// By whose authorities the client was asked for a certificate.
    pub(crate) client_auth: Option<ClientAuthId>,
    /// The certificate that it showed and that was verified.
    pub(crate) identity: Option<IdentityText>,
    /// It was shown what stands in until there is a certificate.
    pub(crate) stand_in: bool,
}

/// A client's certificate as fields' values, made once for all requests of the connection.
#[derive(Debug)]
pub(crate) struct IdentityText {
    pub(crate) subject: HeaderValue,
    pub(crate) fingerprint: HeaderValue,
    pub(crate) serial: HeaderValue,
}

impl IdentityText {
    pub(super) fn of(identity: &ClientIdentity) -> Option<Self> {
        Some(Self {
            subject: HeaderValue::from_str(&identity.subject).ok()?,
            fingerprint: HeaderValue::from_str(&identity.fingerprint).ok()?,
            serial: HeaderValue::from_str(&identity.serial).ok()?,
        })
    }
}

impl ClientInfo {
    pub(super) fn new(
        peer: IpAddr,
        tls: Option<ClientTls>,
        id: i32,
        pace: MinimumRate,
        permit: Permit,
    ) -> Arc<Self> {
        Arc::new(Self {
            peer,
            peer_text: HeaderValue::from_str(AddressText::of(peer).as_str())
                .expect("an address is visible ASCII"),
            tls,
            id,
            last_request: AtomicBool::new(false),
            wants_upgrade: AtomicBool::new(false),
            tunnel: AtomicBool::new(false),
            upload_stalled: AtomicBool::new(false),
            refused_status: AtomicU16::new(0),
            refused_rule: OnceLock::new(),
            pace,
            permit,
        })
    }

    /// True when the process is full and this connection is served the probes alone.
    pub(crate) fn reserve_only(&self) -> bool {
        self.permit.in_reserve()
    }

    pub(super) fn pace(&self) -> MinimumRate {
        self.pace
    }

    pub(super) fn refused_body(&self, refusal: Refusal) {
        self.refused_status.store(refusal.status, Ordering::Relaxed);
        let _ = self.refused_rule.set(refusal.rule);
    }

    /// The rule that the request's body broke.
    pub(crate) fn body_refusal(&self) -> Option<(u16, Rule)> {
        let status = self.refused_status.load(Ordering::Relaxed);
        self.refused_rule.get().map(|rule| (status, *rule))
    }
}

/// The address of a Unix socket's peer, which has none.
pub(super) const LOCAL_PEER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
