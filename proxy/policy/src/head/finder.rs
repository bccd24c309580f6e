//! Where a head ends in what was read so far. Each byte is looked at once, however slowly they come.

use memchr::{memchr_iter, memchr2};

use super::bytes::TOKEN;
use super::{HeadLimits, Refusal, Rule};

/// Empty lines before a request line that are skipped: old clients send one after a body (RFC 9112 §2.2).
const LEADING_LINES: usize = 2;
/// The longest method: the registry's longest has 17 letters.
pub(super) const METHOD: usize = 32;

/// Looks for the end of a request head in a buffer that grows. Call [`find`](Self::find) whenever bytes were added.
///
/// Refuses what cannot become a request at the first byte that shows it. Once it answers [`Found::Complete`] it is as
/// new, ready for the next head at the start of the buffer.
#[derive(Debug, Default)]
pub struct HeadFinder {
    phase: Phase,
    /// Up to here the buffer was looked at.
    at: usize,
    /// Bytes of empty lines before the request line.
    skip: usize,
    /// Where the current line starts.
    line: usize,
    /// Lines that were complete.
    lines: usize,
}

#[derive(Debug, Default, Clone, Copy)]
enum Phase {
    #[default]
    Leading,
    Method,
    Target {
        start: usize,
    },
    Lines,
}

/// What a buffer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Not all of a head yet, and nothing wrong with it so far.
    Partial,
    /// The head is `buffer[skip..end]`; before it stand empty lines to drop.
    Complete { skip: usize, end: usize },
    /// Answer, and close.
    Refused(Refusal),
}

/// Why a phase stopped.
enum Stop {
    More,
    End(usize),
    Broken(Rule),
}

impl HeadFinder {
    /// Looks at what is new in `buffer`. The buffer must begin where it began at the last call.
    pub fn find(&mut self, buffer: &[u8], limits: &HeadLimits) -> Found {
        if buffer.len() < self.at {
            *self = Self::default();
        }
        match self.advance(buffer, limits) {
            Stop::Broken(rule) => Found::Refused(rule.into()),
            Stop::End(end) => {
                let skip = self.skip;
                *self = Self::default();
                Found::Complete { skip, end }
            }
            // What may yet turn out to be an empty line before the head is no part of it.
            Stop::More if matches!(self.phase, Phase::Leading) => Found::Partial,
            Stop::More if buffer.len() - self.skip > limits.size => Found::Refused(Rule::HeadTooLarge.into()),
            Stop::More => Found::Partial,
        }
    }

    /// Runs the phases over what is inside the limit, so that the first broken rule is the same however bytes come.
    fn advance(&mut self, buffer: &[u8], limits: &HeadLimits) -> Stop {
        loop {
            let inside = &buffer[..buffer.len().min(self.skip.saturating_add(limits.size))];
            let outcome = match self.phase {
                Phase::Leading => self.leading(buffer),
                Phase::Method => self.method(inside),
                Phase::Target { start } => self.target(inside, start, limits.target),
                Phase::Lines => return self.lines(inside, limits.fields),
            };
            match outcome {
                Ok(next) => self.phase = next,
                Err(stop) => return stop,
            }
        }
    }

    fn leading(&mut self, buffer: &[u8]) -> Result<Phase, Stop> {
        loop {
            match buffer.get(self.skip..) {
                None | Some([] | [b'\r']) => return Err(Stop::More),
                Some([b'\r', b'\n', ..]) => self.skip += 2,
                Some([b'\r', ..]) => return Err(Stop::Broken(Rule::BareCarriageReturn)),
                Some([b'\n', ..]) => return Err(Stop::Broken(Rule::BareLineFeed)),
                Some([first, ..]) if !TOKEN[usize::from(*first)] => return Err(Stop::Broken(Rule::NotHttp)),
                Some(_) => break,
            }
            if self.skip > 2 * LEADING_LINES {
                return Err(Stop::Broken(Rule::LeadingLines));
            }
        }
        self.at = self.skip;
        self.line = self.skip;
        Ok(Phase::Method)
    }

    fn method(&mut self, inside: &[u8]) -> Result<Phase, Stop> {
        while let Some(&byte) = inside.get(self.at) {
            match byte {
                b' ' => {
                    self.at += 1;
                    return Ok(Phase::Target { start: self.at });
                }
                b'\n' => return Err(Stop::Broken(Rule::BareLineFeed)),
                b'\r' => return Err(Stop::Broken(Rule::RequestLine)),
                _ if !TOKEN[usize::from(byte)] => return Err(Stop::Broken(Rule::MethodInvalid)),
                _ if self.at - self.skip >= METHOD => return Err(Stop::Broken(Rule::MethodTooLong)),
                _ => self.at += 1,
            }
        }
        Err(Stop::More)
    }

    fn target(&mut self, inside: &[u8], start: usize, limit: usize) -> Result<Phase, Stop> {
        let last = start.saturating_add(limit).saturating_add(1);
        let end = inside.len().min(last);
        match memchr2(b' ', b'\n', inside.get(self.at..end).unwrap_or_default()) {
            Some(more) => {
                let at = self.at + more;
                if inside[at] == b' ' {
                    self.at = at + 1;
                    return Ok(Phase::Lines);
                }
                let bare = inside[at - 1] != b'\r';
                Err(Stop::Broken(if bare { Rule::BareLineFeed } else { Rule::VersionMissing }))
            }
            None if end == last => Err(Stop::Broken(Rule::TargetTooLong)),
            None => {
                self.at = end;
                Err(Stop::More)
            }
        }
    }

    fn lines(&mut self, inside: &[u8], fields: usize) -> Stop {
        let from = self.at;
        for feed in memchr_iter(b'\n', inside.get(from..).unwrap_or_default()).map(|more| from + more) {
            // A method stands before it, so there is a byte to look back at.
            if inside[feed - 1] != b'\r' {
                return Stop::Broken(Rule::BareLineFeed);
            }
            if feed - 1 == self.line {
                return Stop::End(feed + 1);
            }
            if self.lines > fields {
                return Stop::Broken(Rule::TooManyFields);
            }
            self.lines += 1;
            self.line = feed + 1;
        }
        self.at = inside.len();
        Stop::More
    }
}
