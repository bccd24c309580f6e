//! The admin API's request and reply types, and its client.
//!
//! HTTP/1.1 and JSON over a Unix socket, versioned under `/v1`; the server describes itself at `/v1/openapi.json`.
//! `proxy` serves these types, `mizanctl` and the tests read them; neither side knows the other's code.
//!
//! Times are milliseconds since 1970 (`..._unix_ms`) or for how long something has been so (`..._ms`, `seconds`).

mod certificates;
mod change;
mod client;
mod deploys;
mod drain;
mod event;
mod problem;
mod split;
mod stats;
mod status;

pub use certificates::*;
pub use change::*;
pub use client::{Client, ClientError, Events};
pub use deploys::*;
pub use drain::*;
pub use event::*;
pub use problem::*;
pub use split::*;
pub use stats::*;
pub use status::*;
