//! `mizan demo`: a proxy with backends of its own, to try things on.

use super::run::{serve, threads};
use crate::{demo, observe};
use clap::Args;
use std::net::SocketAddr;
use std::process::ExitCode;

/// Serve three small demo backends (blue twice, green once) from this process, and print what to try.
///
/// Needs no file, no root and no Docker. Ctrl-C ends it; nothing is left behind.
#[derive(Debug, Args)]
pub(super) struct Demo {
    /// Where the demo listens
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
}

impl Demo {
    pub(super) fn run(self) -> ExitCode {
        let _flush = observe::log_to_stderr();
        let threads = threads(None);
        serve(threads, demo::serve(self.listen, threads))
    }
}
