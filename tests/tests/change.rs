//! SIGHUP: another file comes into force, or is refused and nothing changes.

use mizan_tests::load::Load;
use mizan_tests::mizan::one_service;
use mizan_tests::raw::get;
use mizan_tests::script::Gate;
use mizan_tests::wrk::Wrk;
use mizan_tests::{Mizan, Raw, Script, Upstream, eventually};
use std::net::SocketAddr;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_reload_puts_the_new_file_in_force() {
    let (one, two) = (Upstream::start("one").await, Upstream::start("two").await);
    let mut mizan = Mizan::before(&[&one], "", "").await;
    assert_eq!(mizan.get("/").await.text(), "one");
    mizan.reload(&one_service(&[&two], "", "")).await;
    assert_eq!(mizan.get("/").await.text(), "two");
    assert_eq!(mizan.status().await.generation, 2);
    assert!(mizan.log().has("configuration 2 in force"));
}

#[tokio::test]
async fn a_bad_file_is_refused_with_every_problem_and_the_old_one_serves_on() {
    let one = Upstream::start("one").await;
    let mut mizan = Mizan::before(&[&one], "", "").await;
    let verdict = mizan
        .try_reload(
            "
            services:
              app: { endpoint: \"127.0.0.1:1\", timeouts: { connect: soon } }
            sites:
              - hosts: [\"*\"]
                routes:
                  - { path: /, service: nobody }
            ",
        )
        .await;
    assert!(verdict.contains("refused"), "{verdict}");
    for problem in ["endpoint", "soon", "nobody", "mizan.yml"] {
        mizan.log().wait_for(problem, SECOND).await;
    }
    assert_eq!(mizan.get("/").await.text(), "one");
    assert_eq!(mizan.status().await.generation, 1);
    mizan.reload(&one_service(&[&one], "", "")).await;
}

#[tokio::test]
async fn a_file_that_is_no_yaml_or_gone_is_refused_too() {
    let one = Upstream::start("one").await;
    let mut mizan = Mizan::before(&[&one], "", "").await;
    assert!(mizan.try_reload("services: [").await.contains("refused"));
    std::fs::remove_file(mizan.folder().join("mizan.yml")).unwrap();
    let mark = mizan.log().mark();
    mizan.signal(rustix::process::Signal::HUP);
    let refused = mizan.log().wait_after(mark, |l| l.contains("configuration refused"), 5 * SECOND).await;
    assert!(refused.is_some(), "{}", mizan.log().text());
    assert_eq!(mizan.get("/").await.text(), "one");
}

#[tokio::test]
async fn an_unchanged_service_keeps_connections_and_counts() {
    let (one, two) = (Upstream::start("one").await, Upstream::start("two").await);
    let mut mizan = Mizan::before(&[&one], "", "").await;
    let mut client = mizan.connect().await;
    for _ in 0..5 {
        client.send("GET / HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
        client.answer().await;
    }
    let extra = format!("{}\n  extra: {{ endpoints: \"{}\" }}\n", "services:", two.addr());
    let yaml = one_service(&[&one], "", "").replacen("services:\n", &extra, 1);
    mizan.reload(&yaml).await;
    // The client's connection lives on, too.
    client.send("GET / HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    assert_eq!(client.answer().await.text(), "one");
    assert_eq!(one.connection_count(), 1);
    let endpoints = mizan.endpoints().await;
    assert_eq!(endpoints[&one.addr().to_string()].requests, 6);
    assert!(endpoints.contains_key(&two.addr().to_string()));
}

#[tokio::test]
async fn an_unchanged_service_keeps_its_health() {
    let (good, bad) = (Upstream::start("good").await, Upstream::start("bad").await);
    let health = "health: { path: /up, interval: 100ms, timeout: 100ms, healthy: 2, unhealthy: 2 }";
    let mut mizan = Mizan::before(&[&good, &bad], health, "").await;
    bad.on("/up", Script::answer(500, &[], ""));
    let state = async |mizan: &Mizan| mizan.endpoints().await[&bad.addr().to_string()].state;
    eventually("it is out", 5 * SECOND, || async {
        state(&mizan).await == mizan_api::EndpointState::Unhealthy
    })
    .await;
    mizan.reload(&one_service(&[&good, &bad], health, "limits: { connections: 777 }")).await;
    assert_eq!(state(&mizan).await, mizan_api::EndpointState::Unhealthy);
    for _ in 0..6 {
        assert_eq!(mizan.get("/").await.text(), "good");
    }
}

#[tokio::test]
async fn a_request_under_way_ends_by_the_file_it_began_with() {
    let (one, two) = (Upstream::start("one").await, Upstream::start("two").await);
    let gate = Gate::new();
    one.on("/gated", Script::gated(&gate));
    let mut mizan = Mizan::before(&[&one], "", "").await;
    let mut raw = mizan.connect().await;
    raw.send("GET /gated HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    eventually("it is under way", SECOND, || async { one.request_count() == 1 }).await;
    mizan.reload(&one_service(&[&two], "", "")).await;
    assert_eq!(mizan.get("/").await.text(), "two");
    gate.open();
    assert_eq!(raw.answer().await.text(), "ok");
    eventually("the old upstream is let go", 5 * SECOND, || async { one.open_connections() == 0 }).await;
}

#[tokio::test]
async fn listeners_come_and_go_by_reload() {
    let one = Upstream::start("one").await;
    let mut mizan = Mizan::before(&[&one], "", "").await;
    let first = mizan.addr();
    let mark = mizan.log().mark();
    let both = "listen: { http: [\"127.0.0.1:0\", \"127.0.0.2:0\"] }";
    mizan.reload(&one_service(&[&one], "", both)).await;
    let line = mizan.log().wait_after(mark, |l| l.contains("listening on 127.0.0.2:"), 5 * SECOND).await;
    assert!(line.is_some(), "{}", mizan.log().text());
    let listeners = mizan.status().await.listeners;
    let second: SocketAddr =
        listeners.iter().find(|l| l.starts_with("127.0.0.2:")).expect("it is listed").parse().unwrap();
    assert_eq!(get(second, "app.test", "/").await.text(), "one");
    assert_eq!(get(first, "app.test", "/").await.text(), "one");
    let mut kept = Raw::connect(second).await;
    kept.send("GET / HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    kept.answer().await;
    mizan.reload(&one_service(&[&one], "", "")).await;
    eventually("the second is gone", 5 * SECOND, || async { Raw::try_connect(second).await.is_err() }).await;
    assert_eq!(get(first, "app.test", "/").await.text(), "one");
    // Whoever is connected there is told, not cut off.
    kept.send("GET / HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    assert!(matches!(kept.try_answer("GET").await, Ok(answer) if answer.status == 200));
}

#[tokio::test]
async fn a_listener_that_cannot_be_opened_refuses_the_whole_file() {
    let (one, two) = (Upstream::start("one").await, Upstream::start("two").await);
    let mut mizan = Mizan::before(&[&one], "", "").await;
    let taken = format!("listen: {{ http: [\"127.0.0.1:0\", \"{}\"] }}", two.addr());
    assert!(mizan.try_reload(&one_service(&[&two], "", &taken)).await.contains("refused"));
    assert_eq!(mizan.get("/").await.text(), "one");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_reloads_fail_no_request_under_load() {
    let all = [Upstream::start("one").await, Upstream::start("two").await, Upstream::start("three").await];
    for upstream in &all {
        upstream.forget_requests();
    }
    let mut mizan = Mizan::before(&[&all[0], &all[1]], "", "").await;
    let wrk = Wrk::start(mizan.addr(), "app.test", "/", 16, 5 * SECOND);
    let load = Load::start(mizan.addr(), 4, "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n");
    for n in 0..100 {
        // Each time one endpoint goes and another comes.
        mizan.reload(&one_service(&[&all[n % 3], &all[(n + 1) % 3]], "", "")).await;
    }
    load.stop().await.assert_no_failure();
    let report = wrk.report().await;
    report.assert_no_failure();
    println!("100 reloads under {:.0} requests/s", report.per_second);
    assert_eq!(mizan.status().await.generation, 101);
}

/// Nothing of the last file is in the next: requests that began by the last one still find its endpoints.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reloads_that_replace_every_endpoint_fail_no_request_under_load() {
    let (one, two) = (Upstream::start("one").await, Upstream::start("two").await);
    let mut mizan = Mizan::before(&[&one], "", "").await;
    let load = Load::start(mizan.addr(), 16, "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n");
    for n in 0..60 {
        let upstream = if n % 2 == 0 { &two } else { &one };
        mizan.reload(&one_service(&[upstream], "", "")).await;
        let served = load.good();
        eventually("requests go on", 5 * SECOND, || async { load.good() > served + 50 }).await;
    }
    load.stop().await.assert_no_failure();
}
