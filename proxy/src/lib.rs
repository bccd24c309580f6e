//! Mizan, the proxy: an edge for people who run their applications with Docker Compose.
//!
//! The crate that knows Pingora, and the only one. What is decided lives in `mizan-policy`; here are the sockets, the
//! clocks and the engine that it is decided for.

mod admin;
mod check;
pub mod cli;
mod clock;
mod demo;
mod discover;
mod forward;
mod gate;
mod history;
mod lifecycle;
mod listen;
mod observe;
mod random;
mod runtime;
mod snapshot;
mod state;
mod stats;
mod tls;
mod unix_socket;
mod upstream;
