//! Upstreams that answer badly or break off, clients that leave, bodies that are big.

use mizan_tests::raw::{Broken, exchange};
use mizan_tests::script::{Step, pattern};
use mizan_tests::{Mizan, Script, Upstream, eventually};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn answers_that_are_not_certain_are_502() {
    let big_head = format!("HTTP/1.1 200 OK\r\nx: {}\r\ncontent-length: 0\r\n\r\n", "y".repeat(100_000));
    let table: &[(&str, &[u8])] = &[
        ("length list", b"HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello"),
        ("length twice", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 4\r\n\r\nhello"),
        ("length twice, same", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello"),
        ("length negative", b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello"),
        ("length no number", b"HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\nhello"),
        ("xchunked", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
        ("gzip, chunked", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
        (
            "chunked twice",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
        ("chunked in HTTP/1.0", b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("no HTTP", b"SSH-2.0-OpenSSH_9.2\r\n\r\n"),
        ("no status", b"HTTP/1.1 OK\r\nContent-Length: 0\r\n\r\n"),
        ("status 99", b"HTTP/1.1 99 No\r\nContent-Length: 0\r\n\r\n"),
        ("status 2000", b"HTTP/1.1 2000 No\r\nContent-Length: 0\r\n\r\n"),
        ("a line without a colon", b"HTTP/1.1 200 OK\r\nrubbish\r\nContent-Length: 0\r\n\r\n"),
        ("NUL in a value", b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n"),
        (
            "101 that nobody asked for",
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
        ),
        ("a head too big", big_head.as_bytes()),
        ("half a head", b"HTTP/1.1 200 OK\r\nContent-Le"),
        ("nothing", b""),
    ];
    let upstream = Upstream::start("one").await;
    let mizan = Mizan::before(&[&upstream], "passive: { max_fails: 0 }", "").await;
    let mut wrong = Vec::new();
    for (what, bytes) in table {
        upstream.on("/", Script::raw(*bytes));
        match mizan_tests::raw::try_exchange(mizan.addr(), mizan_tests::raw::request("app.test", "/")).await {
            Ok(answer) if answer.status == 502 && answer.text().len() < 512 => {
                let id = answer.header("x-request-id").unwrap_or("no id");
                if !answer.text().contains(id) {
                    wrong.push(format!("{what}: no request id in {}", answer.text()));
                }
            }
            Ok(answer) => wrong.push(format!("{what}: {}{}", answer.head.trim(), answer.text())),
            Err(broken) => wrong.push(format!("{what}: {broken}")),
        }
    }
    assert!(wrong.is_empty(), "{} of {} wrong:\n{}", wrong.len(), table.len(), wrong.join("\n"));
    mizan.is_quiet().await;
}

/// The engine repairs these before anybody else sees them: what goes on has one length, and none that can be doubted.
#[tokio::test]
async fn answers_that_the_engine_repairs_go_on_with_one_length() {
    let table: [(&str, &[u8], &str, Option<&str>); 2] = [
        (
            "length and encoding",
            b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            "transfer-encoding",
            None,
        ),
        (
            "space before the colon",
            b"HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello",
            "content-length",
            Some("5"),
        ),
    ];
    let upstream = Upstream::start("one").await;
    let mizan = Mizan::before(&[&upstream], "", "").await;
    for (what, bytes, framed_by, length) in table {
        upstream.on("/", Script::raw(bytes));
        let answer = mizan.get("/").await;
        assert_eq!((answer.status, answer.text().as_str()), (200, "hello"), "{what}");
        assert_eq!(answer.all(framed_by).len(), 1, "{what}: {}", answer.head);
        assert_eq!(answer.header("content-length"), length, "{what}: {}", answer.head);
    }
}

#[tokio::test]
async fn a_reset_instead_of_an_answer_is_502() {
    let upstream = Upstream::start("one").await;
    upstream.otherwise(Script::reset());
    let mizan = Mizan::before(&[&upstream], "", "").await;
    assert_eq!(mizan.get("/").await.status, 502);
}

#[tokio::test]
async fn a_connection_of_a_bad_answer_is_not_used_again() {
    let upstream = Upstream::start("one").await;
    // Two answers for one request: the second must not become the next client's.
    let twice =
        [mizan_tests::script::answer(200, &[], "first"), mizan_tests::script::answer(200, &[], "stray")];
    upstream.once("/", Script::steps([Step::Send(twice.concat())]));
    let mizan = Mizan::before(&[&upstream], "", "").await;
    assert_eq!(mizan.get("/").await.text(), "first");
    for _ in 0..3 {
        assert_eq!(mizan.get("/").await.text(), "one");
    }
}

#[tokio::test]
async fn an_answer_that_is_cut_off_does_not_look_whole() {
    let upstream = Upstream::start("one").await;
    upstream.on("/length", Script::cut_off()).on("/chunks", Script::cut_off_chunked());
    upstream.on(
        "/reset",
        Script::steps([
            Step::Send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n".to_vec()),
            Step::Reset,
        ]),
    );
    let mizan = Mizan::before(&[&upstream], "", "").await;
    for path in ["/length", "/chunks", "/reset"] {
        let bytes = format!("GET {path} HTTP/1.1\r\nHost: app.test\r\n\r\n");
        let result = mizan_tests::raw::try_exchange(mizan.addr(), bytes).await;
        // 502 is as good as long as nothing of the answer has gone out.
        let good =
            matches!(&result, Err(Broken::CutOff { .. })) || result.as_ref().is_ok_and(|a| a.status == 502);
        assert!(good, "{path}: {result:?}");
    }
    mizan.is_quiet().await;
}

#[tokio::test]
async fn an_answer_that_stops_coming_is_cut_at_the_read_timeout() {
    let upstream = Upstream::start("one").await;
    upstream.on("/", Script::raw_open("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf"));
    let mizan = Mizan::before(&[&upstream], "timeouts: { read: 300ms }", "").await;
    let bytes = "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n";
    let result = mizan_tests::raw::try_exchange(mizan.addr(), bytes).await;
    assert!(matches!(result, Err(Broken::CutOff { .. })), "{result:?}");
    mizan.is_quiet().await;
}

#[tokio::test]
async fn a_slow_answer_head_is_504_and_a_slow_but_moving_body_is_not() {
    let upstream = Upstream::start("one").await;
    upstream.on("/head", Script::slow(2 * SECOND)).on("/body", Script::events(8, Duration::from_millis(150)));
    let mizan = Mizan::before(&[&upstream], "timeouts: { read: 400ms }", "").await;
    assert_eq!(mizan.get("/head").await.status, 504);
    let answer = mizan.get("/body").await;
    assert_eq!((answer.status, answer.text().matches("data:").count()), (200, 8));
}

#[tokio::test]
async fn a_client_that_leaves_is_499_in_the_log_and_lets_the_upstream_go() {
    let upstream = Upstream::start("one").await;
    upstream.on("/hang", Script::hang());
    let mizan = Mizan::before(&[&upstream], "", "").await;
    let mut raw = mizan.connect().await;
    raw.send("GET /hang HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    eventually("it is under way", SECOND, || async { mizan.in_flight().await == 1 }).await;
    drop(raw);
    mizan.log().wait_for_all(&["status=499"]).await;
    mizan.is_quiet().await;
    eventually("the upstream is let go", SECOND, || async { upstream.abandoned() == 1 }).await;
}

#[tokio::test]
async fn a_client_that_leaves_does_not_count_against_the_endpoint() {
    let upstream = Upstream::start("one").await;
    upstream.on("/hang", Script::hang());
    let other = Upstream::start("two").await;
    other.on("/hang", Script::hang());
    let mizan = Mizan::before(&[&upstream, &other], "passive: { max_fails: 1 }", "").await;
    // Both have answered once: they are up, not starting.
    eventually("both are known", SECOND, || async {
        mizan.get("/").await;
        upstream.request_count() > 0 && other.request_count() > 0
    })
    .await;
    for _ in 0..6 {
        let mut raw = mizan.connect().await;
        raw.send("GET /hang HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
        eventually("it is under way", SECOND, || async { mizan.in_flight().await == 1 }).await;
        raw.reset();
        mizan.is_quiet().await;
    }
    for endpoint in mizan.endpoints().await.values() {
        assert_eq!((endpoint.state, endpoint.failures), (mizan_api::EndpointState::Up, 0), "{endpoint:?}");
    }
}

const BIG: u64 = 64 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_big_answer_arrives_whole() {
    let upstream = Upstream::start("one").await;
    upstream.on("/big", Script::big(BIG));
    let mizan = Mizan::before(&[&upstream], "", "").await;
    let mut raw = mizan.connect().await.patience(30 * SECOND);
    raw.send("GET /big HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    let answer = raw.answer().await;
    assert!(answer.check.is_whole(BIG), "{:?}", answer.check);
    assert!(mizan.resident() < 256 * 1024 * 1024, "{} bytes of memory", mizan.resident());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_big_upload_arrives_whole_by_length_and_in_chunks() {
    let upstream = Upstream::start("one").await;
    let mizan = Mizan::before(&[&upstream], "", "").await;
    let block = pattern(0, 251 * 1024);
    let blocks = BIG / block.len() as u64;
    let total = blocks * block.len() as u64;
    let mut raw = mizan.connect().await.patience(30 * SECOND);
    raw.send(format!("POST /length HTTP/1.1\r\nHost: app.test\r\nContent-Length: {total}\r\n\r\n")).await;
    for _ in 0..blocks {
        raw.send(&block).await;
    }
    assert_eq!(raw.answer().await.status, 200);
    raw.send("POST /chunks HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    let chunk = [format!("{:x}\r\n", block.len()).as_bytes(), &block, b"\r\n"].concat();
    for _ in 0..blocks {
        raw.send(&chunk).await;
    }
    raw.send("0\r\n\r\n").await;
    assert_eq!(raw.answer().await.status, 200);
    for request in upstream.requests() {
        assert!(request.whole && request.check.is_whole(total), "{}: {:?}", request.line(), request.check);
    }
}

#[tokio::test]
async fn an_upstream_that_does_not_read_slows_the_client_down_instead_of_filling_memory() {
    let upstream = Upstream::start("one").await;
    upstream.on("/", Script::early([Step::Deaf(2 * SECOND)]));
    let mizan = Mizan::before(&[&upstream], "", "").await;
    let before = mizan.resident();
    let mut raw = mizan.connect().await.patience(SECOND);
    raw.send(format!("POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: {BIG}\r\n\r\n")).await;
    let block = pattern(0, 251 * 1024);
    let mut sent = 0;
    while raw.try_send(&block).await.is_ok() {
        sent += block.len();
        assert!(sent < 48 * 1024 * 1024, "everything was taken though nobody reads it");
    }
    assert!(mizan.resident() < before + 16 * 1024 * 1024, "{before} -> {} bytes", mizan.resident());
}

#[tokio::test]
async fn a_request_after_trouble_is_served() {
    let upstream = Upstream::start("one").await;
    upstream.on("/bad", Script::raw("rubbish\r\n\r\n"));
    let mizan = Mizan::before(&[&upstream], "", "").await;
    let mut raw = mizan.connect().await;
    raw.send("GET /bad HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    assert_eq!(raw.answer().await.status, 502);
    assert_eq!(exchange(mizan.addr(), "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n").await.text(), "one");
}
