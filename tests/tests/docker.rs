//! A real network on the machine's Docker engine: services that are scaled and recreated under load.

use mizan_tests::docker::{Docker, Inside};
use mizan_tests::load::{Load, Outcome};
use mizan_tests::mizan::{Launch, one_service_at};
use mizan_tests::{Mizan, eventually};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

const SECOND: Duration = Duration::from_secs(1);
const BACKEND: &str = env!("CARGO_BIN_EXE_test-backend");
const REQUEST: &str = "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n";
const TOP: &str = "listen: { http: \"0.0.0.0:0\" }\nresolver: { servers: [127.0.0.11], interval: 1s }";
/// Four of five endpoints go at once: a request may find all four refusing before the one that is left.
const RETRIES: &str = "retries: { tries: 5, budget: 100%, min_per_second: 1000 }";

/// The ordinary binary, in the network namespace of a container that does nothing.
async fn start(inside: &Inside) -> (Mizan, SocketAddr) {
    start_with(inside, &one_service_at("\"app_svc:3000\"", RETRIES, TOP)).await
}

async fn start_with(inside: &Inside, yaml: &str) -> (Mizan, SocketAddr) {
    let mizan = Launch::default().by(&inside.words()).start(yaml).await;
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

/// Requests are answered, a hundred of them from now on.
async fn goes_on(load: &Load) {
    let good = load.good();
    eventually("requests go on", 10 * SECOND, || async { load.good() > good + 100 }).await;
}

/// From each one's first direct answer to its first request through mizan.
async fn delays(load: &Load, started: Vec<(String, JoinHandle<Instant>)>) -> Vec<Duration> {
    let mut seen: BTreeMap<String, Instant> = BTreeMap::new();
    eventually("all new ones serve", 10 * SECOND, async || {
        for name in load.by_body().into_keys() {
            seen.entry(name).or_insert_with(Instant::now);
        }
        started.iter().all(|(name, _)| seen.contains_key(name))
    })
    .await;
    let mut delays = Vec::new();
    for (name, direct) in started {
        delays.push(seen[&name].saturating_duration_since(direct.await.expect("it answers")));
    }
    delays
}

fn assert_whole(outcome: &Outcome) {
    outcome.assert_no_failure();
    println!("{} requests, none failed: {:?}", outcome.good, outcome.by_body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scaling_to_5_to_1_and_to_3_loses_no_request() {
    let Some(docker) = Docker::start(BACKEND) else { return };
    let inside = docker.inside();
    // Something is always under way when one is told to stop.
    let env = ["DELAY=20", "TERM_WAIT=3000"];
    let two = [docker.backend_with("app_svc", &env), docker.backend_with("app_svc", &env)];
    let (mizan, addr) = start(&inside).await;
    let load = Load::start(addr, 16, REQUEST);
    serves(&load, &[&two[0], &two[1]]).await;

    let three: Vec<_> = (0..3).map(|_| docker.launch("app_svc", &env)).collect();
    let names: Vec<String> = three.iter().map(|(name, _)| name.clone()).collect();
    let mut all = delays(&load, three).await;
    mizan.has_endpoints(5).await;

    // As Compose does: the highest numbers go, all at once. Their addresses stay in DNS for a while, and refuse.
    docker.stop(&[&two[1], &names[0], &names[1], &names[2]]).await;
    mizan.has_endpoints(1).await;
    goes_on(&load).await;

    all.extend(delays(&load, (0..2).map(|_| docker.launch("app_svc", &env)).collect()).await);
    mizan.has_endpoints(3).await;
    goes_on(&load).await;
    assert_whole(&load.stop().await);
    println!("from the first direct answer to the first request through mizan: {all:?}");
    assert!(all.iter().all(|delay| *delay < 5 * SECOND / 2), "{all:?}");
}

/// No request hangs: at most the first ones take a connect's whole time (2 s), since the address no longer refuses.
async fn is_quickly_503(addr: SocketAddr, what: &str) {
    let gone = Instant::now();
    let mut slowest = Duration::ZERO;
    eventually("the answer is quick and 503", 10 * SECOND, async || {
        let begin = Instant::now();
        let status = mizan_tests::raw::get(addr, "app.test", "/").await.status;
        assert!((502..=504).contains(&status), "{status}");
        slowest = slowest.max(begin.elapsed());
        status == 503 && begin.elapsed() < SECOND / 2
    })
    .await;
    println!("{what}: quick 503 after {:?}, the slowest answer took {slowest:?}", gone.elapsed());
    assert!(slowest < SECOND, "{slowest:?}");
    for _ in 0..20 {
        let begin = Instant::now();
        let status = mizan_tests::raw::get(addr, "app.test", "/").await.status;
        assert_eq!(status, 503);
        assert!(begin.elapsed() < SECOND, "{:?}", begin.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scaled_to_zero_is_a_quick_503_and_comes_back() {
    let Some(docker) = Docker::start(BACKEND) else { return };
    let inside = docker.inside();
    let only = docker.backend("app_svc");
    let (_mizan, addr) = start(&inside).await;
    let get = async || mizan_tests::raw::get(addr, "app.test", "/").await;
    eventually("it serves", 5 * SECOND, || async { get().await.text() == only }).await;
    docker.stop(&[&only]).await;
    is_quickly_503(addr, "stopped").await;
    let (next, direct) = docker.launch("app_svc", &[]);
    eventually("it serves again", 10 * SECOND, || async { get().await.text() == next }).await;
    let back = Instant::now().saturating_duration_since(direct.await.expect("it answers"));
    println!("back {back:?} after the first direct answer");
    assert!(back < 5 * SECOND / 2, "{back:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_only_one_removed_by_force_becomes_a_quick_503_and_comes_back() {
    let Some(docker) = Docker::start(BACKEND) else { return };
    let inside = docker.inside();
    let only = docker.backend("app_svc");
    let (_mizan, addr) = start(&inside).await;
    let get = async || mizan_tests::raw::get(addr, "app.test", "/").await;
    eventually("it serves", 5 * SECOND, || async { get().await.text() == only }).await;
    docker.remove(&only).await;
    is_quickly_503(addr, "removed").await;
    let next = docker.backend("app_svc");
    eventually("it serves again", 10 * SECOND, || async { get().await.text() == next }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_container_that_comes_back_at_another_address_is_found() {
    let Some(docker) = Docker::start(BACKEND) else { return };
    let inside = docker.inside();
    let (first, second) = (docker.backend("app_svc"), docker.backend("app_svc"));
    let (mizan, addr) = start(&inside).await;
    let load = Load::start(addr, 8, REQUEST);
    serves(&load, &[&first, &second]).await;
    let before = docker.address(&first);
    docker.remove(&first).await;
    let placeholder = docker.placeholder();
    assert_eq!(docker.address(&placeholder), before, "the placeholder takes the address");
    let delays = delays(&load, vec![docker.launch("app_svc", &[])]).await;
    mizan.has_endpoints(2).await;
    let endpoints = mizan.endpoints().await;
    assert!(!endpoints.contains_key(&format!("{before}:3000")), "{endpoints:?}");
    goes_on(&load).await;
    assert_whole(&load.stop().await);
    println!("recreated elsewhere: found {delays:?} after its first direct answer");
    assert!(delays[0] < 5 * SECOND / 2, "{delays:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_another_service_gets_brings_no_request_to_the_wrong_one() {
    let Some(docker) = Docker::start(BACKEND) else { return };
    let inside = docker.inside();
    let mut shop = vec![docker.backend("shop_svc"), docker.backend("shop_svc")];
    let mut blog = vec![docker.backend("blog_svc"), docker.backend("blog_svc")];
    let service = |name: &str| format!("  {name}: {{ endpoints: \"{name}_svc:3000\", {RETRIES} }}\n");
    let site =
        |name: &str| format!("  - {{ hosts: [{name}.test], routes: [{{ path: /, service: {name} }}] }}\n");
    let (shop_service, blog_service) = (service("shop"), service("blog"));
    let yaml =
        format!("{TOP}\nservices:\n{shop_service}{blog_service}sites:\n{}{}", site("shop"), site("blog"));
    let (_mizan, addr) = start_with(&inside, &yaml).await;
    let shoppers = Load::start(addr, 4, "GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n");
    let readers = Load::start(addr, 4, "GET / HTTP/1.1\r\nHost: blog.test\r\n\r\n");
    serves(&shoppers, &[&shop[0], &shop[1]]).await;
    serves(&readers, &[&blog[0], &blog[1]]).await;
    // By force and in order, one to the other and back: each time the address has a new owner within a second.
    for (gone, next) in [(&shop[0], "blog_svc"), (&blog[0], "shop_svc")].map(|(g, n)| (g.clone(), n)) {
        let address = docker.address(&gone);
        if next == "blog_svc" {
            docker.remove(&gone).await;
        } else {
            docker.stop(&[&gone]).await;
        }
        let new = docker.backend(next);
        assert_eq!(docker.address(&new), address, "the new one takes the address");
        let (names, load) = if next == "blog_svc" { (&mut blog, &readers) } else { (&mut shop, &shoppers) };
        serves(load, &[&new]).await;
        names.push(new);
        goes_on(&shoppers).await;
        goes_on(&readers).await;
    }
    for (load, names) in [(shoppers, shop), (readers, blog)] {
        let outcome = load.stop().await;
        assert_whole(&outcome);
        let strangers: Vec<_> = outcome.by_body.keys().filter(|name| !names.contains(name)).collect();
        assert!(strangers.is_empty(), "{strangers:?} were asked, of the other service");
    }
}
