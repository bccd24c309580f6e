//! The keys of `resolver`.

use mizan_tests::mizan::one_service_at;
use mizan_tests::{Dns, Mizan, Say, Upstream, always, eventually};
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);
const TWO: [Ipv4Addr; 2] = [Ipv4Addr::new(127, 0, 0, 2), Ipv4Addr::new(127, 0, 0, 3)];

async fn start(say: Say, options: &str) -> (Vec<Upstream>, Dns, Mizan) {
    let upstreams = Upstream::start_group(&TWO).await;
    let dns = Dns::start().await;
    dns.say("app.test", say);
    let top = format!("resolver: {{ servers: [\"{}\"], {options} }}", dns.addr());
    let endpoints = format!("\"app.test:{}\"", upstreams[0].port());
    let mizan = Mizan::start(&one_service_at(&endpoints, "", &top)).await;
    mizan.is_ready().await;
    (upstreams, dns, mizan)
}

#[tokio::test]
async fn obsolete_hold_keeps_an_address_that_left_for_a_while() {
    let (_upstreams, dns, mizan) = start(Say::addresses(&TWO), "interval: 100ms, obsolete_hold: 3s").await;
    mizan.has_endpoints(2).await;
    dns.set("app.test", &TWO[1..]);
    dns.heard("app.test", 2).await;
    always("both are there", SECOND, || async { mizan.endpoints().await.len() == 2 }).await;
    mizan.has_endpoints(1).await;
}

#[tokio::test]
async fn max_stale_bounds_how_long_an_old_answer_serves() {
    let (_upstreams, dns, mizan) = start(Say::addresses(&TWO), "interval: 100ms, max_stale: 1500ms").await;
    dns.say("app.test", Say::ServFail);
    dns.heard("app.test", 2).await;
    assert_eq!(mizan.get("/").await.status, 200);
    eventually("it is 503", 5 * SECOND, || async { mizan.get("/").await.status == 503 }).await;
}

#[tokio::test]
async fn a_mute_question_for_ipv6_does_not_hold_up_the_answer_for_ipv4() {
    let begin = Instant::now();
    let (_upstreams, dns, mizan) = start(Say::MuteIpv6(TWO.to_vec()), "ipv6: true, timeout: 5s").await;
    eventually("it serves", 3 * SECOND, || async { mizan.get("/").await.status == 200 }).await;
    assert!(begin.elapsed() < 3 * SECOND, "{:?}", begin.elapsed());
    let kinds = dns.queries().iter().filter(|q| q.kind == hickory_proto::rr::RecordType::AAAA).count();
    assert!(kinds > 0, "nobody asked for IPv6");
}

#[tokio::test]
async fn a_slow_server_holds_up_no_request() {
    let (_upstreams, dns, mizan) = start(Say::addresses(&TWO), "interval: 100ms, timeout: 1s").await;
    dns.say("app.test", Say::Delay(SECOND / 2, Box::new(Say::addresses(&TWO[1..]))));
    dns.heard("app.test", 1).await;
    let begin = Instant::now();
    while begin.elapsed() < SECOND {
        let one = Instant::now();
        assert_eq!(mizan.get("/").await.status, 200);
        assert!(one.elapsed() < 2 * SECOND / 5, "{:?}", one.elapsed());
    }
    mizan.has_endpoints(1).await;
}
