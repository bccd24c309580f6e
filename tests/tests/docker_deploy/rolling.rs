//! One instance after the other, within one track.

use crate::{BACKEND, DONE, HALTED, with_both_composes};
use mizan_tests::docker::compose::Version;
use mizan_tests::docker::rollout::{DeployFile, Project, Shape};
use std::time::Instant;

with_both_composes! {
    a_rolling_deploy_of_four_loses_no_request
    a_rolling_deploy_stops_at_the_first_bad_instance_and_a_rollback_brings_all_back
}

async fn a_rolling_deploy_of_four_loses_no_request(version: Version) {
    let Some(project) = Project::start_as(version, BACKEND, Shape::Rolling, 4).await else { return };
    let load = project.load(4);
    let begin = Instant::now();
    project.deploy_ends(DONE, &project.image("v2", &[])).await;
    println!("{version:?}: four instances in {:?}", begin.elapsed());
    assert_eq!(project.versions("api"), ["v2"; 4]);
    assert_eq!(project.containers("api").len(), 4, "the old ones are removed");
    let mut asked = Vec::new();
    for _ in 0..8 {
        asked.push(project.ask().await);
    }
    assert_eq!(asked, ["v2"; 8]);
    let outcome = load.stop().await;
    outcome.assert_no_failure();
    println!("{version:?}: {} requests, none failed: {:?}", outcome.good, outcome.by_body);
}

async fn a_rolling_deploy_stops_at_the_first_bad_instance_and_a_rollback_brings_all_back(version: Version) {
    let Some(project) = Project::start_as(version, BACKEND, Shape::Rolling, 4).await else { return };
    project.deploy_file(&DeployFile::default().set("health", "{ timeout: 3s }"));
    let load = project.load(4);
    project.deploy_ends(HALTED, &project.image("v2", &["UNHEALTHY=1"])).await;
    let running = project.versions("api");
    let old = running.iter().filter(|version| *version == "v1").count();
    assert!(old >= 3 && running.len() - old <= 1, "{running:?}");
    project.ctl_ends(DONE, &["rollback", "api"]).await;
    assert_eq!(project.versions("api"), ["v1"; 4]);
    let outcome = load.stop().await;
    outcome.assert_no_failure();
    assert_eq!(outcome.by_body.keys().collect::<Vec<_>>(), ["v1"], "nobody saw the bad version");
    // It is over: the next one goes as any.
    project.deploy_ends(DONE, &project.image("v3", &[])).await;
    assert_eq!(project.versions("api"), ["v3"; 4]);
}
