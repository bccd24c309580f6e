//! Orders are recorded before they are made: a proxy that dies, or that has a twin, asks for no more than one.

use mizan_api::CertificateState;
use mizan_tests::acme::edge::{certificate, certificate_when, failed, issued, issued_on_demand, renew};
use mizan_tests::acme::fake::{Endpoint, Say, Window};
use mizan_tests::acme::{Edge, FakeCa, Pebble, Ports};
use mizan_tests::https::folder;
use mizan_tests::{always, eventually};
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(86_400);
const API: &str = "api.example.test";

/// Nobody asks for names here: the fake does not look.
fn no_dns() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 9))
}

#[tokio::test]
async fn fifty_kills_in_a_row_make_one_order() {
    let edge = Edge::new().await;
    let pebble = Pebble::at(&edge.ports).start().await;
    let file = edge.file(&pebble, pebble.dns_addr()).site(&[API]);
    let mut folder = folder();
    for n in 0..50 {
        let mizan = file.start_in(folder).await;
        // From at once to after an order's usual time: every step of it is cut off by some of them.
        tokio::time::sleep(Duration::from_millis(n * 6)).await;
        folder = mizan.kill().await;
        assert!(pebble.orders() <= 1, "{} orders after kill {n}", pebble.orders());
    }
    let mizan = file.start_in(folder).await;
    issued_on_demand(&mizan, API).await;
    assert_eq!((pebble.orders(), pebble.issued()), (1, 1));
    assert_eq!(edge.get_tls(&pebble.roots().await, API, "/").await.status, 200);
}

/// It is killed while the authority owes it an answer at each step in turn, and comes back.
#[tokio::test]
async fn a_kill_at_any_step_of_an_order_costs_no_second_one() {
    for endpoint in [
        Endpoint::Directory,
        Endpoint::NewNonce,
        Endpoint::NewAccount,
        Endpoint::NewOrder,
        Endpoint::Finalize,
        Endpoint::Certificate,
    ] {
        let (edge, fake) = (Edge::new().await, FakeCa::start().await);
        fake.on(endpoint, Say::Mute);
        let file = edge.file(&fake, no_dns()).site(&[API]);
        let mizan = file.start().await;
        eventually(format!("{endpoint:?} is asked"), 10 * SECOND, async || {
            !fake.requests_to(endpoint).is_empty()
        })
        .await;
        let folder = mizan.kill().await;
        fake.behave();
        let mizan = file.start_in(folder).await;
        match endpoint {
            // The order is known: it goes on by itself.
            Endpoint::Finalize | Endpoint::Certificate => issued(&mizan, API).await,
            // Whether there is one nobody knows: it is not made again at once, unless a person says so.
            _ => issued_on_demand(&mizan, API).await,
        };
        assert_eq!((fake.orders(), fake.accounts(), fake.issued()), (1, 1, 1), "{endpoint:?}");
    }
}

/// The authority did what it was asked to, and the answer never came.
#[tokio::test]
async fn a_lost_answer_costs_no_second_certificate() {
    for endpoint in [Endpoint::NewAccount, Endpoint::Finalize, Endpoint::Certificate] {
        let (edge, fake) = (Edge::new().await, FakeCa::start().await);
        fake.once(endpoint, Say::Lost);
        let mizan = edge.file(&fake, no_dns()).site(&[API]).start().await;
        eventually(format!("{endpoint:?} is asked"), 10 * SECOND, async || {
            !fake.requests_to(endpoint).is_empty()
        })
        .await;
        certificate_when(&mizan, API, "tried", |c| {
            let renewal = c.renewal.as_ref();
            c.state == CertificateState::Valid || renewal.is_some_and(|r| r.last_error.is_some())
        })
        .await;
        issued_on_demand(&mizan, API).await;
        assert_eq!((fake.accounts(), fake.issued()), (1, 1), "{endpoint:?}");
        assert_eq!(fake.orders(), 1, "{endpoint:?}");
    }
}

#[tokio::test]
async fn a_restart_orders_nothing() {
    let (edge, fake) = (Edge::new().await, FakeCa::start().await);
    let file = edge.file(&fake, no_dns()).site(&[API]);
    let mizan = file.start().await;
    issued(&mizan, API).await;
    let before = edge.shown(API).await.expect("a handshake");
    let mut folder = mizan.kill().await;
    for _ in 0..3 {
        let mizan = file.start_in(folder).await;
        assert_eq!(edge.shown(API).await.expect("a handshake"), before, "it is there from the start");
        assert_eq!(edge.get(API, "/lb-ready").await.status, 200);
        always("nothing is asked", SECOND, async || fake.asked_for_orders() == 1).await;
        folder = mizan.kill().await;
    }
}

#[tokio::test]
async fn two_processes_on_one_state_make_one_order() {
    let (edge, twin, state) = (Edge::new().await, Ports::reserve(), folder());
    let pebble = Pebble::at(&edge.ports).start().await;
    let file = edge.file(&pebble, pebble.dns_addr()).site(&[API]).state(&state.path().join("state"));
    let file = file.acme("challenges: [http-01]");
    let beside = file.clone().listen(twin.http.addr(), twin.https.addr());
    let (one, two) = tokio::join!(file.start(), beside.start());
    let (first, second) = (issued(&one, API).await, issued(&two, API).await);
    assert_eq!(pebble.orders(), 1);
    assert_eq!(first.served.expect("it serves").fingerprint, second.served.expect("it serves").fingerprint);
    let client = mizan_tests::TlsClient::trusting(&pebble.roots().await);
    for addr in [edge.https(), twin.https.addr()] {
        assert_eq!(client.get(addr, API, "/").await.status, 200);
    }
    // What one of them renews, the other serves.
    renew(&one, API).await;
    eventually("both serve the next one", 30 * SECOND, async || {
        let served = |c: mizan_api::Certificate| c.served.map(|served| served.not_before_unix_ms);
        pebble.issued() == 2 && served(certificate(&one, API).await) == served(certificate(&two, API).await)
    })
    .await;
}

/// The authority's port is the other one's: it answers for it from the state that they share.
#[tokio::test]
async fn a_process_answers_for_what_another_one_ordered() {
    let (edge, twin, state) = (Edge::new().await, Ports::reserve(), folder());
    let pebble = Pebble::at(&edge.ports).start().await;
    let file = edge.file(&pebble, pebble.dns_addr()).state(&state.path().join("state"));
    let file = file.acme("challenges: [http-01]");
    // Nothing is ordered here; the authority looks here.
    let _answers = file.clone().site(&["other.example.test"]).start().await;
    let orders = file.site(&[API]).listen(twin.http.addr(), twin.https.addr()).start().await;
    issued(&orders, API).await;
    let client = mizan_tests::TlsClient::trusting(&pebble.roots().await);
    assert_eq!(client.get(twin.https.addr(), API, "/").await.status, 200);
}

#[tokio::test]
async fn the_authoritys_window_is_kept_to() {
    let (edge, fake) = (Edge::new().await, FakeCa::start().await);
    let now = SystemTime::now();
    let window = Window { start: now + 10 * DAY, end: now + 12 * DAY, retry_after: 6 * 3600 * SECOND };
    fake.window(window);
    let mizan = edge.file(&fake, no_dns()).site(&[API]).start().await;
    let ms = |at: SystemTime| -> u64 {
        let since = at.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
        u64::try_from(since.as_millis()).expect("these days")
    };
    let inside = |next: u64| (ms(window.start) - 1000..=ms(window.end)).contains(&next);
    let is = |c: &mizan_api::Certificate| c.renewal.as_ref().and_then(|r| r.next_unix_ms).is_some_and(inside);
    let renewal =
        certificate_when(&mizan, API, "inside the window", is).await.renewal.expect("it is renewed");
    assert!(renewal.reason.contains("window"), "{}", renewal.reason);
    let asked = fake.requests_to(Endpoint::RenewalInfo);
    assert_eq!(asked.len(), 1, "it is asked once until Retry-After is over");
    assert_eq!(fake.orders(), 1);
}

#[tokio::test]
async fn a_window_that_has_passed_renews_at_once_and_says_what_is_replaced() {
    let (edge, fake) = (Edge::new().await, FakeCa::start().await);
    let now = SystemTime::now();
    fake.validity(30 * DAY, 60 * DAY);
    fake.window(Window { start: now - 2 * DAY, end: now - DAY, retry_after: 6 * 3600 * SECOND });
    let _mizan = edge.file(&fake, no_dns()).site(&[API]).start().await;
    eventually("it is renewed", 30 * SECOND, async || fake.issued() >= 2).await;
    let orders = fake.requests_to(Endpoint::NewOrder);
    assert!(orders[0].payload["replaces"].is_null(), "{:?}", orders[0].payload);
    let asked = fake.requests_to(Endpoint::RenewalInfo);
    let id = asked[0].path.rsplit('/').next().expect("a path has parts");
    assert_eq!(orders[1].payload["replaces"], id, "what was asked for is what is replaced");
    assert!(id.split('.').count() == 2, "the key's identifier and the serial number: {id}");
}

/// An authority that wants every certificate renewed, the newest as well, is not asked for one after the other.
#[tokio::test]
async fn a_window_that_always_has_passed_does_not_order_without_end() {
    let (edge, fake) = (Edge::new().await, FakeCa::start().await);
    let now = SystemTime::now();
    fake.window(Window { start: now - 2 * DAY, end: now - DAY, retry_after: SECOND });
    let mizan = edge.file(&fake, no_dns()).site(&[API]).start().await;
    issued(&mizan, API).await;
    always("orders are few", 4 * SECOND, async || fake.orders() <= 3).await;
}

/// Or its clock is days late, or ours is early: what it issues has expired when it comes.
#[tokio::test]
async fn certificates_that_come_expired_are_not_ordered_without_end() {
    let (edge, fake) = (Edge::new().await, FakeCa::start().await);
    fake.validity(9 * DAY, Duration::ZERO);
    let mizan = edge.file(&fake, no_dns()).site(&[API]).start().await;
    eventually("one is issued", 10 * SECOND, async || fake.issued() > 0).await;
    always("orders are few", 4 * SECOND, async || fake.orders() <= 3).await;
    assert_eq!(edge.get(API, "/").await.status, 200);
    drop(mizan);
}

/// RFC 9773, section 5: an authority may refuse an order for what it says to replace.
#[tokio::test]
async fn an_order_that_may_not_replace_is_made_without() {
    let (edge, fake) = (Edge::new().await, FakeCa::start().await);
    let now = SystemTime::now();
    fake.validity(30 * DAY, 60 * DAY);
    let _mizan = {
        fake.window(Window { start: now - 2 * DAY, end: now - DAY, retry_after: 6 * 3600 * SECOND });
        let refused =
            Say::Problem { status: 409, kind: "alreadyReplaced", detail: "it was replaced already" };
        fake.once(Endpoint::NewOrder, Say::Well).once(Endpoint::NewOrder, refused);
        edge.file(&fake, no_dns()).site(&[API]).start().await
    };
    eventually("it is renewed", 30 * SECOND, async || fake.issued() >= 2).await;
    let orders = fake.requests_to(Endpoint::NewOrder);
    assert!(
        orders[1].payload["replaces"].is_string() && orders[2].payload["replaces"].is_null(),
        "{orders:#?}"
    );
}

#[tokio::test]
async fn the_profile_is_asked_for() {
    let (edge, fake) = (Edge::new().await, FakeCa::start().await);
    fake.profiles(&["classic", "shortlived"]);
    let file = edge.file(&fake, no_dns()).site(&[API]).acme("profile: shortlived");
    issued(&file.start().await, API).await;
    assert_eq!(fake.last_order()["profile"], "shortlived");
    let names = &fake.last_order()["identifiers"];
    assert_eq!(names.to_string(), format!(r#"[{{"type":"dns","value":"{API}"}}]"#));
}

#[tokio::test]
async fn a_profile_that_the_authority_does_not_have_is_told() {
    let (edge, fake) = (Edge::new().await, FakeCa::start().await);
    fake.profiles(&["classic", "tlsserver"]);
    let file = edge.file(&fake, no_dns()).site(&[API]).acme("profile: shortlived");
    let mizan = file.start().await;
    let (_, text) = failed(&mizan, API).await;
    for said in ["shortlived", "classic", "tlsserver"] {
        assert!(text.contains(said), "{said} is not in {text:?}");
    }
    assert_eq!(fake.asked_for_orders(), 0, "nothing is ordered that was not meant");
}
