//! The admin socket: HTTP/1.1 and JSON for the machine's own people and programs.

mod bind;
mod serve;
mod status;

pub(crate) use bind::{AdminError, bind};
pub(crate) use serve::serve;
