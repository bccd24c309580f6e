//! What a site shows whose certificate is not there yet: one that signed itself, in memory, for its own names only.

use crate::fault::Finding;
use crate::kept::name_of;
use mizan_config::model::HostPattern;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;
use std::sync::Arc;
use std::time::Duration;

/// How long one is good for. Nobody trusts it: this bounds how long it can be mistaken for something that stays.
const LIFETIME: Duration = Duration::from_hours(7 * 24);

/// When another one is made, in seconds after the last.
const RENEWED_AFTER: i64 = 3 * 24 * 3600;

/// Clocks of clients that are behind.
const BACKDATED: i64 = 3600;

#[derive(Debug, Clone)]
pub(crate) struct StandIn {
    pub(crate) certified: Arc<CertifiedKey>,
    made: i64,
    hosts: Vec<HostPattern>,
}

impl StandIn {
    pub(crate) fn make(hosts: &[HostPattern], now: i64, provider: &CryptoProvider) -> Result<Self, Finding> {
        let failed = |why: &dyn std::fmt::Display| {
            Finding::unusable(format!("cannot make a certificate to stand in until there is one: {why}"))
        };
        let names: Vec<String> = hosts.iter().map(name_of).collect();
        let mut params = CertificateParams::new(names).map_err(|error| failed(&error))?;
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "Mizan: no certificate yet");
        params.not_before = date(now - BACKDATED);
        params.not_after = date(now + LIFETIME.as_secs().cast_signed());
        let key = KeyPair::generate().map_err(|error| failed(&error))?;
        let certificate = params.self_signed(&key).map_err(|error| failed(&error))?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let signing = provider.key_provider.load_private_key(key).map_err(|error| failed(&error))?;
        let chain = vec![CertificateDer::from(certificate.der().to_vec())];
        Ok(Self { certified: Arc::new(CertifiedKey::new(chain, signing)), made: now, hosts: hosts.to_vec() })
    }

    /// Whether it still does for `hosts`.
    pub(crate) fn serves(&self, hosts: &[HostPattern], now: i64) -> bool {
        self.hosts == hosts && !self.is_old(now)
    }

    pub(crate) fn is_old(&self, now: i64) -> bool {
        now - self.made > RENEWED_AFTER || now < self.made - BACKDATED
    }
}

fn date(unix: i64) -> time::OffsetDateTime {
    time::OffsetDateTime::from_unix_timestamp(unix).unwrap_or(time::OffsetDateTime::UNIX_EPOCH)
}
