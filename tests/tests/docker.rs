//! A real network on the machine's Docker engine: its DNS, its containers, its way of stopping them.

use mizan_tests::docker::{Docker, Inside};
use mizan_tests::load::{Load, Outcome};
use mizan_tests::mizan::{Launch, one_service_at};
use mizan_tests::{Mizan, eventually};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);
const BACKEND: &str = env!("CARGO_BIN_EXE_test-backend");
const REQUEST: &str = "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n";

/// The ordinary binary, in the network namespace of a container that does nothing.
async fn start(inside: &Inside) -> (Mizan, SocketAddr) {
    let top = "listen: { http: \"0.0.0.0:0\" }\nresolver: { servers: [127.0.0.11], interval: 1s }";
    // Many retries at once are right here: a third of the endpoints goes at a time.
    let service = "retries: { budget: 100%, min_per_second: 1000 }";
    let yaml = one_service_at("\"app_svc:3000\"", service, top);
    let mizan = Launch::default().by(&inside.words()).start(&yaml).await;
    let addr = SocketAddr::from((inside.ip(), mizan.addr().port()));
    eventually("it is ready", 10 * SECOND, || async {
        mizan_tests::raw::get(addr, "app.test", "/lb-ready").await.status == 200
    })
    .await;
    (mizan, addr)
}

async fn serves(load: &Load, names: &[&String]) {
    eventually(format!("{names:?} serve"), 10 * SECOND, || async {
        let seen = load.by_body();
        names.iter().all(|name| seen.contains_key(*name))
    })
    .await;
}

fn assert_whole(outcome: &Outcome) {
    outcome.assert_no_failure();
    println!("{} requests: {:?}", outcome.good, outcome.by_body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scaling_up_and_down_loses_no_request() {
    let Some(docker) = Docker::start(BACKEND) else { return };
    let inside = docker.inside();
    let first = docker.backend("app_svc");
    let (mizan, addr) = start(&inside).await;
    let load = Load::start(addr, 8, REQUEST);
    serves(&load, &[&first]).await;
    let (second, third) = (docker.backend("app_svc"), docker.backend("app_svc"));
    serves(&load, &[&second, &third]).await;
    // SIGTERM: the address stays in DNS for a while, and refuses.
    docker.stop(&first).await;
    docker.stop(&second).await;
    mizan.has_endpoints(1).await;
    let good = load.good();
    eventually("requests go on", 5 * SECOND, || async { load.good() > good + 100 }).await;
    assert_whole(&load.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scaled_to_zero_is_a_quick_503_and_comes_back() {
    let Some(docker) = Docker::start(BACKEND) else { return };
    let inside = docker.inside();
    let only = docker.backend("app_svc");
    let (_mizan, addr) = start(&inside).await;
    let get = async || mizan_tests::raw::get(addr, "app.test", "/").await;
    eventually("it serves", 5 * SECOND, || async { get().await.text() == only }).await;
    docker.remove(&only).await;
    eventually("the answer is quick and 503", 15 * SECOND, || async {
        let begin = Instant::now();
        get().await.status == 503 && begin.elapsed() < SECOND / 2
    })
    .await;
    let next = docker.backend("app_svc");
    let begin = Instant::now();
    eventually("it serves again", 10 * SECOND, || async { get().await.text() == next }).await;
    println!("back {:?} after docker run", begin.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_container_that_is_removed_by_force_costs_no_request_that_can_be_tried_again() {
    let Some(docker) = Docker::start(BACKEND) else { return };
    let inside = docker.inside();
    let (first, second) = (docker.backend("app_svc"), docker.backend("app_svc"));
    let (mizan, addr) = start(&inside).await;
    let load = Load::start(addr, 4, REQUEST);
    serves(&load, &[&first, &second]).await;
    docker.remove(&first).await;
    // Its address goes to a stranger at once.
    let stranger = docker.backend("other_svc");
    mizan.has_endpoints(1).await;
    let good = load.good();
    eventually("requests go on", 5 * SECOND, || async { load.good() > good + 100 }).await;
    let outcome = load.stop().await;
    assert_whole(&outcome);
    assert!(!outcome.by_body.contains_key(&stranger), "a stranger was asked: {:?}", outcome.by_body);
}
