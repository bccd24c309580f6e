//! SIGTERM: what is under way ends well, and then the process.

use mizan_tests::load::Load;
use mizan_tests::script::Gate;
use mizan_tests::{Mizan, Raw, Script, Upstream, always, eventually};
use rustix::process::Signal;
use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);
const QUICK: &str = "drain: { timeout: 5s, idle_grace: 400ms }";

#[tokio::test]
async fn an_idle_process_ends_with_0_within_its_grace() {
    let one = Upstream::start("one").await;
    let mut mizan = Mizan::before(&[&one], "", QUICK).await;
    mizan.get("/").await;
    let begin = Instant::now();
    assert_eq!(mizan.terminate().await.code(), Some(0), "{}", mizan.log().text());
    assert!(begin.elapsed() < 3 * SECOND, "{:?}", begin.elapsed());
    assert!(!mizan.socket().exists(), "the admin socket is left behind");
}

#[tokio::test]
async fn while_it_drains_health_is_503_and_answers_end_their_connections() {
    let one = Upstream::start("one").await;
    let gate = Gate::new();
    one.on("/gated", Script::gated(&gate));
    let mut mizan = Mizan::before(&[&one], "", "drain: { timeout: 8s, idle_grace: 3s }").await;
    let mut kept = Vec::new();
    for _ in 0..3 {
        let mut raw = mizan.connect().await;
        raw.send("GET / HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
        raw.answer().await;
        kept.push(raw);
    }
    let mut busy = mizan.connect().await;
    busy.send("GET /gated HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    eventually("it is under way", SECOND, || async { mizan.in_flight().await == 1 }).await;
    mizan.signal(Signal::TERM);
    eventually("new connections are refused", 3 * SECOND, || async {
        Raw::try_connect(mizan.addr()).await.is_err()
    })
    .await;
    assert!(mizan.status().await.draining);
    kept[0].send("GET /lb-health HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    assert_eq!(kept[0].answer().await.status, 503);
    kept[1].send("GET / HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    let answer = kept[1].answer().await;
    assert_eq!(answer.text(), "one");
    assert!(answer.says_close(), "{}", answer.head);
    assert!(kept[1].is_closed(SECOND).await);
    gate.open();
    let answer = busy.answer().await;
    assert_eq!((answer.status, answer.says_close()), (200, true), "{}", answer.head);
    // The last one never speaks again: it is closed politely, by FIN.
    assert_eq!(kept[2].end(5 * SECOND).await, mizan_tests::raw::End::Closed);
    assert_eq!(mizan.ended(5 * SECOND).await.code(), Some(0));
}

#[tokio::test]
async fn what_does_not_end_is_cut_at_the_limit() {
    let one = Upstream::start("one").await;
    one.on("/hang", Script::hang());
    let mut mizan = Mizan::before(&[&one], "", "drain: { timeout: 600ms, idle_grace: 100ms }").await;
    let mut raw = mizan.connect().await;
    raw.send("GET /hang HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    eventually("it is under way", SECOND, || async { mizan.in_flight().await == 1 }).await;
    let begin = Instant::now();
    assert_eq!(mizan.terminate().await.code(), Some(0));
    assert!(begin.elapsed() > SECOND / 2 && begin.elapsed() < 4 * SECOND, "{:?}", begin.elapsed());
}

#[tokio::test]
async fn a_reload_while_draining_does_not_bring_listeners_back() {
    let one = Upstream::start("one").await;
    let gate = Gate::new();
    one.on("/gated", Script::gated(&gate));
    let mut mizan = Mizan::before(&[&one], "", QUICK).await;
    let mut busy = mizan.connect().await;
    busy.send("GET /gated HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    eventually("it is under way", SECOND, || async { mizan.in_flight().await == 1 }).await;
    mizan.signal(Signal::TERM);
    let refused = async || Raw::try_connect(mizan.addr()).await.is_err();
    eventually("new connections are refused", 3 * SECOND, refused).await;
    mizan.signal(Signal::HUP);
    always("they still are", SECOND / 4, refused).await;
    gate.open();
    assert_eq!(busy.answer().await.status, 200);
    assert_eq!(mizan.ended(5 * SECOND).await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_with_requests_of_2_s_under_way_loses_none_under_load() {
    let one = Upstream::start("one").await;
    one.on("/slow", Script::slow(2 * SECOND)).forget_requests();
    let mut mizan = Mizan::before(&[&one], "", "drain: { timeout: 10s, idle_grace: 1s }").await;
    let mut slow = Vec::new();
    for _ in 0..20 {
        let mut raw = mizan.connect().await;
        raw.send("GET /slow HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
        slow.push(raw);
    }
    let load = Load::start(mizan.addr(), 16, "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n");
    eventually("all are under way", 5 * SECOND, || async {
        load.good() > 500 && mizan.in_flight().await >= 20
    })
    .await;
    mizan.signal(Signal::TERM);
    for raw in &mut slow {
        let answer = raw.try_answer("GET").await;
        assert!(matches!(&answer, Ok(a) if a.status == 200), "{answer:?}");
    }
    let outcome = load.ended().await;
    outcome.assert_no_failure();
    assert_eq!(outcome.refused, 16, "{outcome:?}");
    assert_eq!(mizan.ended(8 * SECOND).await.code(), Some(0), "{}", mizan.log().text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_drains_although_new_connections_keep_coming_under_load() {
    let one = Upstream::start("one").await;
    let mut mizan = Mizan::before(&[&one], "", QUICK).await;
    let address = mizan.addr();
    let knocking: Vec<_> = (0..8)
        .map(|_| {
            // Until the listener is gone, and bounded all the same.
            std::thread::spawn(move || {
                (0..200_000).take_while(|_| std::net::TcpStream::connect(address).is_ok()).count()
            })
        })
        .collect();
    eventually("connections come", 3 * SECOND, || async { mizan.status().await.connections > 0 }).await;
    let begin = Instant::now();
    assert_eq!(mizan.terminate().await.code(), Some(0), "{}", mizan.log().text());
    assert!(begin.elapsed() < 4 * SECOND, "{:?}", begin.elapsed());
    for knocking in knocking {
        knocking.join().expect("it ends when the listener is gone");
    }
}
