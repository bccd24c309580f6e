//! Active checks.

use mizan_api::EndpointState;
use mizan_tests::script::answer;
use mizan_tests::{Mizan, Script, Step, Upstream, eventually};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const HEALTH: &str = "health: { path: /up, interval: 100ms, timeout: 100ms, healthy: 2, unhealthy: 2 }";

async fn state(mizan: &Mizan, upstream: &Upstream) -> EndpointState {
    mizan.endpoints().await[&upstream.addr().to_string()].state
}

async fn becomes(mizan: &Mizan, upstream: &Upstream, wanted: EndpointState) {
    eventually(format!("`{}` is {wanted:?}", upstream.name()), 5 * SECOND, || async {
        state(mizan, upstream).await == wanted
    })
    .await;
}

async fn two() -> [Upstream; 2] {
    [Upstream::start("one").await, Upstream::start("two").await]
}

#[tokio::test]
async fn an_endpoint_whose_checks_fail_gets_no_requests_until_they_pass() {
    let all = two().await;
    let mizan = Mizan::before(&all.each_ref(), HEALTH, "").await;
    becomes(&mizan, &all[0], EndpointState::Up).await;
    becomes(&mizan, &all[1], EndpointState::Up).await;
    all[0].on("/up", Script::answer(500, &[], "sick"));
    becomes(&mizan, &all[0], EndpointState::Unhealthy).await;
    for _ in 0..10 {
        assert_eq!(mizan.get("/").await.text(), "two");
    }
    let why = mizan.endpoints().await[&all[0].addr().to_string()].why.clone();
    assert!(why.contains("500"), "`why` does not say it: {why}");
    all[0].on("/up", Script::ok("well"));
    becomes(&mizan, &all[0], EndpointState::Up).await;
    let mut names: Vec<String> = vec![mizan.get("/").await.text(), mizan.get("/").await.text()];
    names.sort();
    assert_eq!(names, ["one", "two"]);
}

#[tokio::test]
async fn one_failed_check_is_not_enough() {
    let all = two().await;
    let health = "health: { path: /up, interval: 100ms, timeout: 100ms, healthy: 1, unhealthy: 3 }";
    let mizan = Mizan::before(&all.each_ref(), health, "").await;
    becomes(&mizan, &all[0], EndpointState::Up).await;
    for _ in 0..2 {
        all[0].once("/up", Script::answer(500, &[], ""));
    }
    let mark = all[0].requests_for("/up").len();
    eventually("four more checks", 3 * SECOND, || async {
        assert_eq!(state(&mizan, &all[0]).await, EndpointState::Up);
        all[0].requests_for("/up").len() >= mark + 4
    })
    .await;
}

#[tokio::test]
async fn a_check_that_hangs_or_is_refused_fails() {
    let all = two().await;
    let mizan = Mizan::before(&all.each_ref(), HEALTH, "").await;
    becomes(&mizan, &all[0], EndpointState::Up).await;
    all[0].on("/up", Script::hang());
    becomes(&mizan, &all[0], EndpointState::Unhealthy).await;
    all[0].on("/up", Script::ok("well"));
    becomes(&mizan, &all[0], EndpointState::Up).await;
    all[0].stop().await;
    eventually("it is out", 5 * SECOND, || async { state(&mizan, &all[0]).await != EndpointState::Up }).await;
    for _ in 0..5 {
        assert_eq!(mizan.get("/").await.text(), "two");
    }
}

#[tokio::test]
async fn a_check_asks_what_the_file_says_on_a_connection_of_its_own() {
    let upstream = Upstream::start("one").await;
    upstream.on("/up", Script::steps([Step::Send(answer(204, &[], ""))]));
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("token");
    std::fs::write(&secret, "s3cret-token\n").unwrap();
    let health = format!(
        "health: {{ path: /up, host: inner.test, interval: 100ms, status: \"204\", headers: {{ Authorization: {{ file: {} }} }} }}",
        secret.display()
    );
    let mizan = Mizan::before(&[&upstream], &health, "").await;
    // An address that was written down takes requests before its first check.
    eventually("it is checked", 5 * SECOND, || async { !upstream.requests_for("/up").is_empty() }).await;
    becomes(&mizan, &upstream, EndpointState::Up).await;
    let check = upstream.requests_for("/up").remove(0);
    assert_eq!((check.method(), check.header("host")), ("GET", Some("inner.test")));
    assert_eq!(check.header("authorization"), Some("s3cret-token"));
    mizan.get("/").await;
    let request = upstream.requests_for("/").remove(0);
    assert!(upstream.requests_for("/up").iter().all(|c| c.connection != request.connection));
    // A secret is in no log and in no status.
    assert!(!mizan.log().has("s3cret-token"));
    assert!(!format!("{:?}", mizan.status().await).contains("s3cret-token"));
}

#[tokio::test]
async fn checks_come_at_their_interval_with_jitter() {
    let upstream = Upstream::start("one").await;
    let mizan = Mizan::before(&[&upstream], HEALTH, "").await;
    becomes(&mizan, &upstream, EndpointState::Up).await;
    let before = upstream.requests_for("/up").len();
    tokio::time::sleep(SECOND).await;
    let checks = upstream.requests_for("/up").len() - before;
    assert!((6..=13).contains(&checks), "{checks} checks in a second, every 100 ms");
}

#[tokio::test]
async fn with_all_endpoints_unhealthy_the_answer_is_quick() {
    let all = two().await;
    let mizan = Mizan::before(&all.each_ref(), HEALTH, "").await;
    for upstream in &all {
        upstream.on("/up", Script::answer(500, &[], ""));
    }
    for upstream in &all {
        becomes(&mizan, upstream, EndpointState::Unhealthy).await;
    }
    let begin = std::time::Instant::now();
    let status = mizan.get("/").await.status;
    assert!([200, 502, 503].contains(&status) && begin.elapsed() < SECOND, "{status}");
}
