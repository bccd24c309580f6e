//! A strict reader of chunked bodies (RFC 9112 §7.1): it finds the end and refuses what others read differently.
//!
//! Size is hexadecimal digits alone; CR LF everywhere; extensions and trailers are bounded and trailers never name a
//! field that frames, routes or speaks for the client (RFC 9110 §6.5.1). Data is skipped, not looked at.

use super::bytes::{TOKEN, is_control};
use super::{Refusal, Rule, names};

/// Bytes of extensions that one chunk may have.
const EXTENSION: u16 = 256;
/// Bytes of all trailers, line ends included.
const TRAILERS: u16 = 8 * 1024;
/// Digits of a size: leading zeros count.
const DIGITS: u8 = 16;
/// As much of a trailer's name as decides whether it is guarded, and one byte that tells longer names apart.
const NAME: usize = names::LONGEST + 1;

/// Follows one chunked body however it is cut into reads.
#[derive(Debug, Clone)]
pub struct ChunkScanner {
    state: State,
    /// Bytes of the trailers so far.
    trailers: u16,
    name: [u8; NAME],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Size { digits: u8, size: u64 },
    Extension { size: u64, length: u16 },
    SizeEnd { size: u64 },
    Data { left: u64 },
    DataCr,
    DataLf,
    TrailerStart,
    TrailerName { length: u16 },
    TrailerValue,
    TrailerEnd,
    LastLf,
    Done,
}

/// How far a scan came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scanned {
    /// Bytes that belong to the body: all of them until it is done.
    pub consumed: usize,
    /// The body is complete; what follows is the next request.
    pub done: bool,
}

impl Default for ChunkScanner {
    fn default() -> Self {
        Self::new()
    }
}

impl ChunkScanner {
    pub fn new() -> Self {
        Self { state: START, trailers: 0, name: [0; NAME] }
    }

    /// Goes on with the next bytes of the body. After it is done nothing more is consumed.
    pub fn scan(&mut self, bytes: &[u8]) -> Result<Scanned, Refusal> {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            match self.state {
                State::Done => break,
                State::Data { left } => {
                    let rest = bytes.len() - at;
                    let skip = usize::try_from(left).map_or(rest, |left| left.min(rest));
                    at += skip;
                    let left = left - skip as u64;
                    self.state = if left == 0 { State::DataCr } else { State::Data { left } };
                }
                state => {
                    self.state = self.step(state, byte)?;
                    at += 1;
                }
            }
        }
        Ok(Scanned { consumed: at, done: self.state == State::Done })
    }

    /// One byte of what is not data.
    fn step(&mut self, state: State, byte: u8) -> Result<State, Rule> {
        match state {
            State::Size { digits, size } => size_step(digits, size, byte),
            State::Extension { size, length } => extension_step(size, length, byte),
            State::SizeEnd { size } => match (byte, size) {
                (b'\n', 0) => Ok(State::TrailerStart),
                (b'\n', left) => Ok(State::Data { left }),
                _ => Err(Rule::BareCarriageReturn),
            },
            State::DataCr if byte == b'\r' => Ok(State::DataLf),
            State::DataLf if byte == b'\n' => Ok(START),
            State::DataCr | State::DataLf => Err(Rule::ChunkEnd),
            State::TrailerStart | State::TrailerName { .. } | State::TrailerValue | State::TrailerEnd => {
                self.trailers += 1;
                if self.trailers > TRAILERS {
                    return Err(Rule::TrailersTooLarge);
                }
                self.trailer_step(state, byte)
            }
            State::LastLf if byte == b'\n' => Ok(State::Done),
            State::LastLf => Err(Rule::BareCarriageReturn),
            // `scan` handles both.
            State::Data { .. } | State::Done => Ok(state),
        }
    }

    fn trailer_step(&mut self, state: State, byte: u8) -> Result<State, Rule> {
        match (state, byte) {
            (State::TrailerStart, b'\r') => Ok(State::LastLf),
            (State::TrailerStart, _) => self.name_step(0, byte),
            (State::TrailerName { length }, b':') => {
                let known = usize::from(length).min(NAME);
                if names::is_guarded(&self.name[..known]) || is_connection(&self.name[..known]) {
                    return Err(Rule::TrailerForbidden);
                }
                Ok(State::TrailerValue)
            }
            (State::TrailerName { length }, _) => self.name_step(length, byte),
            (State::TrailerEnd, b'\n') => Ok(State::TrailerStart),
            (State::TrailerEnd, _) => Err(Rule::BareCarriageReturn),
            (_, b'\r') => Ok(State::TrailerEnd),
            (_, b'\n') => Err(Rule::BareLineFeed),
            (_, _) if is_control(byte) => Err(Rule::ControlByte),
            (_, _) => Ok(State::TrailerValue),
        }
    }

    fn name_step(&mut self, length: u16, byte: u8) -> Result<State, Rule> {
        if !TOKEN[usize::from(byte)] {
            return Err(if byte == b'\n' { Rule::BareLineFeed } else { Rule::TrailerInvalid });
        }
        if let Some(kept) = self.name.get_mut(usize::from(length)) {
            *kept = byte;
        }
        Ok(State::TrailerName { length: length + 1 })
    }
}

const START: State = State::Size { digits: 0, size: 0 };

fn size_step(digits: u8, size: u64, byte: u8) -> Result<State, Rule> {
    let digit = match byte {
        b'0'..=b'9' => byte - b'0',
        b'a'..=b'f' => byte - b'a' + 10,
        b'A'..=b'F' => byte - b'A' + 10,
        b';' if digits > 0 => return Ok(State::Extension { size, length: 1 }),
        b'\r' if digits > 0 => return Ok(State::SizeEnd { size }),
        b'\n' => return Err(Rule::BareLineFeed),
        _ => return Err(Rule::ChunkSize),
    };
    let size = size << 4 | u64::from(digit);
    if digits == DIGITS || i64::try_from(size).is_err() {
        return Err(Rule::ChunkSizeTooLarge);
    }
    Ok(State::Size { digits: digits + 1, size })
}

fn extension_step(size: u64, length: u16, byte: u8) -> Result<State, Rule> {
    match byte {
        b'\r' => Ok(State::SizeEnd { size }),
        b'\n' => Err(Rule::BareLineFeed),
        _ if is_control(byte) || length >= EXTENSION => Err(Rule::ChunkExtension),
        _ => Ok(State::Extension { size, length: length + 1 }),
    }
}

/// Fields of the connection, which no trailer can be.
fn is_connection(name: &[u8]) -> bool {
    [b"connection".as_slice(), b"keep-alive", b"proxy-connection", b"te", b"trailer", b"expect"]
        .iter()
        .any(|field| name.eq_ignore_ascii_case(field))
}
