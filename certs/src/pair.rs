//! A certificate with its intermediates and its key, from two files.

use crate::certificate::Certificate;
use crate::digest::sha256_of;
use crate::fault::Finding;
use crate::files::Files;
use crate::pem;
use mizan_config::model::CertificateFiles;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};
use std::path::Path;

/// A certificate and the key that belongs to it: shown to be so.
pub(crate) struct Pair {
    pub(crate) certified: CertifiedKey,
    /// What the certificates say, the site's own first. Never empty.
    pub(crate) chain: Vec<Certificate>,
    pub(crate) key: PrivateKeyDer<'static>,
    /// Of the contents of both files.
    pub(crate) digest: [u8; 32],
}

impl Pair {
    /// What is told of a pair that can be used goes to `findings`.
    pub(crate) fn read(
        paths: &CertificateFiles,
        files: &mut Files,
        provider: &CryptoProvider,
        findings: &mut Vec<Finding>,
    ) -> Result<Self, Finding> {
        let CertificateFiles { certificate: certificate_path, key: key_path, .. } = paths;
        let certificate_file = files.read(certificate_path, "the certificate")?;
        let key_file = files.read_secret(key_path, "the key", findings)?;
        let ders = pem::certificates(&certificate_file.bytes, "the certificate", certificate_path)?;
        let key = pem::private_key(&key_file.bytes, "the key", key_path)?;
        let chain = parsed(&ders, "the certificate", certificate_path)?;
        let certified = certified(ders, &chain, &key, paths, provider)?;
        let digest = sha256_of([&certificate_file.bytes, &key_file.bytes]);
        Ok(Self { certified, chain, key, digest })
    }

    pub(crate) fn own(&self) -> &Certificate {
        self.chain.first().expect("a pair was made from a certificate")
    }
}

/// What the certificates of a file say.
pub(crate) fn parsed(
    ders: &[CertificateDer<'_>],
    what: &str,
    path: &Path,
) -> Result<Vec<Certificate>, Finding> {
    let parse = |(at, der): (usize, &CertificateDer<'_>)| {
        Certificate::parse(der).ok_or_else(|| {
            let number = at + 1;
            Finding::unusable(format!(
                "number {number} in {what} is not an X.509 certificate: {}",
                path.display()
            ))
        })
    };
    ders.iter().enumerate().map(parse).collect()
}

fn certified(
    ders: Vec<CertificateDer<'static>>,
    chain: &[Certificate],
    key: &PrivateKeyDer<'static>,
    paths: &CertificateFiles,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, Finding> {
    let (certificate_path, key_path) = (paths.certificate.display(), paths.key.display());
    let own = &chain[0];
    let signing = provider.key_provider.load_private_key(key.clone_key()).map_err(|error| {
        if own.weak_key {
            return Finding::unusable(format!("the key is too short to be used ({}): {key_path}", own.key))
                .hint("make a new one: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256");
        }
        let why = match error {
            Error::General(why) => why,
            error => error.to_string(),
        };
        Finding::unusable(format!("the key cannot be used: {why}: {key_path}"))
            .hint("keys are ECDSA (P-256, P-384, P-521), RSA of 2048 to 8192 bits, or Ed25519")
    })?;
    let certified = CertifiedKey::new(ders, signing);
    match certified.keys_match() {
        Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(certified),
        Err(Error::InconsistentKeys(_)) => {
            let of_key = certified.key.public_key();
            let is_of_key =
                |other: &&Certificate| of_key.as_ref().is_some_and(|key| *other.public_key == **key);
            if let Some(right) = chain.iter().find(is_of_key) {
                let message = format!(
                    "the first certificate in the file must be the site's own; it is `{}`, and the key belongs to \
                     `{}`: {certificate_path}",
                    own.title, right.title,
                );
                return Err(
                    Finding::unusable(message).hint("put the site's own first, then its intermediates")
                );
            }
            let message = format!(
                "the key does not belong to the certificate of {}: {key_path} and {certificate_path}",
                own.title,
            );
            Err(Finding::unusable(message).hint("were both files copied from the same order or renewal?"))
        }
        Err(error) => Err(Finding::unusable(format!(
            "the certificate of {} cannot be used: {error}: {certificate_path}",
            own.title
        ))),
    }
}
