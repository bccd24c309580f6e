//! Deploys on the machine's Docker engine, under load, through a real proxy, with both generations of Compose.

mod bad_versions;
mod by_hand;
mod control;
mod disk;
mod harness;
mod in_a_row;
mod interruptions;
mod kills;
mod proxy_restarts;
mod rollback;
mod rolling;
mod seeds;
mod two_at_once;

use mizan_tests::cli::Finished;
use mizan_tests::docker::rollout::Project;
use std::time::Duration;

const BACKEND: &str = env!("CARGO_BIN_EXE_test-backend");
const SECOND: Duration = Duration::from_secs(1);

// Exit codes of mizanctl.
const DONE: i32 = 0;
/// The checklist said no, or it failed before it changed what serves.
const NOT_DEPLOYED: i32 = 6;
/// The version before serves.
const ROLLED_BACK: i32 = 7;
/// The version before serves, and the deploy is open.
const INTERRUPTED: i32 = 8;
/// It stays as it is until a person says what to do.
const HALTED: i32 = 9;
/// Another one is under way.
const BUSY: i32 = 10;

/// Each of these functions as two tests, one for each generation of Compose.
macro_rules! with_both_composes {
    ($($name:ident)+) => {
        mod with_docker_compose_1 {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(mizan_tests::docker::compose::Version::One).await;
            })+
        }
        mod with_compose_v2 {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(mizan_tests::docker::compose::Version::Two).await;
            })+
        }
    };
}
pub(crate) use with_both_composes;

/// Two versions in turn: a deploy of one takes the place of the other, on the other track.
#[derive(Debug, Clone)]
struct Turns {
    images: [String; 2],
    done: usize,
}

impl Turns {
    fn new(project: &Project) -> Self {
        Self { images: [project.image("v1", &[]), project.image("v2", &[])], done: 0 }
    }

    /// The image to deploy now.
    fn next(&self) -> &str {
        &self.images[(self.done + 1) % 2]
    }

    /// The track and the version that serve.
    fn serving(&self) -> (&'static str, &'static str) {
        [("blue", "v1"), ("green", "v2")][self.done % 2]
    }

    /// The deploy was done.
    fn done(&mut self) {
        self.done += 1;
    }
}

/// # Panics
/// With all it said, unless it ended with this code.
fn assert_code(finished: &Finished, code: i32) {
    assert_eq!(finished.code, Some(code), "{}{}", finished.stdout, finished.stderr);
}
