//! Requests sent before the answer to the one before them.

use mizan_tests::script::Gate;
use mizan_tests::{Mizan, Script, Upstream, eventually};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn twenty_pipelined_requests_get_twenty_answers_in_order() {
    let upstream = Upstream::start("one").await;
    let mizan = Mizan::before(&[&upstream], "", "").await;
    let mut all = Vec::new();
    for n in 0..20 {
        upstream.on(&format!("/{n}"), Script::ok(&format!("answer {n}")));
        all.push(match n % 3 {
            0 => format!("GET /{n} HTTP/1.1\r\nHost: app.test\r\n\r\n"),
            1 => format!("POST /{n} HTTP/1.1\r\nHost: app.test\r\nContent-Length: 6\r\n\r\nGET /x"),
            _ => format!(
                "POST /{n} HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
            ),
        });
    }
    let mut raw = mizan.connect().await;
    raw.send(all.concat()).await;
    for n in 0..20 {
        assert_eq!(raw.answer().await.text(), format!("answer {n}"));
    }
    let bodies: Vec<String> =
        upstream.requests().iter().map(|r| String::from_utf8_lossy(&r.body).into_owned()).collect();
    for (n, body) in bodies.iter().enumerate() {
        assert_eq!(body, ["", "GET /x", "abc"][n % 3]);
    }
}

#[tokio::test]
async fn a_request_that_comes_while_another_is_answered_waits_its_turn() {
    let upstream = Upstream::start("one").await;
    let gate = Gate::new();
    upstream.on("/gated", Script::gated(&gate));
    let mizan = Mizan::before(&[&upstream], "", "").await;
    let mut raw = mizan.connect().await;
    raw.send("GET /gated HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    eventually("the first is there", SECOND, || async { upstream.request_count() == 1 }).await;
    raw.send("GET /second HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    gate.open();
    assert_eq!(raw.answer().await.text(), "ok");
    assert_eq!(raw.answer().await.text(), "one");
}
