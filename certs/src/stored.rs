//! A certificate and its key that some other program keeps.

use crate::certificate::CertificateInfo;
use crate::files::Files;
use crate::pair::Pair;
use mizan_config::model::{CertificateFiles, Place};
use rustls::crypto::aws_lc_rs::default_provider;
use std::path::Path;

/// Reads both files and sees that they belong together: what the certificate says, and the PEM of the key with that of the
/// certificate and its intermediates behind it. One file may hold both. The error says what is wrong, and names the file.
pub fn examine(certificate: &Path, key: &Path) -> Result<(CertificateInfo, String), String> {
    let paths = CertificateFiles {
        certificate: certificate.to_owned(),
        key: key.to_owned(),
        ocsp: None,
        place: Place::default(),
    };
    let mut files = Files::default();
    let pair = Pair::read(&paths, &mut files, &default_provider(), &mut Vec::new())
        .map_err(|finding| finding.message)?;
    let mut pem = String::new();
    for (path, what) in [(key, "the key"), (certificate, "the certificate")] {
        let content = files.read(path, what).map_err(|finding| finding.message)?;
        pem += String::from_utf8_lossy(&content.bytes).trim();
        pem.push('\n');
    }
    Ok((pair.own().info(certificate), pem))
}
