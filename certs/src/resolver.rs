//! Which of a site's certificates a client gets.

use crate::Clock;
use rustls::SignatureAlgorithm;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::sync::Arc;

/// A certificate, and itself with an OCSP response for as long as that is good.
#[derive(Debug)]
pub(crate) struct Offer {
    pub(crate) plain: Arc<CertifiedKey>,
    pub(crate) stapled: Option<Stapled>,
}

#[derive(Debug)]
pub(crate) struct Stapled {
    pub(crate) key: Arc<CertifiedKey>,
    /// Unix seconds.
    pub(crate) until: i64,
}

/// The certificates of one site.
#[derive(Debug)]
pub(crate) struct Resolver {
    /// ECDSA and Ed25519 before RSA: a fraction of the work for the same strength. Never empty.
    offers: Vec<Offer>,
    clock: Clock,
}

impl Resolver {
    /// `None`: there are no offers.
    pub(crate) fn new(mut offers: Vec<Offer>, clock: Clock) -> Option<Self> {
        offers.sort_by_key(|offer| offer.plain.key.algorithm() == SignatureAlgorithm::RSA);
        (!offers.is_empty()).then_some(Self { offers, clock })
    }

    fn current(&self, offer: &Offer) -> Arc<CertifiedKey> {
        match &offer.stapled {
            Some(stapled) if stapled.until >= (self.clock)().cast_signed() => stapled.key.clone(),
            _ => offer.plain.clone(),
        }
    }
}

impl ResolvesServerCert for Resolver {
    /// The signatures in `hello` are those that go with a cipher suite that both sides have: rustls sees to it that a client
    /// of TLS 1.2 that names ECDSA but has suites of RSA alone is taken at its suites.
    ///
    /// Where none fits the first is answered with: rustls then sends the alert that says what is missing, and a client
    /// of TLS 1.3 may take a certificate that it did not ask for (RFC 8446, 4.4.2.2).
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let fits = |offer: &&Offer| offer.plain.key.choose_scheme(hello.signature_schemes()).is_some();
        let offer = self.offers.iter().find(fits).or(self.offers.first())?;
        Some(self.current(offer))
    }
}
