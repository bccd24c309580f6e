//! Endpoints behind names: what a change of the answer does, and what trouble with DNS does not do.

use mizan_api::EndpointState;
use mizan_tests::mizan::one_service_at;
use mizan_tests::net::Blackhole;
use mizan_tests::script::Gate;
use mizan_tests::{Dns, Mizan, Say, Script, Upstream, always, eventually};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);

/// 127.0.0.2, 127.0.0.3, ...
fn addresses(count: u8) -> Vec<Ipv4Addr> {
    (2..2 + count).map(|n| Ipv4Addr::new(127, 0, 0, n)).collect()
}

/// Upstreams on `count` addresses, and a proxy before the name `app.test` that has the first `known` of them.
async fn start(count: u8, known: usize, resolver: &str, service: &str) -> (Vec<Upstream>, Dns, Mizan) {
    let upstreams = Upstream::start_group(&addresses(count)).await;
    let dns = Dns::start().await;
    dns.set("app.test", &addresses(count)[..known]);
    let mizan = before(&dns, upstreams[0].port(), resolver, service).await;
    (upstreams, dns, mizan)
}

async fn before(dns: &Dns, port: u16, resolver: &str, service: &str) -> Mizan {
    let top = format!("resolver: {{ servers: [\"{}\"], {resolver} }}", dns.addr());
    let mizan = Mizan::start(&one_service_at(&format!("\"app.test:{port}\""), service, &top)).await;
    mizan.is_ready().await;
    mizan
}

#[tokio::test]
async fn a_new_address_gets_requests_within_2_5_s_of_its_answer() {
    let (_upstreams, dns, mizan) = start(2, 1, "interval: 2s", "").await;
    assert_eq!(mizan.get("/").await.text(), "127.0.0.2");
    // Right after a lookup: the longest wait there is.
    dns.heard("app.test", 1).await;
    let begin = Instant::now();
    dns.set("app.test", &addresses(2)[1..]);
    eventually("the new address serves", 5 * SECOND, || async { mizan.get("/").await.text() == "127.0.0.3" })
        .await;
    let took = begin.elapsed();
    println!("DNS change to first request at the new address: {:.2} s", took.as_secs_f64());
    assert!(took < Duration::from_millis(2500), "{took:?}");
}

#[tokio::test]
async fn docker_s_ttl_of_600_s_is_not_obeyed() {
    let (_upstreams, dns, _mizan) = start(1, 1, "ipv6: false", "").await;
    let before = dns.count("app.test");
    eventually("another query", 7 * SECOND, || async { dns.count("app.test") > before }).await;
}

#[tokio::test]
async fn dnsmasq_is_followed_as_our_own_server_is() {
    let upstreams = Upstream::start_group(&addresses(2)).await;
    let ips = addresses(2);
    let dnsmasq = mizan_tests::dnsmasq::Dnsmasq::start(&[("my_app.test", &ips[..1])]).await;
    let top = format!("resolver: {{ servers: [\"{}\"], interval: 300ms }}", dnsmasq.addr());
    let endpoints = format!("\"my_app.test:{}\"", upstreams[0].port());
    let mizan = Mizan::start(&one_service_at(&endpoints, "", &top)).await;
    mizan.is_ready().await;
    assert_eq!(mizan.get("/").await.text(), "127.0.0.2");
    dnsmasq.set(&[("my_app.test", &ips)]);
    mizan.has_endpoints(2).await;
    dnsmasq.set(&[("my_app.test", &ips[1..])]);
    mizan.has_endpoints(1).await;
    assert_eq!(mizan.get("/").await.text(), "127.0.0.3");
}

#[tokio::test]
async fn every_query_has_a_new_source_port() {
    let (_upstreams, dns, _mizan) = start(1, 1, "interval: 100ms", "").await;
    dns.heard("app.test", 10).await;
    let queries = dns.queries().iter().filter(|q| !q.tcp).count();
    // By chance one port may come twice.
    assert!(dns.source_ports().len() + 1 >= queries, "{queries} queries from {:?}", dns.source_ports());
}

#[tokio::test]
async fn only_ipv4_is_asked_for_unless_the_file_says_otherwise() {
    let (_upstreams, dns, _mizan) = start(1, 1, "interval: 100ms", "").await;
    dns.heard("app.test", 3).await;
    assert!(dns.queries().iter().all(|q| q.kind == hickory_proto::rr::RecordType::A), "{:?}", dns.queries());
}

#[tokio::test]
async fn one_nxdomain_changes_nothing() {
    let (_upstreams, dns, mizan) = start(2, 2, "interval: 150ms", "").await;
    let good = Say::addresses(&addresses(2));
    dns.say("app.test", Say::InTurn(vec![good.clone(), Say::NxDomain, good, Say::Empty]));
    let begin = dns.count("app.test");
    always("both endpoints stay and serve", 2 * SECOND, || async {
        mizan.endpoints().await.len() == 2 && mizan.get("/").await.status == 200
    })
    .await;
    assert!(dns.count("app.test") > begin + 6, "too few queries to say so");
}

#[tokio::test]
async fn a_name_that_is_gone_for_good_is_503_after_a_few_seconds() {
    let (_upstreams, dns, mizan) = start(1, 1, "interval: 150ms", "").await;
    dns.say("app.test", Say::NxDomain);
    always("it serves on at first", 2 * SECOND, || async { mizan.get("/").await.status == 200 }).await;
    eventually("it is 503", 8 * SECOND, || async { mizan.get("/").await.status == 503 }).await;
    dns.set("app.test", &addresses(1));
    eventually("it is back", 3 * SECOND, || async { mizan.get("/").await.status == 200 }).await;
}

#[tokio::test]
async fn an_absent_endpoint_that_also_refuses_goes_at_once() {
    let (upstreams, dns, mizan) = start(1, 1, "interval: 150ms", "").await;
    assert_eq!(mizan.get("/").await.status, 200);
    dns.say("app.test", Say::NxDomain);
    upstreams[0].stop().await;
    let begin = Instant::now();
    eventually("it is 503", 3 * SECOND, || async { mizan.get("/").await.status == 503 }).await;
    assert!(begin.elapsed() < 2 * SECOND, "{:?}", begin.elapsed());
}

#[tokio::test]
async fn trouble_of_the_server_changes_nothing() {
    let troubles = [
        ("servfail", Say::ServFail),
        ("refused", Say::Refused),
        ("silence", Say::Silence),
        ("garbage", Say::Garbage),
        ("truncated", Say::AlwaysTruncated),
        ("wrong-id", Say::WrongId(Box::new(Say::addresses(&[Ipv4Addr::new(127, 0, 0, 9)])))),
    ];
    let upstream = Upstream::start("one").await;
    let dns = Dns::start().await;
    let mut services = String::new();
    let mut routes = String::new();
    for (name, _) in &troubles {
        dns.set(&format!("{name}.test"), &[Ipv4Addr::LOCALHOST]);
        services +=
            &["  ", name, ": { endpoints: \"", name, ".test:", &upstream.port().to_string(), "\" }\n"]
                .concat();
        routes += &["      - { path: /", name, ", service: ", name, " }\n"].concat();
    }
    let mizan = Mizan::start(&format!(
        "resolver: {{ servers: [\"{}\"], interval: 100ms, timeout: 200ms }}\nservices:\n{services}\
         sites:\n  - hosts: [\"*\"]\n    routes:\n{routes}",
        dns.addr()
    ))
    .await;
    mizan.is_ready().await;
    for (name, trouble) in troubles.clone() {
        dns.say(&format!("{name}.test"), trouble);
    }
    for (name, _) in &troubles {
        dns.heard(&format!("{name}.test"), 3).await;
        let answer = mizan.get(&format!("/{name}")).await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
    }
    assert!(
        !mizan.endpoints().await.keys().any(|a| a.starts_with("127.0.0.9")),
        "an answer to no question counted"
    );
}

#[tokio::test]
async fn a_truncated_answer_is_asked_for_again_over_tcp() {
    let upstreams = Upstream::start_group(&addresses(2)).await;
    let dns = Dns::start().await;
    dns.say("app.test", Say::Truncated(Box::new(Say::addresses(&addresses(2)))));
    let mizan = before(&dns, upstreams[0].port(), "interval: 200ms", "").await;
    mizan.has_endpoints(2).await;
    assert!(dns.queries().iter().any(|q| q.tcp));
}

#[tokio::test]
async fn the_second_server_is_asked_when_the_first_is_in_trouble() {
    for trouble in [Say::ServFail, Say::Silence] {
        let upstream = Upstream::start("one").await;
        let (bad, good) = (Dns::start().await, Dns::start().await);
        bad.say("app.test", trouble.clone());
        good.set("app.test", &[Ipv4Addr::LOCALHOST]);
        let top = format!(
            "resolver: {{ servers: [\"{}\", \"{}\"], interval: 200ms, timeout: 200ms }}",
            bad.addr(),
            good.addr()
        );
        let endpoints = format!("\"app.test:{}\"", upstream.port());
        let mizan = Mizan::start(&one_service_at(&endpoints, "", &top)).await;
        mizan.is_ready().await;
        assert_eq!(mizan.get("/").await.text(), "one", "{trouble:?}");
    }
}

#[tokio::test]
async fn an_endpoint_that_left_finishes_what_it_has() {
    let (upstreams, dns, mizan) = start(2, 1, "interval: 100ms", "").await;
    let gate = Gate::new();
    upstreams[0].on("/gated", Script::gated(&gate));
    let mut raw = mizan.connect().await;
    raw.send("GET /gated HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    eventually("it is under way", SECOND, || async { mizan.in_flight().await == 1 }).await;
    dns.set("app.test", &addresses(2)[1..]);
    let old = upstreams[0].addr().to_string();
    eventually("the old address drains", 3 * SECOND, || async {
        mizan
            .endpoints()
            .await
            .get(&old)
            .is_some_and(|e| e.state == EndpointState::Draining && e.in_flight == 1)
    })
    .await;
    for _ in 0..5 {
        assert_eq!(mizan.get("/").await.text(), "127.0.0.3");
    }
    gate.open();
    assert_eq!(raw.answer().await.status, 200);
    eventually("it is gone", 3 * SECOND, || async { !mizan.endpoints().await.contains_key(&old) }).await;
    eventually("its connections are closed", 6 * SECOND, || async { upstreams[0].open_connections() == 0 })
        .await;
}

#[tokio::test]
async fn a_refused_connect_resolves_again_at_once() {
    let (upstreams, dns, mizan) = start(2, 1, "interval: 60s", "").await;
    assert_eq!(mizan.get("/").await.text(), "127.0.0.2");
    dns.set("app.test", &addresses(2)[1..]);
    upstreams[0].stop().await;
    eventually("the new address serves", 3 * SECOND, || async { mizan.get("/").await.text() == "127.0.0.3" })
        .await;
}

#[tokio::test]
async fn a_connect_that_hangs_resolves_again_and_is_given_up_when_the_address_has_left() {
    let ips = addresses(2);
    let port = mizan_tests::net::common_port(&ips);
    let _hole = Blackhole::at(SocketAddr::from((ips[0], port))).await;
    let _good = Upstream::start_at("good", SocketAddr::from((ips[1], port))).await;
    let dns = Dns::start().await;
    dns.set("app.test", &ips[..1]);
    let mizan = before(&dns, port, "interval: 60s", "timeouts: { connect: 8s }").await;
    dns.set("app.test", &ips[1..]);
    let begin = Instant::now();
    let answer = mizan.get("/").await;
    assert!(
        [200, 502, 503, 504].contains(&answer.status) && begin.elapsed() < 4 * SECOND,
        "{:?}",
        begin.elapsed()
    );
    eventually("the new address serves", 4 * SECOND, || async { mizan.get("/").await.text() == "good" })
        .await;
}

#[tokio::test]
async fn a_name_that_falls_silent_with_its_last_endpoint_is_a_quick_503() {
    let (upstreams, dns, mizan) = start(2, 2, "interval: 150ms, timeout: 200ms", "").await;
    mizan.get("/").await;
    mizan.get("/").await;
    dns.say("app.test", Say::Silence);
    for upstream in &upstreams {
        upstream.stop().await;
    }
    let begin = Instant::now();
    eventually("it is 503", 5 * SECOND, || async { mizan.get("/").await.status == 503 }).await;
    for _ in 0..3 {
        let begin = Instant::now();
        assert_eq!(mizan.get("/").await.status, 503);
        assert!(begin.elapsed() < SECOND / 2, "{:?}", begin.elapsed());
    }
    println!("first 503 after {:?}", begin.elapsed());
    dns.set("app.test", &addresses(2));
    for upstream in &upstreams {
        upstream.resume().await;
    }
    eventually("it is back", 5 * SECOND, || async { mizan.get("/").await.status == 200 }).await;
}

#[tokio::test]
async fn a_name_that_falls_silent_and_whose_addresses_hang_is_a_quick_503() {
    let (upstreams, dns, mizan) =
        start(1, 1, "interval: 150ms, timeout: 200ms", "timeouts: { connect: 500ms }").await;
    mizan.get("/").await;
    dns.say("app.test", Say::Silence);
    let addr = upstreams[0].addr();
    drop(upstreams);
    let mut hole = None;
    for _ in 0..100 {
        if tokio::net::TcpStream::connect(addr).await.is_err() {
            hole = Some(Blackhole::at(addr).await);
            break;
        }
        tokio::task::yield_now().await;
    }
    assert!(hole.is_some(), "the upstream did not go");
    eventually("the answer is quick and 503", 8 * SECOND, || async {
        let begin = Instant::now();
        mizan.get("/").await.status == 503 && begin.elapsed() < SECOND / 4
    })
    .await;
}

#[tokio::test]
async fn an_address_that_broke_off_is_not_dialled_before_a_lookup_has_confirmed_it() {
    let (upstreams, dns, mizan) = start(2, 2, "interval: 60s", "").await;
    for _ in 0..6 {
        assert_eq!(mizan.get("/").await.status, 200);
    }
    // The container dies, and another service gets its address, all within a lookup's interval.
    dns.set("app.test", &addresses(2)[1..]);
    upstreams[0].stop().await;
    upstreams[0].otherwise(Script::answer(200, &[], "a stranger"));
    upstreams[0].resume().await;
    for _ in 0..20 {
        assert_eq!(mizan.get("/").await.text(), "127.0.0.3");
    }
}

#[tokio::test]
async fn an_address_that_a_lookup_confirms_is_dialled_again() {
    let (upstreams, _dns, mizan) = start(2, 2, "interval: 60s", "").await;
    for _ in 0..6 {
        assert_eq!(mizan.get("/").await.status, 200);
    }
    upstreams[0].stop().await;
    upstreams[0].resume().await;
    eventually("it serves again", 3 * SECOND, || async { mizan.get("/").await.text() == "127.0.0.2" }).await;
}
