//! SIGKILL to mizanctl at every record of the journal in turn: `resume`, or `rollback`, always converges.

use crate::{BACKEND, DONE, Turns, assert_code};
use mizan_rollout::{Hook, Mark, State, Status, Step};
use mizan_tests::docker::compose::Version;
use mizan_tests::docker::rollout::{DeployFile, Project};
use std::time::Duration;

/// What carries on after the kill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Resume,
    Rollback,
}

/// Each walk is two tests, of every other record, so that none takes minutes.
macro_rules! walks {
    ($($name:ident: $version:ident, $file:expr, $verb:ident;)+) => {
        $(mod $name {
            use super::{DeployFile, Verb, Version, walk};

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn converges_after_a_kill_at_every_odd_record() {
                walk(Version::$version, $file, Verb::$verb, 1).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn converges_after_a_kill_at_every_even_record() {
                walk(Version::$version, $file, Verb::$verb, 2).await;
            }
        })+
    };
}

walks! {
    resume_of_a_canary: Two, DeployFile::canary(150), Resume;
    rollback_of_a_canary: Two, DeployFile::canary(150), Rollback;
    resume_of_a_blue_green: One, DeployFile::blue_green(), Resume;
    rollback_of_a_blue_green: One, DeployFile::blue_green(), Rollback;
}

async fn walk(version: Version, file: DeployFile, verb: Verb, first: usize) {
    let Some(project) = Project::start(version, BACKEND).await else { return };
    let hooks = "{ before_deploy: echo backup >>hooks.log, migrate: echo migrate >>hooks.log }";
    project.deploy_file(&file.set("hooks", hooks).set("keep", "200ms"));
    let mut turns = Turns::new(&project);
    let mut requests = 0;
    for count in (first..).step_by(2) {
        // Now and then a little later: in the middle of what the record announces.
        let later = Duration::from_millis([0, 25, 120][count / 2 % 3]);
        let load = project.load(2);
        let _ = std::fs::remove_file(project.path("hooks.log"));
        let mut running = project.spawn_deploy(turns.next());
        let killed = project.kill_at(&mut running, count, later).await;
        if killed {
            println!("killed at record {count}, {later:?} later");
            carries_on(&project, verb, running.number(), &mut turns).await;
        } else {
            assert_code(&running.ended().await, DONE);
            turns.done();
        }
        let (track, version) = turns.serving();
        project.serves(track, version).await;
        let outcome = load.stop().await;
        assert_eq!(outcome.failed, 0, "killed at record {count}: {:#?}", outcome.bad);
        requests += outcome.good;
        if !killed {
            println!("{version:?}, {verb:?}: {count} records, {requests} requests, none failed");
            assert!(count > 12, "a deploy has more records than that");
            return;
        }
    }
}

/// After the kill of deploy `number`.
async fn carries_on(project: &Project, verb: Verb, number: u64, turns: &mut Turns) {
    let killed = project.deploy_state(number);
    let had_ended = killed.ended().is_some();
    match verb {
        Verb::Resume => {
            let finished = project.ctl(&["resume", "api"]).await;
            // With nothing left to do, it may say so.
            if !had_ended {
                assert_code(&finished, DONE);
            }
            let state = project.deploy_state(number);
            assert!(matches!(state.ended(), Some((Status::Deployed, _))), "{:?}", state.ended());
            turns.done();
        }
        Verb::Rollback => {
            assert_code(&project.ctl(&["rollback", "api"]).await, DONE);
            let state = project.deploy_state(project.last_number());
            let back = matches!(state.ended(), Some((Status::RolledBack | Status::Failed, _)));
            assert!(back, "{:?}", state.ended());
        }
    }
    let log = project.read("hooks.log");
    for (hook, line) in [(Hook::BeforeDeploy, "backup"), (Hook::Migrate, "migrate")] {
        let times = log.lines().filter(|other| *other == line).count();
        match mark_of(&killed, hook) {
            Mark::Done => assert_eq!(times, 1, "{line} was done before the kill"),
            // Nobody knows how far it had come: it may be begun again.
            Mark::Begun(_) => assert!(times <= 2, "{line}: {times}"),
            Mark::Waiting | Mark::Failed { .. } => assert!(times <= 1, "{line}: {times}"),
        }
        assert!(verb == Verb::Rollback || times >= 1, "{line} was left out");
    }
}

fn mark_of(state: &State, hook: Hook) -> Mark {
    let mut steps = state.steps(false).iter().zip(state.marks(false));
    let found = steps.find(|(step, _)| **step == Step::Hook { hook });
    found.expect("the plan has this hook").1.clone()
}
