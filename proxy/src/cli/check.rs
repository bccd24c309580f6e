//! `mizan check`: every problem of a file.

use super::fail;
use crate::{observe, snapshot};
use clap::Args;
use mizan_config::Examined;
use std::path::PathBuf;
use std::process::ExitCode;

/// Say every problem of a mizan.yml, with line, column and what to do. Exit code 0: none, 1: at least one.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// The file to check
    #[arg(value_name = "FILE", default_value = "mizan.yml")]
    file: PathBuf,
}

impl Check {
    pub(super) fn run(self) -> ExitCode {
        match mizan_config::examine_file(&self.file) {
            Ok(Examined { config, warnings }) => {
                eprint!("{}", observe::render_warnings(&warnings));
                if let Err(error) = snapshot::router(&config) {
                    return fail(format_args!("{}: {error}", self.file.display()));
                }
                println!(
                    "{}: good ({} sites, {} services, {} listeners)",
                    self.file.display(),
                    config.sites.len(),
                    config.services.len(),
                    config.listen.len()
                );
                ExitCode::SUCCESS
            }
            Err(problems) => {
                eprint!("{}", observe::render(&problems));
                ExitCode::FAILURE
            }
        }
    }
}
