//! The process's clock: milliseconds since it began. Everything that is decided takes its `now` from here.

use std::sync::LazyLock;
use std::time::Instant;

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

pub(crate) fn now() -> u64 {
    START.elapsed().as_millis() as u64
}
