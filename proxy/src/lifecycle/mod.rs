//! From start to exit: signals, reloads, the drain.

mod change;
mod run;
mod signals;

pub(crate) use change::{Changer, ReloadError};
pub(crate) use run::{RunError, RunOptions, start};
