//! Names against a scripted server: the sockets, the tasks and who is woken. What answers mean is tested in
//! mizan-policy.

use super::servers::System;
use super::test_server::{Say, Server};
use super::*;
use hickory_proto::op::ResponseCode;
use mizan_config::model::Resolver;
use mizan_policy::discover::schedule::FRESH_MS;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(5);

fn ips(last: &[u8]) -> Vec<IpAddr> {
    last.iter().map(|&last| IpAddr::from([10, 1, 0, last])).collect()
}

fn names(servers: &[SocketAddr], interval: Duration) -> Arc<Names> {
    let resolver = Resolver {
        servers: servers.to_vec(),
        interval: Some(interval),
        timeout: Duration::from_millis(200),
        ..Resolver::default()
    };
    Names::new(&resolver).unwrap()
}

/// Asked once, and then only when something happens.
fn rarely(servers: &[SocketAddr]) -> Arc<Names> {
    names(servers, Duration::from_hours(1))
}

/// Asked all the time.
fn often(servers: &[SocketAddr]) -> Arc<Names> {
    names(servers, Duration::from_millis(20))
}

async fn until(watch: &Watch, wanted: &[IpAddr]) {
    let mut resolved = watch.subscribe();
    let reached = resolved.wait_for(|resolved| resolved.answered && resolved.addresses == wanted);
    tokio::time::timeout(LIMIT, reached).await.expect("in time").expect("the watch lives");
}

/// A server's address that refuses by UDP; TCP holds the number so that no other test gets it.
fn refusing() -> (std::net::TcpListener, SocketAddr) {
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = holder.local_addr().unwrap();
    (holder, address)
}

/// Until the last answer is too old to confirm anything.
async fn until_old() {
    tokio::time::sleep(Duration::from_millis(FRESH_MS + 10)).await;
}

#[tokio::test]
async fn a_name_is_followed_through_every_change() {
    let server = Server::start(Say::Addresses(ips(&[3, 2]))).await;
    let watch = often(&[server.address]).watch("my_api");
    until(&watch, &ips(&[2, 3])).await;
    server.say(Say::Addresses(ips(&[3, 4, 5])));
    until(&watch, &ips(&[3, 4, 5])).await;
    server.say(Say::Addresses(ips(&[5])));
    until(&watch, &ips(&[5])).await;
    assert_eq!(watch.status().last_error, None);
}

#[tokio::test]
async fn every_query_comes_from_another_port() {
    let server = Server::start(Say::Addresses(ips(&[2]))).await;
    let _watch = often(&[server.address]).watch("api");
    server.asked(10).await;
    let sources = server.sources();
    assert!(sources.windows(2).filter(|pair| pair[0] == pair[1]).count() <= 1, "{sources:?}");
}

#[tokio::test]
async fn no_failure_takes_the_addresses_away() {
    let server = Server::start(Say::Addresses(ips(&[2, 3]))).await;
    let watch = often(&[server.address]).watch("api");
    until(&watch, &ips(&[2, 3])).await;
    for (say, why) in [
        (Say::Code(ResponseCode::ServFail), "the DNS server answered SERVFAIL"),
        (Say::Code(ResponseCode::Refused), "the DNS server answered REFUSED"),
        (Say::Nothing, "no DNS server answered in time"),
        (Say::WrongId, "no DNS server answered in time"),
        (Say::Garbage, "the DNS answer made no sense"),
    ] {
        server.say(say);
        // The second lookup from now on ends after the script changed, and begins a third.
        server.asked(server.count() + 3).await;
        assert_eq!(watch.status().last_error.as_deref(), Some(why));
        assert_eq!(watch.current().addresses, ips(&[2, 3]));
    }
}

#[tokio::test]
async fn an_answer_that_does_not_fit_comes_by_tcp() {
    let many: Vec<_> = (1..=250).collect();
    let server = Server::start(Say::ByTcp(ips(&many))).await;
    until(&rarely(&[server.address]).watch("api"), &ips(&many)).await;
}

#[tokio::test]
async fn a_kick_is_answered_at_once() {
    let server = Server::start(Say::Addresses(ips(&[2]))).await;
    let watch = rarely(&[server.address]).watch("api");
    until(&watch, &ips(&[2])).await;
    server.say(Say::Addresses(ips(&[2, 3])));
    let kicked = Instant::now();
    watch.kick();
    until(&watch, &ips(&[2, 3])).await;
    let took = kicked.elapsed();
    // A few hundred microseconds in fact; the rest is for a machine that is busy with other tests.
    assert!(took < Duration::from_millis(100), "{took:?}");
}

#[tokio::test]
async fn many_kicks_are_one_lookup_now_and_one_a_second_later() {
    let server = Server::start(Say::Addresses(ips(&[2]))).await;
    let watch = rarely(&[server.address]).watch("api");
    until(&watch, &ips(&[2])).await;
    watch.kick();
    server.asked(2).await;
    let first = Instant::now();
    for _ in 0..1000 {
        watch.kick();
        tokio::task::yield_now().await;
    }
    server.asked(3).await;
    assert!(first.elapsed() >= Duration::from_millis(800), "{:?}", first.elapsed());
    assert_eq!(server.count(), 3);
}

#[tokio::test]
async fn a_confirmation_is_one_lookup_for_all_who_wait() {
    let server = Server::start(Say::Addresses(ips(&[2]))).await;
    let watch = rarely(&[server.address]).watch("api");
    until(&watch, &ips(&[2])).await;
    until_old().await;
    server.say(Say::Addresses(ips(&[3])));
    let waiting: Vec<_> = (0..100)
        .map(|n| {
            let watch = watch.clone();
            tokio::spawn(async move { watch.confirm(ips(&[2 + n % 2])[0], LIMIT).await })
        })
        .collect();
    for (n, waiting) in waiting.into_iter().enumerate() {
        let wanted = if n % 2 == 0 { Confirmation::Absent } else { Confirmation::Present };
        assert_eq!(waiting.await.unwrap(), wanted);
    }
    assert_eq!(server.count(), 2);
}

#[tokio::test]
async fn a_confirmation_does_not_wait_longer_than_it_may_nor_for_a_server_that_is_away() {
    let server = Server::start(Say::Addresses(ips(&[2]))).await;
    let watch = rarely(&[server.address]).watch("api");
    until(&watch, &ips(&[2])).await;
    until_old().await;
    server.say(Say::Nothing);
    let asked = Instant::now();
    let confirmed = watch.confirm(ips(&[2])[0], Duration::from_millis(20)).await;
    assert_eq!(confirmed, Confirmation::Unknown);
    assert!(asked.elapsed() < Duration::from_millis(150));
    server.asked(3).await;
    let asked = Instant::now();
    assert_eq!(watch.confirm(ips(&[2])[0], LIMIT).await, Confirmation::Unknown);
    assert!(asked.elapsed() < Duration::from_millis(100));
}

#[tokio::test]
async fn one_negative_answer_confirms_nothing_and_takes_nothing_away() {
    let server = Server::start(Say::Addresses(ips(&[2]))).await;
    let watch = rarely(&[server.address]).watch("api");
    until(&watch, &ips(&[2])).await;
    until_old().await;
    server.say(Say::NoName);
    assert_eq!(watch.confirm(ips(&[2])[0], LIMIT).await, Confirmation::Unknown);
    assert_eq!(watch.current().addresses, ips(&[2]));
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_an_answer() {
    let server = Server::start(Say::NoName).await;
    let watch = rarely(&[server.address]).watch("api");
    assert!(!watch.current().answered);
    until(&watch, &[]).await;
    assert_eq!(watch.status().last_error.as_deref(), Some("the name does not exist"));
}

#[tokio::test]
async fn the_next_server_is_asked_when_the_first_refuses_fails_or_is_mute() {
    let (_holder, refusing) = refusing();
    let second = Server::start(Say::Addresses(ips(&[7]))).await;
    let failing = Server::start(Say::Code(ResponseCode::ServFail)).await;
    let mute = Server::start(Say::Nothing).await;
    for first in [refusing, failing.address, mute.address] {
        until(&rarely(&[first, second.address]).watch("api"), &ips(&[7])).await;
    }
}

#[tokio::test]
async fn both_families_are_asked_and_a_mute_one_does_not_delay_the_other() {
    let both: Vec<IpAddr> = vec!["10.1.0.2".parse().unwrap(), "fd00::2".parse().unwrap()];
    let server = Server::start(Say::MuteV6(both.clone())).await;
    let resolver = Resolver { servers: vec![server.address], ipv6: true, ..Resolver::default() };
    let watch = Names::new(&resolver).unwrap().watch("api");
    let asked = Instant::now();
    until(&watch, &both[..1]).await;
    assert!(asked.elapsed() < resolver.timeout);
    server.say(Say::Addresses(both.clone()));
    until(&watch, &both).await;
}

#[tokio::test]
async fn a_name_is_watched_once_and_not_after_its_last_watch() {
    let server = Server::start(Say::Addresses(ips(&[2]))).await;
    let names = often(&[server.address]);
    let (one, two) = (names.watch("API."), names.watch("api"));
    assert!(Arc::ptr_eq(&one, &two));
    let mut resolved = one.subscribe();
    drop((one, two));
    let ended = async { while resolved.changed().await.is_ok() {} };
    tokio::time::timeout(LIMIT, ended).await.expect("the watcher ends");
    assert!(!names.watch("api").current().answered);
}

#[tokio::test]
async fn localhost_is_known_without_asking() {
    let (_holder, refusing) = refusing();
    until(&rarely(&[refusing]).watch("localhost"), &["127.0.0.1".parse().unwrap()]).await;
}

#[tokio::test]
async fn a_changed_resolv_conf_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let (resolv_conf, hosts) = (folder.path().join("resolv.conf"), folder.path().join("hosts"));
    let system = System::new(&resolv_conf, &hosts, Duration::from_secs(1));
    assert!(system.files().await.servers.is_empty());
    std::fs::write(&resolv_conf, "nameserver 127.0.0.11\n").unwrap();
    std::fs::write(&hosts, "10.0.0.5 db\n").unwrap();
    let deadline = Instant::now() + LIMIT;
    loop {
        let files = system.files().await;
        if format!("{:?}", files.servers) == "[127.0.0.11:53]" {
            assert_eq!(files.hosts("db"), ["10.0.0.5".parse::<IpAddr>().unwrap()]);
            return;
        }
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
