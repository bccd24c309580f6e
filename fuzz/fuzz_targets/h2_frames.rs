//! The bytes of an HTTP/2 connection, both ways: nothing panics, the verdict does not depend on how the bytes come, a
//! plain reader finds the same streams, and a condemned connection stays so.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mizan_policy::h2::{Allowance, Flood, FrameGuard, Limits};

const PREFACE: usize = 24;

fuzz_target!(|data: &[u8]| {
    let [step, split, time, bytes @ ..] = data else { return };
    let (client, server) = bytes.split_at(bytes.len() * usize::from(*split) / 255);
    let now = u64::from(*time) * 100;
    let whole = watch(client, server, usize::MAX, now);
    assert_eq!(watch(client, server, usize::from(*step % 16) + 1, now), whole);
    if whole.0.is_ok() {
        assert_eq!(whole.1, last_stream(client.get(PREFACE..).unwrap_or_default()));
    }
});

type Verdict = (Result<(), Flood>, u32, Option<u64>, bool);

/// The server answers between two halves of what the client sends.
fn watch(client: &[u8], server: &[u8], step: usize, now: u64) -> Verdict {
    let few = Allowance { burst: 4, per_second: 2, saved: 6 };
    let mut guard = FrameGuard::new(Limits {
        resets: few,
        late_resets: few,
        provoked_resets: few,
        pings: few,
        settings: few,
        priorities: few,
        window_updates: few,
        empty_frames: few,
        tiny_data: few,
        continuations: 4,
        unknown: few,
    });
    let (before, after) = client.split_at(client.len() / 2);
    for piece in before.chunks(step) {
        let _ = guard.received(piece, 0);
    }
    server.chunks(step).for_each(|piece| guard.sent(piece, now / 2));
    for piece in after.chunks(step) {
        let _ = guard.received(piece, now);
    }
    let verdict = guard.received(&[], now);
    assert_eq!(guard.received(&[], u64::MAX), verdict);
    (verdict, guard.last_stream(), guard.header_block_since(), guard.between_frames())
}

/// The highest odd stream with a HEADERS frame.
fn last_stream(mut bytes: &[u8]) -> u32 {
    let mut last = 0;
    while let [l0, l1, l2, kind, _, s0, s1, s2, s3, rest @ ..] = bytes {
        let stream = u32::from_be_bytes([s0 & 0x7f, *s1, *s2, *s3]);
        if *kind == 1 && stream % 2 == 1 {
            last = last.max(stream);
        }
        let length = u32::from_be_bytes([0, *l0, *l1, *l2]) as usize;
        bytes = rest.get(length..).unwrap_or_default();
    }
    last
}
