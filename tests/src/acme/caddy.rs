//! Caddy (`scripts/setup test` installs it): its acme_server, an authority by another hand than Let's Encrypt's, and a
//! client of authorities that is not ours, to try the others with.
//!
//! As an authority it looks for http-01 and tls-alpn-01 at ports 80 and 443 alone, at the address that the system's resolver gives; for
//! dns-01 it asks challtestsrv.

use super::challtestsrv::Challtestsrv;
use super::edge::Ca;
use super::fetch;
use super::ports::{Port, Ports};
use super::process::Process;
use crate::mizan::Log;
use crate::{TlsClient, eventually};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;
use tokio::process::Command;

const DIRECTORY: &str = "/acme/local/directory";

/// A running Caddy; killed when dropped.
#[derive(Debug)]
pub struct CaddyCa {
    process: Process,
    pub dns: Challtestsrv,
    api: Port,
    /// Of its API and of what it issues alike.
    root: String,
    _folder: TempDir,
}

impl CaddyCa {
    /// # Panics
    /// When it is not installed or does not answer.
    pub async fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("mzt-caddy").tempdir().expect("a temporary folder");
        let (api, dns) = (Port::reserve(), Challtestsrv::start().await);
        let file = folder.path().join("caddy.json");
        std::fs::write(&file, config(&api, &dns, folder.path()).to_string()).expect("write caddy.json");
        let mut command = Command::new(binary());
        command.args(["run", "--config"]).arg(file).env("HOME", folder.path());
        let mut process = Process::start(command, "run scripts/setup test");
        let kept = folder.path().join("pki/authorities/local/root.crt");
        let mut root = String::new();
        // The port is open before there is a certificate to show.
        eventually("Caddy answers", Duration::from_secs(20), async || {
            process.must_live();
            root = std::fs::read_to_string(&kept).unwrap_or_default();
            if !root.contains("END CERTIFICATE") {
                return false;
            }
            let body = fetch::body(&TlsClient::trusting(&root), api.addr(), DIRECTORY).await;
            body.is_some_and(|body| body.contains("newOrder"))
        })
        .await;
        Self { process, dns, api, root, _folder: folder }
    }

    /// The root of what it issues, in PEM.
    pub fn roots(&self) -> String {
        self.root.clone()
    }

    pub fn log(&self) -> &Log {
        self.process.log()
    }
}

/// A running Caddy that serves a name and gets the certificate by itself; killed when dropped.
#[derive(Debug)]
pub struct CaddyClient {
    process: Process,
    _folder: TempDir,
}

impl CaddyClient {
    /// At the ports where the authority looks.
    pub fn start(ports: &Ports, name: &str, ca: &impl Ca, challenge: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("mzt-caddy").tempdir().expect("a temporary folder");
        let (root, file) = (folder.path().join("root.pem"), folder.path().join("caddy.json"));
        std::fs::write(&root, ca.ca_pem()).expect("write root.pem");
        let disabled = if challenge == "http" { "tls-alpn" } else { "http" };
        let config = json!({
            "admin": { "disabled": true, "config": { "persist": false } },
            "storage": { "module": "file_system", "root": folder.path() },
            "apps": {
                "http": {
                    "http_port": ports.http.number(),
                    "https_port": ports.https.number(),
                    "servers": { "site": {
                        "listen": [ports.https.addr().to_string(), ports.http.addr().to_string()],
                        "automatic_https": { "disable_redirects": true },
                        "routes": [{
                            "match": [{ "host": [name] }],
                            "handle": [{ "handler": "static_response", "body": "caddy" }],
                        }],
                    } },
                },
                "tls": { "automation": { "policies": [{
                    "subjects": [name],
                    "issuers": [{
                        "module": "acme",
                        "ca": ca.directory(),
                        "email": "ops@example.test",
                        "trusted_roots_pem_files": [root],
                        "challenges": { disabled: { "disabled": true } },
                    }],
                }] } },
            },
        });
        std::fs::write(&file, config.to_string()).expect("write caddy.json");
        let mut command = Command::new(binary());
        command.args(["run", "--config"]).arg(file).env("HOME", folder.path());
        Self { process: Process::start(command, "run scripts/setup test"), _folder: folder }
    }

    pub fn log(&self) -> &Log {
        self.process.log()
    }
}

impl Ca for CaddyCa {
    fn directory(&self) -> String {
        format!("https://localhost:{}{DIRECTORY}", self.api.number())
    }

    fn ca_pem(&self) -> String {
        self.root.clone()
    }
}

fn config(api: &Port, dns: &Challtestsrv, storage: &Path) -> Value {
    json!({
        "admin": { "disabled": true, "config": { "persist": false } },
        "storage": { "module": "file_system", "root": storage },
        "apps": {
            "http": {
                "https_port": api.number(),
                "servers": { "ca": {
                    "listen": [api.addr().to_string()],
                    "automatic_https": { "disable_redirects": true },
                    "tls_connection_policies": [{}],
                    "routes": [{
                        "match": [{ "host": ["localhost"] }],
                        "handle": [{
                            "handler": "acme_server",
                            "ca": "local",
                            "resolvers": [format!("udp/{}", dns.dns_addr())],
                            "policy": { "allow_wildcard_names": true },
                        }],
                    }],
                } },
            },
            "tls": { "automation": { "policies": [{
                "subjects": ["localhost"],
                "issuers": [{ "module": "internal" }],
            }] } },
            "pki": { "certificate_authorities": { "local": { "install_trust": false } } },
        },
    })
}

/// Where `scripts/setup` puts it: target/debug/deps/test-0123456789abcdef -> target/caddy.
fn binary() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own path");
    let mut places = test.ancestors().map(|folder| folder.join("caddy/bin/caddy"));
    places.find(|path| path.is_file()).expect("Caddy is below target/ (scripts/setup test)")
}
