//! What is counted of a track's requests: totals, latencies, what is under way, clients, and the last minutes.

mod ages;
mod clients;
mod counters;
mod histogram;
mod windows;

pub use ages::Ages;
pub use clients::Clients;
pub use counters::{Counters, Ended, Tally};
pub use histogram::{BUCKETS, bounds_ms, bucket};
pub use windows::{Window, Windows};
