//! pebble-challtestsrv: a DNS server that gives 127.0.0.1 for every name, and takes other records over HTTP.

use super::ports::Port;
use super::process::Process;
use crate::raw::try_exchange;
use crate::{dnsmasq, eventually};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::process::Command;

/// A running challtestsrv; killed when dropped.
#[derive(Debug)]
pub struct Challtestsrv {
    process: Process,
    dns: Port,
    management: Port,
}

impl Challtestsrv {
    /// # Panics
    /// When it is not installed or does not answer.
    pub async fn start() -> Self {
        let (dns, management) = (Port::reserve(), Port::reserve());
        let mut command = Command::new("pebble-challtestsrv");
        command
            .args(["-management", &management.addr().to_string(), "-dns01", &dns.addr().to_string()])
            .args(["-http01", "", "-https01", "", "-tlsalpn01", ""])
            .args(["-defaultIPv4", "127.0.0.1", "-defaultIPv6", ""]);
        let process = Process::start(command, "apt-get install pebble");
        let mut server = Self { process, dns, management };
        eventually("challtestsrv answers", Duration::from_secs(10), async || {
            server.process.must_live();
            // A query that is asked too early is lost, and waited for.
            TcpStream::connect(server.dns.addr()).await.is_ok()
                && dnsmasq::ask(server.dns.addr(), "any.example.test").await == Some(1)
                && try_exchange(server.management.addr(), "GET / HTTP/1.0\r\n\r\n").await.is_ok()
        })
        .await;
        server
    }

    /// Where it answers DNS.
    pub fn dns_addr(&self) -> SocketAddr {
        self.dns.addr()
    }

    /// Where it takes records: `http://127.0.0.1:PORT`.
    pub fn management(&self) -> String {
        format!("http://{}", self.management.addr())
    }

    /// The TXT record of `name`, beside those that it has.
    pub async fn set_txt(&self, name: &str, value: &str) {
        self.post("/set-txt", &json!({ "host": dotted(name), "value": value })).await;
    }

    pub async fn clear_txt(&self, name: &str) {
        self.post("/clear-txt", &json!({ "host": dotted(name) })).await;
    }

    /// Another address than 127.0.0.1 for a name.
    pub async fn set_a(&self, name: &str, addresses: &[&str]) {
        self.post("/clear-a", &json!({ "host": dotted(name) })).await;
        self.post("/add-a", &json!({ "host": dotted(name), "addresses": addresses })).await;
    }

    /// Who may issue for a name.
    pub async fn set_caa(&self, name: &str, issuer: &str) {
        let policies = json!([{ "tag": "issue", "value": issuer }]);
        self.post("/add-caa", &json!({ "host": dotted(name), "policies": policies })).await;
    }

    /// SERVFAIL for a name from now on.
    pub async fn servfail(&self, name: &str) {
        self.post("/set-servfail", &json!({ "host": dotted(name) })).await;
    }

    pub async fn clear_servfail(&self, name: &str) {
        self.post("/clear-servfail", &json!({ "host": dotted(name) })).await;
    }

    async fn post(&self, path: &str, body: &Value) {
        let body = body.to_string();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        let answer = try_exchange(self.management.addr(), head + &body).await;
        let answer = answer.unwrap_or_else(|e| panic!("challtestsrv {path}: {e}"));
        assert_eq!(answer.status, 200, "challtestsrv {path} {body}: {}", answer.text());
    }
}

/// It wants names with their last dot.
fn dotted(name: &str) -> String {
    format!("{}.", name.trim_end_matches('.'))
}
