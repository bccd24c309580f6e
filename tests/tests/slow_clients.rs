//! Clients that take their time: each phase of a request has a limit of its own.

use mizan_tests::raw::End;
use mizan_tests::{Mizan, Script, Upstream};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_slow_head_is_408_at_its_deadline() {
    let upstream = Upstream::start("one").await;
    let mizan = Mizan::before(&[&upstream], "", "limits: { head_timeout: 500ms }").await;
    let begin = std::time::Instant::now();
    let mut still = mizan.connect().await;
    still.send("GET / HTTP/1.1\r\nHo").await;
    let mut drip = mizan.connect().await;
    // A byte now and then must not move the deadline.
    for byte in b"GET / HTTP/1.1" {
        let _ = drip.try_send([*byte]).await;
        tokio::time::sleep(Duration::from_millis(60)).await;
    }
    for raw in [&mut still, &mut drip] {
        assert_eq!(raw.answer().await.status, 408);
        assert!(raw.is_closed(SECOND).await);
    }
    assert!(begin.elapsed() < 3 * SECOND, "{:?}", begin.elapsed());
    mizan.log().wait_for_all(&["rule=", "408"]).await;
}

#[tokio::test]
async fn idle_connections_are_closed_without_a_word() {
    let upstream = Upstream::start("one").await;
    let mizan = Mizan::before(&[&upstream], "", "limits: { idle_timeout: 400ms }").await;
    let fresh = mizan.connect().await;
    let mut used = mizan.connect().await;
    used.send("GET / HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    used.answer().await;
    for (what, raw) in [("fresh", fresh), ("used", used)] {
        let mut raw = raw.patience(3 * SECOND);
        assert_eq!(raw.rest().await, b"", "{what}");
        assert_eq!(raw.end(Duration::ZERO).await, End::Closed, "{what}");
    }
}

#[tokio::test]
async fn a_body_below_the_minimum_rate_is_408() {
    let upstream = Upstream::start("one").await;
    let mizan = Mizan::before(&[&upstream], "", "limits: { body_grace: 400ms, body_rate: 1000 }").await;
    let mut raw = mizan.connect().await;
    raw.send("POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 10000\r\n\r\n").await;
    let drip = async {
        for _ in 0..100 {
            if raw.try_send("x").await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let answered = mizan.log().wait_for_all(&["rule=", "408"]);
    tokio::select! { () = drip => panic!("the slow body was let go on"), _ = answered => {} }
    assert_eq!(raw.answer().await.status, 408);
    assert!(raw.is_closed(SECOND).await);
    mizan.is_quiet().await;
}

#[tokio::test]
async fn a_body_above_the_minimum_rate_may_take_longer_than_the_grace() {
    let upstream = Upstream::start("one").await;
    let mizan = Mizan::before(&[&upstream], "", "limits: { body_grace: 300ms, body_rate: 100 }").await;
    let mut raw = mizan.connect().await;
    raw.send("POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 2000\r\n\r\n").await;
    for _ in 0..20 {
        raw.send([b'x'; 100]).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(raw.answer().await.status, 200);
    assert_eq!(upstream.only_request().body.len(), 2000);
}

#[tokio::test]
async fn an_answer_that_is_not_read_is_given_up() {
    let upstream = Upstream::start("one").await;
    upstream.on("/big", Script::big(64 * 1024 * 1024));
    let mizan = Mizan::before(&[&upstream], "", "limits: { body_grace: 400ms, body_rate: 1000 }").await;
    let mut raw = mizan.connect().await;
    raw.send("GET /big HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    mizan_tests::eventually("the upstream is let go", 5 * SECOND, || async { upstream.abandoned() == 1 })
        .await;
    mizan.is_quiet().await;
    assert!(raw.try_answer("GET").await.is_err());
}

#[tokio::test]
async fn a_client_that_withholds_its_body_is_408_and_nobody_else_is_blamed() {
    let upstream = Upstream::start("one").await;
    let service = "timeouts: { read: 300ms }\npassive: { max_fails: 1 }";
    let mizan = Mizan::before(&[&upstream], service, "").await;
    assert_eq!(mizan.get("/").await.status, 200);
    let mut raw = mizan.connect().await;
    raw.send("POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 10\r\n\r\nhell").await;
    assert_eq!(raw.answer().await.status, 408);
    let endpoint = mizan.endpoints().await[&upstream.addr().to_string()].clone();
    assert_eq!((endpoint.state, endpoint.failures), (mizan_api::EndpointState::Up, 0), "{endpoint:?}");
}
