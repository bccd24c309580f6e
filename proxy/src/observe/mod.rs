//! What the operator gets to see.

pub(crate) mod events;
mod log;
mod problems;

pub(crate) use log::log_to_stderr;
pub(crate) use problems::{render, render_warnings};
