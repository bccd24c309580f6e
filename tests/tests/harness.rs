//! The harness itself: a test server that errs silently would make every other test worthless.

use mizan_tests::dnsmasq::{self, Dnsmasq};
use mizan_tests::load::Load;
use mizan_tests::net::{Blackhole, Refuses};
use mizan_tests::nginx::Nginx;
use mizan_tests::raw::{Broken, End, Raw, exchange, get, try_exchange};
use mizan_tests::wrk::Wrk;
use mizan_tests::{Dns, Say, Script, Upstream, eventually};
use std::net::Ipv4Addr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn the_raw_client_reads_nginx_as_it_is() {
    let nginx = Nginx::start("location / { return 200 hello; } location = /none { return 204; }").await;
    let mut raw = Raw::connect(nginx.addr()).await;
    raw.send("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /none HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let first = raw.answer().await;
    assert_eq!((first.status, first.text().as_str()), (200, "hello"));
    assert_eq!(raw.answer().await.status, 204);
    assert_eq!(raw.end(Duration::from_millis(20)).await, End::StillOpen);
    raw.send("rubbish\r\n\r\n").await;
    assert_eq!(raw.answer().await.status, 400);
    assert!(raw.is_closed(SECOND).await);
}

#[tokio::test]
async fn the_upstream_records_requests_byte_for_byte() {
    let upstream = Upstream::start("one").await;
    let body = "5;x=y\r\nhello\r\n0\r\nT: v\r\n\r\n";
    let head = "POST /p?q HTTP/1.1\r\nHost: a\r\ntransfer-encoding: chunked\r\nX-Odd:  v \r\n\r\n";
    let answer = exchange(upstream.addr(), format!("{head}{body}")).await;
    assert_eq!(answer.text(), "one");
    let request = upstream.only_request();
    assert_eq!(request.head, head);
    assert_eq!(request.raw_body, body.as_bytes());
    assert_eq!(request.body, b"hello");
    assert!(request.whole);
    assert_eq!((request.method(), request.target(), request.header("x-odd")), ("POST", "/p?q", Some("v")));
}

#[tokio::test]
async fn the_upstream_misbehaves_as_told() {
    let upstream = Upstream::start("one").await;
    upstream.on("/cut", Script::cut_off()).on("/cut-chunks", Script::cut_off_chunked());
    upstream.on("/reset", Script::reset()).on("/close", Script::close()).on("/big", Script::big(10_000_000));
    upstream.once("/twice", Script::answer(503, &[], "")).on("/hang", Script::hang());
    let ask = |path: &'static str| try_exchange(upstream.addr(), format!("GET {path} HTTP/1.1\r\n\r\n"));
    assert!(matches!(ask("/cut").await, Err(Broken::CutOff { .. })));
    assert!(matches!(ask("/cut-chunks").await, Err(Broken::CutOff { .. })));
    assert_eq!(ask("/reset").await.unwrap_err(), Broken::ResetBefore);
    assert_eq!(ask("/close").await.unwrap_err(), Broken::ClosedBefore);
    assert!(ask("/big").await.unwrap().check.is_whole(10_000_000));
    assert_eq!(ask("/twice").await.unwrap().status, 503);
    assert_eq!(ask("/twice").await.unwrap().status, 200);
    let mut raw = Raw::connect(upstream.addr()).await;
    raw.send("GET /hang HTTP/1.1\r\n\r\n").await;
    assert_eq!(raw.end(Duration::from_millis(50)).await, End::StillOpen);
    drop(raw);
    eventually("the abandoned request is seen", SECOND, || async { upstream.abandoned() == 1 }).await;
    eventually("all are closed", SECOND, || async { upstream.open_connections() == 0 }).await;
}

#[tokio::test]
async fn a_stopped_upstream_refuses_and_serves_again_at_its_address() {
    let upstream = Upstream::start("one").await;
    let mut kept = Raw::connect(upstream.addr()).await;
    kept.send("GET / HTTP/1.1\r\n\r\n").await;
    kept.answer().await;
    upstream.stop().await;
    assert!(kept.is_closed(SECOND).await);
    assert!(TcpStream::connect(upstream.addr()).await.is_err());
    upstream.resume().await;
    assert_eq!(get(upstream.addr(), "a", "/").await.text(), "one");
}

#[tokio::test]
async fn sockets_refuse_and_hang() {
    let refuses = Refuses::new();
    let error = TcpStream::connect(refuses.addr()).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    let blackhole = Blackhole::new().await;
    let connect = TcpStream::connect(blackhole.addr());
    assert!(timeout(Duration::from_millis(300), connect).await.is_err(), "the blackhole answered");
}

#[tokio::test]
async fn the_dns_server_says_what_it_is_told() {
    let dns = Dns::start().await;
    let two = [Ipv4Addr::new(127, 0, 0, 2), Ipv4Addr::new(127, 0, 0, 3)];
    dns.set("my_svc", &two).say("mute", Say::Silence).say("bad", Say::Garbage);
    dns.say("flaps", Say::InTurn(vec![Say::NxDomain, Say::addresses(&two)]));
    assert_eq!(dnsmasq::ask(dns.addr(), "my_svc").await, Some(2));
    assert_eq!(dnsmasq::ask(dns.addr(), "mute").await, None);
    assert_eq!(dnsmasq::ask(dns.addr(), "bad").await, None);
    assert_eq!(dnsmasq::ask(dns.addr(), "flaps").await, Some(0));
    assert_eq!(dnsmasq::ask(dns.addr(), "flaps").await, Some(2));
    assert_eq!((dns.count("my_svc"), dns.count("flaps")), (1, 2));
}

#[tokio::test]
async fn dnsmasq_changes_its_mind() {
    let ips = [Ipv4Addr::new(127, 0, 0, 2), Ipv4Addr::new(127, 0, 0, 3)];
    let dnsmasq = Dnsmasq::start(&[("app.test", &ips[..1])]).await;
    dnsmasq.knows("app.test", 1).await;
    dnsmasq.set(&[("app.test", &ips)]);
    dnsmasq.knows("app.test", 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_load_client_and_wrk_tell_failures_from_answers() {
    let upstream = Upstream::start("one").await;
    upstream.on("/bad", Script::answer(500, &[], "")).forget_requests();
    let load = Load::start(upstream.addr(), 4, "GET / HTTP/1.1\r\n\r\n");
    eventually("there is load", SECOND, || async { load.good() > 100 }).await;
    upstream.stop().await;
    let outcome = load.ended().await;
    assert!(outcome.refused == 4 && outcome.good > 100, "{outcome:?}");
    upstream.resume().await;
    Wrk::start(upstream.addr(), "a", "/", 4, SECOND).report().await.assert_no_failure();
    let report = Wrk::start(upstream.addr(), "a", "/bad", 4, SECOND).report().await;
    assert!(report.bad_status == report.requests && report.requests > 0, "{}", report.text);
}
