//! The end of HTTP/2 connections that nobody is to blame for: the process ends, or its listener goes.

use mizan_tests::h2::{H2, Reply};
use mizan_tests::mizan::{Launch, one_service};
use mizan_tests::script::Gate;
use mizan_tests::{Authority, Mizan, Raw, Script, TlsClient, Upstream, eventually};
use rustix::process::Signal;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

const GET: [(&str, &str); 4] =
    [(":method", "GET"), (":scheme", "http"), (":authority", "app.test"), (":path", "/x")];
const GATED: [(&str, &str); 4] =
    [(":method", "GET"), (":scheme", "http"), (":authority", "app.test"), (":path", "/gated")];

async fn gated() -> (Upstream, Gate) {
    let (upstream, gate) = (Upstream::start("one").await, Gate::new());
    upstream.on("/gated", Script::gated(&gate));
    (upstream, gate)
}

async fn is_under_way(mizan: &Mizan, count: u64) {
    eventually(format!("{count} are under way"), 2 * SECOND, || async { mizan.in_flight().await == count })
        .await;
}

#[tokio::test]
async fn sigterm_finishes_what_is_under_way_and_what_was_opened_before_it_was_heard() {
    let (upstream, gate) = gated().await;
    let mut mizan = Mizan::before(&[&upstream], "", "drain: { timeout: 8s, idle_grace: 300ms }").await;
    let mut busy = H2::connect(mizan.addr()).await;
    let mut idle = H2::connect(mizan.addr()).await;
    idle.request(1, &GET, None).await;
    assert_eq!(idle.reply(4 * SECOND).await, Reply::Status(200));
    busy.request(1, &GATED, None).await;
    is_under_way(&mizan, 1).await;
    mizan.signal(Signal::TERM);
    // The first GOAWAY leaves every stream open: the client may have opened some before it came. Its ping is not answered
    // yet, as by a client that is far away.
    let said = busy.said_until(4 * SECOND, |said| !said.goaways.is_empty()).await;
    assert_eq!(said.goaways, [(0x7fff_ffff, 0)]);
    busy.request(3, &GET, None).await;
    let said = busy.said_until(4 * SECOND, |said| said.ended.contains(&3)).await;
    assert_eq!(said.statuses.get(&3), Some(&200), "{said:?}");
    gate.open();
    let said = busy.said(4 * SECOND).await;
    assert_eq!((said.statuses.get(&1), said.closed), (Some(&200), true), "{said:?}");
    assert!(said.goaways.iter().all(|(last, code)| (*last, *code) == (3, 0)), "{said:?}");
    let said = idle.said(4 * SECOND).await;
    assert!(said.closed && said.goaways.iter().all(|(_, code)| *code == 0), "{said:?}");
    assert_eq!(said.goaways.last().map(|(last, _)| *last), Some(1), "{said:?}");
    assert_eq!(mizan.ended(6 * SECOND).await.code(), Some(0), "{}", mizan.log().text());
}

#[tokio::test]
async fn a_listener_that_goes_takes_leave_of_its_own_connections_alone() {
    let (upstream, gate) = gated().await;
    let two = one_service(&[&upstream], "", "listen: { http: [\"127.0.0.1:0\", \"127.0.0.2:0\"] }");
    let mut mizan = Launch::default().listeners(2).start(&two).await;
    let [stays, goes] = mizan.addresses()[..] else { panic!("two listeners") };
    let (stays, goes) = if stays.ip().to_string() == "127.0.0.1" { (stays, goes) } else { (goes, stays) };
    let mut there = H2::connect(stays).await;
    let mut here = H2::connect(goes).await;
    let mut idle = H2::connect(goes).await;
    let mut old = Raw::connect(goes).await;
    old.send("GET / HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    assert!(!old.answer().await.says_close());
    for (client, count) in [(&mut there, 1), (&mut here, 2)] {
        client.request(1, &GATED, None).await;
        is_under_way(&mizan, count).await;
    }
    idle.request(1, &GET, None).await;
    assert_eq!(idle.reply(4 * SECOND).await, Reply::Status(200));
    mizan.reload(&one_service(&[&upstream], "", "listen: { http: [\"127.0.0.1:0\"] }")).await;
    let said = here.said_until(4 * SECOND, |said| !said.goaways.is_empty()).await;
    assert_eq!(said.goaways, [(0x7fff_ffff, 0)]);
    let said = idle.said(4 * SECOND).await;
    assert!(said.closed && said.goaways.last() == Some(&(1, 0)), "{said:?}");
    old.send("GET / HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    let answer = old.answer().await;
    assert!(answer.status == 200 && answer.says_close(), "{}", answer.head);
    eventually("nobody listens there", 2 * SECOND, || async { Raw::try_connect(goes).await.is_err() }).await;
    gate.open();
    let said = here.said(4 * SECOND).await;
    assert_eq!((said.statuses.get(&1), said.closed), (Some(&200), true), "{said:?}");
    let said = there.said_until(4 * SECOND, |said| said.ended.contains(&1)).await;
    assert_eq!((said.statuses.get(&1), said.goaways.len()), (Some(&200), 0), "{said:?}");
    there.request(3, &GET, None).await;
    assert_eq!(there.reply(4 * SECOND).await, Reply::Status(200));
}

#[tokio::test]
async fn a_client_that_does_not_answer_the_goodbye_is_closed_when_it_is_idle() {
    let upstream = Upstream::start("one").await;
    let limits = "limits: { idle_timeout: 700ms }";
    let two = format!("listen: {{ http: [\"127.0.0.1:0\", \"127.0.0.2:0\"] }}\n{limits}");
    let mut mizan = Launch::default().listeners(2).start(&one_service(&[&upstream], "", &two)).await;
    let goes = *mizan.addresses().iter().find(|a| a.ip().to_string() == "127.0.0.2").expect("it listens");
    let mut client = H2::connect(goes).await;
    client.request(1, &GET, None).await;
    assert_eq!(client.reply(4 * SECOND).await, Reply::Status(200));
    let one = format!("listen: {{ http: [\"127.0.0.1:0\"] }}\n{limits}");
    mizan.reload(&one_service(&[&upstream], "", &one)).await;
    // `is_closed` answers no ping.
    assert!(client.is_closed(5 * SECOND).await, "it is still open");
}

#[tokio::test]
async fn a_port_that_changes_to_https_finishes_its_plain_connections() {
    let (upstream, gate) = gated().await;
    let authority = Authority::new("change");
    let mut mizan = Mizan::before(&[&upstream], "", "").await;
    authority.server(&["app.test"]).write(mizan.folder(), "app");
    let mut plain = H2::connect(mizan.addr()).await;
    plain.request(1, &GATED, None).await;
    is_under_way(&mizan, 1).await;
    let yaml = format!(
        "listen: {{ https: \"127.0.0.1:0\" }}\nservices:\n  app: {{ endpoints: [\"{}\"] }}\nsites:\n  \
         - hosts: [app.test]\n    tls: {{ certificate: app.pem, key: app.key }}\n    \
         routes:\n      - {{ path: /, service: app }}\n",
        upstream.addr()
    );
    mizan.reload(&yaml).await;
    let client = TlsClient::new(&authority).alpn(&["h2"]);
    let tls = client.connect(mizan.addr(), "app.test").await.expect("the port speaks TLS now");
    let mut tls = H2::over(tls, &[]).await;
    tls.request(1, &GET, None).await;
    assert_eq!(tls.reply(4 * SECOND).await, Reply::Status(200));
    gate.open();
    assert_eq!(plain.reply(4 * SECOND).await, Reply::Status(200));
}
