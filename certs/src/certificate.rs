//! What a certificate says (RFC 5280), as far as anybody here asks.

use crate::dates::date;
use crate::digest::{hex, sha256};
use crate::names;
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use x509_parser::oid_registry;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

/// A certificate in force, for logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateInfo {
    /// The hosts that it is for; its common name where it names none.
    pub names: Vec<String>,
    /// Who signed it: its common name, or its whole name.
    pub issuer: String,
    /// Unix seconds.
    pub not_before: i64,
    /// Unix seconds.
    pub not_after: i64,
    /// SHA-256 of the DER, in lower-case hexadecimal digits.
    pub fingerprint: String,
    /// `ECDSA P-256`, `RSA 2048`, `Ed25519`.
    pub key: &'static str,
    pub file: PathBuf,
}

/// `api.example.com, www.example.com (ECDSA P-256, issued by E7, until 2026-03-01 12:00:00 UTC): /path`.
impl fmt::Display for CertificateInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (names, until) = (self.names.join(", "), date(self.not_after));
        write!(f, "{names} ({}, issued by {}, until {until}): {}", self.key, self.issuer, self.file.display())
    }
}

/// A host that a certificate is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Name {
    /// Lower-cased; a wildcard with its `*.`.
    Dns(String),
    Address(IpAddr),
}

#[derive(Debug, Clone)]
pub(crate) struct Certificate {
    /// DER.
    pub(crate) subject: Vec<u8>,
    /// DER.
    pub(crate) issuer: Vec<u8>,
    /// What to call it in messages.
    pub(crate) title: String,
    pub(crate) issuer_title: String,
    pub(crate) names: Vec<Name>,
    pub(crate) not_before: i64,
    pub(crate) not_after: i64,
    /// The content of the INTEGER.
    pub(crate) serial: Vec<u8>,
    /// SubjectPublicKeyInfo in DER.
    pub(crate) public_key: Vec<u8>,
    pub(crate) key: &'static str,
    pub(crate) weak_key: bool,
    pub(crate) fingerprint: [u8; 32],
}

impl Certificate {
    /// `None`: not a certificate.
    pub(crate) fn parse(der: &[u8]) -> Option<Self> {
        let (rest, certificate) = X509Certificate::from_der(der).ok()?;
        if !rest.is_empty() {
            return None;
        }
        let names = alternative_names(&certificate)?;
        let title = match names.first() {
            Some(name) => name.to_string(),
            None => names::short(certificate.subject()),
        };
        let (key, weak_key) = kind_of_key(certificate.public_key());
        Some(Self {
            subject: certificate.subject().as_raw().to_vec(),
            issuer: certificate.issuer().as_raw().to_vec(),
            title,
            issuer_title: names::short(certificate.issuer()),
            names,
            not_before: certificate.validity().not_before.timestamp(),
            not_after: certificate.validity().not_after.timestamp(),
            serial: certificate.raw_serial().to_vec(),
            public_key: certificate.public_key().raw.to_vec(),
            key,
            weak_key,
            fingerprint: sha256(der),
        })
    }

    pub(crate) fn is_self_issued(&self) -> bool {
        self.subject == self.issuer
    }

    pub(crate) fn is_issued_by(&self, other: &Self) -> bool {
        self.issuer == other.subject
    }

    pub(crate) fn info(&self, file: &Path) -> CertificateInfo {
        let names = match &self.names[..] {
            [] => vec![self.title.clone()],
            names => names.iter().map(ToString::to_string).collect(),
        };
        CertificateInfo {
            names,
            issuer: self.issuer_title.clone(),
            not_before: self.not_before,
            not_after: self.not_after,
            fingerprint: hex(&self.fingerprint),
            key: self.key,
            file: file.to_owned(),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => f.write_str(name),
            Self::Address(address) => address.fmt(f),
        }
    }
}

/// subjectAltName. `None`: it is malformed, or there twice.
fn alternative_names(certificate: &X509Certificate<'_>) -> Option<Vec<Name>> {
    let Some(extension) = certificate.subject_alternative_name().ok()? else { return Some(Vec::new()) };
    let names = extension.value.general_names.iter().filter_map(|name| match name {
        // Printed in logs: a name with other characters in it is nobody's host.
        GeneralName::DNSName(name) if name.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Some(Name::Dns(name.to_ascii_lowercase()))
        }
        GeneralName::IPAddress(bytes) => address(bytes).map(Name::Address),
        _ => None,
    });
    Some(names.collect())
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
        _ => None,
    }
}

/// In words, and whether it is too short to be trusted (NIST SP 800-131A: RSA below 2048 bits).
fn kind_of_key(key: &SubjectPublicKeyInfo<'_>) -> (&'static str, bool) {
    if let Ok(PublicKey::RSA(rsa)) = key.parsed() {
        return match rsa.key_size() {
            0..1024 => ("RSA below 1024", true),
            1024..2048 => ("RSA 1024", true),
            2048..3072 => ("RSA 2048", false),
            3072..4096 => ("RSA 3072", false),
            4096 => ("RSA 4096", false),
            _ => ("RSA above 4096", false),
        };
    }
    let curve = key.algorithm.parameters.as_ref().and_then(|parameters| parameters.as_oid().ok());
    let name = match curve {
        Some(oid) if oid == oid_registry::OID_EC_P256 => "ECDSA P-256",
        Some(oid) if oid == oid_registry::OID_NIST_EC_P384 => "ECDSA P-384",
        Some(oid) if oid == oid_registry::OID_NIST_EC_P521 => "ECDSA P-521",
        _ if key.algorithm.algorithm == oid_registry::OID_SIG_ED25519 => "Ed25519",
        _ => "of another kind",
    };
    (name, false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_bytes_are_a_surprise(bytes in any::<Vec<u8>>()) {
            prop_assert!(Certificate::parse(&bytes).is_none());
        }

        #[test]
        fn nor_is_a_certificate_that_was_changed(position in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let made = rcgen::generate_simple_self_signed(["a.example.com".into()]).expect("made");
            let mut der = made.cert.der().to_vec();
            der[position.index(made.cert.der().len())] = byte;
            let _ = Certificate::parse(&der);
        }
    }
}
