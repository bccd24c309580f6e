//! What is tried again, and what never.

use mizan_tests::net::{Blackhole, Refuses};
use mizan_tests::raw::exchange;
use mizan_tests::{Mizan, Script, Upstream, eventually};
use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);

fn post(path: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: app.test\r\nContent-Length: 5\r\n\r\nhello")
}

#[tokio::test]
async fn a_refused_connect_is_tried_elsewhere_whatever_the_method() {
    let (refuses, good) = (Refuses::new(), Upstream::start("good").await);
    let endpoints = format!("[\"{}\", \"{}\"]", refuses.addr(), good.addr());
    let service = "passive: { max_fails: 0 }\nretries: { min_per_second: 100 }";
    let mizan = Mizan::start(&mizan_tests::mizan::one_service_at(&endpoints, service, "")).await;
    for n in 0..10 {
        assert_eq!(exchange(mizan.addr(), post(&format!("/{n}"))).await.text(), "good");
    }
    let requests = good.requests();
    assert_eq!(requests.len(), 10);
    assert!(requests.iter().all(|r| r.body == b"hello"), "a body was lost on the way");
}

#[tokio::test]
async fn a_connect_that_hangs_is_given_up_soon_while_others_are_there() {
    let (hole, good) = (Blackhole::new().await, Upstream::start("good").await);
    let endpoints = format!("[\"{}\", \"{}\"]", hole.addr(), good.addr());
    let mizan =
        Mizan::start(&mizan_tests::mizan::one_service_at(&endpoints, "timeouts: { connect: 5s }", "")).await;
    for _ in 0..4 {
        let begin = Instant::now();
        assert_eq!(mizan.get("/").await.text(), "good");
        assert!(begin.elapsed() < SECOND, "{:?}", begin.elapsed());
    }
}

#[tokio::test]
async fn an_idempotent_request_on_a_connection_that_was_closed_idle_is_tried_again() {
    let upstream = Upstream::start("one").await;
    upstream.once("/first", Script::ok_then_idle_close("first", Duration::from_millis(30)));
    let mizan = Mizan::before(&[&upstream], "", "").await;
    for round in 0..10 {
        upstream.once("/first", Script::ok_then_idle_close("first", Duration::from_millis(10)));
        assert_eq!(mizan.get("/first").await.status, 200);
        // About when the upstream closes: before, while and after.
        tokio::time::sleep(Duration::from_millis(6 + round)).await;
        assert_eq!(mizan.get("/").await.text(), "one", "round {round}");
    }
}

#[tokio::test]
async fn an_upstream_that_closes_instead_of_answering_a_get_is_tried_again_elsewhere() {
    let (bad, good) = (Upstream::start("bad").await, Upstream::start("good").await);
    let mizan = Mizan::before(&[&bad, &good], "passive: { max_fails: 0 }", "").await;
    // Kept connections first: only there is a close the upstream's right.
    for _ in 0..4 {
        mizan.get("/").await;
    }
    bad.otherwise(Script::close());
    let mut good_answers = 0;
    for _ in 0..10 {
        good_answers += u32::from(mizan.get("/").await.status == 200);
    }
    assert!(good_answers >= 6, "{good_answers} of 10");
}

#[tokio::test]
async fn a_post_that_was_sent_is_never_sent_twice() {
    let all = [Upstream::start("one").await, Upstream::start("two").await];
    let service = "passive: { max_fails: 0 }\nretries: { tries: 3, min_per_second: 100 }";
    let mizan = Mizan::before(&all.each_ref(), service, "").await;
    for script in
        [Script::close(), Script::reset(), Script::raw("rubbish\r\n\r\n"), Script::raw("HTTP/1.1 2")]
    {
        for upstream in &all {
            // On fresh connections and on kept ones.
            upstream.on("/good", Script::ok("good")).otherwise(script.clone());
        }
        for n in 0..4 {
            let before: u64 = all.iter().map(Upstream::request_count).sum();
            let answer = exchange(mizan.addr(), post(&format!("/{n}"))).await;
            assert_eq!(answer.status, 502);
            let after: u64 = all.iter().map(Upstream::request_count).sum();
            assert_eq!(after - before, 1, "{script:?}");
            mizan.get("/good").await;
        }
    }
}

#[tokio::test]
async fn a_post_with_a_slow_upstream_is_504_once() {
    let all = [Upstream::start("one").await, Upstream::start("two").await];
    for upstream in &all {
        upstream.otherwise(Script::hang());
    }
    let mizan = Mizan::before(&all.each_ref(), "timeouts: { read: 300ms }", "").await;
    assert_eq!(exchange(mizan.addr(), post("/")).await.status, 504);
    assert_eq!(all.iter().map(Upstream::request_count).sum::<u64>(), 1);
}

#[tokio::test]
async fn an_error_that_the_upstream_answers_itself_is_passed_on() {
    let all = [Upstream::start("one").await, Upstream::start("two").await];
    for upstream in &all {
        upstream.otherwise(Script::answer(503, &[("retry-after", "7")], "busy"));
    }
    let mizan = Mizan::before(&all.each_ref(), "", "").await;
    let answer = mizan.get("/").await;
    assert_eq!((answer.status, answer.text().as_str()), (503, "busy"));
    assert_eq!(answer.header("retry-after"), Some("7"));
    assert_eq!(all.iter().map(Upstream::request_count).sum::<u64>(), 1);
}

#[tokio::test]
async fn the_budget_bounds_retries_when_everything_fails() {
    let (one, two) = (Upstream::start("one").await, Upstream::start("two").await);
    let service = "passive: { max_fails: 0 }\nretries: { tries: 3, budget: 20%, min_per_second: 1 }";
    let mizan = Mizan::before(&[&one, &two], service, "").await;
    // Kept connections that break are what may be tried again.
    let mut sent = 0;
    for _ in 0..40 {
        for upstream in [&one, &two] {
            upstream.on("/", Script::ok("good"));
        }
        mizan.get("/").await;
        mizan.get("/").await;
        for upstream in [&one, &two] {
            upstream.on("/", Script::close());
        }
        let before = one.request_count() + two.request_count();
        mizan.get("/").await;
        sent += one.request_count() + two.request_count() - before;
    }
    // 120 requests: 20 % of them are 24 retries, and one a second of the ten or so that a budget remembers. Without a
    // budget there would be 80.
    assert!((41..=40 + 24 + 12).contains(&sent), "{sent} sent for 40 requests that fail");
}

#[tokio::test]
async fn tries_1_turns_retries_off() {
    let (refuses, good) = (Refuses::new(), Upstream::start("good").await);
    let endpoints = format!("[\"{}\", \"{}\"]", refuses.addr(), good.addr());
    let service = "passive: { max_fails: 0 }\nretries: { tries: 1 }\nbalance: round_robin";
    let mizan = Mizan::start(&mizan_tests::mizan::one_service_at(&endpoints, service, "")).await;
    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(mizan.get("/").await.status);
    }
    assert!(statuses.contains(&502) && statuses.contains(&200), "{statuses:?}");
}

#[tokio::test]
async fn an_endpoint_that_never_answered_and_refuses_is_starting_not_failed() {
    let (late, good) = (Upstream::start("late").await, Upstream::start("good").await);
    late.stop().await;
    let mizan = Mizan::before(&[&late, &good], "passive: { max_fails: 1, fail_timeout: 60s }", "").await;
    for _ in 0..6 {
        assert_eq!(mizan.get("/").await.text(), "good");
    }
    let state = mizan.endpoints().await[&late.addr().to_string()].clone();
    assert_eq!(state.state, mizan_api::EndpointState::Starting, "{state:?}");
    late.resume().await;
    eventually("it takes requests as soon as it listens", 5 * SECOND, || async {
        mizan.get("/").await.text() == "late"
    })
    .await;
}
