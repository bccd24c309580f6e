//! Clients that do a lot, and none of it wrong: nobody is taken for an attacker.

use mizan_tests::cli::run;
use mizan_tests::h2::{self, DATA, END_HEADERS, END_STREAM, H2, HEADERS, RST_STREAM, Reply, frame};
use mizan_tests::script::Step;
use mizan_tests::{Mizan, Script, Upstream, eventually};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

const GET: [(&str, &str); 4] =
    [(":method", "GET"), (":scheme", "http"), (":authority", "app.test"), (":path", "/x")];

fn to(path: &'static str) -> Vec<(&'static str, &'static str)> {
    [&GET[..3], &[(":path", path)]].concat()
}

fn is_content(mizan: &Mizan) {
    assert!(!mizan.log().has("HTTP/2 connection closed"), "{}", mizan.log().text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_streams_at_a_time_are_served_without_a_failure_under_load() {
    let upstream = Upstream::start("one").await;
    upstream.forget_requests();
    let mizan = Mizan::before(&[&upstream], "", "").await;
    let url = format!("http://{}/", mizan.addr());
    let finished = run("h2load", mizan.folder(), &["-n8000", "-c4", "-m100", &url], &[]).await;
    assert!(finished.stdout.contains("8000 succeeded, 0 failed, 0 errored"), "{}", finished.stdout);
    assert!(finished.stdout.contains("8000 2xx"), "{}", finished.stdout);
    is_content(&mizan);
    mizan.is_quiet().await;
}

#[tokio::test]
async fn a_page_whose_hundred_requests_are_cancelled_at_once_is_forgiven() {
    let upstream = Upstream::start("one").await;
    upstream.on("/hang", Script::hang()).forget_requests();
    let mizan = Mizan::before(&[&upstream], "", "").await;
    let mut client = H2::connect(mizan.addr()).await;
    let block = h2::block(&to("/hang"));
    let opens =
        |from: u32| (from..from + 100).map(|n| frame(HEADERS, END_HEADERS | END_STREAM, 2 * n + 1, &block));
    let cancels = |from: u32| (from..from + 100).map(|n| frame(RST_STREAM, 0, 2 * n + 1, &[0, 0, 0, 8]));
    client.write(&opens(0).flatten().collect::<Vec<_>>()).await;
    eventually("all are under way", 4 * SECOND, || async { mizan.in_flight().await == 100 }).await;
    client.write(&cancels(0).flatten().collect::<Vec<_>>()).await;
    mizan.is_quiet().await;
    // Once more, and this time the server sees requests and resets together.
    let page: Vec<u8> = opens(100).chain(cancels(100)).flatten().collect();
    client.write(&page).await;
    client.request(1001, &GET, None).await;
    assert_eq!(client.reply(4 * SECOND).await, Reply::Status(200), "{}", mizan.log().text());
    is_content(&mizan);
    mizan.is_quiet().await;
}

#[tokio::test]
async fn an_upload_in_5000_small_messages_arrives_whole_although_its_endpoint_is_slow() {
    let upstream = Upstream::start("one").await;
    let answer = mizan_tests::script::answer(200, &[], "ok");
    upstream.on("/slow", Script::early([Step::Deaf(SECOND), Step::ReadBody, Step::Send(answer)]));
    let mizan = Mizan::before(&[&upstream], "", "").await;
    for path in ["/x", "/slow"] {
        let mut client = H2::connect(mizan.addr()).await;
        let fields = [&[(":method", "POST")], &to(path)[1..], &[("te", "trailers")]].concat();
        client.frame(HEADERS, END_HEADERS, 1, &h2::block(&fields)).await;
        // A message of gRPC: five bytes before it, and three within.
        let messages: Vec<u8> = (0..5000).flat_map(|_| frame(DATA, 0, 1, b"\0\0\0\0\x03abc")).collect();
        assert!(client.write(&messages).await);
        client.frame(DATA, END_STREAM, 1, b"\0\0\0\0\x03abc").await;
        assert_eq!(client.reply(8 * SECOND).await, Reply::Status(200), "{path}: {}", mizan.log().text());
        let request = upstream.last_request();
        assert_eq!((request.check.length, request.whole), (40_008, true), "{}", request.head);
    }
    is_content(&mizan);
    mizan.is_quiet().await;
}

/// Most clients end an upload so: the data first, and then a frame with nothing in it but END_STREAM.
#[tokio::test]
async fn an_upload_that_ends_with_an_empty_frame_ends_once_for_the_upstream() {
    let upstream = Upstream::start("one").await;
    let mizan = Mizan::before(&[&upstream], "", "").await;
    let mut client = H2::connect(mizan.addr()).await;
    let fields = [&[(":method", "POST")], &GET[1..]].concat();
    client.frame(HEADERS, END_HEADERS, 1, &h2::block(&fields)).await;
    client.frame(DATA, 0, 1, b"hello").await;
    client.frame(DATA, END_STREAM, 1, &[]).await;
    assert_eq!(client.reply(4 * SECOND).await, Reply::Status(200));
    for _ in 0..3 {
        assert_eq!(mizan.get("/next").await.status, 200);
    }
    let lines: Vec<String> = upstream.requests().iter().map(|request| request.line().to_owned()).collect();
    assert_eq!(lines, ["POST /x HTTP/1.1", "GET /next HTTP/1.1", "GET /next HTTP/1.1", "GET /next HTTP/1.1"]);
}

#[tokio::test]
async fn many_downloads_are_served() {
    let upstream = Upstream::start("one").await;
    upstream.on("/big", Script::big(300_000)).forget_requests();
    let mizan = Mizan::before(&[&upstream], "", "").await;
    let url = format!("http://{}/big", mizan.addr());
    let finished = run("h2load", mizan.folder(), &["-n120", "-c2", "-m30", &url], &[]).await;
    assert!(finished.stdout.contains("120 succeeded, 0 failed, 0 errored"), "{}", finished.stdout);
    is_content(&mizan);
    mizan.is_quiet().await;
}
