//! No room for the journal.

use crate::{BACKEND, DONE, NOT_DEPLOYED, SECOND, with_both_composes};
use mizan_tests::acme::tmpfs::Tmpfs;
use mizan_tests::docker::compose::Version;
use mizan_tests::docker::rollout::{DeployFile, Project};
use mizan_tests::eventually;

with_both_composes! {
    on_a_full_disk_nothing_is_begun_and_one_that_fills_up_leaves_users_on_a_whole_version
}

async fn on_a_full_disk_nothing_is_begun_and_one_that_fills_up_leaves_users_on_a_whole_version(
    version: Version,
) {
    let Some(mut project) = Project::start(version, BACKEND).await else { return };
    let Some(disk) = Tmpfs::mount(2048) else { return };
    project.state_in(disk.path());
    project.deploy_file(&DeployFile::canary(1500));
    let image = project.image("v2", &[]);
    let load = project.load(4);

    disk.fill();
    let finished = project.deploy_ends(NOT_DEPLOYED, &image).await;
    let said = finished.stdout + &finished.stderr;
    assert!(said.contains(&disk.path().display().to_string()), "it names the folder: {said}");
    project.serves("blue", "v1").await;

    disk.empty();
    let mut running = project.spawn_deploy(&image);
    project.shifts_to(&mut running, 10).await;
    disk.fill();
    let finished = running.ended().await;
    println!("{version:?}: on a disk that filled up it ended with {:?}", finished.code);
    if finished.code == Some(DONE) {
        // It had taken the room before.
        project.serves("green", "v2").await;
    } else {
        eventually("no trial is left", 4 * SECOND, || async { project.split().await.lease.is_none() }).await;
        for _ in 0..20 {
            assert_eq!(project.ask().await, "v1");
        }
        disk.empty();
        project.ctl_ends(DONE, &["rollback", "api"]).await;
        project.serves("blue", "v1").await;
    }
    load.stop().await.assert_no_failure();
}
