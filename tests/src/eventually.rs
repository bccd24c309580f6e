//! Bounded waiting for a condition.

use std::fmt::Display;
use std::time::{Duration, Instant};

/// How often a condition is looked at. Short, since a look is a local call.
const EVERY: Duration = Duration::from_millis(10);

/// Polls `look` until it is true.
///
/// # Panics
/// When it is still false after `within`: the message begins with `what`.
pub async fn eventually(what: impl Display, within: Duration, mut look: impl AsyncFnMut() -> bool) {
    let begin = Instant::now();
    loop {
        if look().await {
            return;
        }
        assert!(begin.elapsed() < within, "{what}: not so after {within:?}");
        tokio::time::sleep(EVERY).await;
    }
}

/// Polls `look` for the whole of `during`.
///
/// # Panics
/// As soon as it is false once.
pub async fn always(what: impl Display, during: Duration, mut look: impl AsyncFnMut() -> bool) {
    let begin = Instant::now();
    while begin.elapsed() < during {
        assert!(look().await, "{what}: no longer so after {:?}", begin.elapsed());
        tokio::time::sleep(EVERY).await;
    }
}
