//! `mizanctl`: looks into a running mizan over its admin socket, and steers it.

mod cli;
mod compose;
mod console;
mod deploy;
mod exit;
mod hooks;
mod init;
mod notify;
mod view;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    cli::Cli::parse().run()
}
