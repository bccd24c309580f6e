//! HTTP/2 as an attacker speaks it: each connection is ended with a word why, and nobody else notices.

mod floods;
mod limits;

use mizan_tests::h2::{
    self, CONTINUATION, DATA, END_HEADERS, END_STREAM, H2, HEADERS, PING, PRIORITY, RST_STREAM, SETTINGS,
    Said, WINDOW_UPDATE, frame, settings_frame,
};
use mizan_tests::{Authority, Mizan, Script, TlsClient, Upstream, eventually};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

const SECOND: Duration = Duration::from_secs(1);
const MIB: u64 = 1024 * 1024;

const ENHANCE_YOUR_CALM: u32 = 0xb;
const REFUSED_STREAM: u32 = 7;
const FLOW_CONTROL_ERROR: u32 = 3;

const INITIAL_WINDOW_SIZE: u16 = 4;

const GET: [(&str, &str); 4] =
    [(":method", "GET"), (":scheme", "http"), (":authority", "app.test"), (":path", "/x")];
const POST: [(&str, &str); 4] =
    [(":method", "POST"), (":scheme", "http"), (":authority", "app.test"), (":path", "/hang")];

/// What no attack may make the process grow by. A debug build and its allocator keep some of what was used.
const GROWTH: u64 = 48 * MIB;

struct Edge {
    upstream: Upstream,
    mizan: Mizan,
    tls: Option<TlsClient>,
}

impl Edge {
    async fn plain(top: &str) -> Self {
        let upstream = upstream().await;
        let mizan = Mizan::before(&[&upstream], "", top).await;
        Self { upstream, mizan, tls: None }
    }

    async fn tls() -> Self {
        let upstream = upstream().await;
        let authority = Authority::new("abuse");
        let folder = tempfile::Builder::new().prefix("mzt").tempdir().expect("a temporary folder");
        authority.server(&["app.test"]).write(folder.path(), "app");
        let yaml = format!(
            "listen: {{ https: \"127.0.0.1:0\" }}\nservices:\n  app: {{ endpoints: [\"{}\"] }}\n\
             sites:\n  - hosts: [app.test]\n    tls: {{ certificate: ${{FOLDER}}/app.pem, key: ${{FOLDER}}/app.key }}\n\
             \x20   routes:\n      - {{ path: /, service: app }}\n",
            upstream.addr()
        );
        let mizan = mizan_tests::mizan::Launch::default().start_in(folder, &yaml).await;
        Self { upstream, mizan, tls: Some(TlsClient::new(&authority).alpn(&["h2"])) }
    }

    async fn connect(&self, settings: &[(u16, u32)]) -> H2 {
        let addr = self.mizan.addr();
        match &self.tls {
            Some(tls) => H2::over(tls.connect(addr, "app.test").await.expect("a handshake"), settings).await,
            None => H2::over(TcpStream::connect(addr).await.expect("a connection"), settings).await,
        }
    }
}

async fn upstream() -> Upstream {
    let upstream = Upstream::start("one").await;
    upstream.on("/hang", Script::hang()).on("/big", Script::big(64 * MIB)).forget_requests();
    upstream
}

fn opened(stream: u32, fields: &[(&str, &str)], end: u8) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | end, stream, &h2::block(fields))
}
