//! Twenty deploys, one after the other, without a lost request.

use crate::{BACKEND, DONE, Turns, with_both_composes};
use mizan_rollout::{Status, Step};
use mizan_tests::docker::compose::Version;
use mizan_tests::docker::rollout::{DeployFile, Project};
use std::time::{Duration, Instant};

const DEPLOYS: u64 = 20;

with_both_composes! {
    twenty_blue_green_deploys_in_a_row_lose_no_request
    twenty_canary_deploys_in_a_row_lose_no_request
}

async fn twenty_blue_green_deploys_in_a_row_lose_no_request(version: Version) {
    let Some(project) = Project::start(version, BACKEND).await else { return };
    project.deploy_file(&DeployFile::blue_green().set("blue_green", "{ watch: 200ms }"));
    let steps = twenty(&project, "blue-green").await;
    assert_eq!(steps, [100]);
}

async fn twenty_canary_deploys_in_a_row_lose_no_request(version: Version) {
    let Some(project) = Project::start(version, BACKEND).await else { return };
    project.deploy_file(&DeployFile::canary(150));
    let steps = twenty(&project, "canary").await;
    assert_eq!(steps, [10, 50, 100]);
}

/// Gives the shares that the last one went through.
async fn twenty(project: &Project, what: &str) -> Vec<u8> {
    let mut turns = Turns::new(project);
    let load = project.load(2);
    let mut times = Vec::new();
    for number in 1..=DEPLOYS {
        let begin = Instant::now();
        project.deploy_ends(DONE, turns.next()).await;
        times.push(begin.elapsed());
        turns.done();
        assert_eq!(project.last_number(), number);
        let state = project.deploy_state(number);
        assert!(matches!(state.ended(), Some((Status::Deployed, _))), "{:?}", state.ended());
        let (track, version) = turns.serving();
        project.serves(track, version).await;
    }
    let outcome = load.stop().await;
    outcome.assert_no_failure();
    assert_eq!(outcome.refused, 0);
    assert!(outcome.by_body["v1"] > 0 && outcome.by_body["v2"] > 0, "{:?}", outcome.by_body);
    let (total, slowest) = (times.iter().sum::<Duration>(), times.iter().max().expect("some"));
    println!(
        "{:?}: {DEPLOYS} {what} deploys, {} requests, none failed: {:.1} s each, {:.1} s the slowest",
        project.version(),
        outcome.good,
        total.as_secs_f64() / DEPLOYS as f64,
        slowest.as_secs_f64()
    );
    let share = |step: Step| match step {
        Step::Shift { percent, .. } => Some(percent),
        _ => None,
    };
    project.begun_steps(project.last_number()).into_iter().filter_map(share).collect()
}
