//! Versions, cipher suites and key exchange of listeners: Mozilla's server side TLS recommendations, version 5.7.

use crate::fault::Finding;
use mizan_config::model::{Cipher, Tls, TlsProfile, TlsVersion};
use rustls::crypto::aws_lc_rs::{cipher_suite, default_provider, kx_group};
use rustls::crypto::{CryptoProvider, SupportedKxGroup};
use rustls::{SupportedCipherSuite, SupportedProtocolVersion, version};
use std::sync::Arc;

/// In order of preference. The first withstands quantum computers.
const KEY_EXCHANGE: [&dyn SupportedKxGroup; 4] =
    [kx_group::X25519MLKEM768, kx_group::X25519, kx_group::SECP256R1, kx_group::SECP384R1];

/// What a handshake may choose from.
pub(crate) struct Profile {
    pub(crate) provider: Arc<CryptoProvider>,
    pub(crate) versions: Vec<&'static SupportedProtocolVersion>,
}

impl Profile {
    /// Of `tls` at the top of mizan.yml. What it leaves without a use is told; nothing at all is unusable.
    pub(crate) fn of(tls: &Tls, findings: &mut Vec<Finding>) -> Self {
        let mut versions = versions(tls);
        let ciphers: &[Cipher] = if tls.ciphers.is_empty() { &Cipher::ALL } else { &tls.ciphers };
        versions.retain(|version| {
            let has_ciphers = ciphers.iter().any(|cipher| cipher.version() == *version);
            if !has_ciphers {
                findings.push(
                    Finding::doubtful(format!(
                        "`ciphers` has none of {0}, so that {0} is off",
                        name(*version)
                    ))
                    .hint("list ciphers of every version, or take `ciphers` out"),
                );
            }
            has_ciphers
        });
        if versions.is_empty() {
            findings.push(Finding::unusable("no version of TLS is left by `versions` and `ciphers`"));
        }
        // None of a version that is off: rustls tells the resolver of the signatures that go with these.
        let suites =
            ciphers.iter().filter(|cipher| versions.contains(&cipher.version())).map(|cipher| suite(*cipher));
        let provider = CryptoProvider {
            cipher_suites: suites.collect(),
            kx_groups: KEY_EXCHANGE.to_vec(),
            ..default_provider()
        };
        let versions = versions.into_iter().map(|version| match version {
            TlsVersion::Tls12 => &version::TLS12,
            TlsVersion::Tls13 => &version::TLS13,
        });
        Self { provider: Arc::new(provider), versions: versions.collect() }
    }
}

fn versions(tls: &Tls) -> Vec<TlsVersion> {
    if !tls.versions.is_empty() {
        return tls.versions.clone();
    }
    match tls.profile {
        TlsProfile::Modern => vec![TlsVersion::Tls13],
        TlsProfile::Intermediate => vec![TlsVersion::Tls13, TlsVersion::Tls12],
    }
}

fn name(version: TlsVersion) -> &'static str {
    match version {
        TlsVersion::Tls12 => "TLS 1.2",
        TlsVersion::Tls13 => "TLS 1.3",
    }
}

fn suite(cipher: Cipher) -> SupportedCipherSuite {
    match cipher {
        Cipher::Aes128GcmSha256 => cipher_suite::TLS13_AES_128_GCM_SHA256,
        Cipher::Aes256GcmSha384 => cipher_suite::TLS13_AES_256_GCM_SHA384,
        Cipher::Chacha20Poly1305Sha256 => cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
        Cipher::EcdheEcdsaAes128GcmSha256 => cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        Cipher::EcdheEcdsaAes256GcmSha384 => cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        Cipher::EcdheEcdsaChacha20Poly1305Sha256 => {
            cipher_suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
        }
        Cipher::EcdheRsaAes128GcmSha256 => cipher_suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        Cipher::EcdheRsaAes256GcmSha384 => cipher_suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        Cipher::EcdheRsaChacha20Poly1305Sha256 => cipher_suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(tls: &Tls) -> (Profile, Vec<Finding>) {
        let mut findings = Vec::new();
        (Profile::of(tls, &mut findings), findings)
    }

    #[test]
    fn every_cipher_is_the_suite_of_its_name() {
        for cipher in Cipher::ALL {
            let found = format!("{:?}", suite(cipher).suite());
            assert_eq!(found.replace("TLS13_", "TLS_"), cipher.iana());
        }
    }

    #[test]
    fn intermediate_is_both_versions_and_modern_the_newer_alone() {
        let (intermediate, findings) = profile(&Tls::default());
        assert_eq!((intermediate.versions.len(), intermediate.provider.cipher_suites.len()), (2, 9));
        assert_eq!(findings, []);
        let (modern, findings) = profile(&Tls { profile: TlsProfile::Modern, ..Tls::default() });
        assert_eq!((modern.versions.len(), modern.provider.cipher_suites.len()), (1, 3));
        assert_eq!(findings, []);
    }

    #[test]
    fn a_version_that_has_no_ciphers_is_off_and_said_to_be() {
        let ciphers = vec![Cipher::EcdheRsaAes128GcmSha256];
        let (profile, findings) = profile(&Tls { ciphers, ..Tls::default() });
        assert_eq!(profile.versions, [&version::TLS12]);
        assert_eq!(findings[0].message, "`ciphers` has none of TLS 1.3, so that TLS 1.3 is off");
    }
}
