//! What TLS to endpoints needs from disk. Connections are the proxy's.

use crate::client_auth::roots;
use crate::digest::sha256_of;
use crate::fault::{Fault, Finding, Gravity};
use crate::files::Files;
use crate::pair::Pair;
use crate::pem;
use crate::stamps::Stamps;
use crate::unverified::Unverified;
use mizan_config::model::{CertificateFiles, UpstreamTls};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use std::fmt;
use std::path::Path;
use std::sync::{Arc, LazyLock};

/// What a service's connections over TLS need.
pub struct ClientTls {
    /// The endpoint must prove its name.
    pub verify: bool,
    /// The name. `None`: the host in the endpoint's entry.
    pub server_name: Option<String>,
    /// Authorities, each known to be usable. `None`: the system's.
    pub ca: Option<Vec<CertificateDer<'static>>>,
    /// The certificate with its intermediates, and its key, for endpoints that ask for one.
    pub client: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
    /// Of all contents and settings: another one means other connections.
    pub fingerprint: [u8; 32],
    /// Every file that was read, for watching.
    pub stamps: Stamps,
}

/// Read once: a system's roots do not change with mizan.yml. What cannot be read is left out.
static SYSTEM_ROOTS: LazyLock<Arc<RootCertStore>> = LazyLock::new(|| {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    Arc::new(roots)
});

impl ClientTls {
    /// Believes whoever answers, and shows nothing.
    pub fn unverified() -> Self {
        Self {
            verify: false,
            server_name: None,
            ca: None,
            client: None,
            fingerprint: [0; 32],
            stamps: Stamps::default(),
        }
    }

    /// For rustls, with these protocols offered by ALPN.
    pub fn config(&self, alpn: &[&[u8]]) -> Arc<ClientConfig> {
        let provider = Arc::new(default_provider());
        let algorithms = provider.signature_verification_algorithms;
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider has ciphers of both versions");
        let builder = if self.verify {
            builder.with_root_certificates(self.roots())
        } else {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(Unverified(algorithms)))
        };
        let mut config = match &self.client {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => builder
                .with_client_auth_cert(chain.clone(), key.clone_key())
                .expect("the two were found to belong together"),
        };
        config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
        Arc::new(config)
    }

    fn roots(&self) -> Arc<RootCertStore> {
        let Some(ca) = &self.ca else { return SYSTEM_ROOTS.clone() };
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(ca.iter().cloned());
        Arc::new(roots)
    }
}

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientTls")
            .field("authorities", &self.ca.as_ref().map(Vec::len))
            .field("client", &self.client.as_ref().map(|_| "***"))
            .finish_non_exhaustive()
    }
}

/// `None` when any fault is [`Gravity::Unusable`].
pub fn load_upstream(tls: &UpstreamTls) -> (Option<ClientTls>, Vec<Fault>) {
    let mut faults = Vec::new();
    let mut files = Files::default();
    let stamps = Stamps::take(files_of(tls));
    let ca = tls.ca.as_deref().map(|path| authorities(path, &mut files));
    let ca = ca.transpose().map_err(|finding| faults.push(finding.at(&tls.place)));
    let client = tls.client.as_ref().map(|paths| client(paths, &mut files, &mut faults));
    let client = client.transpose();
    debug_assert!(client.is_ok() || faults.iter().any(|fault| fault.gravity == Gravity::Unusable));
    let (Ok(ca), Ok(client)) = (ca, client) else { return (None, faults) };
    let fingerprint = fingerprint(tls, ca.as_deref(), client.as_ref());
    let (verify, server_name) = (tls.verify, tls.server_name.clone());
    (Some(ClientTls { verify, server_name, ca, client, fingerprint, stamps }), faults)
}

type Client = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn files_of(tls: &UpstreamTls) -> impl Iterator<Item = &Path> {
    let client = tls.client.iter().flat_map(|files| [&*files.certificate, &*files.key]);
    tls.ca.as_deref().into_iter().chain(client)
}

fn authorities(path: &Path, files: &mut Files) -> Result<Vec<CertificateDer<'static>>, Finding> {
    const WHAT: &str = "the file of authorities";
    let ders = pem::certificates(&files.read(path, WHAT)?.bytes, WHAT, path)?;
    roots(&ders, WHAT, path)?;
    Ok(ders)
}

/// An error was told.
fn client(paths: &CertificateFiles, files: &mut Files, faults: &mut Vec<Fault>) -> Result<Client, ()> {
    let mut findings = Vec::new();
    let pair = Pair::read(paths, files, &default_provider(), &mut findings);
    faults.extend(findings.into_iter().map(|finding| finding.at(&paths.place)));
    match pair {
        Ok(pair) => Ok((pair.certified.cert, pair.key)),
        Err(finding) => {
            faults.push(finding.at(&paths.place));
            Err(())
        }
    }
}

fn fingerprint(tls: &UpstreamTls, ca: Option<&[CertificateDer<'_>]>, client: Option<&Client>) -> [u8; 32] {
    let settings = sha256_of([
        &[u8::from(tls.verify), u8::from(tls.server_name.is_some())],
        tls.server_name.as_deref().unwrap_or_default().as_bytes(),
    ]);
    let ca = ca.map_or([0; 32], sha256_of);
    let (chain, key) =
        client.map_or(([0; 32], [0; 32]), |(chain, key)| (sha256_of(chain), sha256_of([key.secret_der()])));
    sha256_of([settings, ca, chain, key])
}
