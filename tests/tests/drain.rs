//! Taken out by hand: nothing new, what is under way ends, no check brings it back, and it can be undone.

use mizan_api::{ClientError, DrainChange, EndpointState, Happening, ProblemKind};
use mizan_tests::admin::{blue_green, commit};
use mizan_tests::script::{Gate, Script};
use mizan_tests::{Mizan, Upstream, eventually};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const STATE: &str = "state: ${FOLDER}/state";

fn endpoint(of: &Upstream) -> DrainChange {
    DrainChange { endpoint: Some(of.addr().to_string()), ..DrainChange::default() }
}

fn track(name: &str) -> DrainChange {
    DrainChange { track: Some(name.into()), ..DrainChange::default() }
}

#[tokio::test]
async fn a_drained_endpoint_finishes_what_it_has_and_gets_nothing_new() {
    let (one, two) = (Upstream::start("one").await, Upstream::start("two").await);
    let gate = Gate::new();
    one.on("/slow", Script::gated(&gate));
    two.on("/slow", Script::gated(&gate));
    let service = "health: { path: /, interval: 100ms, timeout: 100ms, healthy: 1 }";
    let mizan = Mizan::before(&[&one, &two], service, "").await;
    let admin = mizan.admin();
    eventually("both are healthy", 5 * SECOND, || async {
        mizan.endpoints().await.values().all(|endpoint| endpoint.state == EndpointState::Up)
    })
    .await;
    let mut slow = [mizan.connect().await, mizan.connect().await];
    for connection in &mut slow {
        connection.send("GET /slow HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    }
    eventually("both have one", 5 * SECOND, || async {
        mizan.endpoints().await.values().all(|endpoint| endpoint.in_flight == 1)
    })
    .await;
    let drained = admin.drain("app", &endpoint(&one)).await.expect("it is drained");
    assert_eq!((drained.in_flight, drained.endpoints[0].state), (1, EndpointState::Drained));
    for _ in 0..10 {
        assert_eq!(mizan.get("/").await.text(), "two");
    }
    gate.open();
    for connection in &mut slow {
        assert_eq!(connection.answer().await.status, 200);
    }
    mizan.is_quiet().await;
    // Several checks later it is still out.
    let checks = one.request_count();
    eventually("it is checked on", 5 * SECOND, || async { one.request_count() > checks + 3 }).await;
    assert_eq!(mizan.endpoints().await[&one.addr().to_string()].state, EndpointState::Drained);
    assert_eq!(mizan.get("/").await.text(), "two");
    admin.undrain("app", &endpoint(&one)).await.expect("it is put back");
    eventually("it serves", 5 * SECOND, || async { mizan.get("/").await.text() == "one" }).await;
}

#[tokio::test]
async fn a_drain_outlives_a_reload() {
    let (one, two) = (Upstream::start("one").await, Upstream::start("two").await);
    let mut mizan = Mizan::before(&[&one, &two], "", "").await;
    mizan.admin().drain("app", &endpoint(&one)).await.expect("it is drained");
    mizan.reload(&mizan_tests::mizan::one_service(&[&one, &two], "keepalive: 5", "")).await;
    for _ in 0..10 {
        assert_eq!(mizan.get("/").await.text(), "two");
    }
}

#[tokio::test]
async fn a_drained_track_leaves_its_requests_to_the_other_one() {
    let (blue, green) = (Upstream::start("blue").await, Upstream::start("green").await);
    let mizan = Mizan::start(&blue_green(&[&blue], &[&green], "", STATE)).await;
    let admin = mizan.admin();
    admin.set_split("shop", &commit(&[("blue", 1), ("green", 1)])).await.expect("it is committed");
    let mut events = admin.events(None).await.expect("events");
    admin.drain("shop", &track("green")).await.expect("it is drained");
    let wanted = Happening::Track { service: "shop".into(), track: "green".into(), drained: true };
    while tokio::time::timeout(8 * SECOND, events.next())
        .await
        .expect("it is told")
        .expect("an event")
        .is_some_and(|event| event.what != wanted)
    {}
    for _ in 0..20 {
        assert_eq!(mizan.get("/").await.text(), "blue");
    }
    let status = admin.service("shop").await.expect("it is there");
    assert!(status.tracks[1].drained && status.tracks[1].endpoints[0].state == EndpointState::Drained);
    admin.undrain("shop", &track("green")).await.expect("it is put back");
    eventually("it serves", 5 * SECOND, || async { mizan.get("/").await.text() == "green" }).await;
}

#[tokio::test]
async fn the_last_one_is_not_drained_unless_forced() {
    let only = Upstream::start("only").await;
    let mizan = Mizan::before(&[&only], "", "").await;
    let admin = mizan.admin();
    match admin.drain("app", &endpoint(&only)).await {
        Err(ClientError::Refused(problem)) => assert_eq!(problem.kind, ProblemKind::NoEndpoint),
        other => panic!("{other:?}"),
    }
    assert_eq!(mizan.get("/").await.status, 200);
    let forced = DrainChange { force: true, ..endpoint(&only) };
    admin.drain("app", &forced).await.expect("it is forced");
    assert_eq!(mizan.get("/").await.status, 503);
    admin.undrain("app", &endpoint(&only)).await.expect("it is put back");
    assert_eq!(mizan.get("/").await.status, 200);
    for wrong in [DrainChange::default(), track("blue"), DrainChange { endpoint: Some("x".into()), ..forced }]
    {
        assert!(matches!(admin.drain("app", &wrong).await, Err(ClientError::Refused(_))), "{wrong:?}");
    }
}
