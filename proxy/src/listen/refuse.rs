//! Answers to requests that never reach the engine. The connection is closed after each of them.

use crate::forward::RequestId;
use bytes::Bytes;

/// A whole HTTP/1.1 answer: small, plain, and without a word about what is behind. `advice`: what to do about it, where
/// there is something.
pub(super) fn answer(status: u16, advice: &str, request_id: &RequestId) -> Bytes {
    let reason = crate::forward::reason(status);
    let end = if advice.is_empty() { "" } else { "\n" };
    let body = format!("{status} {reason}\n{advice}{end}request id {request_id}\n");
    let length = body.len();
    // RFC 9110, 15.5.6: 405 says what is allowed; which methods a resource knows is the upstream's affair.
    let allow = if status == 405 { "allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n" } else { "" };
    Bytes::from(format!(
        "HTTP/1.1 {status} {reason}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {length}\r\n\
         x-request-id: {request_id}\r\n{allow}connection: close\r\n\r\n{body}"
    ))
}
