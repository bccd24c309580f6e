//! One deploy of a service at a time.

use crate::{BACKEND, BUSY, DONE, with_both_composes};
use mizan_tests::docker::compose::Version;
use mizan_tests::docker::rollout::{DeployFile, Project};

with_both_composes! {
    a_second_deploy_is_refused_and_names_the_first
}

async fn a_second_deploy_is_refused_and_names_the_first(version: Version) {
    let Some(project) = Project::start(version, BACKEND).await else { return };
    project.deploy_file(&DeployFile::canary(1500));
    let (second, third) = (project.image("v2", &[]), project.image("v3", &[]));
    let mut running = project.spawn_deploy(&second);
    project.shifts_to(&mut running, 10).await;
    let finished = project.deploy_ends(BUSY, &third).await;
    let said = finished.stdout + &finished.stderr;
    assert!(said.contains(&second) && said.contains("under way"), "it names the first: {said}");
    assert_eq!(project.last_number(), 1, "the second has left nothing behind");
    running.ends(DONE).await;
    project.serves("green", "v2").await;
    project.deploy_ends(DONE, &third).await;
    project.serves("blue", "v3").await;
}
