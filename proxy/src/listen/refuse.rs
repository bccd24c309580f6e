//! Answers to requests that never reach the engine. The connection is closed after each of them.

use bytes::Bytes;

/// A whole HTTP/1.1 answer: small, plain, and without a word about what is behind.
pub(super) fn answer(status: u16) -> Bytes {
    let reason = crate::forward::reason(status);
    let body = format!("{status} {reason}\n");
    let length = body.len();
    Bytes::from(format!(
        "HTTP/1.1 {status} {reason}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n{body}"
    ))
}
