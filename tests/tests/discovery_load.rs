//! Names that change while requests come.

use mizan_tests::load::Load;
use mizan_tests::mizan::one_service_at;
use mizan_tests::wrk::Wrk;
use mizan_tests::{Dns, Mizan, Upstream, eventually};
use std::net::Ipv4Addr;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_2_to_5_to_1_addresses_no_request_fails_under_load() {
    let ips: Vec<Ipv4Addr> = (2..7).map(|n| Ipv4Addr::new(127, 0, 0, n)).collect();
    let upstreams = Upstream::start_group(&ips).await;
    for upstream in &upstreams {
        upstream.forget_requests();
    }
    let dns = Dns::start().await;
    dns.set("app.test", &ips[..2]);
    let top = format!("resolver: {{ servers: [\"{}\"], interval: 300ms }}", dns.addr());
    let endpoints = format!("\"app.test:{}\"", upstreams[0].port());
    let mizan = Mizan::start(&one_service_at(&endpoints, "", &top)).await;
    mizan.is_ready().await;
    let wrk = Wrk::start(mizan.addr(), "app.test", "/", 16, 4 * SECOND);
    let load = Load::start(mizan.addr(), 4, "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n");
    eventually("two serve", 5 * SECOND, || async { load.by_body().len() == 2 }).await;
    dns.set("app.test", &ips);
    eventually("five serve", 5 * SECOND, || async { load.by_body().len() == 5 }).await;
    dns.set("app.test", &ips[4..]);
    mizan.has_endpoints(1).await;
    // What was on its way may still arrive; once its connections are closed nothing does.
    eventually("the old address is let go", 5 * SECOND, || async { upstreams[0].open_connections() == 0 })
        .await;
    let before = upstreams[0].request_count();
    wrk.report().await.assert_no_failure();
    let outcome = load.stop().await;
    outcome.assert_no_failure();
    assert_eq!(upstreams[0].request_count(), before, "an address that left got requests");
    println!("{} requests of our own: {:?}", outcome.good, outcome.by_body);
}

/// The upstreams really go: connections close, the port refuses, DNS says so a moment later, as Docker does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn upstreams_that_stop_before_dns_says_so_lose_no_request_under_load() {
    let ips: Vec<Ipv4Addr> = (2..5).map(|n| Ipv4Addr::new(127, 0, 0, n)).collect();
    let upstreams = Upstream::start_group(&ips).await;
    let dns = Dns::start().await;
    dns.set("app.test", &ips);
    let top = format!("resolver: {{ servers: [\"{}\"], interval: 300ms }}", dns.addr());
    let endpoints = format!("\"app.test:{}\"", upstreams[0].port());
    let service = "retries: { budget: 100%, min_per_second: 1000 }";
    let mizan = Mizan::start(&one_service_at(&endpoints, service, &top)).await;
    mizan.is_ready().await;
    let load = Load::start(mizan.addr(), 8, "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n");
    eventually("three serve", 5 * SECOND, || async { load.by_body().len() == 3 }).await;
    for n in [0, 1] {
        upstreams[n].stop().await;
        let served = load.good();
        eventually("requests go on", 5 * SECOND, || async { load.good() > served + 100 }).await;
        dns.set("app.test", &ips[n + 1..]);
        mizan.has_endpoints(2 - n).await;
    }
    load.stop().await.assert_no_failure();
}
