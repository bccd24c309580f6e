//! Which endpoint gets a request.

use mizan_tests::raw::exchange;
use mizan_tests::script::Gate;
use mizan_tests::{Mizan, Script, Upstream, eventually};
use std::collections::BTreeMap;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

async fn three() -> [Upstream; 3] {
    [Upstream::start("one").await, Upstream::start("two").await, Upstream::start("three").await]
}

/// Who answered `count` requests with these fields.
async fn ask(mizan: &Mizan, count: usize, fields: &str) -> BTreeMap<String, usize> {
    let mut by_name = BTreeMap::new();
    for _ in 0..count {
        let answer =
            exchange(mizan.addr(), format!("GET / HTTP/1.1\r\nHost: app.test\r\n{fields}\r\n")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        *by_name.entry(answer.text()).or_default() += 1;
    }
    by_name
}

fn counts(by_name: &BTreeMap<String, usize>) -> Vec<usize> {
    let mut counts: Vec<usize> = by_name.values().copied().collect();
    counts.sort_unstable();
    counts
}

#[tokio::test]
async fn least_conn_shares_ties_fairly() {
    let all = three().await;
    let mizan = Mizan::before(&all.each_ref(), "", "").await;
    // An answer can be here before its request is counted off, so turns are not exact.
    let by_name = ask(&mizan, 30, "").await;
    assert!(by_name.len() == 3 && by_name.values().all(|n| *n >= 6), "{by_name:?}");
}

#[tokio::test]
async fn least_conn_avoids_the_endpoint_that_is_busy() {
    let all = three().await;
    let gate = Gate::new();
    for upstream in &all {
        upstream.on("/gated", Script::gated(&gate));
    }
    let mizan = Mizan::before(&all.each_ref(), "", "").await;
    let mut busy = mizan.connect().await;
    busy.send("GET /gated HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    eventually("it is under way", SECOND, || async { mizan.in_flight().await == 1 }).await;
    let by_name = ask(&mizan, 20, "").await;
    assert!(by_name.len() == 2 && by_name.values().all(|n| *n >= 6), "{by_name:?}");
    gate.open();
    busy.answer().await;
    mizan.is_quiet().await;
}

#[tokio::test]
async fn round_robin_takes_turns() {
    let all = three().await;
    let mizan = Mizan::before(&all.each_ref(), "balance: round_robin", "").await;
    assert_eq!(counts(&ask(&mizan, 30, "").await), [10, 10, 10]);
}

#[tokio::test]
async fn random_two_uses_all() {
    let all = three().await;
    let mizan = Mizan::before(&all.each_ref(), "balance: random_two", "").await;
    let by_name = ask(&mizan, 90, "").await;
    assert!(by_name.len() == 3 && by_name.values().all(|n| *n >= 10), "{by_name:?}");
}

#[tokio::test]
async fn weights_are_kept() {
    for balance in ["round_robin", "least_conn"] {
        let (light, heavy) = (Upstream::start("light").await, Upstream::start("heavy").await);
        let endpoints = format!("[\"{}\", {{ address: \"{}\", weight: 3 }}]", light.addr(), heavy.addr());
        let service = format!("balance: {balance}");
        let mizan = Mizan::start(&mizan_tests::mizan::one_service_at(&endpoints, &service, "")).await;
        let by_name = ask(&mizan, 40, "").await;
        if balance == "round_robin" {
            assert_eq!((by_name["light"], by_name["heavy"]), (10, 30), "{balance}");
        } else {
            // One request at a time: ties only, shared by weight or in turns.
            assert!(by_name["heavy"] >= by_name["light"], "{balance}: {by_name:?}");
        }
    }
}

#[tokio::test]
async fn a_hash_sends_the_same_key_to_the_same_endpoint() {
    let all = three().await;
    for (by, field) in [("header X-User", "X-User: "), ("cookie session", "Cookie: a=b; session=")] {
        let service = format!("balance: {{ hash: {{ by: {by} }} }}");
        let mizan = Mizan::before(&all.each_ref(), &service, "").await;
        let mut used = BTreeMap::new();
        for user in 0..30 {
            let by_name = ask(&mizan, 3, &format!("{field}user{user}\r\n")).await;
            assert_eq!(by_name.len(), 1, "{by}, user {user}: {by_name:?}");
            *used.entry(by_name.into_keys().next().unwrap()).or_insert(0) += 1;
        }
        assert_eq!(used.len(), 3, "{by}: {used:?}");
    }
    let mizan = Mizan::before(&all.each_ref(), "balance: { hash: { by: client_ip } }", "").await;
    assert_eq!(ask(&mizan, 10, "").await.len(), 1);
}

#[tokio::test]
async fn a_hash_moves_only_the_keys_of_an_endpoint_that_left() {
    let all = three().await;
    let service = "balance: { hash: { by: header X-User } }";
    let mut mizan = Mizan::before(&all.each_ref(), service, "").await;
    let mut before = Vec::new();
    for user in 0..60 {
        before.push(ask(&mizan, 1, &format!("X-User: {user}\r\n")).await.into_keys().next().unwrap());
    }
    mizan.reload(&mizan_tests::mizan::one_service(&[&all[0], &all[1]], service, "")).await;
    for (user, name) in before.iter().enumerate() {
        let now = ask(&mizan, 1, &format!("X-User: {user}\r\n")).await.into_keys().next().unwrap();
        assert!(now == *name || name == "three", "user {user} moved from {name} to {now}");
    }
}

#[tokio::test]
async fn a_split_of_90_and_10_is_kept_within_tolerance() {
    let (blue, green) = (Upstream::start("blue").await, Upstream::start("green").await);
    let yaml = split(&blue, &green, "{ blue: 90, green: 10 }");
    let mut mizan = Mizan::start(&yaml).await;
    let by_name = ask(&mizan, 400, "").await;
    let share = by_name["green"];
    assert!((15..=75).contains(&share), "{share} of 400, not about 40");
    mizan.reload(&split(&blue, &green, "{ blue: 0, green: 100 }")).await;
    assert_eq!(ask(&mizan, 20, "").await.keys().collect::<Vec<_>>(), ["green"]);
}

#[tokio::test]
async fn an_endpoint_that_fails_is_ejected_and_comes_back() {
    let all = three().await;
    let service = "passive: { max_fails: 2, fail_timeout: 600ms }\nretries: { tries: 3 }";
    let mizan = Mizan::before(&all.each_ref(), service, "").await;
    ask(&mizan, 6, "").await;
    all[0].stop().await;
    // Nobody notices but the one who looks.
    assert_eq!(ask(&mizan, 20, "").await.len(), 2);
    let state = mizan.endpoints().await[&all[0].addr().to_string()].clone();
    assert_ne!(state.state, mizan_api::EndpointState::Up, "{state:?}");
    assert!(!state.why.is_empty(), "{state:?}");
    all[0].resume().await;
    eventually("it takes requests again", 5 * SECOND, || async {
        ask(&mizan, 3, "").await.contains_key("one")
    })
    .await;
}

#[tokio::test]
async fn bad_answers_count_as_failures_too() {
    let (good, bad) = (Upstream::start("good").await, Upstream::start("bad").await);
    let mizan = Mizan::before(&[&good, &bad], "passive: { max_fails: 2, fail_timeout: 30s }", "").await;
    ask(&mizan, 4, "").await;
    bad.otherwise(Script::raw("rubbish\r\n\r\n"));
    let mut failed = 0;
    for _ in 0..20 {
        failed += u32::from(mizan.get("/").await.status != 200);
    }
    assert!(failed <= 2, "{failed} answers were bad");
    let state = mizan.endpoints().await[&bad.addr().to_string()].clone();
    assert_eq!(state.state, mizan_api::EndpointState::Ejected, "{state:?}");
}

#[tokio::test]
async fn the_last_endpoint_is_never_ejected() {
    let only = Upstream::start("only").await;
    let mizan = Mizan::before(&[&only], "passive: { max_fails: 1, fail_timeout: 60s }", "").await;
    ask(&mizan, 1, "").await;
    only.otherwise(Script::reset());
    for _ in 0..5 {
        assert_eq!(mizan.get("/").await.status, 502);
    }
    only.otherwise(Script::ok("only"));
    ask(&mizan, 1, "").await;
}

#[tokio::test]
async fn with_all_endpoints_failing_requests_still_go_out() {
    let all = three().await;
    let mizan = Mizan::before(&all.each_ref(), "passive: { max_fails: 1, fail_timeout: 60s }", "").await;
    ask(&mizan, 3, "").await;
    for upstream in &all {
        upstream.otherwise(Script::reset());
    }
    for _ in 0..10 {
        let status = mizan.get("/").await.status;
        assert!([502, 503].contains(&status), "{status}");
    }
    for upstream in &all {
        upstream.otherwise(Script::ok("back"));
    }
    eventually("they serve again", 2 * SECOND, || async { mizan.get("/").await.status == 200 }).await;
}

fn split(blue: &Upstream, green: &Upstream, weights: &str) -> String {
    format!(
        "
        services:
          app:
            tracks: {{ blue: \"{}\", green: \"{}\" }}
            split: {weights}
        sites:
          - hosts: [\"*\"]
            routes:
              - {{ path: /, service: app }}
        ",
        blue.addr(),
        green.addr()
    )
}
