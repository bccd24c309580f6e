//! `mizanctl rollback` of a deploy that went well.

use crate::{BACKEND, DONE, ROLLED_BACK, SECOND, with_both_composes};
use mizan_rollout::{Record, Step};
use mizan_tests::docker::compose::Version;
use mizan_tests::docker::rollout::{DeployFile, Project, now_unix_ms};
use mizan_tests::eventually;
use rustix::process::Signal;
use std::time::Duration;

with_both_composes! {
    while_the_track_before_is_kept_a_rollback_takes_less_than_a_second
    a_rollback_starts_what_had_been_stopped_with_the_image_it_had
}

async fn while_the_track_before_is_kept_a_rollback_takes_less_than_a_second(version: Version) {
    let Some(project) = Project::start(version, BACKEND).await else { return };
    project.deploy_file(&DeployFile::blue_green().set("keep", "10m"));
    let (load, probe) = (project.load(4), project.probe());
    let mut running = project.spawn_deploy(&project.image("v2", &[]));
    project.begins(&mut running, "the keeping", |step| matches!(step, Step::Keep { .. })).await;
    project.answers("v2").await;
    assert_eq!(project.versions("api-blue"), ["v1"], "it is kept");
    let asked = now_unix_ms();
    project.ctl_ends(DONE, &["rollback", "api"]).await;
    running.ends(ROLLED_BACK).await;
    project.serves("blue", "v1").await;
    let last = project.last_number();
    let decided = if last == 1 {
        project.written_at(1, "decision", |record| matches!(record, Record::Back { .. }))
    } else {
        project.written_at(last, "beginning", |record| matches!(record, Record::Begin { .. }))
    };
    let took = Duration::from_millis(probe.last_of("v2").saturating_sub(decided));
    println!("{version:?}: the last answer came {took:?} after the decision");
    println!("{version:?}: and {} ms after the command", probe.last_of("v2").saturating_sub(asked));
    assert!(took < SECOND, "{took:?}");
    load.stop().await.assert_no_failure();
}

async fn a_rollback_starts_what_had_been_stopped_with_the_image_it_had(version: Version) {
    let Some(project) = Project::start(version, BACKEND).await else { return };
    let load = project.load(4);
    // One name for all versions, as many have it: what it stood for is what counts.
    let latest = project.tag(&project.image("v2", &[]), "latest");
    project.deploy_ends(DONE, &latest).await;
    project.serves("green", "v2").await;
    project.tag(&project.image("v3", &[]), "latest");
    project.deploy_ends(DONE, &latest).await;
    project.serves("blue", "v3").await;
    project.ctl_ends(DONE, &["rollback", "api"]).await;
    eventually("v2 is back", 5 * SECOND, || async { project.ask().await == "v2" }).await;
    project.serves("green", "v2").await;
    let history = project.ctl_ends(DONE, &["history", "api"]).await.stdout;
    assert!(history.contains(&latest), "{history}");
    load.stop().await.assert_no_failure();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollback_that_is_said_twice_goes_back_once() {
    let Some(project) = Project::start(Version::Two, BACKEND).await else { return };
    let load = project.load(4);
    project.deploy_ends(DONE, &project.image("v2", &[])).await;
    let mut running = project.spawn(&["rollback", "api"]);
    // The requests are back, and the bad version is about to be stopped.
    let drains = |step: &Step| matches!(step, Step::Drain { .. });
    eventually("it drains", 20 * SECOND, || async {
        project.last_number() == 2 && project.begun_steps(2).iter().any(drains)
    })
    .await;
    running.signal_all(Signal::KILL);
    running.ended().await;
    project.ctl_ends(DONE, &["rollback", "api"]).await;
    project.serves("blue", "v1").await;
    load.stop().await.assert_no_failure();
}
