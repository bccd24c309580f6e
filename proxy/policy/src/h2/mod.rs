//! Floods over HTTP/2: what a client sends that costs the server more than the client (RFC 9113 §10.5).
//!
//! The engine keeps the protocol's rules; this watches the same bytes beside it, one frame header at a time, and says
//! when a connection is to end. What a client may send of each kind is a bucket of tokens: some at once, some a second,
//! and some for each thing that a client earns them by, so that a client that does a lot of work may do a lot of
//! talking about it. No payload is looked at but the error code of the server's own RST_STREAM frames.
//!
//! What is not here: the sizes of frames and heads, the number of streams, and the rate of data. The engine bounds the
//! first two; a slow or dribbled body or answer is a matter of [`crate::rate`].

mod bucket;
mod flood;
mod frames;
mod guard;
mod limits;
#[cfg(test)]
mod tests;

pub use bucket::Allowance;
pub use flood::{Flood, goaway};
pub use guard::FrameGuard;
pub use limits::Limits;
