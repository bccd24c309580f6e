//! What is counted as under way comes back to 0, however a request ends.

use mizan_tests::net::Blackhole;
use mizan_tests::raw::{exchange, try_exchange};
use mizan_tests::{Mizan, Script, Upstream, eventually};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

async fn start(service: &str, top: &str) -> (Upstream, Mizan) {
    let upstream = Upstream::start("one").await;
    let mizan = Mizan::before(&[&upstream], service, top).await;
    (upstream, mizan)
}

async fn wait_for(mizan: &Mizan, count: u64) {
    eventually(format!("{count} are under way"), 3 * SECOND, || async { mizan.in_flight().await == count })
        .await;
}

#[tokio::test]
async fn after_answers() {
    let (upstream, mizan) = start("", "").await;
    upstream.on("/slow", Script::slow(SECOND / 2));
    let mut clients = Vec::new();
    for _ in 0..5 {
        let mut raw = mizan.connect().await;
        raw.send("GET /slow HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
        clients.push(raw);
    }
    wait_for(&mizan, 5).await;
    for raw in &mut clients {
        assert_eq!(raw.answer().await.status, 200);
    }
    mizan.is_quiet().await;
}

#[tokio::test]
async fn after_clients_that_leave_by_fin_and_by_reset() {
    let (upstream, mizan) = start("", "").await;
    upstream.on("/hang", Script::hang()).on("/events", Script::events(1000, SECOND / 20));
    let mut clients = Vec::new();
    for path in ["/hang", "/events", "/hang", "/events"] {
        let mut raw = mizan.connect().await;
        raw.send(format!("GET {path} HTTP/1.1\r\nHost: app.test\r\n\r\n")).await;
        clients.push(raw);
    }
    wait_for(&mizan, 4).await;
    for (n, raw) in clients.into_iter().enumerate() {
        if n < 2 { raw.reset() } else { drop(raw) }
    }
    mizan.is_quiet().await;
}

#[tokio::test]
async fn after_a_client_that_leaves_in_the_middle_of_its_upload() {
    let (_upstream, mizan) = start("", "").await;
    let mut raw = mizan.connect().await;
    raw.send("POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 1000\r\n\r\nhalf").await;
    wait_for(&mizan, 1).await;
    drop(raw);
    mizan.is_quiet().await;
}

#[tokio::test]
async fn after_upstreams_that_reset_and_break_off() {
    let (upstream, mizan) = start("passive: { max_fails: 0 }", "").await;
    let scripts = [
        Script::reset(),
        Script::close(),
        Script::cut_off(),
        Script::cut_off_chunked(),
        Script::raw("x\r\n\r\n"),
    ];
    for script in scripts {
        upstream.otherwise(script);
        let _ = try_exchange(mizan.addr(), "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    }
    mizan.is_quiet().await;
}

#[tokio::test]
async fn after_timeouts() {
    let (upstream, mizan) = start("timeouts: { read: 200ms }", "").await;
    upstream.on("/hang", Script::hang());
    upstream.on("/half", Script::raw_open("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf"));
    assert_eq!(mizan.get("/hang").await.status, 504);
    let _ = try_exchange(mizan.addr(), "GET /half HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    mizan.is_quiet().await;
}

#[tokio::test]
async fn after_connects_that_hang() {
    let hole = Blackhole::new().await;
    let service = "timeouts: { connect: 200ms, first_try: 200ms }";
    let endpoints = format!("\"{}\"", hole.addr());
    let mizan = Mizan::start(&mizan_tests::mizan::one_service_at(&endpoints, service, "")).await;
    assert_eq!(mizan.get("/").await.status, 504);
    let raw = mizan.connect().await;
    drop(raw);
    mizan.is_quiet().await;
}

#[tokio::test]
async fn after_upgrades() {
    let (upstream, mizan) = start("", "").await;
    upstream.on("/ws", Script::upgrade("websocket"));
    let handshake = "GET /ws HTTP/1.1\r\nHost: app.test\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    let mut clients = Vec::new();
    for _ in 0..3 {
        let mut raw = mizan.connect().await;
        raw.send(handshake).await;
        assert_eq!(raw.answer().await.status, 101);
        clients.push(raw);
    }
    wait_for(&mizan, 3).await;
    clients.pop().unwrap().reset();
    drop(clients.pop());
    wait_for(&mizan, 1).await;
    // The upstream may end it as well.
    upstream.stop().await;
    mizan.is_quiet().await;
    assert!(clients[0].is_closed(SECOND).await);
}

#[tokio::test]
async fn after_refused_bodies() {
    let (_upstream, mizan) = start("", "").await;
    let mut raw = mizan.connect().await;
    raw.send("POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\nrubbish\r\n").await;
    let _ = raw.try_answer("GET").await;
    mizan.is_quiet().await;
    exchange(mizan.addr(), "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    mizan.is_quiet().await;
}

#[tokio::test]
async fn the_count_of_client_connections_comes_back_too() {
    let (_upstream, mizan) = start("", "").await;
    let mut clients = Vec::new();
    for _ in 0..10 {
        clients.push(mizan.connect().await);
    }
    eventually("ten are open", SECOND, || async { mizan.status().await.connections == 10 }).await;
    for (n, raw) in clients.into_iter().enumerate() {
        if n % 2 == 0 { raw.reset() } else { drop(raw) }
    }
    eventually("none is open", SECOND, || async { mizan.status().await.connections == 0 }).await;
}
