//! PEM (RFC 7468): certificates, keys and revocation lists in text, and what people give in their place.

use crate::fault::Finding;
use rustls::pki_types::pem::{PemObject, SectionKind};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use std::path::Path;

/// All certificates of a file, at least one. What else is in it is passed over: HAProxy's users keep the key there too.
pub(crate) fn certificates(
    bytes: &[u8],
    what: &str,
    path: &Path,
) -> Result<Vec<CertificateDer<'static>>, Finding> {
    let sections = sections(bytes, what, path)?;
    if sections.iter().all(|(kind, _)| *kind != SectionKind::Certificate) {
        return Err(no_certificate(bytes, &sections, what, path));
    }
    Ok(of_kind(sections, SectionKind::Certificate).map(CertificateDer::from).collect())
}

/// The first private key of a file: PKCS #8, or RSA's and EC's older forms.
pub(crate) fn private_key(bytes: &[u8], what: &str, path: &Path) -> Result<PrivateKeyDer<'static>, Finding> {
    if is_encrypted(bytes) {
        let path = path.display();
        return Err(Finding::unusable(format!("{what} is encrypted, and nobody is there to type: {path}"))
            .hint(format!("write it without a passphrase: openssl pkey -in {path} -out plain.key")));
    }
    let sections = sections(bytes, what, path)?;
    let key = sections.iter().find_map(|(kind, der)| {
        let der = der.clone();
        match kind {
            SectionKind::PrivateKey => Some(PrivateKeyDer::Pkcs8(der.into())),
            SectionKind::RsaPrivateKey => Some(PrivateKeyDer::Pkcs1(der.into())),
            SectionKind::EcPrivateKey => Some(PrivateKeyDer::Sec1(der.into())),
            _ => None,
        }
    });
    key.ok_or_else(|| no_key(bytes, &sections, what, path))
}

/// All revocation lists of a file, at least one.
pub(crate) fn revocation_lists(
    bytes: &[u8],
    what: &str,
    path: &Path,
) -> Result<Vec<CertificateRevocationListDer<'static>>, Finding> {
    let sections = sections(bytes, what, path)?;
    if sections.iter().all(|(kind, _)| *kind != SectionKind::Crl) {
        let message = format!("{what} holds no revocation list (`BEGIN X509 CRL`): {}", path.display());
        return Err(with_hint(Finding::unusable(message), der_hint(bytes, "crl", path)));
    }
    Ok(of_kind(sections, SectionKind::Crl).map(CertificateRevocationListDer::from).collect())
}

type Section = (SectionKind, Vec<u8>);

fn sections(bytes: &[u8], what: &str, path: &Path) -> Result<Vec<Section>, Finding> {
    <Section as PemObject>::pem_slice_iter(bytes).collect::<Result<_, _>>().map_err(|error| {
        use rustls::pki_types::pem::Error;
        // In words of our own: the library's show bytes of the file as numbers.
        let why = match error {
            Error::MissingSectionEnd { end_marker } => {
                format!("`END {}` is missing", String::from_utf8_lossy(&end_marker))
            }
            Error::IllegalSectionStart { .. } => {
                "a line that begins a section does not end in five dashes".into()
            }
            Error::Base64Decode(_) => "what is between two marker lines is not base64".into(),
            _ => "it is damaged".into(),
        };
        Finding::unusable(format!("{what} is not sound PEM: {why}: {}", path.display()))
            .hint("the file was cut or edited; fetch it again")
    })
}

fn of_kind(sections: Vec<Section>, wanted: SectionKind) -> impl Iterator<Item = Vec<u8>> {
    sections.into_iter().filter(move |(kind, _)| *kind == wanted).map(|(_, der)| der)
}

fn no_certificate(bytes: &[u8], sections: &[Section], what: &str, path: &Path) -> Finding {
    let shown = path.display();
    if sections.iter().any(|(kind, _)| is_key(*kind)) || is_encrypted(bytes) {
        return Finding::unusable(format!("{what} holds a private key, not a certificate: {shown}"))
            .hint("were `certificate` and `key` mixed up?");
    }
    if sections.iter().any(|(kind, _)| *kind == SectionKind::Csr) {
        return Finding::unusable(format!("{what} holds a request for a certificate, not one: {shown}"))
            .hint("send the request to the authority; its answer is the certificate");
    }
    let message = format!("{what} holds no certificate (`BEGIN CERTIFICATE`): {shown}");
    with_hint(Finding::unusable(message), der_hint(bytes, "x509", path))
}

fn no_key(bytes: &[u8], sections: &[Section], what: &str, path: &Path) -> Finding {
    let shown = path.display();
    if sections.iter().any(|(kind, _)| *kind == SectionKind::Certificate) {
        return Finding::unusable(format!("{what} holds a certificate, not a private key: {shown}"))
            .hint("were `certificate` and `key` mixed up?");
    }
    if sections.iter().any(|(kind, _)| *kind == SectionKind::PublicKey) {
        return Finding::unusable(format!("{what} holds a public key, not a private one: {shown}"));
    }
    let message = format!("{what} holds no private key (`BEGIN PRIVATE KEY`): {shown}");
    with_hint(Finding::unusable(message), der_hint(bytes, "pkey", path))
}

fn is_key(kind: SectionKind) -> bool {
    matches!(kind, SectionKind::PrivateKey | SectionKind::RsaPrivateKey | SectionKind::EcPrivateKey)
}

/// By PKCS #8 (RFC 5958), or by OpenSSL's older way (RFC 1421's header fields).
fn is_encrypted(bytes: &[u8]) -> bool {
    contains(bytes, b"-----BEGIN ENCRYPTED PRIVATE KEY-----") || contains(bytes, b"Proc-Type: 4,ENCRYPTED")
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

/// A sequence of 256 bytes or more: how certificates, keys and lists in DER begin.
fn der_hint(bytes: &[u8], command: &str, path: &Path) -> Option<String> {
    let path = path.display();
    bytes.starts_with(&[0x30, 0x82]).then(|| {
        format!("it looks like DER; as PEM: openssl {command} -inform der -in {path} -out {path}.pem")
    })
}

fn with_hint(finding: Finding, hint: Option<String>) -> Finding {
    Finding { hint, ..finding }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEY: &str = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

    fn key(text: &str) -> Finding {
        private_key(text.as_bytes(), "the key", Path::new("/k")).expect_err("refused")
    }

    fn certificate(text: &str) -> Finding {
        certificates(text.as_bytes(), "the certificate", Path::new("/c")).expect_err("refused")
    }

    #[test]
    fn the_one_in_place_of_the_other_is_named() {
        assert_eq!(key(CERTIFICATE).message, "the key holds a certificate, not a private key: /k");
        assert_eq!(certificate(KEY).message, "the certificate holds a private key, not a certificate: /c");
        let request = CERTIFICATE.replace("CERTIFICATE", "CERTIFICATE REQUEST");
        assert_eq!(
            certificate(&request).message,
            "the certificate holds a request for a certificate, not one: /c"
        );
    }

    #[test]
    fn an_encrypted_key_comes_with_the_command_that_decrypts_it() {
        let pkcs8 = KEY.replace("PRIVATE", "ENCRYPTED PRIVATE");
        let legacy = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
        for text in [&pkcs8, legacy] {
            let finding = key(text);
            assert!(finding.message.starts_with("the key is encrypted"), "{}", finding.message);
            assert!(finding.hint.expect("a hint").contains("openssl pkey -in /k"));
        }
    }

    #[test]
    fn der_comes_with_the_command_that_makes_pem_of_it() {
        let der = [0x30, 0x82, 0x01, 0x00, 0xff];
        let finding = certificates(&der, "the certificate", Path::new("/c")).expect_err("refused");
        assert!(finding.hint.expect("a hint").contains("openssl x509 -inform der -in /c"));
        assert_eq!(certificate("").message, "the certificate holds no certificate (`BEGIN CERTIFICATE`): /c");
    }

    #[test]
    fn a_cut_file_is_refused_with_all_its_good_part() {
        let cut = format!("{CERTIFICATE}-----BEGIN CERTIFICATE-----\nAAAA");
        assert!(certificate(&cut).message.contains("is not sound PEM: `END CERTIFICATE` is missing"));
        let garbled = CERTIFICATE.replace("AAAA", "A!A");
        assert!(certificate(&garbled).message.contains("is not base64"));
    }

    proptest! {
        #[test]
        fn no_bytes_are_a_surprise(bytes in any::<Vec<u8>>(), body in "[ -~\n]{0,200}") {
            let framed = format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n");
            for bytes in [&bytes[..], framed.as_bytes()] {
                let path = Path::new("/x");
                let _ = certificates(bytes, "it", path);
                let _ = private_key(bytes, "it", path);
                let _ = revocation_lists(bytes, "it", path);
            }
        }
    }
}
