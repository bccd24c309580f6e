//! How much is a flood, and which attack each limit answers.

use super::bucket::Allowance;

/// What one client connection may send. The attacks send tens of thousands of frames a second; the limits stand well
/// below that and well above what clients were seen to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// RST_STREAM for a stream younger than a second: rapid reset (CVE-2023-44487), reset flood (CVE-2019-9514).
    ///
    /// Earned by answers that were ended: a client that cancels the slower of two requests, or resets what was
    /// answered before its body was read, pays with the answers. `saved` is more than the streams that may be open at
    /// once, since all of them may be answered before the first of them is reset.
    pub resets: Allowance,
    /// RST_STREAM for an older stream: a client that gives up waiting. No attack is this slow, for only so many streams
    /// are open at a time; the bucket is there for those who reset one stream again and again.
    pub late_resets: Allowance,
    /// RST_STREAM that the server sends for what the client did wrong: "MadeYouReset" (CVE-2025-8671). Resets for what
    /// an upstream did (INTERNAL_ERROR, CANCEL) and after an early answer (NO_ERROR) are no fault of the client. A
    /// client that opens many streams before it knows how many it may (REFUSED_STREAM) does so once. Earned by answers.
    pub provoked_resets: Allowance,
    /// PING: ping flood (CVE-2019-9512). Earned by data that was sent, since gRPC measures the way with a ping for data
    /// that it got; acknowledgements count as well, and are earned by the server's own pings.
    pub pings: Allowance,
    /// SETTINGS: settings flood (CVE-2019-9515). Acknowledgements are earned by the server's own settings.
    pub settings: Allowance,
    /// PRIORITY and PRIORITY_UPDATE: resource loop (CVE-2019-9513). Earned by requests: browsers send some with each.
    pub priorities: Allowance,
    /// WINDOW_UPDATE: an answer dribbled out through windows of a byte (CVE-2019-9511, CVE-2019-9517).
    ///
    /// Earned by requests (curl and Firefox open each stream's window) and by data that was sent, four for each frame:
    /// a simple client opens both windows for each frame. Frames of a few bytes that do not end an answer earn nothing,
    /// or the dribble would pay for itself.
    pub window_updates: Allowance,
    /// DATA without END_STREAM, HEADERS and CONTINUATION without END_HEADERS, and nothing in them: empty frames flood
    /// (CVE-2019-9518).
    pub empty_frames: Allowance,
    /// DATA of one to four bytes without END_STREAM: dribbled requests (CVE-2019-9511). The smallest message of gRPC is
    /// five bytes, of WebSocket six: neither is counted, however many there are.
    pub tiny_data: Allowance,
    /// CONTINUATION frames of one head: continuation flood (CVE-2024-27316). A frame carries 16 KiB by default.
    pub continuations: u32,
    /// Frames of any other type, GOAWAY and PUSH_PROMISE among them: each is read and dropped. Earned by requests:
    /// Chrome sends frames of reserved types with some (GREASE, RFC 8701).
    pub unknown: Allowance,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            resets: Allowance { burst: 200, per_second: 100, saved: 1000 },
            late_resets: Allowance { burst: 1000, per_second: 1000, saved: 1000 },
            provoked_resets: Allowance { burst: 500, per_second: 20, saved: 1000 },
            pings: Allowance { burst: 100, per_second: 10, saved: 1000 },
            settings: Allowance { burst: 20, per_second: 2, saved: 20 },
            priorities: Allowance { burst: 500, per_second: 100, saved: 4000 },
            window_updates: Allowance { burst: 1000, per_second: 500, saved: 10_000 },
            empty_frames: Allowance { burst: 20, per_second: 10, saved: 20 },
            tiny_data: Allowance { burst: 2000, per_second: 1000, saved: 2000 },
            continuations: 64,
            unknown: Allowance { burst: 100, per_second: 50, saved: 1000 },
        }
    }
}
