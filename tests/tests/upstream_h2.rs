//! HTTP/2 to endpoints: bodies, heads and cookies across versions, connections that end, and requests that are refused.

use mizan_tests::cli::run;
use mizan_tests::h2_server::{Does, H2Server};
use mizan_tests::nginx::Nginx;
use mizan_tests::raw::{exchange, try_exchange};
use mizan_tests::{Mizan, Script, Upstream};
use std::net::SocketAddr;
use std::time::Duration;

const REFUSED_STREAM: u32 = 7;
const INTERNAL_ERROR: u32 = 2;

async fn before(endpoints: &[SocketAddr], service: &str) -> Mizan {
    let endpoints: Vec<String> = endpoints.iter().map(|addr| format!("\"{addr}\"")).collect();
    let service = format!("protocol: h2\n{service}");
    Mizan::start(&mizan_tests::mizan::one_service_at(&format!("[{}]", endpoints.join(", ")), &service, ""))
        .await
}

fn post(path: &str, body: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: app.test\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// nginx speaks HTTP/2 to Mizan, and HTTP/1.1 to `behind`, which says what came.
async fn nginx_before(behind: &Upstream, more: &str) -> Nginx {
    let server = format!(
        "{more}\nclient_max_body_size 0;\nlocation / {{ proxy_pass http://{}; proxy_set_header Host $host; \
         proxy_set_header X-Seen \"$server_protocol $scheme $http_host\"; }}",
        behind.addr()
    );
    Nginx::start_by("http2", &server, &[]).await
}

#[tokio::test]
async fn a_client_of_http_1_reaches_an_endpoint_of_http_2_with_bodies_both_ways() {
    let behind = Upstream::start("one").await;
    let nginx = nginx_before(&behind, "").await;
    let mizan = before(&[nginx.addr()], "").await;
    let answer = exchange(mizan.addr(), post("/a?b", "hello")).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "one"));
    assert!(answer.head.starts_with("HTTP/1.1 200 OK\r\n"), "{}", answer.head);
    let request = behind.only_request();
    assert_eq!(
        (request.method(), request.target(), request.body.as_slice()),
        ("POST", "/a?b", &b"hello"[..])
    );
    assert_eq!(request.header("x-seen"), Some("HTTP/2.0 http app.test"));
    assert_eq!(request.header("x-forwarded-for"), Some("127.0.0.1"));
    // A body without a length.
    let chunks = "POST /c HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    assert_eq!(exchange(mizan.addr(), chunks).await.status, 200);
    assert_eq!(behind.last_request().body, b"abcde");
    let big = "x".repeat(3 << 20);
    assert_eq!(exchange(mizan.addr(), post("/big", &big)).await.status, 200);
    assert!(behind.last_request().whole);
    behind.on("/large", Script::big(8 << 20));
    let large = mizan.get("/large").await;
    assert!(large.status == 200 && large.check.is_whole(8 << 20), "{:?}", large.check);
}

#[tokio::test]
async fn a_host_is_kept_from_http_2_to_http_2() {
    let behind = Upstream::start("one").await;
    let nginx = nginx_before(&behind, "").await;
    let mizan = before(&[nginx.addr()], "").await;
    let resolve = format!("app.test:{}:127.0.0.1", mizan.addr().port());
    let url = format!("http://app.test:{}/x", mizan.addr().port());
    let words = ["-sS", "--http2-prior-knowledge", "--resolve", &resolve, "-d", "hello", &url];
    let finished = run("curl", mizan.folder(), &words, &[]).await;
    assert_eq!(finished.stdout, "one", "{}", finished.stderr);
    let request = behind.only_request();
    let authority = format!("app.test:{}", mizan.addr().port());
    assert_eq!(request.header("x-seen"), Some(format!("HTTP/2.0 http {authority}").as_str()));
    assert_eq!(request.header("x-forwarded-host"), Some(authority.as_str()));
}

#[tokio::test]
async fn a_route_s_host_and_rewrite_hold_for_http_2() {
    let behind = Upstream::start("one").await;
    let nginx = nginx_before(&behind, "").await;
    let text = format!(
        "services: {{ app: {{ endpoints: \"{}\", protocol: h2 }} }}\nsites:\n  - hosts: [\"*\"]\n    routes:\n      \
         - {{ path: /api, service: app, host: inner.test, rewrite: {{ strip_prefix: /api }} }}\n",
        nginx.addr()
    );
    let mizan = Mizan::start(&text).await;
    let url = format!("http://{}/api/x?y", mizan.addr());
    for protocol in ["--http1.1", "--http2-prior-knowledge"] {
        let finished = run("curl", mizan.folder(), &["-sS", protocol, &url], &[]).await;
        assert_eq!(finished.stdout, "one", "{protocol}: {}", finished.stderr);
        let request = behind.last_request();
        assert_eq!((request.target(), request.header("x-seen")), ("/x?y", Some("HTTP/2.0 http inner.test")));
        assert_eq!(request.header("x-forwarded-host"), Some(mizan.addr().to_string().as_str()));
    }
}

#[tokio::test]
async fn answers_without_a_body_are_whole() {
    let nginx = Nginx::start_by(
        "http2",
        "location / { return 200 hello; } location = /none { return 204; } location = /same { return 304; }",
        &[],
    )
    .await;
    let mizan = before(&[nginx.addr()], "").await;
    let mut raw = mizan.connect().await;
    for _ in 0..3 {
        raw.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let head = raw.try_answer("HEAD").await.expect("a whole answer");
        assert_eq!((head.status, head.header("content-length")), (200, Some("5")), "{}", head.head);
        for (path, status) in [("/none", 204), ("/same", 304), ("/", 200)] {
            raw.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
            assert_eq!(raw.answer().await.status, status);
        }
    }
    for (path, status) in [("/none", "204"), ("/same", "304"), ("/", "200")] {
        let url = format!("http://{}{path}", mizan.addr());
        for head in [&["-I"][..], &[]] {
            let words =
                [&["-sS", "--http2-prior-knowledge", "-o", "/dev/null", "-w", "%{http_code}", &url], head]
                    .concat();
            let finished = run("curl", mizan.folder(), &words, &[]).await;
            assert_eq!(finished.stdout, status, "{}", finished.stderr);
        }
    }
}

#[tokio::test]
async fn te_reaches_the_endpoint_when_it_asks_for_trailers_alone() {
    let nginx = Nginx::start_by("http2", "location / { return 200 \"[$http_te]\"; }", &[]).await;
    let mizan = before(&[nginx.addr()], "").await;
    let url = format!("http://{}/", mizan.addr());
    let words = ["-sS", "--http2-prior-knowledge", "-H", "te: trailers", &url];
    assert_eq!(run("curl", mizan.folder(), &words, &[]).await.stdout, "[trailers]");
}

#[tokio::test]
async fn an_endpoint_that_allows_few_streams_gets_more_connections() {
    let behind = Upstream::start("one").await;
    behind.otherwise(Script::slow(Duration::from_millis(50)));
    let nginx = nginx_before(&behind, "http2_max_concurrent_streams 2;").await;
    let mizan = before(&[nginx.addr()], "").await;
    for _ in 0..3 {
        let many = (0..40).map(|_| {
            let addr = mizan.addr();
            tokio::spawn(async move { exchange(addr, post("/", "hello")).await.status })
        });
        for one in many.collect::<Vec<_>>() {
            assert_eq!(one.await.expect("an answer"), 200, "{}", mizan.log().text());
        }
    }
}

#[tokio::test]
async fn many_requests_share_one_connection() {
    let nginx = Nginx::start_by("http2", "location / { return 200 \"$connection\"; }", &[]).await;
    let mizan = before(&[nginx.addr()], "").await;
    let first = mizan.get("/").await.text();
    for _ in 0..20 {
        assert_eq!(mizan.get("/").await.text(), first);
    }
}

#[tokio::test]
async fn trailers_of_an_answer_do_not_hurt_a_client_of_http_1() {
    let server = H2Server::start(Does::AnswersWithTrailers("body")).await;
    let mizan = before(&[server.addr()], "").await;
    for _ in 0..3 {
        let answer = mizan.get("/").await;
        assert_eq!((answer.status, answer.text().as_str()), (200, "body"));
    }
}

#[tokio::test]
async fn an_endpoint_that_renews_its_connections_loses_no_request() {
    let behind = Upstream::start("one").await;
    behind.forget_requests();
    let nginx = nginx_before(&behind, "keepalive_requests 5;").await;
    let mizan = before(&[nginx.addr()], "").await;
    for n in 0..200 {
        let bytes =
            if n % 2 == 0 { post("/", "hello") } else { "GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_owned() };
        let answer = exchange(mizan.addr(), bytes).await;
        assert_eq!(answer.status, 200, "request {n}: {}\n{}", answer.head, mizan.log().text());
    }
    assert_eq!(behind.request_count(), 200);
}

#[tokio::test]
async fn an_endpoint_that_renews_its_connections_loses_no_request_of_many_at_a_time() {
    let behind = Upstream::start("one").await;
    behind.forget_requests();
    let nginx = nginx_before(&behind, "keepalive_requests 20;").await;
    let mizan = before(&[nginx.addr()], "").await;
    let mut lost = Vec::new();
    for _ in 0..20 {
        let many = (0..20).map(|n| {
            let addr = mizan.addr();
            let bytes =
                if n % 2 == 0 { post("/", "hello") } else { "GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_owned() };
            tokio::spawn(async move { exchange(addr, bytes).await.status })
        });
        for one in many.collect::<Vec<_>>() {
            let status = one.await.expect("an answer");
            if status != 200 {
                lost.push(status);
            }
        }
    }
    assert!(lost.is_empty(), "{} of 400 are lost: {lost:?}\n{}", lost.len(), mizan.log().text());
}

#[tokio::test]
async fn a_request_that_an_endpoint_refused_is_tried_elsewhere_whatever_the_method() {
    for does in [Does::Resets(REFUSED_STREAM), Does::Leaves] {
        let (refuses, good) = (H2Server::start(does).await, H2Server::start(Does::Answers("good")).await);
        let service = "passive: { max_fails: 0 }\nretries: { min_per_second: 100 }\nbalance: round_robin";
        let mizan = before(&[refuses.addr(), good.addr()], service).await;
        for n in 0..10 {
            let get = mizan.get("/").await;
            assert_eq!(
                (get.status, get.text().as_str()),
                (200, "good"),
                "{does:?} {n}\n{}",
                mizan.log().text()
            );
            let answer = exchange(mizan.addr(), post("/", "hello")).await;
            assert_eq!(
                (answer.status, answer.text().as_str()),
                (200, "good"),
                "{does:?} {n}\n{}",
                mizan.log().text()
            );
        }
        assert!(refuses.request_count() > 0, "{does:?}: nothing was refused");
        assert_eq!(good.request_count(), 20);
    }
}

#[tokio::test]
async fn a_request_that_everybody_refuses_is_503() {
    let refuses = H2Server::start(Does::Resets(REFUSED_STREAM)).await;
    let mizan = before(&[refuses.addr()], "").await;
    assert_eq!(mizan.get("/").await.status, 503);
    assert_eq!(exchange(mizan.addr(), post("/", "hello")).await.status, 503);
}

#[tokio::test]
async fn a_post_that_may_have_been_looked_at_is_sent_once() {
    for does in [Does::Resets(INTERNAL_ERROR), Does::Closes] {
        let all = [H2Server::start(does).await, H2Server::start(does).await];
        let mizan = before(&[all[0].addr(), all[1].addr()], "passive: { max_fails: 0 }").await;
        for _ in 0..4 {
            let count = || all.iter().map(H2Server::request_count).sum::<u64>();
            let before = count();
            assert_eq!(exchange(mizan.addr(), post("/", "hello")).await.status, 502, "{does:?}");
            assert_eq!(count() - before, 1, "{does:?}");
        }
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_does_not_look_whole() {
    let server = H2Server::start(Does::BeginsAndResets(INTERNAL_ERROR)).await;
    let mizan = before(&[server.addr()], "").await;
    let answer = try_exchange(mizan.addr(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(answer.is_err(), "{answer:?}");
    let url = format!("http://{}/", mizan.addr());
    let finished = run("curl", mizan.folder(), &["-sS", "--http2-prior-knowledge", &url], &[]).await;
    assert_ne!(finished.code, Some(0), "{finished:?}");
}

#[tokio::test]
async fn an_endpoint_that_speaks_http_1_alone_is_502() {
    let upstream = Upstream::start("one").await;
    let mizan = before(&[upstream.addr()], "timeouts: { read: 2s }").await;
    let status = mizan.get("/").await.status;
    assert!([502, 504].contains(&status), "{status}");
}

#[tokio::test]
async fn an_endpoint_that_is_silent_is_504_with_and_without_a_body() {
    let silent = H2Server::start(Does::Nothing).await;
    let mizan = before(&[silent.addr()], "timeouts: { read: 300ms }").await;
    let url = format!("http://{}/", mizan.addr());
    for protocol in ["--http1.1", "--http2-prior-knowledge"] {
        for body in [&[][..], &["-d", ""], &["-d", "hello"]] {
            let words = [&["-sS", protocol, "-o", "/dev/null", "-w", "%{http_code}", &url], body].concat();
            let finished = run("curl", mizan.folder(), &words, &[]).await;
            assert_eq!(finished.stdout, "504", "{protocol} {body:?}\n{}", mizan.log().text());
        }
    }
}
