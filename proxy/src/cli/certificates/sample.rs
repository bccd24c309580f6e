//! A certificate in order, for tests.

use mizan_api::{Certificate, CertificateSource, CertificateState, Renewal, ServedCertificate};

/// 2026-03-01 12:00 UTC.
pub(super) const NOW: u64 = 1_772_366_400_000;

pub(super) const DAY: u64 = 86_400_000;

pub(super) fn served() -> ServedCertificate {
    ServedCertificate {
        names: Vec::new(),
        issuer: "E7".into(),
        not_before_unix_ms: NOW - 29 * DAY,
        not_after_unix_ms: NOW + 61 * DAY,
        fingerprint: "1".into(),
        key: "ECDSA P-256".into(),
        file: "/var/lib/mizan/x.pem".into(),
    }
}

pub(super) fn renewal() -> Renewal {
    Renewal {
        directory: "https://acme.example/directory".into(),
        next_unix_ms: Some(NOW + 31 * DAY),
        reason: "two thirds of its lifetime".into(),
        failures: 0,
        last_error: None,
    }
}

pub(super) fn certificate(names: &[&str]) -> Certificate {
    Certificate {
        names: names.iter().map(|&name| name.to_owned()).collect(),
        source: CertificateSource::Acme,
        state: CertificateState::Valid,
        served: Some(served()),
        missing: Vec::new(),
        renewal: Some(renewal()),
    }
}
