//! `mizan check`: every problem of a file.

use crate::lifecycle::Candidate;
use crate::observe;
use crate::tls::Strictness;
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;

/// Say every problem of a mizan.yml and of the certificates that it names, with line, column and what to do. Exit code 0:
/// none, 1: at least one.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// The file to check
    #[arg(value_name = "FILE", default_value = "mizan.yml")]
    file: PathBuf,
}

impl Check {
    pub(super) fn run(self) -> ExitCode {
        match super::candidate(&self.file, Strictness::Valid) {
            Ok(Candidate { config, warnings, .. }) => {
                eprint!("{}", observe::render_warnings(&warnings));
                println!(
                    "{}: good ({} sites, {} services, {} listeners)",
                    self.file.display(),
                    config.sites.len(),
                    config.services.len(),
                    config.listen.len()
                );
                ExitCode::SUCCESS
            }
            Err(code) => code,
        }
    }
}
