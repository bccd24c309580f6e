//! Attacks that end, traffic that never does, and laws over any bytes.

mod attacks;
mod laws;
mod traffic;

use super::*;

pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const PRIORITY: u8 = 2;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PUSH_PROMISE: u8 = 5;
pub(super) const PING: u8 = 6;
pub(super) const WINDOW_UPDATE: u8 = 8;
pub(super) const CONTINUATION: u8 = 9;
pub(super) const PRIORITY_UPDATE: u8 = 16;

pub(super) const END_STREAM: u8 = 1;
pub(super) const ACK: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;
pub(super) const WHOLE: u8 = END_STREAM | END_HEADERS;

pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// A connection: client and server take turns, and time passes.
pub(super) struct Line {
    pub(super) guard: FrameGuard,
    /// Microseconds.
    pub(super) time: u64,
    stream: u32,
}

impl Line {
    /// With the preface and the settings of both sides behind it.
    pub(super) fn open() -> Self {
        let mut guard = FrameGuard::new(Limits::default());
        guard.received(PREFACE, 5_000_000).unwrap();
        let mut line = Self { guard, time: 5_000_000_000, stream: 0 };
        line.server(SETTINGS, 0, 0, &[0; 18]);
        line.client(SETTINGS, 0, 0, &[0; 12]).unwrap();
        line.client(SETTINGS, ACK, 0, &[]).unwrap();
        line.server(SETTINGS, ACK, 0, &[]);
        line
    }

    pub(super) fn client(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Result<(), Flood> {
        self.guard.received(&frame(kind, flags, stream, payload), self.time / 1000)
    }

    pub(super) fn server(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        self.guard.sent(&frame(kind, flags, stream, payload), self.time / 1000);
    }

    /// A request without a body; its stream.
    pub(super) fn request(&mut self) -> Result<u32, Flood> {
        let stream = self.start()?;
        self.client(DATA, END_STREAM, stream, &[]).map(|()| stream)
    }

    /// A request whose body is to come.
    pub(super) fn start(&mut self) -> Result<u32, Flood> {
        self.stream = if self.stream == 0 { 1 } else { self.stream + 2 };
        self.client(HEADERS, END_HEADERS, self.stream, &[0x82; 20]).map(|()| self.stream)
    }

    /// A whole answer.
    pub(super) fn answer(&mut self, stream: u32) {
        self.server(HEADERS, END_HEADERS, stream, &[0x88; 10]);
        self.server(DATA, END_STREAM, stream, b"ok");
    }

    pub(super) fn pass(&mut self, micros: u64) {
        self.time += micros;
    }

    /// Repeats something once a `period` of microseconds, for at most a minute: how often it went well, and what
    /// ended it.
    pub(super) fn until_closed(
        &mut self,
        period: u64,
        mut act: impl FnMut(&mut Self) -> Result<(), Flood>,
    ) -> (usize, Option<Flood>) {
        for count in 0..(60_000_000 / period) as usize {
            if let Err(flood) = act(self) {
                return (count, Some(flood));
            }
            self.pass(period);
        }
        (usize::MAX, None)
    }
}
