//! What a server shows a client who believes everything.

use crate::TlsClient;
use crate::tls::session;
use rustls::pki_types::CertificateDer;
use std::io;
use std::net::SocketAddr;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// A certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    pub der: CertificateDer<'static>,
    /// Its DNS names and IPv4 addresses, sorted.
    pub names: Vec<String>,
    pub issuer: String,
    pub subject: String,
    /// In seconds since 1970.
    pub not_before: i64,
    pub not_after: i64,
    /// How many are in the chain, itself among them.
    pub chain: usize,
}

/// What a new client is shown for a name.
pub async fn shown(addr: SocketAddr, name: &str) -> io::Result<Shown> {
    let stream = TlsClient::believing().without_resumption().connect(addr, name).await?;
    let chain = session(&stream).peer_certificates().expect("a server shows a certificate");
    let first = chain.first().expect("its own is the first").clone().into_owned();
    Ok(Shown { chain: chain.len(), ..Shown::of(first) })
}

impl Shown {
    /// # Panics
    /// When it is no certificate.
    pub fn of(der: CertificateDer<'static>) -> Self {
        let (_, parsed) = X509Certificate::from_der(&der).expect("a certificate");
        let names = parsed.subject_alternative_name().expect("readable");
        let mut names: Vec<_> =
            names.iter().flat_map(|names| names.value.general_names.iter().filter_map(text)).collect();
        names.sort();
        let (issuer, subject) = (parsed.issuer().to_string(), parsed.subject().to_string());
        let validity = parsed.validity();
        let (not_before, not_after) = (validity.not_before.timestamp(), validity.not_after.timestamp());
        Self { names, issuer, subject, not_before, not_after, chain: 1, der }
    }

    /// Nobody else vouches for it.
    pub fn signed_itself(&self) -> bool {
        self.issuer == self.subject
    }
}

fn text(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress([a, b, c, d]) => Some(format!("{a}.{b}.{c}.{d}")),
        _ => None,
    }
}
