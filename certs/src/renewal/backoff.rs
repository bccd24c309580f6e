//! How long to wait after an attempt that failed.

use super::{Held, unit};
use std::time::Duration;

/// In minutes, by the number of failures.
const TABLE: [u64; 10] = [1, 2, 5, 10, 20, 30, 60, 120, 180, 360];

/// No wait is longer.
pub(super) const LONGEST: Duration = Duration::from_mins(360);

/// What the time that is left never cuts a wait below, where the lifetime is not known.
const SHORTEST: Duration = Duration::from_mins(1);

/// What it never cuts a wait below for certificates that live for hours or more. Public authorities count failures by the
/// hour: four of them are allowed by all.
const LEAST: Duration = Duration::from_mins(15);

/// How long to wait after so many failures: 1, 2, 5, 10, 20, 30 minutes, 1, 2, 3, 6 hours, 20 % more or less by `jitter`
/// (0 to 1), but never more than 6 hours, and not more than an eighth of the time that `remaining` says is left until the
/// certificate expires (or than a minute, if that is more).
///
/// [`due`](super::due) knows the lifetime, too, and lets the time that is left cut less for certificates of days and more
/// for those of minutes.
pub fn backoff(failures: u32, remaining: Option<Duration>, jitter: f64) -> Duration {
    let wait = from_table(failures, jitter);
    match remaining {
        Some(remaining) => wait.min((remaining / 8).max(SHORTEST)),
        None => wait,
    }
}

/// After the attempt at `last`: as [`backoff`], with a shortest wait of a twentieth of the lifetime, at most [`LEAST`].
///
/// Once the certificate has expired the time since then counts as the time until then did: at first it is tried often,
/// and after days as seldom as anything else that never works.
pub(super) fn between(failures: u32, held: Held, last: i64, jitter: f64) -> Duration {
    let shortest = Duration::from_secs(held.lifetime().unsigned_abs()) / 20;
    let eighth = Duration::from_secs(held.not_after.abs_diff(last)) / 8;
    from_table(failures, jitter).min(eighth.max(shortest.min(LEAST)))
}

fn from_table(failures: u32, jitter: f64) -> Duration {
    let Some(step) = failures.checked_sub(1) else { return Duration::ZERO };
    let minutes = TABLE[(step as usize).min(TABLE.len() - 1)];
    Duration::from_mins(minutes).mul_f64(0.8 + 0.4 * unit(jitter)).min(LONGEST)
}
