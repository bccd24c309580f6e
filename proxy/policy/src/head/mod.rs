//! The rules of a request head and of an answer: what is let through, what is refused and by which rule.
//!
//! The order of a request over HTTP/1: [`HeadFinder`] says where the head ends in what was read so far (or refuses
//! it before that), [`check_request`] applies every rule to the complete head, [`normalise`] rewrites the few heads
//! that must be, and [`ChunkScanner`] finds the end of a chunked body. HTTP/2 comes parsed: [`check_h2`]. On the way
//! out [`request_removals`] and [`answer_removals`] say what may not travel further, and [`check_answer`] refuses an
//! upstream's answer whose end is not certain.
//!
//! A refused head is answered with the status of its [`Refusal`] and the connection is closed: where the next request
//! starts is not certain any more (RFC 9112 §9.6, §11.2). Nothing in here allocates unless it says so.

mod answer;
mod bytes;
mod chunked;
mod encoding;
mod fields;
mod finder;
mod first_bytes;
mod h2;
mod hop_by_hop;
mod host;
mod length;
mod names;
mod normalise;
mod request;
mod rules;
mod target;
#[cfg(test)]
mod tests;
mod upgrade;

pub use answer::{AnswerFault, Asked, check_answer};
pub use chunked::{ChunkScanner, Scanned};
pub use fields::Fields;
pub use finder::{Found, HeadFinder};
pub use first_bytes::{Opening, first_bytes};
pub use h2::{H2Head, check_h2};
pub use hop_by_hop::{Removals, answer_removals, request_removals};
pub use host::{Host, host_of};
pub use names::is_twin_of;
pub use normalise::normalise;
pub use request::{Body, RequestHead, check_request};
pub use rules::{Refusal, Rule};
pub use upgrade::upgrade_allowed;

/// How large a request head may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadLimits {
    /// Bytes of the whole head, from the method to the blank line: more is 431.
    pub size: usize,
    /// Fields: more are 431.
    pub fields: usize,
    /// Bytes of the request target: more are 414.
    pub target: usize,
}
