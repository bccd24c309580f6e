//! TLS: `tls` of the whole file, of a site, of a service.

use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

/// `tls` at the top: what all TLS listeners share.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tls {
    /// `profile`: Mozilla's name for a choice of versions and ciphers. Default `intermediate`.
    pub profile: TlsProfile,
    /// `versions` (`["1.2", "1.3"]`): instead of the profile's. Empty: the profile's.
    pub versions: Vec<TlsVersion>,
    /// `ciphers`: instead of the profile's, by IANA's or OpenSSL's names. Empty: the profile's.
    pub ciphers: Vec<Cipher>,
    /// `ticket_key`: file with a secret of 32 bytes or more that several instances share, so that a client resumes at any
    /// of them and after a restart. `None`: a secret of this process.
    pub ticket_key: Option<TicketKey>,
}

/// `ticket_key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketKey {
    pub file: PathBuf,
    /// Of the path.
    pub place: Place,
}

/// Where something stands in mizan.yml, in bytes, for messages. Two values that stand in different places still say the
/// same.
#[derive(Debug, Clone, Eq, Default)]
pub struct Place(pub Range<usize>);

impl PartialEq for Place {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

/// Mozilla's server side TLS recommendations, version 5.7.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TlsProfile {
    /// TLS 1.3 alone.
    Modern,
    /// TLS 1.2 and 1.3 with forward secrecy and AEAD.
    #[default]
    Intermediate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    Tls12,
    Tls13,
}

/// A cipher suite: all that there are with forward secrecy and AEAD.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cipher {
    Aes128GcmSha256,
    Aes256GcmSha384,
    Chacha20Poly1305Sha256,
    EcdheEcdsaAes128GcmSha256,
    EcdheEcdsaAes256GcmSha384,
    EcdheEcdsaChacha20Poly1305Sha256,
    EcdheRsaAes128GcmSha256,
    EcdheRsaAes256GcmSha384,
    EcdheRsaChacha20Poly1305Sha256,
}

impl Cipher {
    pub const ALL: [Self; 9] = [
        Self::Aes128GcmSha256,
        Self::Aes256GcmSha384,
        Self::Chacha20Poly1305Sha256,
        Self::EcdheEcdsaAes128GcmSha256,
        Self::EcdheEcdsaAes256GcmSha384,
        Self::EcdheEcdsaChacha20Poly1305Sha256,
        Self::EcdheRsaAes128GcmSha256,
        Self::EcdheRsaAes256GcmSha384,
        Self::EcdheRsaChacha20Poly1305Sha256,
    ];

    /// The version of TLS that it belongs to.
    pub fn version(self) -> TlsVersion {
        match self {
            Self::Aes128GcmSha256 | Self::Aes256GcmSha384 | Self::Chacha20Poly1305Sha256 => TlsVersion::Tls13,
            _ => TlsVersion::Tls12,
        }
    }

    /// IANA's name.
    pub fn iana(self) -> &'static str {
        match self {
            Self::Aes128GcmSha256 => "TLS_AES_128_GCM_SHA256",
            Self::Aes256GcmSha384 => "TLS_AES_256_GCM_SHA384",
            Self::Chacha20Poly1305Sha256 => "TLS_CHACHA20_POLY1305_SHA256",
            Self::EcdheEcdsaAes128GcmSha256 => "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
            Self::EcdheEcdsaAes256GcmSha384 => "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
            Self::EcdheEcdsaChacha20Poly1305Sha256 => "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
            Self::EcdheRsaAes128GcmSha256 => "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
            Self::EcdheRsaAes256GcmSha384 => "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
            Self::EcdheRsaChacha20Poly1305Sha256 => "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        }
    }

    /// OpenSSL's name, as in nginx's `ssl_ciphers`. Those of TLS 1.3 are IANA's.
    pub fn openssl(self) -> &'static str {
        match self {
            Self::EcdheEcdsaAes128GcmSha256 => "ECDHE-ECDSA-AES128-GCM-SHA256",
            Self::EcdheEcdsaAes256GcmSha384 => "ECDHE-ECDSA-AES256-GCM-SHA384",
            Self::EcdheEcdsaChacha20Poly1305Sha256 => "ECDHE-ECDSA-CHACHA20-POLY1305",
            Self::EcdheRsaAes128GcmSha256 => "ECDHE-RSA-AES128-GCM-SHA256",
            Self::EcdheRsaAes256GcmSha384 => "ECDHE-RSA-AES256-GCM-SHA384",
            Self::EcdheRsaChacha20Poly1305Sha256 => "ECDHE-RSA-CHACHA20-POLY1305",
            tls13 => tls13.iana(),
        }
    }
}

/// `tls` of a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteTls {
    pub certificates: SiteCertificates,
    /// `client_auth`: certificates of clients. `None`: not asked for.
    pub client_auth: Option<ClientAuth>,
}

/// Where the certificates of a site's hosts come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SiteCertificates {
    /// `certificate` and `key`, or a list `certificates` of them: an ECDSA and an RSA one for the same names. Never empty.
    Files(Vec<CertificateFiles>),
    /// `tls: acme`, or `acme: true` beside `client_auth`: the proxy gets them itself. The place is of that word. Hosts are
    /// names, wildcards and IP addresses, never `*`.
    Acme(Place),
}

impl SiteCertificates {
    /// The files that mizan.yml names; empty where it names none.
    pub fn files(&self) -> &[CertificateFiles] {
        match self {
            Self::Files(files) => files,
            Self::Acme(_) => &[],
        }
    }

    pub fn is_acme(&self) -> bool {
        matches!(self, Self::Acme(_))
    }
}

/// A certificate on disk. Paths are as the program opens them: relative ones were joined with mizan.yml's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// `certificate`: PEM, the site's own certificate first, then its intermediates.
    pub certificate: PathBuf,
    /// `key`: PEM.
    pub key: PathBuf,
    /// `ocsp`: a response in DER to be stapled.
    pub ocsp: Option<PathBuf>,
    /// Of the path under `certificate`.
    pub place: Place,
}

/// `client_auth`: mutual TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientAuth {
    /// `ca`: PEM, the authorities whose certificates are accepted.
    pub ca: PathBuf,
    /// `mode`: `required` (true, the default) or `optional`.
    pub required: bool,
    /// `crl`: PEM, one revocation list or several. `None`: nothing is revoked.
    pub crl: Option<PathBuf>,
    /// Of the path under `ca`.
    pub place: Place,
}

/// `redirect_to_https`: what a request over plain HTTP gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RedirectToHttps {
    /// 308 (the default) keeps the method, 301 is for clients that are older than that.
    pub status: u16,
    /// The port that clients reach TLS at. `None`: that of the first TLS listener that has one; such a one is there.
    pub port: Option<u16>,
}

/// `hsts`: Strict-Transport-Security (RFC 6797), on every answer over TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hsts {
    /// `max_age`: default 1 year.
    pub max_age: Duration,
    /// `include_subdomains`. Default false.
    pub include_subdomains: bool,
    /// `preload`. Default false.
    pub preload: bool,
}

impl Default for Hsts {
    fn default() -> Self {
        Self { max_age: Duration::from_hours(365 * 24), include_subdomains: false, preload: false }
    }
}

/// `tls` of a service: TLS to its endpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamTls {
    /// `verify`: the endpoint must prove its name. Default true.
    pub verify: bool,
    /// `ca`: PEM, instead of the system's roots.
    pub ca: Option<PathBuf>,
    /// `server_name`: sent as SNI and verified, lower-cased. Default: the host that the endpoint's entry names.
    pub server_name: Option<String>,
    /// `certificate` and `key`: shown to endpoints that ask for one. Its `ocsp` is always `None`.
    pub client: Option<CertificateFiles>,
    /// Of the key `tls`.
    pub place: Place,
}

/// `protocol` of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UpstreamProtocol {
    #[default]
    Http1,
    /// HTTP/2: by ALPN over TLS, with prior knowledge without.
    H2,
    /// HTTP/2 where an endpoint chooses it by ALPN, else HTTP/1.1. Only over TLS.
    Auto,
}
