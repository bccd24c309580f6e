//! TLS handshakes as load: connection after connection, each with one request, answered to its end.
//!
//! For `scripts/bench` and tests alone: **it accepts any certificate**. It offers TLS 1.3 with AES-256-GCM only, and X25519
//! only unless told otherwise: servers that can do more are compared by the same work. Every connection has to be what was
//! asked for, a full handshake or a resumed one; another one counts as failed. Prints one line of JSON.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, HandshakeKind, SignatureScheme, Stream};

const TIMEOUT: Duration = Duration::from_secs(10);
/// What a server refuses must not become a busy loop.
const AFTER_FAILURE: Duration = Duration::from_millis(10);

#[derive(Parser, Debug)]
#[command(about = "TLS handshakes as load, without any check of the certificate: for benchmarks alone")]
struct Options {
    /// Where to connect
    address: SocketAddr,
    /// What to ask for in SNI and Host
    #[arg(long, default_value = "localhost")]
    server_name: String,
    /// Connections at a time, a thread each
    #[arg(long, default_value_t = 16)]
    connections: usize,
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// The handshake that every connection must have
    #[arg(long, value_enum, default_value_t = Mode::Full)]
    mode: Mode,
    /// Offer X25519MLKEM768 before X25519
    #[arg(long)]
    hybrid: bool,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Debug)]
enum Mode {
    Full,
    Resumed,
}

#[derive(Default, Debug)]
struct Counted {
    full: u64,
    resumed: u64,
    failed: u64,
    took: Vec<Duration>,
    negotiated: BTreeSet<String>,
    first_error: Option<String>,
}

fn main() {
    let options = Arc::new(Options::parse());
    let started = Instant::now();
    let end = started + Duration::from_secs(options.seconds);
    let threads: Vec<_> = (0..options.connections)
        .map(|_| {
            let options = Arc::clone(&options);
            thread::spawn(move || handshakes(&options, end))
        })
        .collect();
    let mut all = Counted::default();
    for thread in threads {
        all.add(thread.join().expect("no thread of this program panics"));
    }
    if let Some(error) = &all.first_error {
        eprintln!("tls-load: {} failed, for example: {error}", all.failed);
    }
    println!("{}", all.json(started.elapsed()));
}

/// One thread's connections, with tickets of its own: a ticket is used once, and each connection brings the next.
fn handshakes(options: &Options, end: Instant) -> Counted {
    let config = Arc::new(client(options));
    let mut counted = Counted::default();
    if options.mode == Mode::Resumed {
        // The first has nothing to resume, and does not count; when it fails, those after it say so.
        let _ = connection(options, &config);
    }
    while Instant::now() < end {
        let started = Instant::now();
        match connection(options, &config) {
            Ok(done) => counted.count(options.mode, &done, started.elapsed()),
            Err(error) => {
                counted.fail(error.to_string());
                thread::sleep(AFTER_FAILURE);
            }
        }
    }
    counted
}

struct Done {
    kind: HandshakeKind,
    negotiated: String,
}

fn connection(options: &Options, config: &Arc<ClientConfig>) -> io::Result<Done> {
    let name = ServerName::try_from(options.server_name.clone()).map_err(io::Error::other)?;
    let mut tls = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
    let mut tcp = TcpStream::connect_timeout(&options.address, TIMEOUT)?;
    tcp.set_nodelay(true)?;
    tcp.set_read_timeout(Some(TIMEOUT))?;
    tcp.set_write_timeout(Some(TIMEOUT))?;
    let mut stream = Stream::new(&mut tls, &mut tcp);
    let request = format!("GET / HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", options.server_name);
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    // Its length tells whether all of it came: an end of TCP without an end of TLS is no failure then.
    match stream.read_to_end(&mut answer) {
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => return Err(error),
        _ if complete(&answer) => {}
        _ => return Err(io::Error::other(format!("not a whole 200: {}", String::from_utf8_lossy(&answer)))),
    }
    let kind = tls.handshake_kind().ok_or_else(|| io::Error::other("no handshake"))?;
    Ok(Done { kind, negotiated: negotiated(&tls) })
}

/// Whether it is a 200 with as many bytes as its Content-Length says.
fn complete(answer: &[u8]) -> bool {
    let Some(head) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { return false };
    let text = String::from_utf8_lossy(&answer[..head]).to_ascii_lowercase();
    let length =
        text.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    text.starts_with("http/1.1 200") && length == Some(answer.len() - head - 4)
}

fn negotiated(tls: &ClientConnection) -> String {
    let version = tls.protocol_version().and_then(|version| version.as_str());
    let suite = tls.negotiated_cipher_suite().and_then(|suite| suite.suite().as_str());
    let group = tls.negotiated_key_exchange_group().and_then(|group| group.name().as_str());
    [version, suite, group].map(|part| part.unwrap_or("?")).join(" ")
}

impl Counted {
    fn count(&mut self, mode: Mode, done: &Done, took: Duration) {
        match (mode, done.kind) {
            (Mode::Full, HandshakeKind::Full) => self.full += 1,
            (Mode::Resumed, HandshakeKind::Resumed) => self.resumed += 1,
            (_, kind) => return self.fail(format!("the handshake was {kind:?}")),
        }
        self.took.push(took);
        if !self.negotiated.contains(&done.negotiated) {
            self.negotiated.insert(done.negotiated.clone());
        }
    }

    fn fail(&mut self, error: String) {
        self.failed += 1;
        self.first_error.get_or_insert(error);
    }

    fn add(&mut self, other: Counted) {
        self.full += other.full;
        self.resumed += other.resumed;
        self.failed += other.failed;
        self.took.extend(other.took);
        self.negotiated.extend(other.negotiated);
        self.first_error = self.first_error.take().or(other.first_error);
    }

    /// `handshakes` are all that were what was asked for; latencies reach from connect to the answer's end.
    fn json(&mut self, seconds: Duration) -> String {
        self.took.sort_unstable();
        serde_json::json!({
            "handshakes": self.full + self.resumed,
            "resumed": self.resumed,
            "failed": self.failed,
            "seconds": seconds.as_secs_f64(),
            "p50_us": percentile(&self.took, 50).as_micros() as u64,
            "p99_us": percentile(&self.took, 99).as_micros() as u64,
            "negotiated": self.negotiated,
        })
        .to_string()
    }
}

fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    sorted.get(sorted.len() * percent / 100).copied().unwrap_or_default()
}

fn client(options: &Options) -> ClientConfig {
    let mut provider = aws_lc_rs::default_provider();
    provider.cipher_suites = vec![aws_lc_rs::cipher_suite::TLS13_AES_256_GCM_SHA384];
    provider.kx_groups = vec![aws_lc_rs::kx_group::X25519];
    if options.hybrid {
        provider.kx_groups.insert(0, aws_lc_rs::kx_group::X25519MLKEM768);
    }
    let anyone = Anyone(provider.signature_verification_algorithms);
    let mut config = with_provider(provider, anyone);
    config.resumption = match options.mode {
        Mode::Full => Resumption::disabled(),
        Mode::Resumed => Resumption::in_memory_sessions(8),
    };
    config
}

fn with_provider(provider: CryptoProvider, verifier: Anyone) -> ClientConfig {
    ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("the provider has a suite of TLS 1.3")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth()
}

/// Believes any certificate, but not a signature that its key did not make: a server cannot save itself that.
#[derive(Debug)]
struct Anyone(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _certificate: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("TLS 1.2 is not offered".into()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}
