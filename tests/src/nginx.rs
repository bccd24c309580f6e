//! nginx as an upstream that is not ours.

use crate::eventually;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

/// A running nginx; killed when dropped.
#[derive(Debug)]
pub struct Nginx {
    child: Child,
    addr: SocketAddr,
    folder: TempDir,
}

impl Nginx {
    /// With these lines inside its `server` block.
    pub async fn start(server: &str) -> Self {
        Self::start_by("", server, &[]).await
    }

    /// With these words on its `listen` line (`ssl http2`), and these files (name, text) beside its own.
    pub async fn start_by(listen: &str, server: &str, files: &[(&str, &str)]) -> Self {
        let folder = tempfile::Builder::new().prefix("mzt-nginx").tempdir().expect("a temporary folder");
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).expect("write a file for nginx");
        }
        let binary =
            if std::path::Path::new("/usr/sbin/nginx").exists() { "/usr/sbin/nginx" } else { "nginx" };
        // It cannot be told port 0 and hand the port over: take a free one, again if somebody was quicker.
        for _ in 0..10 {
            let addr = free_port().await;
            let file = folder.path().join("n.conf");
            std::fs::write(&file, config(addr, listen, server)).expect("write nginx's file");
            let mut child = Command::new(binary)
                .args(["-e", "stderr", "-p"])
                .arg(folder.path())
                .args(["-c", "n.conf"])
                .stdin(Stdio::null())
                .stderr(Stdio::null())
                .kill_on_drop(true)
                .spawn()
                .expect("nginx is installed (apt-get install nginx-light)");
            let mut gone = false;
            eventually("nginx listens or is gone", Duration::from_secs(5), || {
                gone = child.try_wait().is_ok_and(|status| status.is_some());
                async move { gone || TcpStream::connect(addr).await.is_ok() }
            })
            .await;
            if child.try_wait().is_ok_and(|status| status.is_none()) {
                return Self { child, addr, folder };
            }
        }
        panic!("nginx does not start");
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Puts a file under its root.
    pub fn put(&self, name: &str, content: &[u8]) {
        std::fs::write(self.folder.path().join(name), content).expect("write a file for nginx");
    }

    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }
}

fn config(addr: SocketAddr, listen: &str, server: &str) -> String {
    format!(
        "daemon off; master_process off; pid x; error_log stderr crit;\n\
         events {{ worker_connections 512; }}\n\
         http {{\n  access_log off; root .; default_type text/plain; keepalive_requests 1000000;\n  \
         client_body_temp_path b; proxy_temp_path p; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;\n  \
         server {{ listen {addr} {listen} backlog=1024;\n{server}\n  }}\n}}\n"
    )
}

async fn free_port() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    listener.local_addr().expect("the listener is bound")
}
