//! The ways a path can be read by the servers behind the proxy.
//!
//! One server decodes once, the next twice; one cuts `;parameters` off, one takes a backslash for a slash, one collapses
//! slashes before it resolves `..` and one after. A rule that looks at one reading alone is passed by whoever finds
//! another. So a path has the reading *as sent*, the reading *fully reduced*, and whatever the steps between them make of
//! it in any order; a request goes on, as it was sent, only where all lead to one route.
//!
//! Why not the two ends alone: `/public/../private/..;/public` is below `/public` as sent and when reduced, and below
//! `/private` for a server that does not cut parameters.

use std::borrow::Cow;

use super::fault::PathFault;
use super::steps::{Step, check_escapes, decode_unspellable};

/// Ways to read one path that are tried; with more it is refused. A path with escapes, parameters and double slashes
/// all at once has eight.
const MOST_READINGS: usize = 32;

/// The path fully reduced: percent-decoded once, backslashes to slashes, `;parameters` cut, slashes collapsed, dot
/// segments resolved (RFC 3986 5.2.4, but never above the root).
///
/// What is plain already is borrowed. Bytes, since a decoded path need not be UTF-8.
pub fn reduce(path: &str) -> Result<Cow<'_, [u8]>, PathFault> {
    let sent = path.as_bytes();
    if !sent.starts_with(b"/") {
        return Err(PathFault::Relative);
    }
    let mut text = Cow::Borrowed(sent);
    if is_plain(sent) {
        return Ok(text);
    }
    check_escapes(sent)?;
    for step in Step::TO_REDUCE {
        if let Some(next) = step.take(&text)? {
            text = Cow::Owned(next);
        }
    }
    Ok(text)
}

/// The path fully reduced, escaped again where a request line needs it: what a route with `forward_reduced_path` sends.
pub fn reduced_target(path: &str) -> Result<Cow<'_, str>, PathFault> {
    Ok(match reduce(path)? {
        Cow::Borrowed(_) => Cow::Borrowed(path),
        Cow::Owned(reduced) => Cow::Owned(escape(&reduced)),
    })
}

/// Whether there is but one way to read the path. May say no where there is.
pub(super) fn is_plain(path: &[u8]) -> bool {
    // Without an early end and without branches, so that the compiler makes it a few wide instructions.
    let pairs = path.iter().zip(path.get(1..).unwrap_or_default());
    let slashes = pairs.fold(0, |found, (&a, &b)| {
        found | (u8::from(a == b'/') & (u8::from(b == b'/') | u8::from(b == b'.')))
    });
    let marks = path
        .iter()
        .fold(0, |found, &b| found | u8::from(b == b'%') | u8::from(b == b'\\') | u8::from(b == b';'));
    slashes | marks == 0
}

/// The path as sent: escapes are decoded only for bytes that have no other spelling (`%20`, `%d0`).
pub(super) fn as_sent(path: &str) -> Result<Cow<'_, [u8]>, PathFault> {
    let sent = path.as_bytes();
    check_escapes(sent)?;
    Ok(decode_unspellable(sent)?.map_or(Cow::Borrowed(sent), Cow::Owned))
}

/// Every reading of the path but for the first, which is `sent`, the outcome of [`as_sent`].
pub(super) fn other_readings(sent: &[u8]) -> Result<Vec<Vec<u8>>, PathFault> {
    let mut others: Vec<Vec<u8>> = Vec::new();
    let mut done = 0;
    loop {
        for step in Step::ALL {
            let text = if done == 0 { sent } else { &others[done - 1] };
            let Some(next) = step.take(text)? else { continue };
            if next == sent || others.contains(&next) {
                continue;
            }
            if others.len() + 1 == MOST_READINGS {
                return Err(PathFault::Ambiguous);
            }
            others.push(next);
        }
        if done == others.len() {
            return Ok(others);
        }
        done += 1;
    }
}

/// RFC 3986 3.3: `pchar` and slashes as they are, the rest escaped.
fn escape(text: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut escaped = String::with_capacity(text.len() + 8);
    for &byte in text {
        if byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:@".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push('%');
            escaped.push(char::from(DIGITS[usize::from(byte >> 4)]));
            escaped.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
    escaped
}
