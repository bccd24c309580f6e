//! What the operator gets to see.

pub(crate) mod events;
mod log;
pub(crate) mod metrics;
mod problems;

pub(crate) use log::log_to_stderr;
pub(crate) use problems::{render, render_warnings};
