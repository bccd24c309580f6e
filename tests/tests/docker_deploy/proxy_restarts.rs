//! The proxy goes and comes while a deploy is under way, or is not there at all.

use crate::{BACKEND, DONE, NOT_DEPLOYED, with_both_composes};
use mizan_tests::docker::compose::Version;
use mizan_tests::docker::rollout::{DeployFile, Project};

with_both_composes! {
    a_restart_of_the_proxy_in_a_hold_does_not_end_the_deploy
    without_a_proxy_nothing_is_begun
}

async fn a_restart_of_the_proxy_in_a_hold_does_not_end_the_deploy(version: Version) {
    let Some(mut project) = Project::start(version, BACKEND).await else { return };
    project.deploy_file(&DeployFile::canary(2000));
    let load = project.load(4);
    let mut running = project.spawn_deploy(&project.image("v2", &[]));
    project.shifts_to(&mut running, 10).await;
    project.restart_mizan().await;
    let outcome = load.stop().await;
    // Connections are refused while there is no proxy; nothing else is lost.
    outcome.assert_no_failure();
    println!("{version:?}: {} good requests, {} clients refused", outcome.good, outcome.refused);
    project.answers("v1").await;
    let load = project.load(4);
    running.ends(DONE).await;
    project.serves("green", "v2").await;
    load.stop().await.assert_no_failure();
}

async fn without_a_proxy_nothing_is_begun(version: Version) {
    let Some(mut project) = Project::start(version, BACKEND).await else { return };
    project.stop_mizan().await;
    let finished = project.deploy_ends(NOT_DEPLOYED, &project.image("v2", &[])).await;
    assert!((finished.stdout + &finished.stderr).contains("admin.sock"), "it says what it looked for");
    assert_eq!(project.last_number(), 0);
    assert_eq!(project.versions("api-green"), [""; 0]);
    assert_eq!(project.versions("api-blue"), ["v1"]);
}
