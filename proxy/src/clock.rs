//! The process's clock: milliseconds since it began. Everything that is decided takes its `now` from here.

use std::sync::LazyLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

pub(crate) fn now() -> u64 {
    START.elapsed().as_millis() as u64
}

/// The time of day, for people and for what outlives the process; never for measuring.
pub(crate) fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

/// The same in seconds: what certificates are valid by.
pub(crate) fn unix_seconds() -> u64 {
    unix_ms() / 1000
}
