//! Field lines: name, colon, value, CR LF (RFC 9112 §5).

use memchr::memchr;

use super::Rule;
use super::bytes::{TOKEN, control_at, is_control, trim};

/// One field as it was sent, the value without the white space around it.
pub(super) struct Line<'a> {
    pub(super) name: &'a [u8],
    pub(super) value: &'a [u8],
    /// Where the next line starts.
    pub(super) next: usize,
}

/// The field line at `at`, or `None` where the blank line stands.
pub(super) fn line(head: &[u8], at: usize) -> Result<Option<Line<'_>>, Rule> {
    if head.get(at) == Some(&b'\r') {
        line_end(head, at)?;
        return Ok(None);
    }
    let mut colon = at;
    while head.get(colon).is_some_and(|&b| TOKEN[usize::from(b)]) {
        colon += 1;
    }
    if colon == at || head.get(colon) != Some(&b':') {
        return Err(broken_name(head, at, colon));
    }
    let end = control_at(head, colon + 1);
    let next = line_end(head, end)?;
    Ok(Some(Line { name: &head[at..colon], value: trim(&head[colon + 1..end]), next }))
}

/// Past the CR LF at `at`; anything else that ends a value early is refused.
pub(super) fn line_end(head: &[u8], at: usize) -> Result<usize, Rule> {
    match head.get(at..).unwrap_or_default() {
        [b'\r', b'\n', ..] => Ok(at + 2),
        [b'\r', _, ..] => Err(Rule::BareCarriageReturn),
        [b'\n', ..] => Err(Rule::BareLineFeed),
        [] | [b'\r'] => Err(Rule::HeadIncomplete),
        _ => Err(Rule::ControlByte),
    }
}

#[cold]
fn broken_name(head: &[u8], start: usize, at: usize) -> Rule {
    match head.get(at) {
        None => Rule::HeadIncomplete,
        Some(b' ' | b'\t') if at == start => Rule::FieldFolded,
        Some(b' ' | b'\t') => {
            let rest = &head[at..control_at(head, at)];
            if memchr(b':', rest).is_some() { Rule::FieldNameSpace } else { Rule::FieldWithoutColon }
        }
        Some(b'\r' | b'\n') => line_end(head, at).err().unwrap_or(Rule::FieldWithoutColon),
        Some(&byte) if is_control(byte) => Rule::ControlByte,
        Some(_) => Rule::FieldName,
    }
}

/// The fields of a head that was checked, in their order, as they were sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fields<'a> {
    /// Field lines and the blank line.
    lines: &'a [u8],
}

impl<'a> Fields<'a> {
    /// `lines` as [`line`] accepted them, one after the other.
    pub(super) fn checked(lines: &'a [u8]) -> Self {
        Self { lines }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (&'a str, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        // In a checked head a CR ends a line and nothing else.
        let end = memchr(b'\r', self.lines)?;
        let (line, rest) = (&self.lines[..end], self.lines.get(end + 2..)?);
        let colon = line.iter().position(|&b| b == b':')?;
        let name = std::str::from_utf8(&line[..colon]).ok()?;
        self.lines = rest;
        Some((name, trim(&line[colon + 1..])))
    }
}
