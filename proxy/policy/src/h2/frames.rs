//! Where frames begin in a stream of bytes that comes in any pieces (RFC 9113 §4.1).

/// Types of frames that mean something here.
pub(super) mod kind {
    pub(crate) const DATA: u8 = 0x0;
    pub(crate) const HEADERS: u8 = 0x1;
    pub(crate) const PRIORITY: u8 = 0x2;
    pub(crate) const RST_STREAM: u8 = 0x3;
    pub(crate) const SETTINGS: u8 = 0x4;
    pub(crate) const PING: u8 = 0x6;
    pub(crate) const GOAWAY: u8 = 0x7;
    pub(crate) const WINDOW_UPDATE: u8 = 0x8;
    pub(crate) const CONTINUATION: u8 = 0x9;
    /// RFC 9218 §7.1.
    pub(crate) const PRIORITY_UPDATE: u8 = 0x10;
}

/// The bytes of a frame's header.
const HEADER: usize = 9;
/// With the error code of RST_STREAM behind it.
const RESET: usize = HEADER + 4;
/// With the last stream and the error code of GOAWAY behind it.
const LONGEST: usize = HEADER + 8;

/// What a frame's header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) kind: u8,
    flags: u8,
    /// Bytes of payload.
    pub(super) length: u32,
    pub(super) stream: u32,
    /// The error code, where it was asked for.
    pub(super) code: Option<u32>,
}

impl Frame {
    /// ACK of PING and SETTINGS.
    pub(super) fn ack(&self) -> bool {
        self.flags & 0x1 != 0
    }

    /// END_STREAM of DATA and HEADERS.
    pub(super) fn end_stream(&self) -> bool {
        self.flags & 0x1 != 0
    }

    /// END_HEADERS of HEADERS and CONTINUATION.
    pub(super) fn end_headers(&self) -> bool {
        self.flags & 0x4 != 0
    }
}

/// The place in one direction of a connection.
#[derive(Debug, Clone)]
pub(super) struct Frames {
    /// The start of a header whose end has not come.
    header: [u8; LONGEST],
    have: u8,
    /// Bytes of payload that are still to come.
    skip: u32,
    /// Whether the error codes of RST_STREAM and GOAWAY are read.
    codes: bool,
}

impl Frames {
    /// A stream in which `before` bytes come before the first frame.
    pub(super) fn after(before: u32) -> Self {
        Self { header: [0; LONGEST], have: 0, skip: before, codes: false }
    }

    /// A stream of frames alone, in which the error codes of RST_STREAM and GOAWAY are read too.
    pub(super) fn with_codes() -> Self {
        Self { codes: true, ..Self::after(0) }
    }

    /// Neither a header nor a payload has been begun.
    pub(super) fn between(&self) -> bool {
        self.have == 0 && self.skip == 0
    }

    /// A payload was announced and has not come in full.
    pub(super) fn in_payload(&self) -> bool {
        self.skip > 0
    }

    /// The next frame whose header ends in `bytes`, which are shortened by what was read; `None` when all were.
    pub(super) fn next(&mut self, bytes: &mut &[u8]) -> Option<Frame> {
        let skipped = bytes.len().min(self.skip as usize);
        *bytes = &bytes[skipped..];
        self.skip -= skipped as u32;
        if self.skip > 0 {
            return None;
        }
        loop {
            let need = self.need();
            let have = usize::from(self.have);
            if have >= need {
                break;
            }
            let more = bytes.len().min(need - have);
            if more == 0 {
                return None;
            }
            let (start, rest) = bytes.split_at(more);
            self.header[have..have + more].copy_from_slice(start);
            self.have += more as u8;
            *bytes = rest;
        }
        let frame = self.read();
        self.skip = frame.length - (u32::from(self.have) - HEADER as u32);
        self.have = 0;
        Some(frame)
    }

    /// How many bytes tell what the frame is.
    fn need(&self) -> usize {
        if !self.codes || usize::from(self.have) < HEADER {
            return HEADER;
        }
        let [l0, l1, l2, kind, ..] = self.header;
        match (kind, u32::from_be_bytes([0, l0, l1, l2])) {
            (kind::RST_STREAM, 4) => RESET,
            (kind::GOAWAY, 8..) => LONGEST,
            _ => HEADER,
        }
    }

    fn read(&self) -> Frame {
        let [l0, l1, l2, kind, flags, s0, s1, s2, s3, first @ .., c0, c1, c2, c3] = self.header;
        let code = match usize::from(self.have) {
            RESET => Some(u32::from_be_bytes(first)),
            LONGEST => Some(u32::from_be_bytes([c0, c1, c2, c3])),
            _ => None,
        };
        Frame {
            kind,
            flags,
            length: u32::from_be_bytes([0, l0, l1, l2]),
            // The first bit is reserved and ignored.
            stream: u32::from_be_bytes([s0, s1, s2, s3]) & 0x7fff_ffff,
            code,
        }
    }
}
