//! `mizan version`.

use clap::Args;
use std::process::ExitCode;

/// Print the version.
#[derive(Debug, Args)]
pub(super) struct Version {}

impl Version {
    #[expect(clippy::unused_self, reason = "every verb is run the same way")]
    pub(super) fn run(self) -> ExitCode {
        println!("mizan {}", env!("CARGO_PKG_VERSION"));
        ExitCode::SUCCESS
    }
}
