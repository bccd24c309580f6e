//! The command line: one file a verb.

mod status;

use clap::{Parser, Subcommand};
use mizan_api::Client;
use std::path::PathBuf;
use std::process::ExitCode;

/// mizanctl: what a running mizan is doing, asked over its admin socket.
#[derive(Debug, Parser)]
#[command(name = "mizanctl", version)]
pub(crate) struct Cli {
    /// The admin socket, as `admin.socket` of mizan.yml names it
    #[arg(long, value_name = "PATH", default_value = "/run/mizan/admin.sock", global = true)]
    socket: PathBuf,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Status(status::StatusVerb),
}

impl Cli {
    /// Does what was asked for. Errors have been told on stderr.
    pub(crate) fn run(self) -> ExitCode {
        let client = Client::new(self.socket);
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return fail(error),
        };
        let outcome = runtime.block_on(async {
            match self.verb {
                Verb::Status(verb) => verb.run(&client).await,
            }
        });
        match outcome {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(error),
        }
    }
}

fn fail(error: impl std::fmt::Display) -> ExitCode {
    eprintln!("mizanctl: {error}");
    ExitCode::FAILURE
}
