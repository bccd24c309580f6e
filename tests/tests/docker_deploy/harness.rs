//! The harness itself, by hand and without a deploy: what the other tests stand on.

use crate::{BACKEND, SECOND, with_both_composes};
use mizan_api::EndpointState;
use mizan_tests::docker::compose::Version;
use mizan_tests::docker::rollout::{Project, Shape};
use mizan_tests::eventually;
use std::time::Instant;

with_both_composes! {
    a_project_serves_and_mizanctl_steers_it
    a_project_without_tracks_serves
}

async fn a_project_serves_and_mizanctl_steers_it(version: Version) {
    let begin = Instant::now();
    let Some(mut project) = Project::start(version, BACKEND).await else { return };
    println!("{version:?}: serves after {:?}", begin.elapsed());
    project.serves("blue", "v1").await;
    let load = project.load(4);
    let (bad, sick) = (project.image("v2", &["FAIL_PCT=50"]), project.image("v3", &["UNHEALTHY=1"]));
    project.compose_up("api-green", &bad).await;
    project.runs("api-green", &["v2"]).await;
    eventually("green is up", 10 * SECOND, || async {
        project.endpoints("green", EndpointState::Up).await == 1
    })
    .await;
    load.stop().await.assert_no_failure();

    project.ctl_ends(0, &["split", "api", "green=1", "--lease", "1s", "--socket", "run/admin.sock"]).await;
    let load = project.load(4);
    eventually("half of green's requests fail", 5 * SECOND, || async { load.by_body().contains_key("v2") })
        .await;
    let outcome = load.stop().await;
    assert!(outcome.failed > 0 && outcome.bad[0].contains("500"), "{outcome:?}");
    eventually("the lease runs out", 3 * SECOND, || async { project.split().await.lease.is_none() }).await;
    assert_eq!(project.ask().await, "v1");
    project.ctl_ends(0, &["drain", "api", "--track", "green", "--socket", "run/admin.sock"]).await;
    project.ctl_ends(0, &["undrain", "api", "--track", "green", "--socket", "run/admin.sock"]).await;

    project.compose_up("api-green", &sick).await;
    eventually("green is unhealthy", 10 * SECOND, || async {
        project.endpoints("green", EndpointState::Unhealthy).await == 1
    })
    .await;
    project.kill_containers("api-green");
    project.runs("api-green", &[]).await;
    project.serves("blue", "v1").await;
    project.restart_mizan().await;
    project.answers("v1").await;
}

async fn a_project_without_tracks_serves(version: Version) {
    let Some(project) = Project::start_as(version, BACKEND, Shape::Rolling, 3).await else { return };
    assert_eq!(project.versions("api"), ["v1"; 3]);
    let load = project.load(4);
    eventually("requests go on", 5 * SECOND, || async { load.good() > 50 }).await;
    load.stop().await.assert_no_failure();
}
