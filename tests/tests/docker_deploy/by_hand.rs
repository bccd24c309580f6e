//! Somebody changes the split while a deploy is under way.

use crate::{BACKEND, DONE, HALTED, with_both_composes};
use mizan_rollout::Step;
use mizan_tests::admin::{commit, weights};
use mizan_tests::docker::compose::Version;
use mizan_tests::docker::rollout::{DeployFile, Project, Running};

with_both_composes! {
    a_split_that_was_changed_by_hand_is_not_overwritten
}

/// Nobody's changes are undone, and nothing that has requests is stopped.
async fn halts_with(project: &Project, running: &mut Running, committed: &[(&str, u32)]) {
    running.ends(HALTED).await;
    let split = project.split().await;
    assert_eq!((split.committed, split.lease), (weights(committed), None));
    assert_eq!(project.versions("api-blue"), ["v1"]);
    assert_eq!(project.versions("api-green"), ["v2"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_that_was_given_back_by_hand_is_not_taken_again() {
    let Some(project) = Project::start(Version::Two, BACKEND).await else { return };
    project.deploy_file(&DeployFile::canary(20_000));
    let load = project.load(4);
    let mut running = project.spawn_deploy(&project.image("v2", &[]));
    project.shifts_to(&mut running, 10).await;
    project.admin().release_lease("api", None).await.expect("it is given back");
    halts_with(&project, &mut running, &[("blue", 100), ("green", 0)]).await;
    // A person decides.
    project.ctl_ends(DONE, &["rollback", "api"]).await;
    project.serves("blue", "v1").await;
    load.stop().await.assert_no_failure();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_track_that_was_given_its_requests_back_by_hand_is_not_stopped() {
    let Some(project) = Project::start(Version::Two, BACKEND).await else { return };
    project.deploy_file(&DeployFile::blue_green().set("keep", "20s"));
    let load = project.load(4);
    let mut running = project.spawn_deploy(&project.image("v2", &[]));
    project.begins(&mut running, "the keeping", |step| matches!(step, Step::Keep { .. })).await;
    let back = [("blue", 100), ("green", 0)];
    project.admin().set_split("api", &commit(&back)).await.expect("it is committed");
    halts_with(&project, &mut running, &back).await;
    load.stop().await.assert_no_failure();
}

async fn a_split_that_was_changed_by_hand_is_not_overwritten(version: Version) {
    let Some(project) = Project::start(version, BACKEND).await else { return };
    project.deploy_file(&DeployFile::canary(1500));
    let load = project.load(4);
    let mut running = project.spawn_deploy(&project.image("v2", &[]));
    project.shifts_to(&mut running, 10).await;
    let by_hand = [("blue", 70), ("green", 30)];
    project.admin().set_split("api", &commit(&by_hand)).await.expect("it is committed");
    let finished = running.ended().await;
    let said = finished.stdout + &finished.stderr;
    assert!(finished.code.is_some_and(|code| code != DONE), "{:?}: {said}", finished.code);
    assert!(said.contains("split"), "it says why: {said}");
    let split = project.split().await;
    assert_eq!((split.committed, split.lease), (weights(&by_hand), None), "{said}");
    // Both have requests, so both run.
    assert_eq!(project.versions("api-blue"), ["v1"]);
    assert_eq!(project.versions("api-green"), ["v2"]);
    load.stop().await.assert_no_failure();
}
