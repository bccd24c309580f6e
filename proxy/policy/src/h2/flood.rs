//! What a client floods with, and the frame that tells it.

/// Why a connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Flood {
    Resets,
    ProvokedResets,
    Pings,
    Settings,
    Priorities,
    WindowUpdates,
    EmptyFrames,
    TinyData,
    Continuations,
    Unknown,
}

impl Flood {
    /// All of them, for metrics that want every label from the start.
    pub const ALL: &'static [Self] = &[
        Self::Resets,
        Self::ProvokedResets,
        Self::Pings,
        Self::Settings,
        Self::Priorities,
        Self::WindowUpdates,
        Self::EmptyFrames,
        Self::TinyData,
        Self::Continuations,
        Self::Unknown,
    ];

    /// The stable name: what logs and metrics say.
    pub fn name(self) -> &'static str {
        match self {
            Self::Resets => "h2-resets",
            Self::ProvokedResets => "h2-provoked-resets",
            Self::Pings => "h2-pings",
            Self::Settings => "h2-settings",
            Self::Priorities => "h2-priorities",
            Self::WindowUpdates => "h2-window-updates",
            Self::EmptyFrames => "h2-empty-frames",
            Self::TinyData => "h2-tiny-data",
            Self::Continuations => "h2-continuations",
            Self::Unknown => "h2-unknown-frames",
        }
    }

    /// A sentence for the log.
    pub fn explain(self) -> &'static str {
        match self {
            Self::Resets => "the client resets requests faster than any client has reason to",
            Self::ProvokedResets => "the client makes the server reset one request after another",
            Self::Pings => "the client sends pings that nothing calls for",
            Self::Settings => "the client changes its settings over and over",
            Self::Priorities => "the client changes priorities over and over",
            Self::WindowUpdates => "the client opens windows for data that was never sent",
            Self::EmptyFrames => "the client sends frames with nothing in them",
            Self::TinyData => "the client sends its data a few bytes a frame",
            Self::Continuations => "the client sends one head in more frames than any head has",
            Self::Unknown => "the client sends frames that mean nothing here",
        }
    }

    /// The error code of the GOAWAY: ENHANCE_YOUR_CALM for all of them (RFC 9113 §7, §10.5).
    pub fn code(self) -> u32 {
        0xb
    }
}

/// A whole GOAWAY frame, without debug data (RFC 9113 §6.8).
pub fn goaway(last_stream: u32, code: u32) -> [u8; 17] {
    let mut frame = [0; 17];
    // The length of the payload and the type; neither flags nor a stream.
    frame[2] = 8;
    frame[3] = 7;
    frame[9..13].copy_from_slice(&(last_stream & 0x7fff_ffff).to_be_bytes());
    frame[13..].copy_from_slice(&code.to_be_bytes());
    frame
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_goaway_is_nine_bytes_of_header_the_last_stream_and_the_code() {
        let frame = goaway(0x8000_0105, Flood::Pings.code());
        assert_eq!(frame, [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 1, 5, 0, 0, 0, 0xb]);
    }

    #[test]
    fn every_flood_has_a_name_of_its_own() {
        let names: HashSet<_> = Flood::ALL.iter().map(|flood| flood.name()).collect();
        assert_eq!(names.len(), Flood::ALL.len());
        assert!(names.iter().all(|name| name.starts_with("h2-")));
    }
}
