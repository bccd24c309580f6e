//! HTTP/2 with prior knowledge: real clients, and frames that no client would send.

use mizan_tests::cli::run;
use mizan_tests::h2::{H2, PREFACE, Reply};
use mizan_tests::raw::exchange;
use mizan_tests::{Mizan, Raw, Script, Upstream, eventually};
use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);

const GET: [(&str, &str); 4] =
    [(":method", "GET"), (":scheme", "http"), (":authority", "app.test"), (":path", "/x")];

/// (what, the fields, the body).
type Case = (&'static str, Vec<(&'static str, &'static str)>, Option<&'static [u8]>);

#[tokio::test]
async fn curl_with_prior_knowledge_is_served() {
    let upstream = Upstream::start("one").await;
    let mizan = Mizan::before(&[&upstream], "", "").await;
    let url = format!("http://{}/a?b", mizan.addr());
    let words = ["-sS", "--http2-prior-knowledge", "-w", " %{http_version}", "-d", "hello", &url];
    let finished = run("curl", mizan.folder(), &words, &[]).await;
    assert_eq!(finished.stdout, "one 2", "{}", finished.stderr);
    let request = upstream.only_request();
    assert_eq!(request.line(), "POST /a?b HTTP/1.1");
    assert_eq!(request.header("host"), Some(mizan.addr().to_string().as_str()));
    assert_eq!(request.body, b"hello");
    assert_eq!(request.header("x-forwarded-for"), Some("127.0.0.1"));
}

#[tokio::test]
async fn both_protocols_share_a_port() {
    let upstream = Upstream::start("one").await;
    let mizan = Mizan::before(&[&upstream], "", "").await;
    let mut h2 = H2::connect(mizan.addr()).await;
    h2.request(1, &GET, None).await;
    assert_eq!(h2.reply(2 * SECOND).await, Reply::Status(200));
    // The shortest HTTP/1 request is shorter than HTTP/2's preface: nobody may wait for more.
    let answer = exchange(mizan.addr(), "GET / HTTP/1.0\r\nHost: a\r\n\r\n").await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn a_method_that_begins_as_the_preface_does_is_http_1() {
    let upstream = Upstream::start("one").await;
    let mizan = Mizan::before(&[&upstream], "", "").await;
    for method in ["P", "PRI", "PRIX", "PROPFIND"] {
        let answer = exchange(mizan.addr(), format!("{method} / HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        assert!([200, 400, 405, 501].contains(&answer.status), "{method}: {}", answer.head);
    }
}

#[tokio::test]
async fn cookie_crumbs_are_joined_for_the_upstream() {
    let upstream = Upstream::start("one").await;
    let mizan = Mizan::before(&[&upstream], "", "").await;
    let mut h2 = H2::connect(mizan.addr()).await;
    let fields = [&GET[..], &[("cookie", "a=1"), ("cookie", "b=2"), ("cookie", "c=3")]].concat();
    h2.request(1, &fields, None).await;
    assert_eq!(h2.reply(2 * SECOND).await, Reply::Status(200));
    assert_eq!(upstream.only_request().all("cookie"), ["a=1; b=2; c=3"]);
}

#[tokio::test]
async fn heads_that_http_1_would_read_differently_are_refused() {
    let upstream = Upstream::start("one").await;
    let mizan = Mizan::before(&[&upstream], "", "").await;
    let with_path = |path: &'static str| [&GET[..3], &[(":path", path)]].concat();
    let with = |name: &'static str, value: &'static str| [&GET[..], &[(name, value)]].concat();
    let table: Vec<Case> = vec![
        ("no path", GET[..3].to_vec(), None),
        ("path empty", with_path(""), None),
        ("path without a slash", with_path("x"), None),
        ("path with a space", with_path("/a b"), None),
        ("path with CR and LF", with_path("/ HTTP/1.1\r\nx: y"), None),
        ("path with NUL", with_path("/a\0"), None),
        ("path with a bad escape", with_path("/%zz"), None),
        ("path twice", with(":path", "/y"), None),
        ("method twice", with(":method", "POST"), None),
        ("method with a space", [&[(":method", "GET /evil")], &GET[1..]].concat(), None),
        ("no method", GET[1..].to_vec(), None),
        ("no scheme", [&GET[..1], &GET[2..]].concat(), None),
        ("no authority and no host", [&GET[..2], &GET[3..]].concat(), None),
        ("authority with a path", [&GET[..2], &[(":authority", "app.test/x")], &GET[3..]].concat(), None),
        ("authority with a user", [&GET[..2], &[(":authority", "me@app.test")], &GET[3..]].concat(), None),
        ("host unlike authority", with("host", "other.test"), None),
        ("pseudo-field after a field", [&GET[..3], &[("x", "y")], &GET[3..]].concat(), None),
        ("pseudo-field unknown", with(":evil", "1"), None),
        ("name in upper case", with("X-Upper", "1"), None),
        ("name with a space", with("x y", "1"), None),
        ("name empty", with("", "1"), None),
        ("value with LF", with("x", "a\nb: c"), None),
        ("value with NUL", with("x", "a\0b"), None),
        ("connection", with("connection", "close"), None),
        ("keep-alive", with("keep-alive", "1"), None),
        ("transfer-encoding", with("transfer-encoding", "chunked"), Some(b"0\r\n\r\n")),
        ("upgrade", with("upgrade", "websocket"), None),
        ("te other than trailers", with("te", "gzip"), None),
        ("length too long", with("content-length", "9"), Some(b"hello")),
        ("length too short", with("content-length", "3"), Some(b"hello")),
        (
            "length twice",
            [&GET[..], &[("content-length", "5"), ("content-length", "5")]].concat(),
            Some(b"hello"),
        ),
        ("length list", with("content-length", "5, 5"), Some(b"hello")),
    ];
    let mut wrong = Vec::new();
    for (what, fields, body) in &table {
        let before = upstream.requests().len();
        let mut h2 = H2::connect(mizan.addr()).await;
        h2.request(1, fields, *body).await;
        let reply = h2.reply(2 * SECOND).await;
        if matches!(reply, Reply::Status(200..=399) | Reply::Nothing) {
            wrong.push(format!("{what}: {reply:?}"));
        }
        // A body that turns out too long or short is known only at its end: the upstream may see an unfinished one.
        let finished: Vec<String> =
            upstream.requests().into_iter().skip(before).filter(|r| r.whole).map(|r| r.head).collect();
        if !finished.is_empty() {
            wrong.push(format!("{what}: the upstream saw {finished:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} wrong:\n{}", wrong.len(), table.len(), wrong.join("\n"));
    mizan.is_quiet().await;
}

#[tokio::test]
async fn a_preface_that_does_not_come_whole_has_a_deadline() {
    let upstream = Upstream::start("one").await;
    let mizan = Mizan::before(&[&upstream], "", "limits: { head_timeout: 500ms, idle_timeout: 1s }").await;
    for part in [&PREFACE[..3], &PREFACE[..18], PREFACE] {
        let begin = Instant::now();
        let mut raw = mizan.connect().await;
        raw.send(part).await;
        assert!(raw.is_closed(4 * SECOND).await, "{} bytes of preface keep a connection", part.len());
        assert!(begin.elapsed() < 4 * SECOND);
    }
}

#[tokio::test]
async fn a_head_that_is_not_continued_has_a_deadline() {
    let upstream = Upstream::start("one").await;
    let mizan = Mizan::before(&[&upstream], "", "limits: { head_timeout: 500ms, idle_timeout: 1s }").await;
    let mut h2 = H2::connect(mizan.addr()).await;
    h2.half_a_head(1).await;
    assert!(h2.is_closed(4 * SECOND).await);
}

#[tokio::test]
async fn pings_alone_do_not_keep_a_connection() {
    let upstream = Upstream::start("one").await;
    let mizan = Mizan::before(&[&upstream], "", "limits: { idle_timeout: 600ms }").await;
    let mut h2 = H2::connect(mizan.addr()).await;
    h2.request(1, &GET, None).await;
    assert_eq!(h2.reply(2 * SECOND).await, Reply::Status(200));
    let begin = Instant::now();
    while !h2.is_closed(Duration::from_millis(100)).await {
        h2.ping().await;
        assert!(begin.elapsed() < 5 * SECOND, "it is still open");
    }
}

#[tokio::test]
async fn an_h2_connection_with_a_long_request_is_not_idle() {
    let upstream = Upstream::start("one").await;
    upstream.on("/x", Script::slow(Duration::from_millis(1500)));
    let mizan = Mizan::before(&[&upstream], "", "limits: { idle_timeout: 400ms, head_timeout: 400ms }").await;
    let mut h2 = H2::connect(mizan.addr()).await;
    h2.request(1, &GET, None).await;
    assert_eq!(h2.reply(4 * SECOND).await, Reply::Status(200));
}

#[tokio::test]
async fn a_client_that_leaves_lets_all_its_requests_go() {
    let upstream = Upstream::start("one").await;
    upstream.on("/x", Script::hang());
    let mizan = Mizan::before(&[&upstream], "", "").await;
    let mut h2 = H2::connect(mizan.addr()).await;
    for stream in [1, 3, 5] {
        h2.request(stream, &GET, None).await;
    }
    eventually("the upstream has three", 2 * SECOND, || async { upstream.request_count() == 3 }).await;
    drop(h2);
    mizan.is_quiet().await;
    eventually("the upstream is let go", SECOND, || async { upstream.abandoned() == 3 }).await;
}

#[tokio::test]
async fn nghttp_and_h2load_are_served_under_load() {
    let upstream = Upstream::start("one").await;
    upstream.forget_requests();
    let mizan = Mizan::before(&[&upstream], "", "").await;
    let url = format!("http://{}/", mizan.addr());
    let finished = run("nghttp", mizan.folder(), &["-s", "--no-verify-peer", &url], &[]).await;
    assert!(finished.stdout.contains("200"), "{finished:?}");
    let finished = run("h2load", mizan.folder(), &["-n2000", "-c4", "-m10", &url], &[]).await;
    assert!(finished.stdout.contains("2000 succeeded, 0 failed"), "{}", finished.stdout);
}

#[tokio::test]
async fn sigterm_ends_h2_connections_politely() {
    let upstream = Upstream::start("one").await;
    upstream.on("/x", Script::slow(SECOND));
    let mut mizan = Mizan::before(&[&upstream], "", "drain: { timeout: 5s, idle_grace: 300ms }").await;
    let mut idle = H2::connect(mizan.addr()).await;
    let mut busy = H2::connect(mizan.addr()).await;
    busy.request(1, &GET, None).await;
    eventually("it is under way", 2 * SECOND, || async { mizan.in_flight().await == 1 }).await;
    mizan.signal(rustix::process::Signal::TERM);
    assert_eq!(busy.reply(3 * SECOND).await, Reply::Status(200));
    assert!(idle.is_closed(3 * SECOND).await);
    assert_eq!(mizan.ended(5 * SECOND).await.code(), Some(0));
    assert!(Raw::try_connect(mizan.addr()).await.is_err());
}
