//! Authorities, files, configurations, a clock, and handshakes over buffers.

use mizan_certs::{Fault, Gravity, Loaded, ServerTls, Unsaved};
use mizan_config::Config;
use mizan_config::model::{
    CertificateFiles, ClientAuth, HostPattern, Place, Site, SiteCertificates, SiteTls, TicketKey,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use rustls::client::WantsClientCert;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{
    ClientConfig, ClientConnection, ConfigBuilder, Connection, Error, RootCertStore, ServerConnection,
};
use std::cell::Cell;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

pub(crate) const DAY: u64 = 24 * 60 * 60;

/// 2026-03-01 12:00:00 UTC.
/// The real time, for what `openssl` made.
pub(crate) fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs()
}

pub(crate) const NOON: u64 = 1_772_366_400;

thread_local!(static NOW: Cell<u64> = const { Cell::new(NOON) });

/// Stands still until it is moved; each test has its own.
pub(crate) fn clock() -> u64 {
    NOW.get()
}

pub(crate) fn at(unix_seconds: u64) {
    NOW.set(unix_seconds);
}

pub(crate) fn later(seconds: u64) {
    NOW.set(NOW.get() + seconds);
}

#[derive(Debug)]
struct Time;

impl TimeProvider for Time {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_secs(clock())))
    }
}

pub(crate) struct Authority(pub(crate) CertifiedIssuer<'static, KeyPair>);

pub(crate) struct Issued {
    pub(crate) pem: String,
    pub(crate) key: KeyPair,
    pub(crate) der: CertificateDer<'static>,
}

impl Authority {
    pub(crate) fn root(name: &str) -> Self {
        Self(CertifiedIssuer::self_signed(authority(name), key()).expect("made"))
    }

    pub(crate) fn intermediate(&self, name: &str) -> Self {
        Self(CertifiedIssuer::signed_by(authority(name), key(), &self.0).expect("made"))
    }

    /// Valid from 30 days ago for 90 days.
    pub(crate) fn issue(&self, names: &[&str]) -> Issued {
        self.issue_for(names, key())
    }

    pub(crate) fn issue_for(&self, names: &[&str], key: KeyPair) -> Issued {
        self.issue_as(&between(names, clock() - 30 * DAY, clock() + 60 * DAY), key)
    }

    pub(crate) fn issue_as(&self, params: &CertificateParams, key: KeyPair) -> Issued {
        let certificate = params.signed_by(&key, &self.0).expect("made");
        Issued { pem: certificate.pem(), der: certificate.der().clone(), key }
    }

    pub(crate) fn roots(&self) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).expect("an authority");
        Arc::new(roots)
    }
}

pub(crate) fn key() -> KeyPair {
    KeyPair::generate().expect("randomness")
}

pub(crate) fn rsa_key() -> KeyPair {
    KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).expect("randomness")
}

pub(crate) fn between(names: &[&str], from: u64, until: u64) -> CertificateParams {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(names).expect("names");
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = epoch + Duration::from_secs(from);
    params.not_after = epoch + Duration::from_secs(until);
    params
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// Files that go when the test ends.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// For the owner's eyes.
    pub(crate) fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, contents).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("hidden");
        path
    }

    pub(crate) fn pair(&self, name: &str, chain: &str, key: &KeyPair) -> CertificateFiles {
        CertificateFiles {
            certificate: self.write(&format!("{name}.pem"), chain),
            key: self.write(&format!("{name}.key"), key.serialize_pem()),
            ocsp: None,
            place: Place(17..23),
        }
    }

    /// A certificate with the authority beside it, so that nothing is to be said of the chain.
    pub(crate) fn pair_of(&self, name: &str, authority: &Authority, hosts: &[&str]) -> CertificateFiles {
        let issued = authority.issue(hosts);
        self.pair(name, &(issued.pem + &authority.0.pem()), &issued.key)
    }
}

pub(crate) fn config(sites: Vec<Site>) -> Config {
    Config { sites, ..minimal() }
}

pub(crate) fn site(hosts: &[&str], certificates: Vec<CertificateFiles>) -> Site {
    let hosts = hosts.iter().map(|host| match host.strip_prefix("*.") {
        Some(base) => HostPattern::Wildcard(base.into()),
        None if *host == "*" => HostPattern::Any,
        None => HostPattern::Exact((*host).into()),
    });
    let tls = Some(SiteTls { certificates: SiteCertificates::Files(certificates), client_auth: None });
    Site { hosts: hosts.collect(), tls, ..minimal().sites.remove(0) }
}

pub(crate) fn with_client_auth(mut site: Site, auth: ClientAuth) -> Site {
    site.tls.as_mut().expect("a site with TLS").client_auth = Some(auth);
    site
}

fn minimal() -> Config {
    let text =
        "listen: { http: ':80' }\nsites: [{ hosts: [x], routes: [{ path: /, respond: { status: 204 } }] }]\n";
    mizan_config::parse("mizan.yml", text, &|_| None).expect("a sound file")
}

pub(crate) fn load(config: &Config) -> Loaded {
    ServerTls::load(config, None, &Unsaved::default(), clock)
}

/// Nothing to be said of it.
pub(crate) fn sound(config: &Config) -> ServerTls {
    after(config, None)
}

pub(crate) fn after(config: &Config, last: Option<&ServerTls>) -> ServerTls {
    let Loaded { tls, faults } = ServerTls::load(config, last, &Unsaved::default(), clock);
    assert_eq!(faults, [], "no faults");
    tls.expect("usable")
}

/// The only fault.
pub(crate) fn fault(config: &Config) -> (Gravity, String) {
    let Loaded { tls, faults } = load(config);
    let [Fault { gravity, message, .. }] = &faults[..] else { panic!("one fault: {faults:#?}") };
    assert_eq!(tls.is_none(), *gravity == Gravity::Unusable);
    (*gravity, message.clone())
}

pub(crate) fn client(roots: Arc<RootCertStore>) -> ClientConfig {
    client_builder(roots, default_provider(), rustls::ALL_VERSIONS).with_no_client_auth()
}

pub(crate) fn client_builder(
    roots: Arc<RootCertStore>,
    provider: CryptoProvider,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> ConfigBuilder<ClientConfig, WantsClientCert> {
    ClientConfig::builder_with_details(Arc::new(provider), Arc::new(Time))
        .with_protocol_versions(versions)
        .expect("versions")
        .with_root_certificates(roots)
}

#[derive(Debug)]
pub(crate) struct Connected {
    pub(crate) client: ClientConnection,
    pub(crate) server: ServerConnection,
}

/// A whole handshake and what follows it by itself. The error is of whoever gave up first.
pub(crate) fn connect(
    tls: &ServerTls,
    client: &Arc<ClientConfig>,
    name: &'static str,
) -> Result<Connected, Error> {
    let config = tls.find(Some(name)).expect("a site").config.clone();
    let server = ServerConnection::new(config).expect("a configuration");
    let name = ServerName::try_from(name).expect("a name");
    let client = ClientConnection::new(client.clone(), name).expect("a configuration");
    let (mut client, mut server) = (Connection::from(client), Connection::from(server));
    while pump(&mut client, &mut server)? | pump(&mut server, &mut client)? {}
    assert!(!client.is_handshaking() && !server.is_handshaking());
    match (client, server) {
        (Connection::Client(client), Connection::Server(server)) => Ok(Connected { client, server }),
        _ => unreachable!("as they were made"),
    }
}

/// Whether anything was sent.
fn pump(from: &mut Connection, to: &mut Connection) -> Result<bool, Error> {
    let mut wire = Vec::new();
    while from.wants_write() {
        from.write_tls(&mut wire).expect("a buffer takes everything");
    }
    let mut rest = &wire[..];
    while !rest.is_empty() {
        to.read_tls(&mut rest).expect("a buffer gives everything");
        to.process_new_packets()?;
    }
    Ok(!wire.is_empty())
}

pub(crate) fn openssl(arguments: &[&str]) {
    let output =
        std::process::Command::new("openssl").args(arguments).output().expect("openssl is installed");
    assert!(output.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// As mizan.yml's `ticket_key` is read.
pub(crate) fn ticket_key(file: PathBuf) -> TicketKey {
    TicketKey { file, place: Place(3..9) }
}
