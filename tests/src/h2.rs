//! HTTP/2 frame by frame, for what no library would send. Field blocks are literals without Huffman coding, so that any
//! bytes can be said; of an answer only its status is read.

use crate::stream::Stream;
use socket2::SockRef;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

/// What a client says first.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const PRIORITY: u8 = 2;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;
const ACK: u8 = 1;

/// How long one write of ours may take: whoever does not read any more has had enough.
const WRITE_LIMIT: Duration = Duration::from_secs(20);

/// How a server ends a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    Status(u16),
    /// RST_STREAM with this code.
    Reset(u32),
    /// GOAWAY with an error code.
    GoAway(u32),
    /// The connection ended.
    Closed,
    Nothing,
}

/// All that a server said until it closed, or until nobody listened any more.
#[derive(Debug, Default)]
pub struct Said {
    /// Each GOAWAY: the last stream, and the error code.
    pub goaways: Vec<(u32, u32)>,
    /// Streams that were reset, with the error code.
    pub resets: BTreeMap<u32, u32>,
    /// Streams that were answered.
    pub statuses: BTreeMap<u32, u16>,
    /// Streams that the server ended with END_STREAM.
    pub ended: Vec<u32>,
    /// Bytes of DATA.
    pub data: usize,
    pub closed: bool,
}

/// A connection with prior knowledge, or one for which ALPN chose HTTP/2.
#[derive(Debug)]
pub struct H2 {
    stream: Stream,
    buffer: Vec<u8>,
}

struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

impl H2 {
    /// Connects, sends the preface and empty settings.
    pub async fn connect(addr: SocketAddr) -> Self {
        let stream = TcpStream::connect(addr).await.unwrap_or_else(|e| panic!("connect to {addr}: {e}"));
        Self::over(stream, &[]).await
    }

    /// Sends the preface and these settings over a connection that is there already.
    pub async fn over(stream: impl Into<Stream>, settings: &[(u16, u32)]) -> Self {
        let stream = stream.into();
        let _ = SockRef::from(stream.tcp()).set_tcp_nodelay(true);
        let mut h2 = Self { stream, buffer: Vec::new() };
        h2.write(&[PREFACE, &settings_frame(settings)].concat()).await;
        h2
    }

    /// HEADERS with these fields, in this order; the stream ends with it when there is no body.
    pub async fn request(&mut self, stream: u32, fields: &[(&str, &str)], body: Option<&[u8]>) {
        let block = block(fields);
        let end = if body.is_none() { END_STREAM } else { 0 };
        self.frame(HEADERS, END_HEADERS | end, stream, &block).await;
        if let Some(body) = body {
            self.frame(DATA, END_STREAM, stream, body).await;
        }
    }

    /// HEADERS that are not finished: no END_HEADERS, and no CONTINUATION follows.
    pub async fn half_a_head(&mut self, stream: u32) {
        let block = literal(":method", "GET");
        self.frame(HEADERS, END_STREAM, stream, &block).await;
    }

    pub async fn ping(&mut self) {
        self.frame(PING, 0, 0, &[7; 8]).await;
    }

    /// The first thing said of a stream that ends it, or the connection.
    pub async fn reply(&mut self, within: Duration) -> Reply {
        let deadline = Instant::now() + within;
        loop {
            let frame = match self.next(deadline).await {
                Ok(frame) => frame,
                Err(reply) => return reply,
            };
            match frame.kind {
                HEADERS => return status_of(&frame.payload).map_or(Reply::Nothing, Reply::Status),
                RST_STREAM => return Reply::Reset(word(&frame.payload, 0)),
                GOAWAY if word(&frame.payload, 4) != 0 => return Reply::GoAway(word(&frame.payload, 4)),
                SETTINGS if frame.flags & ACK == 0 => self.frame(SETTINGS, ACK, 0, &[]).await,
                _ => {}
            }
        }
    }

    /// Listens until the connection ends or time is up, and acknowledges nothing but settings and pings.
    pub async fn said(&mut self, within: Duration) -> Said {
        self.said_until(within, |_| false).await
    }

    /// As [`said`](Self::said), but no longer than until `enough`.
    pub async fn said_until(&mut self, within: Duration, enough: impl Fn(&Said) -> bool) -> Said {
        let deadline = Instant::now() + within;
        let mut said = Said::default();
        while !enough(&said) {
            let frame = match self.next(deadline).await {
                Ok(frame) => frame,
                Err(reply) => {
                    said.closed = reply == Reply::Closed;
                    break;
                }
            };
            match frame.kind {
                HEADERS => {
                    if let Some(status) = status_of(&frame.payload) {
                        said.statuses.insert(frame.stream, status);
                    }
                }
                DATA => said.data += frame.payload.len(),
                RST_STREAM => drop(said.resets.insert(frame.stream, word(&frame.payload, 0))),
                GOAWAY => said.goaways.push((word(&frame.payload, 0), word(&frame.payload, 4))),
                SETTINGS if frame.flags & ACK == 0 => self.frame(SETTINGS, ACK, 0, &[]).await,
                PING if frame.flags & ACK == 0 => self.frame(PING, ACK, 0, &frame.payload).await,
                _ => {}
            }
            if matches!(frame.kind, HEADERS | DATA) && frame.flags & END_STREAM != 0 {
                said.ended.push(frame.stream);
            }
        }
        said
    }

    /// The connection ends within so long, whatever else is said.
    pub async fn is_closed(&mut self, within: Duration) -> bool {
        let deadline = Instant::now() + within;
        loop {
            match self.next(deadline).await {
                Ok(_) => {}
                Err(reply) => return reply == Reply::Closed,
            }
        }
    }

    async fn next(&mut self, deadline: Instant) -> Result<Frame, Reply> {
        loop {
            if self.buffer.len() >= 9 {
                let length = word(&self.buffer, 0) as usize >> 8;
                if self.buffer.len() >= 9 + length {
                    let frame: Vec<u8> = self.buffer.drain(..9 + length).collect();
                    return Ok(Frame {
                        kind: frame[3],
                        flags: frame[4],
                        stream: word(&frame, 5) & 0x7fff_ffff,
                        payload: frame[9..].to_vec(),
                    });
                }
            }
            match timeout_at(deadline, self.stream.read_buf(&mut self.buffer)).await {
                Err(_) => return Err(Reply::Nothing),
                Ok(Ok(0) | Err(_)) => return Err(Reply::Closed),
                Ok(Ok(_)) => {}
            }
        }
    }

    pub async fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        self.write(&frame(kind, flags, stream, payload)).await;
    }

    /// Writes, and reads meanwhile, so that neither side waits for the other. False once the server takes no more: it may
    /// close while we write, and what it said counts.
    pub async fn write(&mut self, bytes: &[u8]) -> bool {
        let (mut reading, mut writing) = tokio::io::split(&mut self.stream);
        let buffer = &mut self.buffer;
        let read = async {
            while matches!(reading.read_buf(buffer).await, Ok(1..)) {}
            // What it said is for the caller to find; the writing ends by itself.
            std::future::pending::<bool>().await
        };
        let write = async {
            let written = writing.write_all(bytes).await.is_ok();
            written && writing.flush().await.is_ok()
        };
        tokio::select! {
            biased;
            written = tokio::time::timeout(WRITE_LIMIT, write) => written == Ok(true),
            never = read => never,
        }
    }
}

/// The bytes of a frame.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = ((payload.len() as u32) << 8 | u32::from(kind)).to_be_bytes().to_vec();
    bytes.push(flags);
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// SETTINGS that say this.
pub fn settings_frame(settings: &[(u16, u32)]) -> Vec<u8> {
    let payload: Vec<u8> = settings
        .iter()
        .flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()[..]].concat())
        .collect();
    frame(SETTINGS, 0, 0, &payload)
}

/// A block of these fields.
pub fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    fields.iter().flat_map(|(name, value)| literal(name, value)).collect()
}

/// A field as a literal without indexing, with a new name.
fn literal(name: &str, value: &str) -> Vec<u8> {
    let mut bytes = vec![0];
    for text in [name, value] {
        integer(&mut bytes, text.len());
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes
}

/// With a prefix of 7 bits (RFC 7541, 5.1).
fn integer(bytes: &mut Vec<u8>, number: usize) {
    if number < 127 {
        return bytes.push(number as u8);
    }
    bytes.push(127);
    let mut rest = number - 127;
    while rest >= 128 {
        bytes.push((rest % 128) as u8 | 0x80);
        rest /= 128;
    }
    bytes.push(rest as u8);
}

/// `:status` is first in the block: from the static table, or a literal with its name from there.
fn status_of(block: &[u8]) -> Option<u16> {
    // Dynamic table size updates may come before.
    let start = block.iter().position(|b| b & 0xe0 != 0x20)?;
    let block = &block[start..];
    match *block.first()? {
        0x88 => Some(200),
        0x89 => Some(204),
        0x8a => Some(206),
        0x8b => Some(304),
        0x8c => Some(400),
        0x8d => Some(404),
        0x8e => Some(500),
        _ => literal_status(block),
    }
}

/// A literal's value: three digits, plain or Huffman coded (a digit is 5 bits for 0-2, 6 bits for 3-9).
fn literal_status(block: &[u8]) -> Option<u16> {
    let length = usize::from(*block.get(1)? & 0x7f);
    let value = block.get(2..2 + length)?;
    if block[1] & 0x80 == 0 {
        return std::str::from_utf8(value).ok()?.parse().ok();
    }
    let bits: Vec<u8> = value.iter().flat_map(|b| (0..8).rev().map(move |n| b >> n & 1)).collect();
    let number = |range: &[u8]| range.iter().fold(0u16, |n, bit| n << 1 | u16::from(*bit));
    let (mut at, mut status) = (0, 0);
    for _ in 0..3 {
        let short = number(bits.get(at..at + 5)?);
        let digit = if short <= 2 { short } else { number(bits.get(at..at + 6)?) - 0x19 + 3 };
        at += if short <= 2 { 5 } else { 6 };
        status = status * 10 + digit;
    }
    Some(status)
}

fn word(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).map_or(0, |b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]))
}

#[cfg(test)]
mod tests {
    use super::status_of;

    #[test]
    fn reads_statuses_in_every_coding() {
        assert_eq!(status_of(&[0x88]), Some(200));
        assert_eq!(status_of(b"\x48\x03421"), Some(421));
        // 502, Huffman coded: 5 = 011011, 0 = 00000, 2 = 00010.
        assert_eq!(status_of(&[0x48, 0x82, 0b0110_1100, 0b0000_0010]), Some(502));
    }
}
