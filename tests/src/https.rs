//! A proxy with a plain and a TLS listener over one upstream, and OpenSSL's and curl's view of it.

use crate::authority::Authority;
use crate::cli::{Finished, run};
use crate::mizan::{Launch, unindented};
use crate::tls::TlsClient;
use crate::{Mizan, Upstream};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use tempfile::TempDir;

/// What most tests listen on: two addresses, since a listener is known by its address as mizan.yml has it.
pub const LISTEN: &str = "listen: { http: \"127.0.0.1:0\", https: \"127.0.0.2:0\" }";

/// A running proxy, who issued its certificates, and what is behind it.
#[derive(Debug)]
pub struct Https {
    pub mizan: Mizan,
    pub authority: Authority,
    pub upstream: Upstream,
}

/// One entry of `sites`: a host whose certificate is `NAME.pem` and `NAME.key`; `/` goes to the service `app`.
#[derive(Debug, Clone)]
pub struct Site {
    host: String,
    name: String,
    /// Further keys of the site's `tls`.
    tls: String,
    /// Further keys of the site.
    more: String,
}

impl Site {
    pub fn new(host: &str, name: &str) -> Self {
        Self { host: host.into(), name: name.into(), tls: String::new(), more: String::new() }
    }

    /// A further key of its `tls`, on one line.
    #[must_use]
    pub fn tls(mut self, key: &str) -> Self {
        let _ = write!(self.tls, ", {key}");
        self
    }

    /// A further key of the site, on one line.
    #[must_use]
    pub fn with(mut self, key: &str) -> Self {
        let _ = writeln!(self.more, "    {key}");
        self
    }
}

/// mizan.yml with both listeners (unless `top` says others), the service `app` over this upstream, and these sites.
pub fn sites(upstream: &Upstream, sites: &[Site], top: &str) -> String {
    let listen = if top.contains("listen:") { "" } else { LISTEN };
    let mut text = format!("{listen}\n{}", unindented(top));
    let _ = write!(text, "services:\n  app: {{ endpoints: \"{}\" }}\nsites:\n", upstream.addr());
    for Site { host, name, tls, more } in sites {
        let _ = write!(
            text,
            "  - hosts: [\"{host}\"]\n    tls: {{ certificate: {name}.pem, key: {name}.key{tls} }}\n{more}    routes: [{{ path: /, \
             service: app }}]\n",
        );
    }
    text
}

/// A folder to put certificates in before the proxy starts there.
pub fn folder() -> TempDir {
    tempfile::Builder::new().prefix("mzt").tempdir().expect("a temporary folder")
}

impl Https {
    /// One site `app.test` with an ECDSA certificate; `top` are further lines of the file.
    pub async fn start(top: &str) -> Self {
        Self::with(Site::new("app.test", "app"), top).await
    }

    /// One site with the certificate `app`, which is for `app.test`.
    pub async fn with(site: Site, top: &str) -> Self {
        let authority = Authority::new("Test");
        let folder = folder();
        authority.server(&["app.test"]).write(folder.path(), "app");
        Self::start_in(folder, authority, &[site], top).await
    }

    /// These sites; their certificates are in `folder`.
    pub async fn start_in(folder: TempDir, authority: Authority, wanted: &[Site], top: &str) -> Self {
        let upstream = Upstream::start("one").await;
        let yaml = sites(&upstream, wanted, top);
        let mizan = Launch::default().listeners(2).start_in(folder, &yaml).await;
        Self { mizan, authority, upstream }
    }

    pub fn plain(&self) -> SocketAddr {
        self.mizan.addresses()[0]
    }

    pub fn addr(&self) -> SocketAddr {
        self.mizan.addresses()[1]
    }

    pub fn client(&self) -> TlsClient {
        TlsClient::new(&self.authority)
    }

    /// `openssl s_client` with these words; `name` goes as SNI and is not verified unless the words say so.
    pub async fn openssl(&self, name: &str, words: &str) -> Finished {
        openssl(self.addr(), self.mizan.folder(), name, words).await
    }

    /// curl to `https://NAME:port/PATH`, which it believes to be here, and whose certificate it verifies.
    pub async fn curl(&self, name: &str, path: &str, words: &[&str]) -> Finished {
        let root = self.mizan.folder().join("root.pem");
        std::fs::write(&root, self.authority.root()).expect("write root.pem");
        let port = self.addr().port();
        let resolve = format!("{name}:{port}:{}", self.addr().ip());
        let url = format!("https://{name}:{port}{path}");
        let fixed = ["-sS", "--cacert", "root.pem", "--resolve", &resolve, &url];
        run("curl", self.mizan.folder(), &[&fixed[..], words].concat(), &[]).await
    }
}

/// `openssl s_client`: a handshake, `GET /` with `Connection: close`, and everything until the other side closes.
pub async fn openssl(addr: SocketAddr, folder: &Path, name: &str, words: &str) -> Finished {
    let sni = if name.is_empty() { "-noservername".to_owned() } else { format!("-servername {name}") };
    let host = if name.is_empty() { "app.test" } else { name };
    let script = format!(
        "printf 'GET / HTTP/1.1\\r\\nHost: {host}\\r\\nConnection: close\\r\\n\\r\\n' \
         | openssl s_client -connect {addr} {sni} -ign_eof {words}"
    );
    run("sh", folder, &["-c", &script], &[]).await
}
