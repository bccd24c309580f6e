//! `mizan`: the proxy.

use clap::Parser;
use mizan::cli::Cli;
use std::process::ExitCode;

/// Pingora makes dozens of allocations a request; the system's allocator costs a tenth of its throughput.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    mizan_certs::install_crypto_provider();
    Cli::parse().run()
}
