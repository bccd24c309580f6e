//! A proxy that gets its certificates by itself, at ports that its authority knows.

use super::ports::Ports;
use super::served::{Shown, shown};
use crate::mizan::{Launch, unindented};
use crate::raw::{self, Answer};
use crate::{Mizan, TlsClient, Upstream};
use mizan_api::{Certificate, CertificateState, RenewRequest, Renewal};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long a certificate may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(45);

/// An authority, as mizan.yml has it.
pub trait Ca {
    /// The URL of its directory.
    fn directory(&self) -> String;
    /// The root that its API's certificate comes from, in PEM.
    fn ca_pem(&self) -> String;
}

/// The ports of a proxy and what is behind it.
#[derive(Debug)]
pub struct Edge {
    pub ports: Ports,
    pub upstream: Upstream,
}

/// A mizan.yml with `certificates.acme`.
#[derive(Debug, Clone)]
pub struct File {
    http: SocketAddr,
    https: SocketAddr,
    /// Where the authority looks.
    looks_at: (u16, u16),
    upstream: SocketAddr,
    dns: SocketAddr,
    directory: String,
    ca: String,
    state: Option<PathBuf>,
    sites: Vec<(Vec<String>, String)>,
    acme: String,
    top: String,
}

impl Edge {
    pub async fn new() -> Self {
        Self { ports: Ports::reserve(), upstream: Upstream::start("one").await }
    }

    pub fn http(&self) -> SocketAddr {
        self.ports.http.addr()
    }

    pub fn https(&self) -> SocketAddr {
        self.ports.https.addr()
    }

    /// A file for this authority, where names are looked up at `dns`; it has no site yet.
    pub fn file(&self, ca: &impl Ca, dns: SocketAddr) -> File {
        File {
            http: self.http(),
            https: self.https(),
            looks_at: (self.http().port(), self.https().port()),
            upstream: self.upstream.addr(),
            dns,
            directory: ca.directory(),
            ca: ca.ca_pem(),
            state: None,
            sites: Vec::new(),
            acme: String::new(),
            top: String::new(),
        }
    }

    /// GET over plain HTTP.
    pub async fn get(&self, host: &str, path: &str) -> Answer {
        raw::get(self.http(), host, path).await
    }

    /// GET over TLS from whoever answers, with a certificate of these roots.
    pub async fn get_tls(&self, roots: &str, host: &str, path: &str) -> Answer {
        TlsClient::trusting(roots).get(self.https(), host, path).await
    }

    /// The certificate that a new client is shown for a name; an error where the handshake is refused.
    pub async fn shown(&self, name: &str) -> std::io::Result<Shown> {
        shown(self.https(), name).await
    }
}

impl File {
    /// A site with `tls: acme`, whose one certificate is for all of these.
    #[must_use]
    pub fn site(self, hosts: &[&str]) -> Self {
        self.site_with(hosts, "")
    }

    /// The same with further keys of the site.
    #[must_use]
    pub fn site_with(mut self, hosts: &[&str], lines: &str) -> Self {
        self.sites.push((hosts.iter().map(ToString::to_string).collect(), unindented(lines)));
        self
    }

    /// Further keys of `certificates.acme`.
    #[must_use]
    pub fn acme(mut self, lines: &str) -> Self {
        self.acme.push_str(&unindented(lines));
        self
    }

    /// Further lines at the top.
    #[must_use]
    pub fn top(mut self, lines: &str) -> Self {
        self.top.push_str(&unindented(lines));
        self
    }

    /// Another place for `state` than a folder of the proxy's own.
    #[must_use]
    pub fn state(mut self, path: &Path) -> Self {
        self.state = Some(path.to_owned());
        self
    }

    /// Listens somewhere else than where the authority looks.
    #[must_use]
    pub fn listen(mut self, http: SocketAddr, https: SocketAddr) -> Self {
        (self.http, self.https) = (http, https);
        self
    }

    /// Where the authority looks, other than at the ports of the [`Edge`].
    #[must_use]
    pub fn looks_at(mut self, http: u16, https: u16) -> Self {
        self.looks_at = (http, https);
        self
    }

    /// mizan.yml. It names `ca.pem` beside it.
    pub fn yaml(&self) -> String {
        let state = self.state.as_ref().map_or("${FOLDER}/state".into(), |path| path.display().to_string());
        let mut text = format!(
            "listen: {{ http: \"{}\", https: \"{}\" }}\nstate: {state}\nresolver: {{ servers: [\"{}\"] }}\n{}",
            self.http, self.https, self.dns, self.top
        );
        let (http, https) = self.looks_at;
        let _ = write!(
            text,
            "certificates:\n  acme:\n    email: ops@example.test\n    directory: {}\n    ca: ca.pem\n    \
             http_port: {http}\n    https_port: {https}\n{}",
            self.directory,
            indented(&self.acme)
        );
        let _ = write!(text, "services:\n  app: {{ endpoints: \"{}\" }}\nsites:\n", self.upstream);
        for (hosts, lines) in &self.sites {
            let hosts: Vec<_> = hosts.iter().map(|host| format!("\"{host}\"")).collect();
            let _ = write!(
                text,
                "  - hosts: [{}]\n    tls: acme\n{}    routes: [{{ path: /, service: app }}]\n",
                hosts.join(", "),
                indented(lines)
            );
        }
        text
    }

    /// Starts the proxy in a folder of its own.
    pub async fn start(&self) -> Mizan {
        self.start_in(tempfile::Builder::new().prefix("mzt").tempdir().expect("a temporary folder")).await
    }

    /// Starts it in a folder with what an earlier one left, or with what the file speaks of.
    pub async fn start_in(&self, folder: TempDir) -> Mizan {
        self.write_ca(folder.path());
        Launch::default().listeners(2).start_in(folder, &self.yaml()).await
    }

    /// `ca.pem`, for who runs another verb than `run` there.
    pub fn write_ca(&self, folder: &Path) {
        std::fs::write(folder.join("ca.pem"), &self.ca).expect("write ca.pem");
    }
}

fn indented(lines: &str) -> String {
    lines.lines().flat_map(|line| ["    ", line, "\n"]).collect()
}

/// What the proxy says of the certificate of the site with this host.
///
/// # Panics
/// When there is none.
pub async fn certificate(mizan: &Mizan, name: &str) -> Certificate {
    let all = mizan.admin().certificates().await;
    let all = all.unwrap_or_else(|e| panic!("certificates: {e}; the log:\n{}", mizan.log().text()));
    let found = all.certificates.into_iter().find(|c| c.names.iter().any(|n| n == name));
    found.unwrap_or_else(|| panic!("no certificate has the name {name}"))
}

/// Waits until what the proxy says of a name's certificate is so.
///
/// # Panics
/// When it is not so in time: with what it says, and the log.
pub async fn certificate_when(
    mizan: &Mizan,
    name: &str,
    what: &str,
    is: impl Fn(&Certificate) -> bool,
) -> Certificate {
    let begin = Instant::now();
    loop {
        let now = certificate(mizan, name).await;
        if is(&now) {
            return now;
        }
        let log = || mizan.log().text();
        assert!(begin.elapsed() < PATIENCE, "{name}: not {what} in time: {now:#?}; the log:\n{}", log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until every name of the certificate with this one is served.
///
/// # Panics
/// When an attempt fails: the next one is not waited for.
pub async fn issued(mizan: &Mizan, name: &str) -> Certificate {
    let is = |certificate: &Certificate| {
        let failed = certificate.renewal.as_ref().is_some_and(|renewal| renewal.failures > 0);
        failed || certificate.state == CertificateState::Valid
    };
    let found = certificate_when(mizan, name, "valid", is).await;
    let log = || mizan.log().text();
    assert_eq!(found.state, CertificateState::Valid, "an attempt failed: {found:#?}; the log:\n{}", log());
    found
}

/// Waits until an attempt has failed and the next one is planned, and gives the last error.
pub async fn failed(mizan: &Mizan, name: &str) -> (Renewal, String) {
    let has = |certificate: &Certificate| {
        let renewal = certificate.renewal.as_ref().filter(|renewal| renewal.last_error.is_some());
        renewal.and_then(|renewal| renewal.next_unix_ms).is_some_and(|next| next > now_unix_ms())
    };
    let certificate = certificate_when(mizan, name, "failed", has).await;
    let renewal = certificate.renewal.expect("it was just there");
    let text = renewal.last_error.as_ref().expect("it was just there").text.clone();
    (renewal, text)
}

/// Asks for a certificate now, whatever the ledger says. What becomes of it is in [`certificate`].
pub async fn renew(mizan: &Mizan, name: &str) {
    // An attempt that fails may be told here as well.
    let _ = mizan.admin().renew_certificate(name, &RenewRequest { force: true }).await;
}

/// As [`renew`], again and again, since an attempt that is under way answers for the next one.
///
/// # Panics
/// When what the proxy says of the certificate is not so in time: with what it says, and the log.
pub async fn renew_until(
    mizan: &Mizan,
    name: &str,
    what: &str,
    is: impl Fn(&Certificate) -> bool,
) -> Certificate {
    let begin = Instant::now();
    loop {
        let now = certificate(mizan, name).await;
        if is(&now) {
            return now;
        }
        assert!(begin.elapsed() < PATIENCE, "not {what}: {now:#?}; the log:\n{}", mizan.log().text());
        if now.renewal.is_some_and(|renewal| renewal.next_unix_ms.is_some()) {
            renew(mizan, name).await;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// As [`issued`], without waiting for the end of a pause.
pub async fn issued_on_demand(mizan: &Mizan, name: &str) -> Certificate {
    renew_until(mizan, name, "valid", |certificate| certificate.state == CertificateState::Valid).await
}

/// Milliseconds since 1970, as the admin API counts.
pub fn now_unix_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    u64::try_from(since.as_millis()).expect("before the year 500000000")
}
