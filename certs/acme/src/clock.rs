//! The time, in Unix seconds.

use std::time::{SystemTime, UNIX_EPOCH};

/// Cut to whole seconds.
pub(crate) fn unix_now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs().cast_signed())
}
