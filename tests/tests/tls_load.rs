//! TLS under load: certificates that change, handshakes that are given up, connections that do nothing.

use mizan_tests::https::{Https, Site};
use mizan_tests::load::Load;
use mizan_tests::tls::session;
use mizan_tests::{Authority, Raw, TlsClient, eventually};
use rustls::crypto::aws_lc_rs::kx_group;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

const SECOND: Duration = Duration::from_secs(1);
const KB: f64 = 1024.0;
const MB: f64 = KB * KB;

/// How often the certificate is replaced under load. Each takes a look at the files, every two seconds, or a reload.
const SWAPS: usize = 100;
/// Of the swaps, those that wait for the files to be looked at; the others are put in force by SIGHUP.
const UNTOLD: usize = 4;
/// Handshakes, and after how many memory is compared: allocators have grown by then. Fewer of them where the binary under
/// test is one for debugging.
const HANDSHAKES: [u64; 2] = [2_000, 10_000];
const HANDSHAKES_TO_DEBUG: [u64; 2] = [500, 1_500];
const MOST_GROWTH: f64 = 8.0 * MB;
const IDLE: usize = 1_000;
const MOST_IDLE: f64 = 50.0 * KB;

/// A new connection and a full handshake each time; the serial numbers of the certificates that were shown.
async fn watch_certificates(client: TlsClient, addr: SocketAddr, stop: Arc<AtomicU64>) -> BTreeSet<Vec<u8>> {
    let client = client.without_resumption();
    let mut seen = BTreeSet::new();
    while stop.load(SeqCst) == 0 {
        let stream =
            client.connect(addr, "app.test").await.unwrap_or_else(|e| panic!("a handshake failed: {e}"));
        let chain = session(&stream).peer_certificates().expect("a server shows a certificate");
        seen.insert(chain[0].to_vec());
        let mut raw = Raw::over(stream);
        raw.send("GET / HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n").await;
        assert_eq!(raw.answer().await.status, 200);
    }
    seen
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_certificates_fail_no_handshake_under_load() {
    let mut https = Https::start("").await;
    https.upstream.forget_requests();
    let (client, addr) = (https.client(), https.addr());
    let once = "GET / HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n";
    let fresh = Load::start_tls(addr, &client, "app.test", 4, once);
    let kept = Load::start_tls(addr, &client, "app.test", 2, "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n");
    let stop = Arc::new(AtomicU64::new(0));
    let watching = tokio::spawn(watch_certificates(client.clone(), addr, stop.clone()));
    let yaml = mizan_tests::https::sites(&https.upstream, &[Site::new("app.test", "app")], "");
    let full = client.without_resumption();
    for n in 0..SWAPS {
        let next = https.authority.server(&["app.test"]);
        next.write(https.mizan.folder(), "app");
        if n % (SWAPS / UNTOLD) != 0 {
            https.mizan.reload(&yaml).await;
        }
        eventually("the new one is served", 8 * SECOND, || async {
            let stream = full.connect(addr, "app.test").await.unwrap_or_else(|e| panic!("swap {n}: {e}"));
            session(&stream).peer_certificates().is_some_and(|chain| chain[0] == next.der)
        })
        .await;
    }
    stop.store(1, SeqCst);
    let seen = watching.await.expect("no handshake fails");
    let (fresh, kept) = (fresh.stop().await, kept.stop().await);
    fresh.assert_no_failure();
    kept.assert_no_failure();
    assert_eq!(fresh.refused + kept.refused, 0, "connections were refused");
    assert!(seen.len() > SWAPS / 10, "{} certificates were seen on the way", seen.len());
    println!(
        "{SWAPS} certificates under {} requests on new connections and {} on kept ones; {} of them seen by a bystander",
        fresh.good,
        kept.good,
        seen.len()
    );
}

/// Where a client gives up.
#[derive(Debug, Clone, Copy)]
enum GivesUp {
    /// After so many bytes of its ClientHello: from none to all.
    Within(usize),
    /// When some of the server's flight has come.
    AfterServerHello,
    /// Without a request.
    AfterHandshake,
    Never,
}

impl GivesUp {
    /// Half of all give up; where is spread over all points.
    fn of(n: u64, hello: usize) -> Self {
        let place = (n / 2) as usize;
        match (n % 2, place % 4) {
            (0, _) => Self::Never,
            (_, 0) => Self::Within(place * 37 % (hello + 1)),
            (_, 1) => Self::Within(hello),
            (_, 2) => Self::AfterServerHello,
            _ => Self::AfterHandshake,
        }
    }
}

async fn handshake(client: &TlsClient, addr: SocketAddr, hello: &[u8], until: GivesUp) {
    match until {
        GivesUp::Never => assert_eq!(client.get(addr, "app.test", "/").await.status, 200),
        GivesUp::AfterHandshake => {
            let stream = client.connect(addr, "app.test").await;
            drop(stream.unwrap_or_else(|e| panic!("a handshake failed: {e}")));
        }
        GivesUp::AfterServerHello => {
            let mut tcp = TcpStream::connect(addr).await.unwrap_or_else(|e| panic!("connect: {e}"));
            tcp.write_all(hello).await.expect("a hello fits the socket's buffer");
            tcp.read_exact(&mut [0; 64]).await.expect("a server says hello");
        }
        GivesUp::Within(bytes) => {
            let mut tcp = TcpStream::connect(addr).await.unwrap_or_else(|e| panic!("connect: {e}"));
            tcp.write_all(&hello[..bytes]).await.expect("a hello fits the socket's buffer");
        }
    }
}

/// Handshakes `from..to`, sixteen at a time.
async fn handshakes(client: &TlsClient, addr: SocketAddr, from: u64, to: u64) {
    let next = Arc::new(AtomicU64::new(from));
    let mut workers = JoinSet::new();
    for _ in 0..16 {
        let (client, next) = (client.clone(), next.clone());
        workers.spawn(async move {
            let hello = client.hello("app.test");
            loop {
                let n = next.fetch_add(1, SeqCst);
                if n >= to {
                    return;
                }
                handshake(&client, addr, &hello, GivesUp::of(n, hello.len())).await;
            }
        });
    }
    while let Some(worker) = workers.join_next().await {
        worker.unwrap_or_else(|e| panic!("a client failed: {e}"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handshakes_that_are_given_up_leave_no_memory_behind_under_load() {
    let https = Https::start("").await;
    https.upstream.forget_requests();
    let [few, many] = match std::env::var_os("MIZAN_BIN") {
        Some(_) => HANDSHAKES,
        None => HANDSHAKES_TO_DEBUG,
    };
    // The client's own work is what takes long here: it is spared what is not measured.
    let client = TlsClient::with_groups(&https.authority, vec![kx_group::X25519]).without_resumption();
    handshakes(&client, https.addr(), 0, few).await;
    let warm = https.mizan.resident() as f64;
    let begin = Instant::now();
    handshakes(&client, https.addr(), few, many).await;
    let rate = (many - few) as f64 / begin.elapsed().as_secs_f64();
    eventually("every connection is let go", 15 * SECOND, || async { open_sockets(https.mizan.pid()) < 64 })
        .await;
    let after = https.mizan.resident() as f64;
    println!(
        "{rate:.0} handshakes/s, half of them given up; {:.1} MB after {few}, {:.1} MB after {many}",
        warm / MB,
        after / MB
    );
    assert!(after - warm < MOST_GROWTH, "it grew by {:.1} MB", (after - warm) / MB);
    assert_eq!(https.client().get(https.addr(), "app.test", "/").await.status, 200);
}

/// Descriptors of a process that are sockets.
fn open_sockets(pid: u32) -> usize {
    let folder = std::fs::read_dir(format!("/proc/{pid}/fd")).expect("the process lives");
    let targets = folder.flatten().filter_map(|entry| std::fs::read_link(entry.path()).ok());
    targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count()
}

/// As many connections, each idle behind a request.
async fn idle(client: &TlsClient, addr: SocketAddr, count: usize) -> Vec<Raw> {
    let mut all = Vec::new();
    for _ in 0..count {
        let mut raw = client.raw(addr, "app.test").await;
        raw.send("GET / HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
        assert_eq!(raw.answer().await.status, 200);
        all.push(raw);
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_tls_connection_costs_little_under_load() {
    let https = Https::start("").await;
    let (client, addr) = (https.client(), https.addr());
    let warm = idle(&client, addr, 50).await;
    let before = https.mizan.resident() as f64;
    let all = idle(&client, addr, IDLE).await;
    let each = (https.mizan.resident() as f64 - before) / IDLE as f64;
    println!("an idle TLS connection costs {:.1} KB", each / KB);
    assert!(each < MOST_IDLE, "{:.1} KB", each / KB);
    for mut raw in warm.into_iter().chain(all).step_by(100) {
        raw.send("GET / HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
        assert_eq!(raw.answer().await.status, 200, "it still serves");
    }
}

/// A flood of names that nobody has.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_names_do_not_disturb_the_others_under_load() {
    let https = Https::start("").await;
    https.upstream.forget_requests();
    let (client, addr) = (https.client(), https.addr());
    let load = Load::start_tls(addr, &client, "app.test", 4, "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n");
    let stranger = TlsClient::new(&Authority::new("Test"));
    for n in 0..500 {
        let refused = stranger.connect(addr, &format!("n{n}.nobody.test")).await;
        assert!(refused.is_err(), "nobody has n{n}.nobody.test");
    }
    load.stop().await.assert_no_failure();
}
