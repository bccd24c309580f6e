//! `mizanctl`: looks into a running mizan over its admin socket, and steers it.

mod cli;
mod console;
mod exit;
mod view;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    cli::Cli::parse().run()
}
