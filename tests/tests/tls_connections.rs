//! HTTP over TLS: what goes through is whole, and how connections begin and end.

use mizan_tests::h2::{H2, PREFACE, Reply};
use mizan_tests::raw::End;
use mizan_tests::script::{Gate, Step, pattern};
use mizan_tests::{Https, Raw, Script, eventually};
use rustix::process::Signal;
use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);
const GET: &str = "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n";
/// Well beyond every buffer on the way.
const BIG: usize = 20 * 1024 * 1024;

/// A connection that speaks HTTP/1.1 over TLS.
async fn connect(https: &Https) -> Raw {
    https.client().raw(https.addr(), "app.test").await
}

/// The other side said that this is all (close_notify), so that nobody takes a cut for an end.
async fn assert_ends_well(raw: &mut Raw, what: &str) {
    assert_eq!(
        raw.end(4 * SECOND).await,
        End::Closed,
        "{what}: an end without close_notify is a reset to rustls"
    );
}

#[tokio::test]
async fn upstreams_are_told_that_the_client_came_over_https() {
    let https = Https::start("forwarded: true").await;
    let mut raw = connect(&https).await;
    raw.send("GET / HTTP/1.1\r\nHost: app.test\r\nX-Forwarded-Proto: http\r\nForwarded: proto=http\r\n\r\n")
        .await;
    assert_eq!(raw.answer().await.status, 200);
    let request = https.upstream.only_request();
    assert_eq!(request.header("x-forwarded-proto"), Some("https"));
    let forwarded = request.header("forwarded").expect("it was asked for");
    assert!(forwarded.contains("proto=https") && !forwarded.contains("proto=http;"), "{forwarded}");
}

#[tokio::test]
async fn a_big_answer_arrives_whole() {
    let https = Https::start("").await;
    https.upstream.on("/big", Script::big(BIG as u64));
    let answer = https.client().get(https.addr(), "app.test", "/big").await;
    assert!(answer.check.is_whole(BIG as u64), "{:?}", answer.check);
}

#[tokio::test]
async fn a_big_upload_arrives_whole_by_length_and_in_chunks() {
    let https = Https::start("").await;
    let body = pattern(0, BIG);
    let mut raw = connect(&https).await;
    raw.send(format!("POST /length HTTP/1.1\r\nHost: app.test\r\nContent-Length: {BIG}\r\n\r\n")).await;
    raw.send(&body).await;
    assert_eq!(raw.answer().await.status, 200);
    raw.send("POST /chunks HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    for chunk in body.chunks(100_000) {
        raw.send([format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat()).await;
    }
    raw.send("0\r\n\r\n").await;
    assert_eq!(raw.answer().await.status, 200);
    for path in ["/length", "/chunks"] {
        let requests = https.upstream.requests_for(path);
        assert!(
            requests[0].whole && requests[0].check.is_whole(BIG as u64),
            "{path}: {:?}",
            requests[0].check
        );
    }
}

#[tokio::test]
async fn big_bodies_arrive_whole_over_http2() {
    let https = Https::start("").await;
    https.upstream.on("/big", Script::big(BIG as u64));
    std::fs::write(https.mizan.folder().join("body"), pattern(0, BIG)).expect("written");
    let finished = https.curl("app.test", "/upload", &["--http2", "--data-binary", "@body"]).await;
    assert_eq!(finished.stdout, "one", "{finished:?}");
    let sent = https.upstream.last_request();
    assert!(sent.whole && sent.check.is_whole(BIG as u64), "{:?}", sent.check);
    let finished =
        https.curl("app.test", "/big", &["--http2", "-o", "answer", "-w", "%{http_version}"]).await;
    assert_eq!(finished.stdout, "2", "{finished:?}");
    let answer = std::fs::read(https.mizan.folder().join("answer")).expect("it was saved");
    assert!(answer == pattern(0, BIG), "{} bytes", answer.len());
}

#[tokio::test]
async fn an_event_reaches_the_client_at_once() {
    let https = Https::start("").await;
    let gate = Gate::new();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
    https.upstream.on(
        "/events",
        Script::steps([
            Step::Send(head.into()),
            Step::Send("data: 0\n\n".into()),
            Step::Gate(gate.clone()),
            Step::Close,
        ]),
    );
    let mut raw = connect(&https).await;
    raw.send("GET /events HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    raw.read_until("data: 0\n\n").await;
    gate.open();
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let https = Https::start("").await;
    for path in ["/a", "/b", "/c"] {
        https.upstream.on(path, Script::ok(path));
    }
    let mut raw = connect(&https).await;
    let post = "POST /b HTTP/1.1\r\nHost: app.test\r\nContent-Length: 3\r\n\r\nabc";
    let one = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: app.test\r\n\r\n");
    raw.send([&one("/a"), post, &one("/c")].concat()).await;
    for path in ["/a", "/b", "/c"] {
        assert_eq!(raw.answer().await.text(), path);
    }
    assert_eq!(https.upstream.requests_for("/b")[0].body, b"abc");
}

#[tokio::test]
async fn a_websocket_passes() {
    let https = Https::start("limits: { idle_timeout: 300ms, body_grace: 300ms }").await;
    https.upstream.on("/ws", Script::upgrade("websocket"));
    let mut raw = connect(&https).await;
    raw.send(
        "GET /ws HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\nearly",
    )
    .await;
    assert_eq!(raw.answer().await.status, 101);
    assert_eq!(raw.read_until("early").await, "early");
    assert_eq!(raw.end(Duration::from_millis(700)).await, End::StillOpen);
    let much = pattern(0, 300_000);
    raw.send(&much).await;
    raw.send("the end").await;
    raw.read_until("the end").await;
    drop(raw);
    https.mizan.is_quiet().await;
    eventually("the upstream's side is closed", SECOND, || async { https.upstream.open_connections() == 0 })
        .await;
}

#[tokio::test]
async fn a_tunnel_that_the_upstream_ends_ends_with_close_notify() {
    let https = Https::start("").await;
    let head = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nbye";
    https.upstream.on("/ws", Script::raw(head));
    let mut raw = connect(&https).await;
    raw.send("GET /ws HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n").await;
    assert_eq!(raw.answer().await.status, 101);
    assert_eq!(raw.read_until("bye").await, "bye");
    assert_ends_well(&mut raw, "a tunnel").await;
}

#[tokio::test]
async fn an_answer_that_is_not_read_is_given_up() {
    let https = Https::start("limits: { body_grace: 400ms, body_rate: 1000 }").await;
    https.upstream.on("/big", Script::big(64 * 1024 * 1024));
    let mut raw = connect(&https).await;
    raw.send("GET /big HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    eventually("the upstream is let go", 5 * SECOND, || async { https.upstream.abandoned() == 1 }).await;
    https.mizan.is_quiet().await;
    assert!(raw.try_answer("GET").await.is_err());
}

#[tokio::test]
async fn a_body_below_the_minimum_rate_is_408() {
    let https = Https::start("limits: { body_grace: 400ms, body_rate: 1000 }").await;
    let mut raw = connect(&https).await;
    raw.send("POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 10000\r\n\r\nslow").await;
    assert_eq!(raw.answer().await.status, 408);
    assert_ends_well(&mut raw, "after 408").await;
}

#[tokio::test]
async fn idle_connections_end_with_close_notify() {
    let https = Https::start("limits: { idle_timeout: 400ms }").await;
    let mut fresh = connect(&https).await;
    let mut used = connect(&https).await;
    used.send(GET).await;
    assert_eq!(used.answer().await.status, 200);
    assert_ends_well(&mut used, "after an answer").await;
    assert_ends_well(&mut fresh, "without a request").await;
}

#[tokio::test]
async fn a_last_answer_ends_with_close_notify() {
    let https = Https::start("").await;
    for request in [
        "GET / HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.0\r\nHost: app.test\r\n\r\n",
    ] {
        let mut raw = connect(&https).await;
        raw.send(request).await;
        assert_eq!(raw.answer().await.text(), "one");
        assert_ends_well(&mut raw, request).await;
    }
    let finished = https.openssl("app.test", "-quiet").await;
    assert!(!finished.stderr.contains("unexpected eof"), "{finished:?}");
}

#[tokio::test]
async fn an_answer_without_a_length_ends_with_close_notify_when_it_is_whole() {
    let https = Https::start("").await;
    https.upstream.on("/whole", Script::chunked(&["0123456789", "abc"]));
    let mut raw = connect(&https).await;
    raw.send("GET /whole HTTP/1.0\r\nHost: app.test\r\n\r\n").await;
    let answer = raw.answer().await;
    assert!(answer.until_close && answer.text() == "0123456789abc", "{answer:?}");
}

#[tokio::test]
async fn an_answer_that_was_cut_off_does_not_end_as_if_it_were_whole() {
    let https = Https::start("").await;
    https.upstream.on("/cut", Script::cut_off_chunked());
    let mut raw = connect(&https).await;
    raw.send("GET /cut HTTP/1.0\r\nHost: app.test\r\n\r\n").await;
    let answer = raw.try_answer("GET").await;
    assert!(answer.is_err(), "it has no length: only a missing close_notify tells. {answer:?}");
}

#[tokio::test]
async fn refusals_end_with_close_notify() {
    let https = Https::start("limits: { head_timeout: 500ms }").await;
    for (status, request) in [
        (400, "GET / HTTP/1.1\r\nHost: app.test\r\nHost: app.test\r\n\r\n".to_owned()),
        (400, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned()),
        (431, format!("GET / HTTP/1.1\r\nHost: app.test\r\nX: {}\r\n\r\n", "x".repeat(100_000))),
        (408, "GET / HTTP/1.1\r\nHo".to_owned()),
        (421, "GET / HTTP/1.1\r\nHost: nobody.test\r\nConnection: close\r\n\r\n".to_owned()),
    ] {
        let mut raw = connect(&https).await;
        // A refused client may not get to send it all.
        let _ = raw.try_send(&request).await;
        let answer = raw.answer().await;
        assert_eq!(answer.status, status, "{}", &request[..request.len().min(60)]);
        assert_ends_well(&mut raw, &format!("after {status}")).await;
    }
    assert_eq!(https.upstream.request_count(), 0);
}

#[tokio::test]
async fn the_end_of_the_process_is_told_with_close_notify() {
    let mut https = Https::start("drain: { idle_grace: 300ms }").await;
    let mut raw = connect(&https).await;
    raw.send(GET).await;
    raw.answer().await;
    https.mizan.signal(Signal::TERM);
    assert_ends_well(&mut raw, "at the end").await;
    assert!(https.mizan.ended(5 * SECOND).await.success());
}

#[tokio::test]
async fn an_idle_http2_connection_ends_with_close_notify() {
    let https = Https::start("limits: { idle_timeout: 500ms }").await;
    let mut raw = https.client().alpn(&["h2"]).raw(https.addr(), "app.test").await;
    raw.send([PREFACE, &[0, 0, 0, 4, 0, 0, 0, 0, 0]].concat()).await;
    assert_ends_well(&mut raw, "HTTP/2").await;
}

#[tokio::test]
async fn http2_is_spoken_where_alpn_chose_it_and_nothing_else() {
    let https = Https::start("").await;
    let client = https.client().alpn(&["h2"]);
    let stream = client.connect(https.addr(), "app.test").await.expect("a handshake");
    let mut h2 = H2::over(stream, &[]).await;
    let fields = [(":method", "GET"), (":scheme", "https"), (":authority", "app.test"), (":path", "/h2")];
    h2.request(1, &fields, None).await;
    assert_eq!(h2.reply(5 * SECOND).await, Reply::Status(200));
    assert_eq!(https.upstream.only_request().header("x-forwarded-proto"), Some("https"));
    let mut raw = client.raw(https.addr(), "app.test").await;
    raw.send(GET).await;
    assert_eq!(raw.rest().await, b"", "HTTP/1 is not answered there");
    assert_ends_well(&mut raw, "HTTP/1 where HTTP/2 was chosen").await;
    assert_eq!(https.upstream.request_count(), 1);
}

#[tokio::test]
async fn plain_http_on_the_tls_port_is_told_so() {
    let https = Https::start("").await;
    for request in [
        GET,
        "POST /x HTTP/1.1\r\nHost: app.test\r\nContent-Length: 5\r\n\r\nhello",
        "HEAD / HTTP/1.0\r\n\r\n",
    ] {
        let mut raw = Raw::connect(https.addr()).await;
        raw.send(request).await;
        let answer = raw.answer().await;
        assert_eq!(answer.status, 400, "{request}");
        assert!(answer.text().contains("https://"), "{}", answer.text());
        assert_eq!(raw.end(3 * SECOND).await, End::Closed, "{request}");
    }
    https.mizan.log().wait_for_all(&["rule=", "http-on-tls-port"]).await;
    assert_eq!(https.upstream.request_count(), 0);
}

#[tokio::test]
async fn tls_on_the_plain_port_is_told_in_plain_http() {
    let https = Https::start("").await;
    let mut raw = Raw::connect(https.plain()).await;
    raw.send(https.client().hello("app.test")).await;
    let answer = raw.answer().await;
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("speaks plain HTTP"), "{}", answer.text());
    assert_eq!(raw.end(3 * SECOND).await, End::Closed);
    https.mizan.log().wait_for_all(&["rule=", "tls-on-plain-port"]).await;
    let finished = mizan_tests::https::openssl(https.plain(), https.mizan.folder(), "app.test", "").await;
    assert_eq!(finished.code, Some(1), "{finished:?}");
}

#[tokio::test]
async fn noise_is_answered_with_an_alert_or_a_close() {
    let https = Https::start("").await;
    for noise in [
        &b"\x00\x01\x02\x03\x04\x05\x06\x07\x08"[..],
        b"\x16\x03\x01\xff\xff",
        b"\x80\x2e\x01\x00\x02\x00\x15",
        b"SSH-2.0-x\r\n",
    ] {
        let mut raw = Raw::connect(https.addr()).await;
        raw.send(noise).await;
        raw.finish_sending().await;
        let said = raw.rest().await;
        assert!(said.is_empty() || said[0] == 0x15, "{noise:?}: {said:?}");
    }
    assert_eq!(https.client().get(https.addr(), "app.test", "/").await.status, 200);
}

#[tokio::test]
async fn a_handshake_that_takes_too_long_is_closed() {
    let https = Https::start("limits: { handshake_timeout: 600ms }").await;
    let hello = https.client().hello("app.test");
    let begin = Instant::now();
    let mut silent = Raw::connect(https.addr()).await;
    let mut half = Raw::connect(https.addr()).await;
    half.send(&hello[..hello.len() / 2]).await;
    let mut unfinished = Raw::connect(https.addr()).await;
    unfinished.send(&hello).await;
    let mut drip = Raw::connect(https.addr()).await;
    // A byte now and then must not move the deadline.
    let dripping = async {
        for byte in &hello {
            if drip.try_send([*byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let others = async {
        for (what, raw) in [("silent", &mut silent), ("half", &mut half), ("unfinished", &mut unfinished)] {
            assert!(raw.is_closed(5 * SECOND).await, "{what}");
            let took = begin.elapsed();
            assert!(took > Duration::from_millis(500) && took < 3 * SECOND, "{what}: {took:?}");
        }
    };
    tokio::join!(tokio::time::timeout(4 * SECOND, dripping), others).0.expect("the drip is closed as well");
    assert!(begin.elapsed() < 4 * SECOND, "{:?}", begin.elapsed());
    assert_eq!(https.client().get(https.addr(), "app.test", "/").await.status, 200);
}
