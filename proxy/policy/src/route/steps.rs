//! What a server may do to a path, step by step.

use std::borrow::Cow;

use super::fault::PathFault;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Decode,
    TurnBackslashes,
    CutQuery,
    CutParameters,
    MergeSlashes,
    ResolveDots,
}

impl Step {
    pub(super) const ALL: [Self; 6] = [
        Self::Decode,
        Self::TurnBackslashes,
        Self::CutQuery,
        Self::CutParameters,
        Self::MergeSlashes,
        Self::ResolveDots,
    ];

    /// In the order in which they make the reduced path.
    pub(super) const TO_REDUCE: [Self; 5] =
        [Self::Decode, Self::TurnBackslashes, Self::CutParameters, Self::MergeSlashes, Self::ResolveDots];

    /// The text, which begins with `/` before and after, once the step is taken. `None`: there is nothing to do.
    pub(super) fn take(self, text: &[u8]) -> Result<Option<Vec<u8>>, PathFault> {
        match self {
            Self::Decode => decode_where(text, |_| true),
            Self::TurnBackslashes => Ok(turn_backslashes(text)),
            Self::CutQuery => Ok(cut_query(text)),
            Self::CutParameters => Ok(cut_parameters(text)),
            Self::MergeSlashes => Ok(match merge_slashes(text) {
                Cow::Borrowed(_) => None,
                Cow::Owned(merged) => Some(merged),
            }),
            Self::ResolveDots => resolve_dots(text),
        }
    }
}

/// Escapes decoded of bytes that are not visible ASCII: they cannot stand in a path unescaped, so their escapes disguise
/// nothing.
pub(super) fn decode_unspellable(text: &[u8]) -> Result<Option<Vec<u8>>, PathFault> {
    decode_where(text, |byte| !byte.is_ascii_graphic())
}

/// Decoded once. A `%` that begins no escape stays; [`check_escapes`] tells whether there is one.
fn decode_where(text: &[u8], wanted: fn(u8) -> bool) -> Result<Option<Vec<u8>>, PathFault> {
    let mut decoded = Vec::new();
    let mut kept = 0;
    for at in memchr::memchr_iter(b'%', text) {
        let Some(byte) = escape_at(text, at) else { continue };
        if byte == 0 {
            return Err(PathFault::NulByte);
        }
        if wanted(byte) {
            if decoded.capacity() == 0 {
                decoded.reserve(text.len());
            }
            decoded.extend_from_slice(&text[kept..at]);
            decoded.push(byte);
            kept = at + 3;
        }
    }
    if kept == 0 {
        return Ok(None);
    }
    decoded.extend_from_slice(&text[kept..]);
    if has_overlong_utf8(&decoded) { Err(PathFault::OverlongUtf8) } else { Ok(Some(decoded)) }
}

fn turn_backslashes(text: &[u8]) -> Option<Vec<u8>> {
    memchr::memchr(b'\\', text)?;
    Some(text.iter().map(|&byte| if byte == b'\\' { b'/' } else { byte }).collect())
}

/// For servers that decode before they look for the query. A path as sent has neither byte.
fn cut_query(text: &[u8]) -> Option<Vec<u8>> {
    memchr::memchr2(b'?', b'#', text).map(|end| text[..end].to_vec())
}

/// `;` and what follows it in its segment.
fn cut_parameters(text: &[u8]) -> Option<Vec<u8>> {
    memchr::memchr(b';', text)?;
    let mut cutting = false;
    let kept = text.iter().copied().filter(|&byte| {
        cutting = byte == b';' || (cutting && byte != b'/');
        !cutting
    });
    Some(kept.collect())
}

/// The text with slashes in a row made one.
pub(super) fn merge_slashes(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.windows(2).any(|pair| pair == b"//") {
        return Cow::Borrowed(text);
    }
    let mut merged = text.to_vec();
    merged.dedup_by(|a, b| *a == b'/' && *b == b'/');
    Cow::Owned(merged)
}

/// RFC 3986 5.2.4: `.` goes, `..` takes the segment before it along; at the end both leave a slash.
fn resolve_dots(text: &[u8]) -> Result<Option<Vec<u8>>, PathFault> {
    let segments = || text[1..].split(|&byte| byte == b'/');
    if !segments().any(|segment| matches!(segment, b"." | b"..")) {
        return Ok(None);
    }
    let mut resolved = Vec::with_capacity(text.len());
    let mut open = false;
    for segment in segments() {
        open = matches!(segment, b"." | b"..");
        match segment {
            b"." => {}
            b".." => {
                let parent = memchr::memrchr(b'/', &resolved).ok_or(PathFault::AboveRoot)?;
                resolved.truncate(parent);
            }
            _ => {
                resolved.push(b'/');
                resolved.extend_from_slice(segment);
            }
        }
    }
    if open {
        resolved.push(b'/');
    }
    Ok(Some(resolved))
}

/// Whether each `%` begins an escape.
pub(super) fn check_escapes(sent: &[u8]) -> Result<(), PathFault> {
    let good = memchr::memchr_iter(b'%', sent).all(|at| escape_at(sent, at).is_some());
    if good { Ok(()) } else { Err(PathFault::BadEscape) }
}

/// The byte that the escape at `at` stands for.
pub(super) fn escape_at(text: &[u8], at: usize) -> Option<u8> {
    match text.get(at..at + 3)? {
        [b'%', high, low] => Some(hex(*high)? << 4 | hex(*low)?),
        _ => None,
    }
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// Forms that a careless decoder takes for a shorter character (RFC 3629 3 and 10). Other broken UTF-8 is let be: old
/// links are in Latin-1.
fn has_overlong_utf8(text: &[u8]) -> bool {
    text.windows(2).any(|pair| {
        matches!(
            pair,
            [0xc0 | 0xc1, 0x80..=0xbf]
                | [0xe0, 0x80..=0x9f]
                | [0xf0, 0x80..=0x8f]
                | [0xf8, 0x80..=0x87]
                | [0xfc, 0x80..=0x83]
        )
    })
}
