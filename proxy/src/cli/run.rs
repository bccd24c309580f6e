//! `mizan run`: serve what mizan.yml says.

use super::fail;
use crate::lifecycle::{self, RunOptions};
use crate::observe;
use crate::tls::Strictness;
use clap::Args;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::runtime::Builder;

/// Serve what a mizan.yml says, until SIGTERM.
///
/// SIGHUP reads the file again: a good one is in force for the next request, a bad one is refused with every problem in
/// the log and changes nothing. SIGTERM stops accepting, lets every request under way finish, and ends with exit code 0.
#[derive(Debug, Args)]
pub(super) struct Run {
    /// The file that says what is served
    #[arg(short, long, value_name = "FILE", default_value = "mizan.yml")]
    config: PathBuf,
    /// Worker threads; one for each core by default
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
}

impl Run {
    pub(super) fn run(self) -> ExitCode {
        // Better an expired certificate than no service at all: that is said, and served.
        let candidate = match super::candidate(&self.config, Strictness::Usable) {
            Ok(candidate) => candidate,
            Err(code) => return code,
        };
        eprint!("{}", observe::render_warnings(&candidate.warnings));
        let _flush = observe::log_to_stderr();
        let threads = threads(self.threads);
        let options = RunOptions { file: Some(self.config), threads };
        serve(threads, async move {
            let running = lifecycle::start(candidate, options).await.map_err(|error| error.to_string())?;
            running.until_stopped().await;
            Ok(())
        })
    }
}

pub(super) fn threads(asked: Option<NonZeroUsize>) -> usize {
    asked.or_else(|| std::thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get)
}

/// Runs `job` on a runtime of its own; what is left of it ends with the process.
pub(super) fn serve(threads: usize, job: impl Future<Output = Result<(), String>>) -> ExitCode {
    let runtime =
        match Builder::new_multi_thread().worker_threads(threads).thread_name("mizan").enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return fail(format_args!("cannot start {threads} threads: {error}")),
        };
    let outcome = runtime.block_on(job);
    // Connections that still linger are not waited for.
    runtime.shutdown_background();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(error),
    }
}
