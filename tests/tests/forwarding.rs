//! What goes on to the upstream, and what comes back: fields, upgrades, streams.

use mizan_tests::raw::{End, exchange};
use mizan_tests::script::{Gate, Step};
use mizan_tests::{Mizan, Script, Upstream, eventually};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn forwarding_fields_of_strangers_are_replaced() {
    let upstream = Upstream::start("one").await;
    let mizan = Mizan::before(&[&upstream], "", "forwarded: true").await;
    let fields = "X-Forwarded-For: 6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\nX-Forwarded-Proto: https\r\n\
                  X-Forwarded-Host: evil.test\r\nForwarded: for=6.6.6.6\r\n";
    exchange(mizan.addr(), format!("GET / HTTP/1.1\r\nHost: app.test:81\r\n{fields}\r\n")).await;
    let request = upstream.only_request();
    assert_eq!(request.header("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(request.header("x-real-ip"), Some("127.0.0.1"));
    assert_eq!(request.header("x-forwarded-proto"), Some("http"));
    assert_eq!(request.header("x-forwarded-host"), Some("app.test:81"));
    let forwarded = request.header("forwarded").expect("it was asked for").to_lowercase();
    assert!(forwarded.contains("for=127.0.0.1") && forwarded.contains("proto=http"), "{forwarded}");
    assert!(!forwarded.contains("6.6.6.6"), "{forwarded}");
}

#[tokio::test]
async fn forwarding_fields_of_a_trusted_proxy_are_believed_and_appended_to() {
    let upstream = Upstream::start("one").await;
    let mizan = Mizan::before(&[&upstream], "", "trusted_proxies: [127.0.0.0/8, 10.0.0.0/8]").await;
    let fields = "X-Forwarded-For: 6.6.6.6, 9.9.9.9, 10.1.1.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.test\r\n";
    exchange(mizan.addr(), format!("GET / HTTP/1.1\r\nHost: app.test\r\n{fields}\r\n")).await;
    let request = upstream.only_request();
    assert_eq!(request.header("x-forwarded-for"), Some("6.6.6.6, 9.9.9.9, 10.1.1.1, 127.0.0.1"));
    // The last address that no trusted proxy has: what stands before it anybody can write.
    assert_eq!(request.header("x-real-ip"), Some("9.9.9.9"));
    assert_eq!(request.header("x-forwarded-proto"), Some("https"));
    assert_eq!(request.header("x-forwarded-host"), Some("shop.test"));
}

#[tokio::test]
async fn a_proxy_outside_the_trusted_ranges_is_a_stranger() {
    let upstream = Upstream::start("one").await;
    let mizan = Mizan::before(&[&upstream], "", "trusted_proxies: [10.0.0.0/8]").await;
    exchange(mizan.addr(), "GET / HTTP/1.1\r\nHost: app.test\r\nX-Forwarded-For: 9.9.9.9\r\n\r\n").await;
    assert_eq!(upstream.only_request().header("x-forwarded-for"), Some("127.0.0.1"));
}

#[tokio::test]
async fn the_host_is_set_where_a_route_says_so() {
    let upstream = Upstream::start("one").await;
    let mizan = Mizan::start(&format!(
        "
        services: {{ app: {{ endpoints: \"{}\" }} }}
        sites:
          - hosts: [\"*\"]
            routes:
              - {{ path: /, service: app, host: inner.test }}
        ",
        upstream.addr()
    ))
    .await;
    mizan.get("/").await;
    let request = upstream.only_request();
    assert_eq!(request.header("host"), Some("inner.test"));
    assert_eq!(request.header("x-forwarded-host"), Some("app.test"));
}

#[tokio::test]
async fn fields_of_one_hop_end_here() {
    let upstream = Upstream::start("one").await;
    upstream.on(
        "/",
        Script::answer(
            200,
            &[
                ("keep-alive", "timeout=5"),
                ("connection", "x-inner, keep-alive"),
                ("x-inner", "1"),
                ("x-kept", "1"),
            ],
            "ok",
        ),
    );
    let mizan = Mizan::before(&[&upstream], "", "").await;
    let fields = "Connection: X-Mine, X-Forwarded-For, Host, close\r\nX-Mine: 1\r\nKeep-Alive: timeout=5\r\n\
                  Proxy-Connection: keep-alive\r\nTE: gzip\r\nProxy: http://evil\r\nX-Kept: 1\r\n";
    let answer = exchange(mizan.addr(), format!("GET / HTTP/1.1\r\nHost: app.test\r\n{fields}\r\n")).await;
    let request = upstream.only_request();
    for name in ["x-mine", "keep-alive", "proxy-connection", "te", "proxy"] {
        assert_eq!(request.header(name), None, "{name} in\n{}", request.head);
    }
    // What the edge itself adds cannot be nominated away.
    assert_eq!(request.header("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(request.header("host"), Some("app.test"));
    assert_eq!(request.header("x-kept"), Some("1"));
    assert_eq!((answer.header("x-kept"), answer.header("x-inner")), (Some("1"), None), "{}", answer.head);
    assert!(!answer.head.to_lowercase().contains("timeout=5"), "{}", answer.head);
}

const HANDSHAKE: &str = "GET /ws HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

#[tokio::test]
async fn a_websocket_passes_and_is_not_cut_by_the_read_timeout() {
    let upstream = Upstream::start("one").await;
    upstream.on("/ws", Script::upgrade("websocket"));
    let mizan = Mizan::before(
        &[&upstream],
        "timeouts: { read: 300ms, send: 300ms }",
        "limits: { idle_timeout: 300ms, body_grace: 300ms }",
    )
    .await;
    let mut raw = mizan.connect().await;
    raw.send(HANDSHAKE).await;
    let answer = raw.answer().await;
    assert_eq!(answer.status, 101);
    assert_eq!(answer.header("upgrade").map(str::to_lowercase).as_deref(), Some("websocket"));
    raw.send("hello").await;
    assert_eq!(raw.read_until("hello").await, "hello");
    assert_eq!(raw.end(Duration::from_millis(900)).await, End::StillOpen);
    raw.send("again").await;
    assert_eq!(raw.read_until("again").await, "again");
    assert_eq!(mizan.in_flight().await, 1);
    drop(raw);
    mizan.is_quiet().await;
    eventually("the upstream's side is closed", SECOND, || async { upstream.open_connections() == 0 }).await;
}

#[tokio::test]
async fn bytes_sent_right_behind_the_handshake_arrive() {
    let upstream = Upstream::start("one").await;
    upstream.on("/ws", Script::upgrade("websocket"));
    let mizan = Mizan::before(&[&upstream], "", "").await;
    let mut raw = mizan.connect().await;
    raw.send(format!("{HANDSHAKE}early")).await;
    assert_eq!(raw.answer().await.status, 101);
    assert_eq!(raw.read_until("early").await, "early");
}

#[tokio::test]
async fn an_upgrade_to_h2c_or_to_what_the_route_does_not_allow_is_dropped() {
    let upstream = Upstream::start("one").await;
    let mizan = Mizan::before(&[&upstream], "", "").await;
    for fields in [
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
        "Connection: Upgrade\r\nUpgrade: h2c, websocket\r\n",
        "Connection: Upgrade\r\nUpgrade: tls/1.0\r\n",
    ] {
        let answer =
            exchange(mizan.addr(), format!("GET / HTTP/1.1\r\nHost: app.test\r\n{fields}\r\n")).await;
        assert!([200, 400].contains(&answer.status), "{}", answer.head);
    }
    for request in upstream.requests() {
        assert!(!request.head.to_lowercase().contains("h2c"), "{}", request.head);
        assert!(!request.head.to_lowercase().contains("tls/1.0"), "{}", request.head);
        assert_eq!(request.header("http2-settings"), None);
    }
}

#[tokio::test]
async fn a_route_can_allow_another_upgrade() {
    let upstream = Upstream::start("one").await;
    upstream.on("/", Script::upgrade("tea"));
    let mizan = Mizan::start(&format!(
        "
        services: {{ app: {{ endpoints: \"{}\" }} }}
        sites:
          - hosts: [\"*\"]
            routes:
              - {{ path: /, service: app, upgrade: [tea] }}
        ",
        upstream.addr()
    ))
    .await;
    let mut raw = mizan.connect().await;
    raw.send("GET / HTTP/1.1\r\nHost: app.test\r\nConnection: upgrade\r\nUpgrade: tea\r\n\r\n").await;
    assert_eq!(raw.answer().await.status, 101);
}

#[tokio::test]
async fn an_event_reaches_the_client_at_once() {
    let upstream = Upstream::start("one").await;
    let gate = Gate::new();
    let stream = |head: &str, event: &str| {
        Script::steps([
            Step::Send(
                format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n{head}\r\n").into_bytes(),
            ),
            Step::Send(event.as_bytes().to_vec()),
            Step::Gate(gate.clone()),
            Step::Close,
        ])
    };
    upstream.on("/close", stream("", "data: 1\n\n"));
    upstream.on("/chunked", stream("transfer-encoding: chunked\r\n", "9\r\ndata: 1\n\n\r\n"));
    upstream.on("/length", stream("content-length: 1000\r\n", "data: 1\n\n"));
    let mizan = Mizan::before(&[&upstream], "", "").await;
    for path in ["/close", "/chunked", "/length"] {
        let mut raw = mizan.connect().await.patience(2 * SECOND);
        raw.send(format!("GET {path} HTTP/1.1\r\nHost: app.test\r\n\r\n")).await;
        // The upstream says nothing more until the gate opens.
        raw.read_until("data: 1\n\n").await;
    }
    gate.open();
}

#[tokio::test]
async fn an_upload_reaches_the_upstream_as_it_comes() {
    let upstream = Upstream::start("one").await;
    let mizan = Mizan::before(&[&upstream], "", "").await;
    let mut raw = mizan.connect().await;
    raw.send("POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 10\r\n\r\nfirst").await;
    eventually("half of it is there", 2 * SECOND, || async {
        upstream.requests().first().is_some_and(|r| r.body == b"first")
    })
    .await;
    raw.send("later").await;
    assert_eq!(raw.answer().await.status, 200);
    assert_eq!(upstream.only_request().body, b"firstlater");
}

#[tokio::test]
async fn a_client_that_waits_for_100_continue_gets_it() {
    let upstream = Upstream::start("one").await;
    let mizan = Mizan::before(&[&upstream], "", "").await;
    let mut raw = mizan.connect().await;
    raw.send("POST / HTTP/1.1\r\nHost: app.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n").await;
    let interim = raw.head().await.expect("an interim answer");
    assert!(interim.starts_with("HTTP/1.1 100"), "{interim}");
    raw.send("hello").await;
    let answer = raw.answer().await;
    assert_eq!(answer.status, 200);
    assert_eq!(upstream.only_request().body, b"hello");
}

#[tokio::test]
async fn an_http_1_0_client_gets_no_chunks() {
    let upstream = Upstream::start("one").await;
    upstream.on("/", Script::chunked(&["hello ", "world"]));
    let mizan = Mizan::before(&[&upstream], "", "").await;
    let mut raw = mizan.connect().await;
    raw.send("GET / HTTP/1.0\r\nHost: app.test\r\n\r\n").await;
    let answer = raw.answer().await;
    assert_eq!(answer.header("transfer-encoding"), None, "{}", answer.head);
    assert_eq!(answer.text(), "hello world");
    assert!(raw.is_closed(SECOND).await);
}

#[tokio::test]
async fn answers_without_a_body_have_none() {
    let upstream = Upstream::start("one").await;
    upstream.on("/204", Script::steps([Step::Send(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec())]));
    upstream.on(
        "/304",
        Script::steps([Step::Send(b"HTTP/1.1 304 Not Modified\r\netag: \"x\"\r\n\r\n".to_vec())]),
    );
    upstream.on(
        "/head",
        Script::steps([Step::Send(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n".to_vec())]),
    );
    let mizan = Mizan::before(&[&upstream], "", "").await;
    let mut raw = mizan.connect().await;
    // One connection for all: a body where none belongs would stand before the next answer.
    for (method, path, status) in
        [("GET", "/204", 204), ("GET", "/304", 304), ("HEAD", "/head", 200), ("GET", "/", 200)]
    {
        raw.send(format!("{method} {path} HTTP/1.1\r\nHost: app.test\r\n\r\n")).await;
        let answer = raw.try_answer(method).await.unwrap_or_else(|e| panic!("{method} {path}: {e}"));
        assert_eq!(answer.status, status, "{method} {path}");
    }
}

#[tokio::test]
async fn interim_answers_do_not_confuse_the_final_one() {
    let upstream = Upstream::start("one").await;
    let hints = b"HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n".to_vec();
    let last = mizan_tests::script::answer(200, &[], "final");
    upstream
        .on("/", Script::steps([Step::Send(hints), Step::Wait(Duration::from_millis(50)), Step::Send(last)]));
    let mizan = Mizan::before(&[&upstream], "", "").await;
    let answer = mizan.get("/").await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "final"));
}

#[tokio::test]
async fn an_answer_before_the_end_of_the_upload_reaches_the_client() {
    let upstream = Upstream::start("one").await;
    let refusal = mizan_tests::script::answer(413, &[("connection", "close")], "too big");
    upstream.on("/", Script::early([Step::Send(refusal), Step::Close]));
    let mizan = Mizan::before(&[&upstream], "", "").await;
    let mut raw = mizan.connect().await;
    raw.send("POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 100000\r\n\r\nbegin").await;
    assert_eq!(raw.answer().await.status, 413);
    drop(raw);
    mizan.is_quiet().await;
}
