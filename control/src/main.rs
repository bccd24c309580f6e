//! `mizanctl`: looks into a running mizan over its admin socket.

mod cli;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    cli::Cli::parse().run()
}
