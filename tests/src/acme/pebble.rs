//! pebble: Let's Encrypt's own authority for tests. It validates as a real one does, and forgets everything at its end.

use super::challtestsrv::Challtestsrv;
use super::edge::Ca;
use super::fetch;
use super::ports::{Port, Ports};
use super::process::Process;
use crate::mizan::Log;
use crate::{Authority, TlsClient, eventually};
use serde_json::json;
use std::net::SocketAddr;
use std::time::Duration;
use tempfile::TempDir;
use tokio::process::Command;

/// A running pebble and its challtestsrv; both are killed when dropped.
#[derive(Debug)]
pub struct Pebble {
    plan: Plan,
    process: Process,
    /// What it asks for names, unless [`Plan::dns_server`] says another.
    pub dns: Challtestsrv,
    api: Port,
    management: Port,
    authority: Authority,
    folder: TempDir,
}

/// What a pebble is to be like.
#[derive(Debug, Clone)]
pub struct Plan {
    http_port: u16,
    https_port: u16,
    validity: Option<u64>,
    external_account: Option<(String, String)>,
    nonce_reject: u8,
    blocked: Vec<String>,
    dns_server: Option<SocketAddr>,
}

impl Plan {
    /// How long certificates are valid, in seconds; otherwise it is five years.
    #[must_use]
    pub fn validity(mut self, seconds: u64) -> Self {
        self.validity = Some(seconds);
        self
    }

    /// An external account is required: this one, its key in base64url.
    #[must_use]
    pub fn external_account(mut self, key_id: &str, hmac_key: &str) -> Self {
        self.external_account = Some((key_id.to_owned(), hmac_key.to_owned()));
        self
    }

    /// So many of a hundred good nonces are called bad.
    #[must_use]
    pub fn nonce_reject(mut self, percent: u8) -> Self {
        self.nonce_reject = percent;
        self
    }

    /// An order with this name is refused.
    #[must_use]
    pub fn block(mut self, name: &str) -> Self {
        self.blocked.push(name.to_owned());
        self
    }

    /// It asks this server for names, not its challtestsrv.
    #[must_use]
    pub fn dns_server(mut self, addr: SocketAddr) -> Self {
        self.dns_server = Some(addr);
        self
    }

    /// # Panics
    /// When it is not installed or does not answer.
    pub async fn start(self) -> Pebble {
        let folder = tempfile::Builder::new().prefix("mzt-pebble").tempdir().expect("a temporary folder");
        let authority = Authority::new("pebble's API");
        authority.server(&["localhost", "127.0.0.1"]).write(folder.path(), "api");
        let (api, management) = (Port::reserve(), Port::reserve());
        let dns = Challtestsrv::start().await;
        std::fs::write(folder.path().join("pebble.json"), self.config(&api, &management))
            .expect("write pebble.json");
        let process = self.run(&folder, dns.dns_addr());
        let mut pebble = Pebble { plan: self, process, dns, api, management, authority, folder };
        pebble.answers().await;
        pebble
    }

    fn config(&self, api: &Port, management: &Port) -> String {
        let mut config = json!({
            "listenAddress": api.addr().to_string(),
            "managementListenAddress": management.addr().to_string(),
            "certificate": "api.pem",
            "privateKey": "api.key",
            "httpPort": self.http_port,
            "tlsPort": self.https_port,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": self.external_account.is_some(),
            "domainBlocklist": self.blocked,
        });
        if let Some(seconds) = self.validity {
            config["certificateValidityPeriod"] = seconds.into();
        }
        if let Some((key_id, key)) = &self.external_account {
            config["externalAccountMACKeys"] = json!({ key_id: key });
        }
        json!({ "pebble": config }).to_string()
    }

    fn run(&self, folder: &TempDir, challtestsrv: SocketAddr) -> Process {
        let dns = self.dns_server.unwrap_or(challtestsrv).to_string();
        let mut command = Command::new("pebble");
        command
            .args(["-config", "pebble.json", "-dnsserver", &dns])
            .current_dir(folder.path())
            .env("PEBBLE_VA_NOSLEEP", "1")
            .env("PEBBLE_WFE_NONCEREJECT", self.nonce_reject.to_string())
            .env("PEBBLE_AUTHZREUSE", "0");
        Process::start(command, "apt-get install pebble")
    }
}

impl Pebble {
    /// One that looks for challenges at these ports.
    pub fn at(ports: &Ports) -> Plan {
        Plan {
            http_port: ports.http.number(),
            https_port: ports.https.number(),
            validity: None,
            external_account: None,
            nonce_reject: 0,
            blocked: Vec::new(),
            dns_server: None,
        }
    }

    /// The roots of what it issues, in PEM. Each start makes others.
    pub async fn roots(&self) -> String {
        self.manage("/roots/0").await
    }

    pub async fn intermediates(&self) -> String {
        self.manage("/intermediates/0").await
    }

    /// What it asks for names: its challtestsrv.
    pub fn dns_addr(&self) -> SocketAddr {
        self.dns.dns_addr()
    }

    /// What it printed since its last start.
    pub fn log(&self) -> &Log {
        self.process.log()
    }

    /// How many orders it has taken since its last start.
    pub fn orders(&self) -> usize {
        let lines = self.log().lines();
        let counts = lines.iter().filter_map(|line| {
            let (_, count) = line.split_once("There are now ")?;
            count.strip_suffix(" orders in the db")?.parse().ok()
        });
        counts.max().unwrap_or(0)
    }

    /// How many certificates it has made since its last start.
    pub fn issued(&self) -> usize {
        self.log().lines().iter().filter(|line| line.contains("Issued certificate serial")).count()
    }

    /// Ends it; [`start_again`](Self::start_again) has it back at its address.
    pub async fn stop(&mut self) {
        self.process.stop().await;
    }

    /// With the same names and ports, and no memory of accounts or orders; its roots are new.
    pub async fn start_again(&mut self) {
        self.process = self.plan.run(&self.folder, self.dns.dns_addr());
        self.answers().await;
    }

    /// It forgets every account and order, and makes new roots.
    pub async fn restart(&mut self) {
        self.stop().await;
        self.start_again().await;
    }

    async fn manage(&self, path: &str) -> String {
        let client = TlsClient::new(&self.authority);
        let body = fetch::body(&client, self.management.addr(), path).await;
        body.unwrap_or_else(|| panic!("pebble gives no {path}; it printed:\n{}", self.log().text()))
    }

    async fn answers(&mut self) {
        let client = TlsClient::new(&self.authority);
        let (api, management) = (self.api.addr(), self.management.addr());
        eventually("pebble answers", Duration::from_secs(10), async || {
            self.process.must_live();
            fetch::body(&client, api, "/dir").await.is_some_and(|body| body.contains("newOrder"))
                && fetch::body(&client, management, "/roots/0").await.is_some()
        })
        .await;
    }
}

impl Ca for Pebble {
    fn directory(&self) -> String {
        format!("https://{}/dir", self.api.addr())
    }

    fn ca_pem(&self) -> String {
        self.authority.root()
    }
}
