//! Versions that must not stay: they never get healthy, they die, they fail.

use crate::{BACKEND, DONE, NOT_DEPLOYED, ROLLED_BACK, SECOND, with_both_composes};
use mizan_rollout::{Reason, Record, Step};
use mizan_tests::docker::compose::Version;
use mizan_tests::docker::rollout::{DeployFile, Project};
use std::time::{Duration, Instant};

with_both_composes! {
    a_version_that_never_gets_healthy_changes_nothing
    a_version_that_dies_after_the_switch_is_taken_back
    a_version_that_fails_after_the_switch_is_off_within_a_second
    a_canary_with_many_errors_is_taken_back
}

async fn a_version_that_never_gets_healthy_changes_nothing(version: Version) {
    let Some(project) = Project::start(version, BACKEND).await else { return };
    project.deploy_file(&DeployFile::blue_green().set("health", "{ timeout: 3s }"));
    let load = project.load(4);
    let sick = project.image("v2", &["UNHEALTHY=1"]);
    let mute = project.image("v2", &["START_DELAY=60000"]);
    let dead = project.image("v2", &["EXIT_AT_ONCE=1"]);
    for image in [&sick, &mute, &dead, "mizan-test-version:there-is-none"] {
        let begin = Instant::now();
        project.deploy_ends(NOT_DEPLOYED, image).await;
        println!("{version:?}: {image} given up after {:?}", begin.elapsed());
        project.serves("blue", "v1").await;
    }
    let outcome = load.stop().await;
    outcome.assert_no_failure();
    assert_eq!(outcome.by_body.keys().collect::<Vec<_>>(), ["v1"], "nobody saw the new version");
    // Nothing of it is in the way of the next one.
    project.deploy_ends(DONE, &project.image("v2", &[])).await;
    project.serves("green", "v2").await;
}

async fn a_version_that_dies_after_the_switch_is_taken_back(version: Version) {
    let Some(project) = Project::start(version, BACKEND).await else { return };
    project.deploy_file(&DeployFile::blue_green().set("blue_green", "{ watch: 30s }"));
    let load = project.load(4);
    project.deploy_ends(ROLLED_BACK, &project.image("v2", &["DIE_AFTER_REQUESTS=100"])).await;
    let outcome = load.stop().await;
    project.serves("blue", "v1").await;
    assert!(outcome.by_body["v2"] >= 90, "it had served: {:?}", outcome.by_body);
    // It was the only instance of the track that had everything: until the decision there is nobody to answer.
    let honest = |bad: &String| bad.starts_with("HTTP/1.1 502") || bad.starts_with("HTTP/1.1 503");
    assert!(outcome.bad.iter().all(honest), "{:#?}", outcome.bad);
    println!("{version:?}: {} good requests, {} failed", outcome.good, outcome.failed);
    is_back_in_time(&project, "died", Reason::Unhealthy);
}

async fn a_version_that_fails_after_the_switch_is_off_within_a_second(version: Version) {
    let Some(project) = Project::start(version, BACKEND).await else { return };
    project.deploy_file(&DeployFile::blue_green().set("blue_green", "{ watch: 30s }"));
    let probe = project.probe();
    let load = project.load(2);
    project.deploy_ends(ROLLED_BACK, &project.image("v2", &["FAIL_PCT=50"])).await;
    let outcome = load.stop().await;
    project.serves("blue", "v1").await;
    let decided = is_back_in_time(&project, "failed", Reason::ErrorRate);
    let last = probe.last_of("v2");
    assert!(last > 0, "it had served");
    let after = Duration::from_millis(last.saturating_sub(decided));
    println!("{version:?}: its last answer came {after:?} after the decision; {} failed", outcome.failed);
    assert!(after < SECOND, "{after:?}");
    assert!(
        outcome.bad.iter().all(|bad| bad.starts_with("HTTP/1.1 500") && bad.ends_with("v2")),
        "{outcome:?}"
    );
}

async fn a_canary_with_many_errors_is_taken_back(version: Version) {
    let Some(project) = Project::start(version, BACKEND).await else { return };
    let limits = "{ error_rate: 10%, min_requests: 10 }";
    project.deploy_file(&DeployFile::canary(30_000).set("limits", limits));
    let load = project.load(4);
    project.deploy_ends(ROLLED_BACK, &project.image("v2", &["FAIL_PCT=50"])).await;
    let outcome = load.stop().await;
    project.serves("blue", "v1").await;
    is_back_in_time(&project, "failed in a canary", Reason::ErrorRate);
    let shifts = project.begun_steps(1).into_iter().filter(|step| matches!(step, Step::Shift { .. }));
    assert_eq!(shifts.count(), 1, "it never had more than 10 %");
    assert!(outcome.bad.iter().all(|bad| bad.ends_with("v2")), "{:#?}", outcome.bad);
    assert!(outcome.failed * 5 < outcome.good, "{} of {} failed", outcome.failed, outcome.good);
    println!("{version:?}: {} good requests, {} failed on the canary", outcome.good, outcome.failed);
}

/// The first deploy turned back for this reason, and was back within the two minutes that operators are promised.
/// Gives the moment of the decision.
fn is_back_in_time(project: &Project, what: &str, wanted: Reason) -> u64 {
    let records = project.records(1);
    let reason = records.iter().find_map(|record| match record {
        Record::Back { reason, .. } => Some(*reason),
        _ => None,
    });
    assert_eq!(reason, Some(wanted), "{records:#?}");
    let decided = project.written_at(1, "decision", |record| matches!(record, Record::Back { .. }));
    let ended = project.written_at(1, "end", |record| matches!(record, Record::End { .. }));
    println!("{:?}: it {what}; rolled back in {} ms", project.version(), ended - decided);
    assert!(ended - decided < 120_000);
    decided
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_the_way_back_the_requests_come_first_and_the_hooks_follow_in_their_order() {
    let Some(project) = Project::start(Version::Two, BACKEND).await else { return };
    let hooks = "{ migrate: echo migrate >>hooks.log, revert_migration: echo revert >>hooks.log, \
                 check_data: echo data >>hooks.log, check_metrics: echo metrics >>hooks.log, \
                 after_rollback: echo after >>hooks.log }";
    project.deploy_file(&DeployFile::canary(20_000).set("hooks", hooks));
    let load = project.load(4);
    let finished = project.deploy_ends(ROLLED_BACK, &project.image("v2", &["FAIL_PCT=50"])).await;
    project.serves("blue", "v1").await;
    assert_eq!(project.read("hooks.log"), "migrate\nrevert\ndata\nmetrics\nafter\n", "{}", finished.stdout);
    let state = project.deploy_state(1);
    let first = state.back().expect("it turned back").steps.first().cloned();
    assert_eq!(first, Some(Step::Traffic { track: "blue".to_owned() }));
    load.stop().await;
}
