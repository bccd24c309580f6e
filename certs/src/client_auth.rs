//! Certificates of clients: who vouches for them, and who was revoked.

use crate::digest::sha256_of;
use crate::fault::Finding;
use crate::files::Files;
use crate::{dates, names, pair, pem};
use mizan_config::model::ClientAuth;
use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use std::path::Path;
use std::sync::Arc;
use x509_parser::prelude::{CertificateRevocationList, FromDer};

/// Which authorities vouch for clients, and how: sites with the same id accept each other's clients.
#[derive(Copy, Clone, Eq, PartialEq, Debug, Hash)]
pub struct ClientAuthId([u8; 32]);

impl ClientAuthId {
    pub(crate) fn new(digest: [u8; 32]) -> Self {
        Self(digest)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// How a site knows its clients.
pub(crate) struct Verifier {
    pub(crate) verifier: Arc<dyn ClientCertVerifier>,
    pub(crate) id: ClientAuthId,
}

impl Verifier {
    /// Revocation is checked for every certificate of a client's chain whose issuer has a list; the others count as not
    /// revoked, since an authority without a list is the common case and none may have one of its intermediates. A list
    /// that is out of date still counts, and is told: what it revokes stays revoked, and a cron job that failed does not
    /// lock everybody out.
    pub(crate) fn read(
        wanted: &ClientAuth,
        files: &mut Files,
        provider: &Arc<CryptoProvider>,
        now: i64,
        findings: &mut Vec<Finding>,
    ) -> Result<Self, Finding> {
        const AUTHORITIES: &str = "the file of client authorities";
        let content = files.read(&wanted.ca, AUTHORITIES)?;
        let authorities = pem::certificates(&content.bytes, AUTHORITIES, &wanted.ca)?;
        let roots = roots(&authorities, AUTHORITIES, &wanted.ca)?;
        for authority in pair::parsed(&authorities, AUTHORITIES, &wanted.ca)? {
            if now > authority.not_after {
                let (title, end) = (&authority.title, dates::date_seen_from(authority.not_after, now));
                let path = wanted.ca.display();
                findings.push(Finding::doubtful(format!(
                    "the client authority {title} expired on {end} (its certificates are still accepted): {path}"
                )));
            }
        }
        let lists = match &wanted.crl {
            Some(path) => revocation_lists(path, files, now, findings)?,
            None => Vec::new(),
        };
        let id = id(wanted.required, &authorities, &lists);
        let mut builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
            .with_crls(lists)
            .allow_unknown_revocation_status();
        if !wanted.required {
            builder = builder.allow_unauthenticated();
        }
        let verifier = builder.build().map_err(|error| {
            let path = wanted.crl.as_ref().unwrap_or(&wanted.ca).display();
            Finding::unusable(format!("clients cannot be verified: {error}: {path}"))
        })?;
        Ok(Self { verifier, id })
    }
}

/// Authorities as rustls wants them.
pub(crate) fn roots(
    ders: &[CertificateDer<'static>],
    what: &str,
    path: &Path,
) -> Result<RootCertStore, Finding> {
    let mut roots = RootCertStore::empty();
    for (at, der) in ders.iter().enumerate() {
        roots.add(der.clone()).map_err(|error| {
            let number = at + 1;
            Finding::unusable(format!(
                "number {number} in {what} cannot be used: {error}: {}",
                path.display()
            ))
        })?;
    }
    Ok(roots)
}

fn revocation_lists(
    path: &Path,
    files: &mut Files,
    now: i64,
    findings: &mut Vec<Finding>,
) -> Result<Vec<CertificateRevocationListDer<'static>>, Finding> {
    const WHAT: &str = "the revocation list";
    let content = files.read(path, WHAT)?;
    let lists = pem::revocation_lists(&content.bytes, WHAT, path)?;
    let shown = path.display();
    for (at, der) in lists.iter().enumerate() {
        let Some(facts) = facts(der) else {
            let number = at + 1;
            return Err(Finding::unusable(format!("number {number} in {WHAT} is not one: {shown}")));
        };
        if let Some(end) = facts.next_update
            && now > end
        {
            let (issuer, end) = (facts.issuer, dates::date_seen_from(end, now));
            findings.push(
                Finding::doubtful(format!(
                    "the revocation list of {issuer} is out of date since {end}: {shown}"
                ))
                .hint("fetch the authority's present one; until then what it does not know is accepted"),
            );
        }
    }
    Ok(lists)
}

struct Facts {
    issuer: String,
    next_update: Option<i64>,
}

fn facts(der: &[u8]) -> Option<Facts> {
    let (rest, list) = CertificateRevocationList::from_der(der).ok()?;
    rest.is_empty().then(|| Facts {
        issuer: names::short(list.issuer()),
        next_update: list.next_update().map(|time| time.timestamp()),
    })
}

fn id(
    required: bool,
    authorities: &[CertificateDer<'_>],
    lists: &[CertificateRevocationListDer<'_>],
) -> ClientAuthId {
    let authorities = sha256_of(authorities);
    let lists = sha256_of(lists);
    ClientAuthId::new(sha256_of([&[u8::from(required)][..], &authorities, &lists]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_bytes_are_a_surprise(bytes in any::<Vec<u8>>()) {
            prop_assert!(facts(&bytes).is_none());
        }
    }
}
