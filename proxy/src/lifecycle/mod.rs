//! From start to exit: signals, reloads, the drain.

mod candidate;
mod change;
mod run;
mod signals;

pub(crate) use candidate::{Candidate, Unfit};
pub(crate) use change::{Changer, ReloadError};
pub(crate) use run::{RunError, RunOptions, start};
