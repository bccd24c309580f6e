//! `mizanctl completions`: for a shell.

use super::Cli;
use crate::console;
use crate::exit::Failure;
use clap::{Args, CommandFactory};
use clap_complete::Shell;

/// Print the completions for a shell
#[derive(Debug, Args)]
pub(super) struct CompletionsVerb {
    shell: Shell,
}

impl CompletionsVerb {
    pub(super) fn run(&self) -> Result<(), Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "mizanctl", &mut script);
        console::print(&String::from_utf8_lossy(&script))
    }
}
