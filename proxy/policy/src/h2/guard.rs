//! The watch over one connection.

use super::bucket::{Allowance, Bucket};
use super::flood::Flood;
use super::frames::{Frame, Frames, kind};
use super::limits::Limits;

/// What a client says before its first frame (RFC 9113 §3.4).
const PREFACE: u32 = 24;
/// A stream that lived this long was no rapid reset, in milliseconds. Envoy's premature resets draw the line here too.
const YOUNG: u64 = 1000;
/// DATA of so many bytes is tiny: less than the smallest message of any protocol that has small ones.
const TINY: u32 = 4;

/// What a request earns of PRIORITY, WINDOW_UPDATE and frames of unknown types: more than any client sends with one.
const PRIORITIES_PER_REQUEST: u32 = 4;
const WINDOW_UPDATES_PER_REQUEST: u32 = 4;
const UNKNOWN_PER_REQUEST: u32 = 2;
/// Both windows for each frame, and as much again.
const WINDOW_UPDATES_PER_DATA: u32 = 4;

/// Error codes of RST_STREAM for what is no fault of the client (RFC 9113 §7).
const NO_ERROR: u32 = 0x0;
const INTERNAL_ERROR: u32 = 0x2;
const CANCEL: u32 = 0x8;

/// Watches the bytes of one server connection, both ways. Times are milliseconds of one clock.
#[derive(Debug, Clone)]
pub struct FrameGuard {
    limits: Limits,
    incoming: Frames,
    outgoing: Frames,
    left: Left,
    opened: Opened,
    block: Option<Block>,
    /// What was found; the connection stays condemned.
    flood: Option<Flood>,
    /// The error that the server said it closes the connection for.
    server_error: Option<u32>,
    /// The server said goodbye without an error, and the ping that follows it was not answered.
    goodbye: bool,
}

/// What the client has left of each allowance.
#[derive(Debug, Clone)]
struct Left {
    resets: Bucket,
    late_resets: Bucket,
    provoked_resets: Bucket,
    pings: Bucket,
    settings: Bucket,
    priorities: Bucket,
    window_updates: Bucket,
    empty_frames: Bucket,
    tiny_data: Bucket,
    unknown: Bucket,
}

/// A head that is on its way.
#[derive(Debug, Clone, Copy)]
struct Block {
    since: u64,
    continuations: u32,
    /// The frame with END_HEADERS was begun: the head ends with its payload.
    last: bool,
}

impl FrameGuard {
    pub fn new(limits: Limits) -> Self {
        let full = |allowance: Allowance| Bucket::full(&allowance);
        Self {
            incoming: Frames::after(PREFACE),
            outgoing: Frames::with_codes(),
            left: Left {
                resets: full(limits.resets),
                late_resets: full(limits.late_resets),
                provoked_resets: full(limits.provoked_resets),
                pings: full(limits.pings),
                settings: full(limits.settings),
                priorities: full(limits.priorities),
                window_updates: full(limits.window_updates),
                empty_frames: full(limits.empty_frames),
                tiny_data: full(limits.tiny_data),
                unknown: full(limits.unknown),
            },
            opened: Opened::default(),
            block: None,
            flood: None,
            server_error: None,
            goodbye: false,
            limits,
        }
    }

    /// Bytes from the client, the preface first. After an error the connection is to be closed with
    /// [`goaway`](super::goaway), and every further call fails as the first did.
    pub fn received(&mut self, mut bytes: &[u8], now: u64) -> Result<(), Flood> {
        self.opened.at(now);
        while self.flood.is_none()
            && let Some(frame) = self.incoming.next(&mut bytes)
        {
            self.flood = self.judge(&frame, now).err();
        }
        self.flood.map_or(Ok(()), Err)
    }

    /// Bytes to the client, as they were written: what earns, and what the client provoked.
    pub fn sent(&mut self, mut bytes: &[u8], now: u64) {
        while let Some(frame) = self.outgoing.next(&mut bytes) {
            self.credit(&frame, now);
        }
    }

    /// The error code of a GOAWAY that the server sent by itself; none for NO_ERROR.
    pub fn server_error(&self) -> Option<u32> {
        self.server_error
    }

    /// Whether the server said goodbye (GOAWAY with NO_ERROR) and no ping was answered since.
    pub fn awaits_goodbye(&self) -> bool {
        self.goodbye
    }

    /// Whether the output stands between two frames, so that a GOAWAY may be written there.
    pub fn between_frames(&self) -> bool {
        self.outgoing.between()
    }

    /// Since when a head has been on its way whose end has not come: HEADERS without END_HEADERS, or with an unfinished
    /// payload. To be held against the time limit of heads.
    pub fn header_block_since(&self) -> Option<u64> {
        let block = self.block?;
        (!block.last || self.incoming.in_payload()).then_some(block.since)
    }

    /// The highest stream the client opened; 0 before the first.
    pub fn last_stream(&self) -> u32 {
        self.opened.last
    }

    fn judge(&mut self, frame: &Frame, now: u64) -> Result<(), Flood> {
        if self.block.is_some_and(|block| block.last) {
            self.block = None;
        }
        let (left, limits) = (&mut self.left, &self.limits);
        let enough = |bucket: &mut Bucket, allowance, flood| {
            if bucket.take(allowance, now) { Ok(()) } else { Err(flood) }
        };
        match frame.kind {
            kind::HEADERS => self.head(frame, now),
            kind::CONTINUATION => self.continuation(frame, now),
            kind::DATA if frame.end_stream() || frame.length > TINY => Ok(()),
            kind::DATA if frame.length == 0 => {
                enough(&mut left.empty_frames, &limits.empty_frames, Flood::EmptyFrames)
            }
            kind::DATA => enough(&mut left.tiny_data, &limits.tiny_data, Flood::TinyData),
            kind::RST_STREAM if self.opened.is_young(frame.stream) => {
                enough(&mut left.resets, &limits.resets, Flood::Resets)
            }
            kind::RST_STREAM => enough(&mut left.late_resets, &limits.late_resets, Flood::Resets),
            kind::PING => {
                self.goodbye &= !frame.ack();
                enough(&mut left.pings, &limits.pings, Flood::Pings)
            }
            kind::SETTINGS => enough(&mut left.settings, &limits.settings, Flood::Settings),
            kind::PRIORITY | kind::PRIORITY_UPDATE => {
                enough(&mut left.priorities, &limits.priorities, Flood::Priorities)
            }
            kind::WINDOW_UPDATE => {
                enough(&mut left.window_updates, &limits.window_updates, Flood::WindowUpdates)
            }
            _ => enough(&mut left.unknown, &limits.unknown, Flood::Unknown),
        }
    }

    fn head(&mut self, frame: &Frame, now: u64) -> Result<(), Flood> {
        if self.opened.open(frame.stream, now) {
            let (left, limits) = (&mut self.left, &self.limits);
            left.priorities.earn(&limits.priorities, PRIORITIES_PER_REQUEST);
            left.window_updates.earn(&limits.window_updates, WINDOW_UPDATES_PER_REQUEST);
            left.unknown.earn(&limits.unknown, UNKNOWN_PER_REQUEST);
        }
        self.block = Some(Block { since: now, continuations: 0, last: frame.end_headers() });
        self.not_empty(frame, now)
    }

    /// One without a head before it is the engine's to refuse.
    fn continuation(&mut self, frame: &Frame, now: u64) -> Result<(), Flood> {
        if let Some(block) = &mut self.block {
            block.continuations += 1;
            block.last = frame.end_headers();
            if block.continuations > self.limits.continuations {
                return Err(Flood::Continuations);
            }
        }
        self.not_empty(frame, now)
    }

    fn not_empty(&mut self, frame: &Frame, now: u64) -> Result<(), Flood> {
        let empty = frame.length == 0 && !frame.end_headers();
        if empty && !self.left.empty_frames.take(&self.limits.empty_frames, now) {
            return Err(Flood::EmptyFrames);
        }
        Ok(())
    }

    fn credit(&mut self, frame: &Frame, now: u64) {
        let (left, limits) = (&mut self.left, &self.limits);
        match frame.kind {
            kind::DATA | kind::HEADERS => {
                if frame.end_stream() {
                    left.resets.earn(&limits.resets, 1);
                    left.provoked_resets.earn(&limits.provoked_resets, 1);
                }
                if frame.kind == kind::DATA {
                    left.pings.earn(&limits.pings, 1);
                    if frame.end_stream() || frame.length > TINY {
                        left.window_updates.earn(&limits.window_updates, WINDOW_UPDATES_PER_DATA);
                    }
                }
            }
            kind::PING if !frame.ack() => left.pings.earn(&limits.pings, 1),
            kind::SETTINGS if !frame.ack() => left.settings.earn(&limits.settings, 1),
            kind::GOAWAY => {
                self.goodbye |= frame.code == Some(NO_ERROR);
                let error = frame.code.filter(|code| *code != NO_ERROR);
                self.server_error = self.server_error.or(error);
            }
            kind::RST_STREAM => {
                let client_s = !matches!(frame.code, Some(NO_ERROR | INTERNAL_ERROR | CANCEL));
                if client_s && !left.provoked_resets.take(&limits.provoked_resets, now) {
                    // The client is told with its next bytes.
                    self.flood = self.flood.or(Some(Flood::ProvokedResets));
                }
            }
            _ => {}
        }
    }
}

/// Which streams the client opened, and roughly when. Their numbers only go up: to remember one number and its time is
/// enough to know of any stream that it is old. Where streams are opened all the time that may take twice [`YOUNG`].
#[derive(Debug, Clone, Default)]
struct Opened {
    last: u32,
    /// When it was opened.
    last_at: u64,
    /// Streams up to this one are older than [`YOUNG`].
    settled: u32,
    /// The last stream at this time: the next that is settled.
    mark: (u64, u32),
}

impl Opened {
    fn at(&mut self, now: u64) {
        let (since, last) = self.mark;
        if now.saturating_sub(self.last_at) >= YOUNG {
            self.settled = self.last;
        } else if now.saturating_sub(since) >= YOUNG {
            self.settled = self.settled.max(last);
            self.mark = (now, self.last);
        }
    }

    /// Whether the client opens `stream`; it is an odd number above all before (RFC 9113 §5.1.1).
    fn open(&mut self, stream: u32, now: u64) -> bool {
        let new = stream % 2 == 1 && stream > self.last;
        if new {
            self.last = stream;
            self.last_at = now;
        }
        new
    }

    fn is_young(&self, stream: u32) -> bool {
        stream > self.settled
    }
}
