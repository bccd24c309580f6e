//! The log: one line an event, on stderr, never waited for.

use std::io::IsTerminal;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;

/// Lines that wait to be written; beyond it new ones are dropped, not waited for.
const QUEUE: usize = 16 * 1024;

/// What is logged unless MIZAN_LOG says otherwise. The engine's own messages about single connections are noise.
const DEFAULT: &str =
    "info,pingora_core=off,pingora_proxy=off,pingora_pool=off,hickory_proto=off,hickory_resolver=off";

/// Logs to stderr from now on; what is queued is written when the guard is dropped.
pub(crate) fn log_to_stderr() -> WorkerGuard {
    let (writer, guard) =
        NonBlockingBuilder::default().buffered_lines_limit(QUEUE).lossy(true).finish(std::io::stderr());
    let filter = EnvFilter::try_from_env("MIZAN_LOG").unwrap_or_else(|_| EnvFilter::new(DEFAULT));
    let ansi = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .with_ansi(ansi)
        .with_target(true)
        .init();
    guard
}
