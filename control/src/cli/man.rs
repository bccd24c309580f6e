//! `mizanctl man`: the manual.

use super::Cli;
use crate::exit::Failure;
use clap::{Args, CommandFactory};
use std::path::PathBuf;

/// Write the manual pages, one for mizanctl and one for each verb
#[derive(Debug, Args)]
pub(super) struct ManVerb {
    /// A folder; it is made where it is missing
    dir: PathBuf,
}

impl ManVerb {
    pub(super) fn run(&self) -> Result<(), Failure> {
        std::fs::create_dir_all(&self.dir)
            .and_then(|()| clap_mangen::generate_to(Cli::command(), &self.dir))
            .map_err(|error| Failure::Failed(format!("cannot write to {}: {error}", self.dir.display())))
    }
}
