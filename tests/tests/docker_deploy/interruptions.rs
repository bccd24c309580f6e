//! Ctrl-C, a lost terminal, SIGKILL in a canary's hold: users are on the stable track at once, or when the lease is over.

use crate::{BACKEND, DONE, INTERRUPTED, SECOND, Turns, with_both_composes};
use mizan_rollout::{Hook, Mark, Record, Step};
use mizan_tests::docker::compose::Version;
use mizan_tests::docker::rollout::{DeployFile, Project, now_unix_ms};
use mizan_tests::{always, eventually};
use rustix::process::Signal;
use std::time::{Duration, Instant};

with_both_composes! {
    ctrl_c_and_a_lost_terminal_bring_users_back_within_a_second_and_resume_goes_on
    an_end_while_containers_start_is_no_harm
    after_sigkill_in_a_hold_the_lease_runs_out_and_users_are_on_stable
    a_hook_that_ran_is_not_run_again_by_resume
}

async fn ctrl_c_and_a_lost_terminal_bring_users_back_within_a_second_and_resume_goes_on(version: Version) {
    let Some(project) = Project::start(version, BACKEND).await else { return };
    let steps = "[{ weight: 60%, hold: 1500ms }, { weight: 100%, hold: 200ms }]";
    project.deploy_file(&DeployFile::canary(0).set("canary", steps));
    let mut turns = Turns::new(&project);
    let load = project.load(4);
    for signal in [Signal::INT, Signal::HUP, Signal::TERM] {
        let probe = project.probe();
        let mut running = project.spawn_deploy(turns.next());
        project.shifts_to(&mut running, 60).await;
        let new = if turns.serving().1 == "v1" { "v2" } else { "v1" };
        eventually("the canary serves", 5 * SECOND, || async { probe.last_of(new) > now_unix_ms() - 1000 })
            .await;
        let at = now_unix_ms();
        running.signal_all(signal);
        running.ends(INTERRUPTED).await;
        let split = project.split().await;
        assert_eq!((split.lease, split.weights), (None, split.committed), "{signal:?}");
        tokio::time::sleep(SECOND / 2).await;
        let after = Duration::from_millis(probe.last_of(new).saturating_sub(at));
        println!("{version:?}: {signal:?}: the canary's last answer came {after:?} later");
        assert!(after < SECOND, "{signal:?}: {after:?}");
        let records = project.records(running.number());
        assert!(matches!(records.last(), Some(Record::Interrupted { .. })), "{records:#?}");

        project.ctl_ends(DONE, &["resume", "api"]).await;
        turns.done();
        let (track, version) = turns.serving();
        project.serves(track, version).await;
    }
    load.stop().await.assert_no_failure();
}

async fn an_end_while_containers_start_is_no_harm(version: Version) {
    let Some(project) = Project::start(version, BACKEND).await else { return };
    let load = project.load(4);
    let image = project.image("v2", &[]);
    // In the middle of what Compose does, which gets the signal too.
    let mut running = project.spawn_deploy(&image);
    project.begins(&mut running, "the start", |step| matches!(step, Step::Start { .. })).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    running.signal_all(Signal::INT);
    running.ends(INTERRUPTED).await;
    assert_eq!(project.ask().await, "v1");
    project.ctl_ends(DONE, &["resume", "api"]).await;
    project.serves("green", "v2").await;
    load.stop().await.assert_no_failure();
}

async fn after_sigkill_in_a_hold_the_lease_runs_out_and_users_are_on_stable(version: Version) {
    let Some(project) = Project::start(version, BACKEND).await else { return };
    project.deploy_file(&DeployFile::canary(30_000));
    let load = project.load(4);
    let mut running = project.spawn_deploy(&project.image("v2", &[]));
    project.shifts_to(&mut running, 10).await;
    eventually("the canary serves", 5 * SECOND, || async { load.by_body().contains_key("v2") }).await;
    // Longer than the lease: somebody renews it.
    always("the lease is renewed", 3 * SECOND, || async { project.split().await.lease.is_some() }).await;
    let killed = Instant::now();
    running.signal(Signal::KILL);
    running.ended().await;
    eventually("the lease runs out", 4 * SECOND, || async { project.split().await.lease.is_none() }).await;
    println!("{version:?}: the lease ran out {:?} after the kill", killed.elapsed());
    assert!(killed.elapsed() < 5 * SECOND / 2, "{:?}", killed.elapsed());
    let before = load.by_body()["v2"];
    tokio::time::sleep(SECOND / 5).await;
    let settled = load.by_body()["v2"];
    assert!(settled - before <= 4, "only what was under way");
    tokio::time::sleep(SECOND / 2).await;
    assert_eq!(load.by_body()["v2"], settled, "users are on the stable track");
    project.ctl_ends(DONE, &["rollback", "api"]).await;
    project.serves("blue", "v1").await;
    load.stop().await.assert_no_failure();
}

async fn a_hook_that_ran_is_not_run_again_by_resume(version: Version) {
    let Some(project) = Project::start(version, BACKEND).await else { return };
    let hooks = "{ before_deploy: echo backup >>hooks.log, migrate: echo migrate >>hooks.log, smoke: echo smoke \
                 >>hooks.log, after_deploy: echo after >>hooks.log }";
    project.deploy_file(&DeployFile::canary(300).set("hooks", hooks));
    let mut running = project.spawn_deploy(&project.image("v2", &[]));
    project.begins(&mut running, "the start", |step| matches!(step, Step::Start { .. })).await;
    let state = project.deploy_state(1);
    let hook = |wanted: Hook| state.steps(false).iter().position(|step| *step == Step::Hook { hook: wanted });
    let migrate = hook(Hook::Migrate).expect("it is planned");
    assert_eq!(state.marks(false)[migrate], Mark::Done);
    running.signal(Signal::KILL);
    running.ended().await;
    project.ctl_ends(DONE, &["resume", "api"]).await;
    assert_eq!(project.read("hooks.log"), "backup\nmigrate\nsmoke\nafter\n");
    project.serves("green", "v2").await;
}
