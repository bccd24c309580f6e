//! A deploy that is steered from another terminal: gates, pauses, an end.

use crate::{BACKEND, DONE, ROLLED_BACK, SECOND, with_both_composes};
use mizan_rollout::{Reason, Record, Step};
use mizan_tests::docker::compose::Version;
use mizan_tests::docker::rollout::{DeployFile, Project};
use mizan_tests::{always, eventually};

with_both_composes! {
    a_gate_waits_until_somebody_promotes
    a_paused_deploy_stays_where_it_is_until_it_is_resumed
    an_aborted_deploy_is_taken_back
}

fn percent(step: &Step) -> u8 {
    if let Step::Shift { percent, .. } = step { *percent } else { 0 }
}

async fn a_gate_waits_until_somebody_promotes(version: Version) {
    let Some(project) = Project::start(version, BACKEND).await else { return };
    let steps = "[{ weight: 20%, hold: 100ms, gate: true }, { weight: 100%, hold: 100ms }]";
    project.deploy_file(&DeployFile::canary(100).set("canary", steps));
    let load = project.load(4);
    let mut running = project.spawn_deploy(&project.image("v2", &[]));
    project.shifts_to(&mut running, 20).await;
    always("it waits", 2 * SECOND, || async {
        let split = project.split().await;
        split.lease.is_some() && project.begun_steps(1).iter().map(percent).max() == Some(20)
    })
    .await;
    project.ctl_ends(DONE, &["promote", "api"]).await;
    running.ends(DONE).await;
    project.serves("green", "v2").await;
    load.stop().await.assert_no_failure();
}

async fn a_paused_deploy_stays_where_it_is_until_it_is_resumed(version: Version) {
    let Some(project) = Project::start(version, BACKEND).await else { return };
    project.deploy_file(&DeployFile::canary(1000));
    let load = project.load(4);
    let mut running = project.spawn_deploy(&project.image("v2", &[]));
    project.shifts_to(&mut running, 10).await;
    project.ctl_ends(DONE, &["pause", "api"]).await;
    eventually("it is paused", 5 * SECOND, || async {
        project.records(1).iter().any(|record| matches!(record, Record::Paused { .. }))
    })
    .await;
    let at = project.begun_steps(1).iter().map(percent).max();
    always("it stays, and the lease is held", 3 * SECOND, || async {
        let split = project.split().await;
        split.lease.is_some() && project.begun_steps(1).iter().map(percent).max() == at
    })
    .await;
    project.ctl_ends(DONE, &["resume", "api"]).await;
    running.ends(DONE).await;
    project.serves("green", "v2").await;
    load.stop().await.assert_no_failure();
}

async fn an_aborted_deploy_is_taken_back(version: Version) {
    let Some(project) = Project::start(version, BACKEND).await else { return };
    project.deploy_file(&DeployFile::canary(30_000));
    let load = project.load(4);
    let mut running = project.spawn_deploy(&project.image("v2", &[]));
    project.shifts_to(&mut running, 10).await;
    project.ctl_ends(DONE, &["abort", "api"]).await;
    running.ends(ROLLED_BACK).await;
    project.serves("blue", "v1").await;
    let state = project.deploy_state(1);
    assert_eq!(state.back().expect("it turned back").reason, Reason::Command);
    load.stop().await.assert_no_failure();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deploy_that_was_killed_while_it_was_paused_goes_on_when_it_is_resumed() {
    let Some(project) = Project::start(Version::Two, BACKEND).await else { return };
    project.deploy_file(&DeployFile::canary(500));
    let load = project.load(4);
    let mut running = project.spawn_deploy(&project.image("v2", &[]));
    project.shifts_to(&mut running, 10).await;
    project.ctl_ends(DONE, &["pause", "api"]).await;
    eventually("it is paused", 5 * SECOND, || async {
        project.records(1).iter().any(|record| matches!(record, Record::Paused { .. }))
    })
    .await;
    running.signal_all(rustix::process::Signal::KILL);
    running.ended().await;
    project.ctl_ends(DONE, &["resume", "api"]).await;
    project.serves("green", "v2").await;
    load.stop().await.assert_no_failure();
}
