//! Who a client proved to be, as text for header fields and logs.

use crate::digest::{hex, sha256};
use crate::names;
use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, X509Certificate};

/// What a client's certificate says of it. All of it is visible ASCII and spaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientIdentity {
    /// RFC 4514: `CN=shop,O=Example\, Inc.`. Anything but ASCII is escaped (`\C3\A9`).
    pub subject: String,
    /// SHA-256 of the DER, in lower-case hexadecimal digits.
    pub fingerprint: String,
    /// Upper-case hexadecimal digits, as OpenSSL and nginx write it.
    pub serial: String,
    /// Unix seconds. A session that is resumed is not verified again: who must not outlive the certificate asks here.
    pub not_after: i64,
}

impl ClientIdentity {
    /// `None`: not a certificate. One that was verified always is.
    pub fn of(der: &CertificateDer<'_>) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        Some(Self {
            subject: names::rfc4514(certificate.subject()),
            fingerprint: hex(&sha256(der)),
            serial: serial(certificate.raw_serial()),
            not_after: certificate.validity().not_after.timestamp(),
        })
    }
}

/// Without the zero that says that the number is not negative.
fn serial(bytes: &[u8]) -> String {
    let digits = match bytes {
        [0, digits @ ..] if !digits.is_empty() => digits,
        digits => digits,
    };
    hex(digits).to_ascii_uppercase()
}
