//! named: a DNS server with a zone that is updated by RFC 2136.

use super::ports::Port;
use super::process::Process;
use crate::mizan::Log;
use crate::{dnsmasq, eventually};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::Command;

/// A running named; killed when dropped.
#[derive(Debug)]
pub struct Named {
    process: Process,
    port: Port,
    zone: String,
    folder: TempDir,
}

impl Named {
    /// The name of the key that may change the zone; it is for hmac-sha256.
    pub const KEY: &str = "mizan-key";
    /// Its secret, in base64.
    pub const SECRET: &str = "bWl6YW4ncyB0ZXN0cyBuZWVkIG5vIHNlY3JldHMgIQ==";

    /// For one zone, where every name has the address 127.0.0.1.
    ///
    /// # Panics
    /// When it is not installed or does not answer.
    pub async fn start(zone: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("mzt-named").tempdir().expect("a temporary folder");
        let port = Port::reserve();
        std::fs::write(folder.path().join("named.conf"), config(folder.path(), &port, zone))
            .expect("write named.conf");
        std::fs::write(folder.path().join("zone.db"), records()).expect("write the zone");
        // AppArmor, where there is one, keeps named in its own folders: it knows it by its path.
        let binary = folder.path().join("named");
        std::fs::copy(installed(), &binary).expect("copy named");
        let mut command = Command::new(binary);
        command.args(["-g", "-n", "1", "-c", "named.conf"]).current_dir(folder.path());
        let process = Process::start(command, "apt-get install bind9");
        let mut named = Self { process, port, zone: zone.to_owned(), folder };
        let name = format!("any.{zone}");
        eventually("named answers", Duration::from_secs(10), async || {
            named.process.must_live();
            // A query that is asked too early is lost, and waited for.
            TcpStream::connect(named.port.addr()).await.is_ok()
                && dnsmasq::ask(named.port.addr(), &name).await == Some(1)
        })
        .await;
        named
    }

    pub fn addr(&self) -> SocketAddr {
        self.port.addr()
    }

    pub fn zone(&self) -> &str {
        &self.zone
    }

    pub fn log(&self) -> &Log {
        self.process.log()
    }

    /// Its folder, for files beside its own.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The TXT records of a name, as dig prints them.
    pub async fn txt(&self, name: &str) -> Vec<String> {
        let (port, server) = (self.port.number().to_string(), format!("@{}", self.port.addr().ip()));
        let words = [&server, "-p", &port, "+short", "+norecurse", name, "TXT"];
        let finished = crate::cli::run("dig", self.folder(), &words, &[]).await;
        assert_eq!(finished.code, Some(0), "{finished:?}");
        finished.stdout.lines().map(|line| line.trim_matches('"').to_owned()).collect()
    }

    /// Has nsupdate say this (`update add ...`), signed by the key; gives what it complained of.
    pub async fn update(&self, line: &str) -> Result<(), String> {
        let SocketAddr::V4(addr) = self.addr() else { unreachable!("it listens on 127.0.0.1") };
        let script = format!("server {} {}\nzone {}\n{line}\nsend\n", addr.ip(), addr.port(), self.zone);
        std::fs::write(self.folder().join("update"), script).expect("write a script for nsupdate");
        let key = format!("hmac-sha256:{}:{}", Self::KEY, Self::SECRET);
        let finished = crate::cli::run("nsupdate", self.folder(), &["-y", &key, "update"], &[]).await;
        if finished.code == Some(0) { Ok(()) } else { Err(finished.stderr) }
    }
}

fn config(folder: &Path, port: &Port, zone: &str) -> String {
    let (folder, port) = (folder.display(), port.number());
    let (key, secret) = (Named::KEY, Named::SECRET);
    format!(
        "options {{ directory \"{folder}\"; listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};\n\
         recursion no; dnssec-validation no; pid-file none; session-keyfile none; notify no; }};\n\
         controls {{ }};\n\
         key \"{key}\" {{ algorithm hmac-sha256; secret \"{secret}\"; }};\n\
         zone \"{zone}\" {{ type primary; file \"zone.db\"; allow-update {{ key \"{key}\"; }}; }};\n"
    )
}

fn records() -> &'static str {
    "$TTL 1\n@ SOA ns hostmaster 1 60 60 600 1\n@ NS ns\nns A 127.0.0.1\n@ A 127.0.0.1\n* A 127.0.0.1\n"
}

fn installed() -> PathBuf {
    let places = ["/usr/sbin/named", "/usr/bin/named", "/usr/local/sbin/named"];
    let found = places.iter().map(PathBuf::from).find(|path| path.is_file());
    found.expect("named is installed (apt-get install bind9)")
}
