//! What goes wrong between a proxy and its authority, and what is said of it.

use mizan_api::{Certificate, CertificateState};
use mizan_tests::acme::edge::{
    certificate, certificate_when, failed, issued, issued_on_demand, now_unix_ms, renew, renew_until,
};
use mizan_tests::acme::fake::{Endpoint, Say};
use mizan_tests::acme::{Edge, FakeCa, Pebble};
use mizan_tests::{Mizan, Raw, TlsClient, always, eventually};
use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);
const API: &str = "api.example.test";

/// Only the stand-in, and words of why.
async fn waits(edge: &Edge, mizan: &Mizan) -> String {
    let certificate = certificate(mizan, API).await;
    assert_eq!(
        (certificate.state, &certificate.served),
        (CertificateState::Waiting, &None),
        "{certificate:#?}"
    );
    assert_eq!(certificate.missing.len(), 1, "{certificate:#?}");
    assert_eq!(certificate.missing[0].name, API);
    let ready = edge.get(API, "/lb-ready").await;
    assert_eq!(ready.status, 503, "{}", ready.text());
    let line = format!("waiting for certificates: {API} (");
    assert!(ready.text().contains(&line), "{}", ready.text());
    let shown = edge.shown(API).await.expect("the stand-in is shown");
    assert!(shown.signed_itself() && shown.names.contains(&API.to_owned()), "{shown:?}");
    ready.text()
}

#[tokio::test]
async fn an_authority_that_is_away_at_the_start_takes_nothing_down() {
    let edge = Edge::new().await;
    let mut pebble = Pebble::at(&edge.ports).start().await;
    pebble.stop().await;
    let file = edge.file(&pebble, pebble.dns_addr());
    let mizan = file.site_with(&[API], "redirect_to_https: true\nhsts: true").start().await;
    let (renewal, text) = failed(&mizan, API).await;
    assert!(
        renewal.failures > 0 && renewal.next_unix_ms.is_some_and(|next| next > now_unix_ms()),
        "{renewal:?}"
    );
    assert!(text.contains("127.0.0.1:") && text.contains("refused"), "it says who does not answer: {text}");
    let ready = waits(&edge, &mizan).await;
    assert!(ready.contains("refused"), "{ready}");
    let plain = edge.get(API, "/").await;
    assert_eq!((plain.status, plain.text().as_str()), (200, "one"), "nobody is sent to the stand-in");
    let tls = TlsClient::believing().get(edge.https(), API, "/").await;
    assert_eq!((tls.status, tls.header("strict-transport-security")), (200, None));

    pebble.start_again().await;
    issued_on_demand(&mizan, API).await;
    assert_eq!(edge.get_tls(&pebble.roots().await, API, "/").await.status, 200);
    assert_eq!(edge.get(API, "/lb-ready").await.status, 200);
    assert_eq!(edge.get(API, "/").await.status, 308, "now there is something to be sent to");
    assert_eq!(certificate(&mizan, API).await.renewal.expect("it is renewed").failures, 0);
}

#[tokio::test]
async fn a_name_that_nobody_configured_is_refused() {
    let edge = Edge::new().await;
    let fake = FakeCa::start().await;
    fake.on(Endpoint::Directory, Say::Mute);
    let mizan = edge.file(&fake, fake_dns()).site(&[API]).start().await;
    let shown = edge.shown(API).await.expect("the stand-in is shown");
    assert!(shown.signed_itself(), "{shown:?}");
    let week = 7 * 24 * 3600;
    let now = i64::try_from(now_unix_ms() / 1000).expect("these days");
    assert!(shown.not_after > now && shown.not_after <= now + week + 60, "{shown:?}");
    for stranger in ["other.example.test", "example.test", "a.api.example.test"] {
        assert!(edge.shown(stranger).await.is_err(), "nobody has {stranger}");
    }
    assert_eq!(
        waits(&edge, &mizan).await.lines().filter(|line| line.contains("waiting for certificates")).count(),
        1
    );
}

/// Nobody asks for names here: the fake does not look.
fn fake_dns() -> std::net::SocketAddr {
    std::net::SocketAddr::from(([127, 0, 0, 1], 9))
}

#[tokio::test]
async fn an_account_that_the_authority_forgot_is_made_again() {
    let edge = Edge::new().await;
    let mut pebble = Pebble::at(&edge.ports).start().await;
    let mizan = edge.file(&pebble, pebble.dns_addr()).site(&[API]).start().await;
    let first = issued(&mizan, API).await.served.expect("it serves").fingerprint;
    pebble.restart().await;
    let other = |c: &Certificate| c.served.as_ref().is_some_and(|served| served.fingerprint != first);
    renew_until(&mizan, API, "another", other).await;
    assert_eq!(edge.get_tls(&pebble.roots().await, API, "/").await.text(), "one");
    assert_eq!(edge.shown(API).await.expect("a handshake").names, [API]);
}

#[tokio::test]
async fn an_authority_that_never_answers_is_given_up() {
    let edge = Edge::new().await;
    let fake = FakeCa::start().await;
    fake.on(Endpoint::NewOrder, Say::Mute);
    let begin = Instant::now();
    let mizan = edge.file(&fake, fake_dns()).site(&[API]).start().await;
    always("it serves meanwhile", SECOND, async || edge.get(API, "/").await.status == 200).await;
    let (renewal, text) = failed(&mizan, API).await;
    assert!(begin.elapsed() < 45 * SECOND);
    assert_eq!(renewal.failures, 1);
    assert!(text.contains("no answer") || text.contains("did not answer") || text.contains("time"), "{text}");
    assert_eq!(fake.asked_for_orders(), 1, "what may have been done is not asked for twice");
    waits(&edge, &mizan).await;
}

#[tokio::test]
async fn retry_after_is_kept_even_over_a_restart() {
    let edge = Edge::new().await;
    let fake = FakeCa::start().await;
    fake.once(Endpoint::NewOrder, Say::TooMany { retry_after: 3600 * SECOND });
    let file = edge.file(&fake, fake_dns()).site(&[API]);
    let begin = now_unix_ms();
    let mizan = file.start().await;
    let (renewal, text) = failed(&mizan, API).await;
    assert!(text.contains("too many certificates"), "the authority's own words: {text}");
    // The ledger counts in seconds.
    let not_before = begin / 1000 * 1000 + 3_600_000;
    let next = renewal.next_unix_ms.expect("it was just there");
    assert!(next >= not_before, "{next} is earlier than {not_before}");
    assert!(next < not_before + 1_800_000, "{next} is much later than {not_before}");
    let folder = mizan.kill().await;
    let mizan = file.start_in(folder).await;
    always("it keeps still", 3 * SECOND, async || fake.asked_for_orders() == 1).await;
    let renewal = certificate(&mizan, API).await.renewal.expect("it is renewed");
    assert!(renewal.next_unix_ms.is_some_and(|next| next >= not_before), "{renewal:?}");
    assert_eq!(renewal.failures, 1);
    assert!(renewal.last_error.is_some_and(|error| error.text.contains("too many certificates")));
    waits(&edge, &mizan).await;
}

#[tokio::test]
async fn an_error_page_is_told_in_words() {
    for endpoint in [Endpoint::Directory, Endpoint::NewAccount, Endpoint::NewOrder] {
        let (edge, fake) = (Edge::new().await, FakeCa::start().await);
        fake.on(endpoint, Say::Html(503));
        let mizan = edge.file(&fake, fake_dns()).site(&[API]).start().await;
        let (_, text) = failed(&mizan, API).await;
        assert!(text.contains("503"), "{endpoint:?}: {text}");
        for unreadable in ["expected value", "line 1"] {
            assert!(!text.contains(unreadable), "{endpoint:?}: {text}");
        }
        fake.behave();
        issued_on_demand(&mizan, API).await;
    }
}

/// An attempt that fails is soon repeated, but not at once.
#[tokio::test]
async fn failures_are_followed_by_pauses() {
    let (edge, fake) = (Edge::new().await, FakeCa::start().await);
    fake.on(Endpoint::NewOrder, Say::Html(500));
    let mizan = edge.file(&fake, fake_dns()).site(&[API]).start().await;
    let (renewal, _) = failed(&mizan, API).await;
    let pause = renewal.next_unix_ms.expect("it was just there").saturating_sub(now_unix_ms());
    assert!((30_000..=90_000).contains(&pause), "a minute or so, not {pause} ms");
    let asked = fake.asked_for_orders();
    always("it keeps still", 2 * SECOND, async || fake.asked_for_orders() == asked).await;
}

fn is_degraded(certificate: &Certificate) -> bool {
    certificate.state == CertificateState::Degraded
}

#[tokio::test]
async fn a_name_that_is_refused_does_not_take_the_others_down() {
    let edge = Edge::new().await;
    let pebble = Pebble::at(&edge.ports).block("blocked.example.test").start().await;
    let names = [API, "blocked.example.test", "www.example.test"];
    let mizan = edge.file(&pebble, pebble.dns_addr()).site(&names).start().await;
    let certificate = certificate_when(&mizan, API, "degraded", is_degraded).await;
    let mut served = certificate.served.expect("it serves the others").names;
    served.sort();
    assert_eq!(served, [API, "www.example.test"]);
    let [missing] = certificate.missing.as_slice() else { panic!("{:?}", certificate.missing) };
    assert_eq!(missing.name, "blocked.example.test");
    assert!(missing.why.contains("polic") || missing.why.contains("block"), "{missing:?}");
    let roots = pebble.roots().await;
    for name in [API, "www.example.test"] {
        assert_eq!(edge.get_tls(&roots, name, "/").await.status, 200, "{name}");
    }
    assert!(edge.shown(names[1]).await.map_or(true, |shown| shown.signed_itself()), "nothing vouches for it");
}

/// A name that is not refused as such is tried a second time; what follows is the proxy's own decision.
#[tokio::test]
async fn a_name_that_cannot_be_proved_does_not_take_the_others_down() {
    let edge = Edge::new().await;
    let pebble = Pebble::at(&edge.ports).start().await;
    pebble.dns.set_a("away.example.test", &["127.0.0.9"]).await;
    let mizan = edge.file(&pebble, pebble.dns_addr()).site(&[API, "away.example.test"]).start().await;
    let (_, text) = failed(&mizan, API).await;
    assert!(text.contains("away.example.test") && !text.contains(API), "it says which: {text}");
    renew(&mizan, API).await;
    let certificate = certificate_when(&mizan, API, "degraded", is_degraded).await;
    assert_eq!(certificate.served.expect("it serves the other").names, [API]);
    assert_eq!(certificate.missing[0].name, "away.example.test");
    let listed =
        mizan_tests::cli::mizan(mizan.folder(), &["certificates", "--config", "mizan.yml"], &[]).await;
    assert!(listed.stdout.contains("degraded") && listed.stdout.contains("away.example.test"), "{listed:?}");
}

#[tokio::test]
async fn a_name_that_leads_elsewhere_is_told_with_its_address() {
    let edge = Edge::new().await;
    let pebble = Pebble::at(&edge.ports).start().await;
    pebble.dns.set_a("away.example.test", &["127.0.0.9"]).await;
    let file = edge.file(&pebble, pebble.dns_addr()).site(&["away.example.test"]);
    let mizan = file.acme("challenges: [http-01]").start().await;
    let (_, text) = failed(&mizan, "away.example.test").await;
    for said in ["away.example.test", "127.0.0.9"] {
        assert!(text.contains(said), "{said} is not in {text:?}");
    }
}

#[tokio::test]
async fn an_authority_with_a_strange_certificate_is_told() {
    let (edge, fake) = (Edge::new().await, FakeCa::start().await);
    let file = edge.file(&fake, fake_dns()).site(&[API]);
    let folder = mizan_tests::https::folder();
    let yaml = file.yaml().replace("ca: ca.pem", "ca: other.pem");
    let other = mizan_tests::Authority::new("Other").root();
    std::fs::write(folder.path().join("other.pem"), other).expect("written");
    let mizan = mizan_tests::mizan::Launch::default().listeners(2).start_in(folder, &yaml).await;
    let (_, text) = failed(&mizan, API).await;
    assert!(text.contains("certificate"), "{text}");
    assert!(fake.requests().is_empty(), "nothing is said to whom nobody knows");
}

/// What is under way when a certificate comes is not disturbed.
#[tokio::test]
async fn a_connection_survives_the_first_certificate() {
    let edge = Edge::new().await;
    let fake = FakeCa::start().await;
    fake.on(Endpoint::NewOrder, Say::Html(503));
    let mizan = edge.file(&fake, fake_dns()).site(&[API]).start().await;
    failed(&mizan, API).await;
    let request = format!("GET / HTTP/1.1\r\nHost: {API}\r\n\r\n");
    let stream = TlsClient::believing().connect(edge.https(), API).await.expect("the stand-in is shown");
    let (mut tls, mut plain) = (Raw::over(stream), Raw::connect(edge.http()).await);
    for raw in [&mut tls, &mut plain] {
        raw.send(&request).await;
        assert_eq!(raw.answer().await.status, 200);
    }
    fake.behave();
    issued_on_demand(&mizan, API).await;
    certificate_when(&mizan, API, "served", |c| c.served.is_some()).await;
    eventually("new clients are shown the new one", 5 * SECOND, async || {
        edge.shown(API).await.is_ok_and(|shown| !shown.signed_itself())
    })
    .await;
    for raw in [&mut tls, &mut plain] {
        raw.send(&request).await;
        assert_eq!(raw.answer().await.status, 200);
    }
}
