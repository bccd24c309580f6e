//! `certificates`: certificates that the proxy gets by itself (ACME, RFC 8555).

use super::Place;
use crate::secret::Secret;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// `certificates.acme`. Sites with `tls: acme` have their certificates from here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acme {
    /// `directory`: `letsencrypt` (the default), `letsencrypt-staging`, `zerossl`, `google`, or an https URL. Here always
    /// the URL.
    pub directory: String,
    /// `ca`: PEM, whom the directory's own certificate must come from. `None`: the system's roots.
    pub ca: Option<PathBuf>,
    /// `email`: where the authority reports trouble. `None`: nowhere.
    pub email: Option<String>,
    /// `challenges`: which ways to prove a name, the preferred first. Default `[tls-alpn-01, http-01]`, and `dns-01` behind
    /// them where `dns` is there. A wildcard is proved by `dns-01` whatever the order. Never empty, each once.
    pub challenges: Vec<AcmeChallenge>,
    /// `profile`: of the authority (`shortlived`, `tlsserver`). `None`: the authority's default.
    pub profile: Option<String>,
    /// `key`: of certificates. Default `ecdsa-p256`.
    pub key: AcmeKey,
    /// `external_account`: an account with the authority that exists already (RFC 8555, 7.3.4).
    pub external_account: Option<ExternalAccount>,
    /// `dns`: how `dns-01` writes its records. There whenever `dns-01` is among `challenges` or a site that wants ACME has
    /// a wildcard.
    pub dns: Option<DnsUpdates>,
    /// `http_port`: the port where the authority looks for `http-01`. Default 80, as every public one does.
    pub http_port: u16,
    /// `https_port`: the port where the authority looks for `tls-alpn-01`. Default 443.
    pub https_port: u16,
    /// Of the key `acme`.
    pub place: Place,
}

/// A way to prove that a name is one's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AcmeChallenge {
    /// RFC 8737: on the TLS port, by ALPN.
    TlsAlpn01,
    /// RFC 8555, 8.3: on the plain port, by a path.
    Http01,
    /// RFC 8555, 8.4: by a TXT record.
    Dns01,
}

impl AcmeChallenge {
    /// As RFC 8555 and mizan.yml write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::TlsAlpn01 => "tls-alpn-01",
            Self::Http01 => "http-01",
            Self::Dns01 => "dns-01",
        }
    }
}

/// `key`: the kind of key that certificates are made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AcmeKey {
    #[default]
    EcdsaP256,
    EcdsaP384,
}

/// `external_account`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalAccount {
    /// `key_id`
    pub key_id: String,
    /// `hmac_key`: base64url as the authority gives it, known to decode.
    pub hmac_key: Secret,
}

/// `dns`: how TXT records are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DnsUpdates {
    /// `command`, or `server`: exactly one of them.
    pub by: DnsUpdater,
    /// `propagation`: how long a record may take to be seen. Default 2 min, 5 s to 1 h.
    pub propagation: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DnsUpdater {
    /// `command`: a program and its arguments, called with `present` or `cleanup`, the record's name and its value behind
    /// them. A relative program path was joined with mizan.yml's folder where it has a slash. Never empty.
    Command(Vec<String>),
    /// `server`: RFC 2136 updates.
    Rfc2136(Rfc2136),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rfc2136 {
    /// `server`: `192.0.2.1`, `192.0.2.1:5353`, `[2001:db8::1]`; port 53 unless given.
    pub server: SocketAddr,
    /// `zone`: `example.com`. `None`: the one that the server's SOA names.
    pub zone: Option<String>,
    /// `tsig`: what signs updates. `None`: they are not signed.
    pub tsig: Option<Tsig>,
}

/// `tsig` (RFC 8945).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tsig {
    /// `name`: of the key, as the server knows it.
    pub name: String,
    /// `algorithm`. Default `hmac-sha256`.
    pub algorithm: TsigAlgorithm,
    /// `secret`: base64 as `tsig-keygen` prints it, known to decode.
    pub secret: Secret,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TsigAlgorithm {
    #[default]
    HmacSha256,
    HmacSha384,
    HmacSha512,
}
