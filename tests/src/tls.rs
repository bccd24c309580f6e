//! A TLS client that says what it wants and tells what it got.

use crate::authority::{Authority, Issued};
use crate::raw::{Answer, Raw};
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, SupportedKxGroup, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, ConfigBuilder, DigitallySignedStruct, RootCertStore, ServerConfig,
    SignatureScheme, SupportedProtocolVersion, WantsVerifier,
};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

const PATIENCE: Duration = Duration::from_secs(8);

/// Sessions that it was given tickets for are resumed by it and by its clones.
#[derive(Debug, Clone)]
pub struct TlsClient {
    config: ClientConfig,
}

impl TlsClient {
    /// Trusts `authority`; offers TLS 1.2 and 1.3, and HTTP/1.1 by ALPN.
    pub fn new(authority: &Authority) -> Self {
        Self::with(authority, None, rustls::ALL_VERSIONS)
    }

    /// Shows this certificate to those who ask for one.
    pub fn with_certificate(authority: &Authority, certificate: &Issued) -> Self {
        Self::with(authority, Some(certificate), rustls::ALL_VERSIONS)
    }

    pub fn with(
        authority: &Authority,
        certificate: Option<&Issued>,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Self {
        Self::by(aws_lc_rs::default_provider(), authority, certificate, versions)
    }

    /// Trusts these roots, in PEM.
    ///
    /// # Panics
    /// When there is none among them.
    pub fn trusting(roots: &str) -> Self {
        let mut store = RootCertStore::empty();
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(roots.as_bytes()).collect();
        store.add_parsable_certificates(found.expect("certificates in PEM"));
        assert!(!store.is_empty(), "no root in {roots:?}");
        let builder = Self::builder(aws_lc_rs::default_provider(), rustls::ALL_VERSIONS);
        Self::of(builder.with_root_certificates(store).with_no_client_auth())
    }

    /// Believes everybody: for a look at what is shown.
    pub fn believing() -> Self {
        let builder = Self::builder(aws_lc_rs::default_provider(), rustls::ALL_VERSIONS);
        let verifier = Arc::new(Believing(aws_lc_rs::default_provider()));
        Self::of(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
    }

    /// Offers these groups for the key exchange alone.
    pub fn with_groups(authority: &Authority, groups: Vec<&'static dyn SupportedKxGroup>) -> Self {
        let provider = CryptoProvider { kx_groups: groups, ..aws_lc_rs::default_provider() };
        Self::by(provider, authority, None, rustls::ALL_VERSIONS)
    }

    pub fn by(
        provider: CryptoProvider,
        authority: &Authority,
        certificate: Option<&Issued>,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Self {
        let builder = Self::builder(provider, versions).with_root_certificates(authority.roots());
        let config = match certificate {
            None => builder.with_no_client_auth(),
            Some(issued) => {
                let chain: Result<Vec<_>, _> =
                    CertificateDer::pem_slice_iter(issued.chain.as_bytes()).collect();
                let key = PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).expect("a key");
                builder.with_client_auth_cert(chain.expect("a chain"), key).expect("they belong together")
            }
        };
        Self::of(config)
    }

    fn builder(
        provider: CryptoProvider,
        versions: &[&'static SupportedProtocolVersion],
    ) -> ConfigBuilder<ClientConfig, WantsVerifier> {
        ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(versions)
            .expect("versions that the provider has")
    }

    fn of(mut config: ClientConfig) -> Self {
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Self { config }
    }

    /// What it offers by ALPN.
    #[must_use]
    pub fn alpn(mut self, protocols: &[&str]) -> Self {
        self.config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        self
    }

    /// Sends no name.
    #[must_use]
    pub fn without_sni(mut self) -> Self {
        self.config.enable_sni = false;
        self
    }

    /// Forgets every session.
    #[must_use]
    pub fn without_resumption(mut self) -> Self {
        self.config.resumption = Resumption::disabled();
        self
    }

    /// A handshake for `name`.
    pub async fn connect(&self, addr: SocketAddr, name: &str) -> io::Result<TlsStream<TcpStream>> {
        let tcp =
            timeout(PATIENCE, TcpStream::connect(addr)).await.map_err(|_| io::ErrorKind::TimedOut)??;
        tcp.set_nodelay(true)?;
        let name = ServerName::try_from(name.to_owned()).expect("a name or an address");
        let connector = TlsConnector::from(Arc::new(self.config.clone()));
        timeout(PATIENCE, connector.connect(name, tcp)).await.map_err(|_| io::ErrorKind::TimedOut)?
    }

    /// What it says first: the bytes of a ClientHello for `name`.
    pub fn hello(&self, name: &str) -> Vec<u8> {
        let name = ServerName::try_from(name.to_owned()).expect("a name or an address");
        let mut session = ClientConnection::new(Arc::new(self.config.clone()), name).expect("a client");
        let mut bytes = Vec::new();
        session.write_tls(&mut bytes).expect("a vector takes everything");
        bytes
    }

    /// A handshake for `name`, to say anything over.
    ///
    /// # Panics
    /// When it fails.
    pub async fn raw(&self, addr: SocketAddr, name: &str) -> Raw {
        Raw::over(self.connect(addr, name).await.unwrap_or_else(|e| panic!("TLS to {addr} as {name}: {e}")))
    }

    /// GET over a connection of its own; the host is `name`.
    ///
    /// # Panics
    /// When there is no whole answer.
    pub async fn get(&self, addr: SocketAddr, name: &str, path: &str) -> Answer {
        let mut raw = self.raw(addr, name).await;
        raw.send(format!("GET {path} HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n")).await;
        raw.answer().await
    }
}

/// Serves with this certificate, and offers these protocols by ALPN.
///
/// # Panics
/// When the certificate is none.
pub fn acceptor(certificate: &Issued, protocols: &[&str]) -> TlsAcceptor {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificate.chain.as_bytes()).collect();
    let key = PrivateKeyDer::from_pem_slice(certificate.key.as_bytes()).expect("a key");
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions that the provider has")
        .with_no_client_auth()
        .with_single_cert(chain.expect("a chain"), key)
        .expect("they belong together");
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    TlsAcceptor::from(Arc::new(config))
}

/// What a handshake settled.
pub fn session(stream: &TlsStream<TcpStream>) -> &ClientConnection {
    stream.get_ref().1
}

/// Takes any certificate from those who have its key.
#[derive(Debug)]
struct Believing(CryptoProvider);

impl ServerCertVerifier for Believing {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
