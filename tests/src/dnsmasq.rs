//! dnsmasq: a DNS server that is not ours, with Docker's TTL.

use crate::eventually;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// A running dnsmasq; killed when dropped.
#[derive(Debug)]
pub struct Dnsmasq {
    child: Child,
    addr: SocketAddr,
    hosts: PathBuf,
    _folder: TempDir,
}

impl Dnsmasq {
    /// Knows these names and no other.
    pub async fn start(names: &[(&str, &[Ipv4Addr])]) -> Self {
        let folder = tempfile::Builder::new().prefix("mzt-dnsmasq").tempdir().expect("a temporary folder");
        let hosts = folder.path().join("hosts");
        std::fs::write(&hosts, lines(names)).expect("write the hosts file");
        // It cannot be told port 0, and has no other way to hand its port over: take one that is free now, and try
        // again with another if somebody was quicker.
        for _ in 0..10 {
            let addr = free_port();
            let mut child = Command::new("dnsmasq")
                .args(["-k", "-C", "/dev/null", "-p", &addr.port().to_string()])
                .args(["--listen-address=127.0.0.1", "--bind-interfaces", "--no-resolv", "--no-hosts"])
                .args([&format!("--addn-hosts={}", hosts.display()), "--local=/#/", "--local-ttl=600"])
                .args(["-u", "root", "--pid-file="])
                .stdin(Stdio::null())
                .stderr(Stdio::null())
                .kill_on_drop(true)
                .spawn()
                .expect("dnsmasq is installed (apt-get install dnsmasq-base)");
            if answers(addr, &mut child).await {
                return Self { child, addr, hosts, _folder: folder };
            }
        }
        panic!("dnsmasq does not start");
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Knows these names from now on (HUP is not instant: see [`knows`](Self::knows)).
    pub fn set(&self, names: &[(&str, &[Ipv4Addr])]) {
        std::fs::write(&self.hosts, lines(names)).expect("write the hosts file");
        let pid = self.child.id().and_then(|pid| rustix::process::Pid::from_raw(pid.cast_signed()));
        rustix::process::kill_process(pid.expect("dnsmasq runs"), rustix::process::Signal::HUP)
            .expect("HUP to dnsmasq");
    }

    /// Waits until it gives so many addresses for a name.
    pub async fn knows(&self, name: &str, count: usize) {
        eventually(format!("dnsmasq gives {count} addresses for {name}"), Duration::from_secs(5), || async {
            ask(self.addr, name).await == Some(count)
        })
        .await;
    }
}

fn lines(names: &[(&str, &[Ipv4Addr])]) -> String {
    let mut text = String::new();
    for (name, addresses) in names {
        for address in *addresses {
            let _ = writeln!(text, "{address} {name}");
        }
    }
    text
}

fn free_port() -> SocketAddr {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    socket.local_addr().expect("the socket is bound")
}

/// It serves TCP on the same port: a connect tells that it is up, without a query of our own.
async fn answers(addr: SocketAddr, child: &mut Child) -> bool {
    let mut up = false;
    let mut gone = false;
    for _ in 0..300 {
        up = tokio::net::TcpStream::connect(addr).await.is_ok();
        gone = child.try_wait().is_ok_and(|status| status.is_some());
        if up || gone {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    up && !gone
}

/// The number of addresses that the server at `addr` gives for a name.
pub async fn ask(addr: SocketAddr, name: &str) -> Option<usize> {
    use hickory_proto::op::{Message, MessageType, OpCode, Query};
    use hickory_proto::rr::{Name, RecordType};
    let mut message = Message::new(7, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(Name::from_str_relaxed(name).ok()?, RecordType::A));
    let socket = tokio::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.ok()?;
    socket.send_to(&message.to_vec().ok()?, addr).await.ok()?;
    let mut buffer = [0; 2048];
    let receive = socket.recv(&mut buffer);
    let length = tokio::time::timeout(Duration::from_secs(1), receive).await.ok()?.ok()?;
    Some(Message::from_vec(&buffer[..length]).ok()?.answers.len())
}
