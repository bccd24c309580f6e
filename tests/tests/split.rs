//! The split over the admin socket: in force at once, kept before the reply, leased, and never into nothing.

use mizan_api::{ClientError, LeaseRenewal, ProblemKind, SplitChange, SplitOrigin};
use mizan_tests::admin::{blue_green, commit, weights};
use mizan_tests::mizan::Launch;
use mizan_tests::{Mizan, Upstream, eventually};
use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);
const STATE: &str = "state: ${FOLDER}/state";

async fn started() -> (Upstream, Upstream, Mizan) {
    let (blue, green) = (Upstream::start("blue").await, Upstream::start("green").await);
    let mizan = Mizan::start(&blue_green(&[&blue], &[&green], "", STATE)).await;
    (blue, green, mizan)
}

fn refused(error: ClientError) -> mizan_api::Problem {
    match error {
        ClientError::Refused(problem) => *problem,
        other => panic!("not refused: {other}"),
    }
}

fn lease(of: &[(&str, u32)], seconds: f64) -> SplitChange {
    SplitChange { lease_seconds: Some(seconds), ..commit(of) }
}

#[tokio::test]
async fn a_committed_split_is_in_force_for_the_next_request_and_after_a_kill() {
    let (blue, green, mizan) = started().await;
    let admin = mizan.admin();
    assert_eq!(mizan.get("/").await.text(), "blue");
    let before = admin.split("shop").await.expect("it has a split");
    assert_eq!(
        (before.origin, &before.weights),
        (SplitOrigin::File, &weights(&[("blue", 100), ("green", 0)]))
    );
    let after = admin.set_split("shop", &commit(&[("green", 1)])).await.expect("it is committed");
    for _ in 0..10 {
        assert_eq!(mizan.get("/").await.text(), "green");
    }
    assert!(after.revision > before.revision && after.origin == SplitOrigin::Committed);
    let yaml = blue_green(&[&blue], &[&green], "", STATE);
    let mizan = Launch::default().start_in(mizan.kill().await, &yaml).await;
    assert_eq!(mizan.get("/").await.text(), "green");
    let restored = mizan.admin().split("shop").await.expect("it has a split");
    assert_eq!((restored.revision, restored.weights), (after.revision, after.weights));
}

#[tokio::test]
async fn what_was_committed_outlives_a_reload_until_it_is_given_back_to_the_file() {
    let (blue, green, mut mizan) = started().await;
    let admin = mizan.admin();
    admin.set_split("shop", &commit(&[("green", 1)])).await.expect("it is committed");
    let yaml = blue_green(&[&blue], &[&green], "keepalive: 7", STATE);
    mizan.reload(&yaml).await;
    assert_eq!(mizan.get("/").await.text(), "green");
    mizan.reload(&yaml.replace("split: { blue: 100 }", "split: { blue: 50, green: 0 }")).await;
    assert_eq!(mizan.get("/").await.text(), "green");
    let status = admin.split_to_file("shop", None).await.expect("it is given back");
    assert_eq!((status.origin, status.weights), (SplitOrigin::File, weights(&[("blue", 50), ("green", 0)])));
    assert_eq!(mizan.get("/").await.text(), "blue");
    // From here on the file's changes count again.
    mizan.reload(&yaml.replace("split: { blue: 100 }", "split: { green: 3 }")).await;
    assert_eq!(mizan.get("/").await.text(), "green");
}

#[tokio::test]
async fn a_lease_that_is_not_renewed_falls_back_within_100_ms_of_its_time() {
    let (_blue, _green, mizan) = started().await;
    let admin = mizan.admin();
    let began = Instant::now();
    let leased = admin.set_split("shop", &lease(&[("green", 1)], 1.0)).await.expect("it is leased");
    assert_eq!(leased.committed, weights(&[("blue", 100), ("green", 0)]));
    assert_eq!(mizan.get("/").await.text(), "green");
    tokio::time::sleep(SECOND / 2).await;
    let renewal = LeaseRenewal { revision: leased.revision, lease_seconds: 1.0 };
    let renewed_at = Instant::now();
    let renewed = admin.renew_lease("shop", &renewal).await.expect("it is renewed");
    assert_eq!(renewed.revision, leased.revision);
    let answered_at = Instant::now();
    eventually("blue serves again", 3 * SECOND, || async { mizan.get("/").await.text() == "blue" }).await;
    let (longest, shortest) = (renewed_at.elapsed(), answered_at.elapsed());
    assert!(began.elapsed() > SECOND * 3 / 2, "the renewal did not hold");
    assert!(longest >= SECOND * 19 / 20 && shortest < SECOND + SECOND / 10, "{shortest:?} to {longest:?}");
    let problem = refused(admin.renew_lease("shop", &renewal).await.expect_err("the lease is over"));
    assert_eq!(problem.kind, ProblemKind::StaleRevision);
}

#[tokio::test]
async fn a_lease_is_forgotten_by_a_kill_and_can_be_given_back() {
    let (blue, green, mizan) = started().await;
    let admin = mizan.admin();
    admin.set_split("shop", &commit(&[("blue", 3), ("green", 0)])).await.expect("it is committed");
    admin.set_split("shop", &lease(&[("green", 1)], 60.0)).await.expect("it is leased");
    assert_eq!(mizan.get("/").await.text(), "green");
    let given_back = admin.release_lease("shop", None).await.expect("it is given back");
    assert_eq!((given_back.lease, mizan.get("/").await.text()), (None, "blue".to_owned()));
    let again = refused(admin.release_lease("shop", None).await.expect_err("there is none"));
    assert_eq!(again.kind, ProblemKind::NoLease);
    admin.set_split("shop", &lease(&[("green", 1)], 60.0)).await.expect("it is leased");
    let yaml = blue_green(&[&blue], &[&green], "", STATE);
    let mizan = Launch::default().start_in(mizan.kill().await, &yaml).await;
    let status = mizan.admin().split("shop").await.expect("it has a split");
    assert_eq!((status.weights, status.lease), (weights(&[("blue", 3), ("green", 0)]), None));
}

#[tokio::test]
async fn of_two_changes_with_the_same_expectation_exactly_one_wins() {
    let (_blue, _green, mizan) = started().await;
    for round in 1..20 {
        let revision = Some(mizan.admin().split("shop").await.expect("it has a split").revision);
        let change = |blue| SplitChange { revision, ..commit(&[("blue", blue), ("green", round)]) };
        let (one, other) = (mizan.admin(), mizan.admin());
        let (first, second) = (change(1), change(2));
        let (first, second) = tokio::join!(one.set_split("shop", &first), other.set_split("shop", &second));
        let (won, lost) = match (first, second) {
            (Ok(won), Err(lost)) | (Err(lost), Ok(won)) => (won, refused(lost)),
            both => panic!("{both:?}"),
        };
        assert_eq!(lost.kind, ProblemKind::StaleRevision);
        assert_eq!(lost.split.map(|split| split.revision), Some(won.revision));
    }
}

#[tokio::test]
async fn weight_on_a_track_without_a_healthy_endpoint_is_refused_unless_forced() {
    let blue = Upstream::start("blue").await;
    let green = Upstream::start("green").await;
    green.stop().await;
    let service = "health: { path: /, interval: 200ms, timeout: 100ms, unhealthy: 1, healthy: 1 }";
    let mizan = Mizan::start(&blue_green(&[&blue], &[&green], service, STATE)).await;
    let admin = mizan.admin();
    eventually("green is found unhealthy", 5 * SECOND, || async {
        let endpoints = mizan.endpoints().await;
        endpoints[&green.addr().to_string()].state == mizan_api::EndpointState::Unhealthy
            && endpoints[&blue.addr().to_string()].state == mizan_api::EndpointState::Up
    })
    .await;
    let change = commit(&[("blue", 1), ("green", 1)]);
    let problem = refused(admin.set_split("shop", &change).await.expect_err("green is down"));
    assert!(problem.kind == ProblemKind::NoEndpoint && problem.detail.contains("green"), "{problem:?}");
    let forced = SplitChange { force: true, ..change };
    admin.set_split("shop", &forced).await.expect("it is forced");
    for _ in 0..20 {
        assert_eq!(mizan.get("/").await.text(), "blue");
    }
    let status = mizan.admin().service("shop").await.expect("it is there");
    assert!(status.fallbacks > 0, "{status:?}");
    mizan.log().wait_for("another track does", SECOND).await;
    green.resume().await;
    eventually("green serves", 5 * SECOND, || async { mizan.get("/").await.text() == "green" }).await;
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_and_changes_nothing() {
    let (_blue, _green, mizan) = started().await;
    let admin = mizan.admin();
    let before = admin.split("shop").await.expect("it has a split");
    for (change, kind) in [
        (commit(&[("blue", 0), ("green", 0)]), ProblemKind::BadRequest),
        (commit(&[]), ProblemKind::BadRequest),
        (commit(&[("yellow", 1)]), ProblemKind::NotFound),
        (lease(&[("green", 1)], 0.0), ProblemKind::BadRequest),
        (lease(&[("green", 1)], 1e9), ProblemKind::BadRequest),
    ] {
        let problem = refused(admin.set_split("shop", &change).await.expect_err("it makes no sense"));
        assert_eq!(problem.kind, kind, "{change:?}: {problem:?}");
    }
    let unknown = refused(admin.split("shopp").await.expect_err("there is no such service"));
    assert!(unknown.kind == ProblemKind::NotFound && unknown.detail.contains("shop"), "{unknown:?}");
    assert_eq!(admin.split("shop").await.expect("it has a split"), before);
}

#[tokio::test]
async fn without_state_a_split_is_leased_and_not_committed() {
    let (blue, green) = (Upstream::start("blue").await, Upstream::start("green").await);
    let mizan = Mizan::start(&blue_green(&[&blue], &[&green], "", "")).await;
    let admin = mizan.admin();
    let problem = refused(admin.set_split("shop", &commit(&[("green", 1)])).await.expect_err("no `state`"));
    assert!(problem.kind == ProblemKind::NoState && problem.detail.contains("state:"), "{problem:?}");
    admin.set_split("shop", &lease(&[("green", 1)], 60.0)).await.expect("a lease needs no disk");
    assert_eq!(mizan.get("/").await.text(), "green");
}

#[tokio::test]
async fn a_split_that_cannot_be_kept_changes_nothing() {
    let (_blue, _green, mizan) = started().await;
    // A folder in the way of the file that is written.
    std::fs::create_dir(mizan.folder().join("state/splits.json.new")).expect("it can be made");
    let problem =
        refused(mizan.admin().set_split("shop", &commit(&[("green", 1)])).await.expect_err("the disk"));
    assert_eq!(problem.kind, ProblemKind::CannotWrite);
    assert_eq!(mizan.get("/").await.text(), "blue");
}
