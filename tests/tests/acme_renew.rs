//! Certificates that live for seconds, renewed under load.

use mizan_tests::acme::edge::{certificate, issued};
use mizan_tests::acme::{Edge, Pebble};
use mizan_tests::load::Load;
use mizan_tests::{TlsClient, eventually};
use std::collections::BTreeSet;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const API: &str = "api.example.test";
/// How many certificates are seen, each of six seconds.
const CERTIFICATES: usize = 5;

/// Clients verify what they are shown: one that has expired fails a handshake like one that is missing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_of_six_seconds_are_renewed_without_a_failed_handshake_under_load() {
    let edge = Edge::new().await;
    edge.upstream.forget_requests();
    let pebble = Pebble::at(&edge.ports).validity(6).start().await;
    let mizan = edge.file(&pebble, pebble.dns_addr()).site(&[API]).start().await;
    issued(&mizan, API).await;
    let client = TlsClient::trusting(&pebble.roots().await);
    let request = format!("GET / HTTP/1.1\r\nHost: {API}\r\n\r\n");
    let once = format!("GET / HTTP/1.1\r\nHost: {API}\r\nConnection: close\r\n\r\n");
    let full = Load::start_tls(edge.https(), &client.clone().without_resumption(), API, 2, once.clone());
    let fresh = Load::start_tls(edge.https(), &client, API, 1, once);
    let kept = Load::start_tls(edge.https(), &client, API, 1, request);
    let mut seen = BTreeSet::new();
    eventually(format!("{CERTIFICATES} certificates were served"), 45 * SECOND, async || {
        seen.insert(edge.shown(API).await.expect("a handshake").der.to_vec());
        seen.len() >= CERTIFICATES
    })
    .await;
    let (full, fresh, kept) = (full.stop().await, fresh.stop().await, kept.stop().await);
    for outcome in [&full, &fresh, &kept] {
        outcome.assert_no_failure();
        assert_eq!(outcome.refused, 0, "connections were refused");
    }
    let orders = pebble.orders();
    assert!((CERTIFICATES..=CERTIFICATES + 3).contains(&orders), "{orders} orders for {} seen", seen.len());
    assert_eq!(certificate(&mizan, API).await.renewal.expect("it is renewed").failures, 0);
    println!(
        "{} certificates under {} full handshakes, {} resumed ones and {} requests on kept connections",
        seen.len(),
        full.good,
        fresh.good,
        kept.good
    );
}

/// An authority that is away for a while costs nothing but attempts.
#[tokio::test]
async fn what_has_expired_is_still_served_and_told() {
    let edge = Edge::new().await;
    let mut pebble = Pebble::at(&edge.ports).validity(6).start().await;
    let mizan = edge.file(&pebble, pebble.dns_addr()).site(&[API]).start().await;
    issued(&mizan, API).await;
    pebble.stop().await;
    let last = mizan_tests::acme::edge::certificate_when(&mizan, API, "expired", |certificate| {
        certificate.state == mizan_api::CertificateState::Expired
    })
    .await;
    let served = last.served.expect("it is served on");
    let shown = edge.shown(API).await.expect("a handshake");
    assert!(!shown.signed_itself(), "the old one serves: {shown:?}");
    assert_eq!(served.names, [API]);
    assert_eq!(edge.get(API, "/").await.status, 200);
    let renewal = last.renewal.expect("it is renewed");
    assert!(renewal.failures > 0 && renewal.last_error.is_some(), "{renewal:?}");
}
