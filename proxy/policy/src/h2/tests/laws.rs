//! Laws over any bytes, and where frames begin and end.

use super::*;
use proptest::prelude::*;

/// Limits so small that short streams break them.
fn small() -> Limits {
    let few = Allowance { burst: 3, per_second: 1, saved: 4 };
    Limits {
        resets: few,
        late_resets: few,
        provoked_resets: few,
        pings: few,
        settings: few,
        priorities: few,
        window_updates: few,
        empty_frames: few,
        tiny_data: few,
        continuations: 2,
        unknown: few,
    }
}

type Verdict = (Result<(), Flood>, u32, Option<u64>, bool);

/// One turn each; what is left is the verdict.
fn verdict(turns: &[(bool, Vec<u8>)], cuts: &[usize]) -> Verdict {
    let mut guard = FrameGuard::new(small());
    guard.received(PREFACE, 0).unwrap();
    let mut cuts = cuts.iter().cycle();
    for (turn, (from_client, bytes)) in turns.iter().enumerate() {
        let now = 400 * turn as u64;
        let mut rest = bytes.as_slice();
        loop {
            let cut = cuts.next().map_or(rest.len(), |&cut| cut.min(rest.len()));
            let (piece, after) = rest.split_at(cut);
            if *from_client {
                let _ = guard.received(piece, now);
            } else {
                guard.sent(piece, now);
            }
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
    }
    // Nothing more, at the last moment: a flood that the server's bytes told is told now.
    let now = 400 * turns.len() as u64;
    (guard.received(&[], now), guard.last_stream(), guard.header_block_since(), guard.between_frames())
}

fn frames() -> impl Strategy<Value = Vec<u8>> {
    let one = (0_u8..18, 0_u8..8, 0_u32..8, 0_usize..12)
        .prop_map(|(kind, flags, stream, length)| frame(kind, flags, stream, &vec![kind; length]));
    prop::collection::vec(one, 0..6).prop_map(|frames| frames.concat())
}

proptest! {
    #[test]
    fn how_the_bytes_come_changes_nothing(
        turns in prop::collection::vec((any::<bool>(), frames()), 0..8),
        cuts in prop::collection::vec(1_usize..20, 1..8),
    ) {
        prop_assert_eq!(verdict(&turns, &cuts), verdict(&turns, &[]));
        prop_assert_eq!(verdict(&turns, &[1]), verdict(&turns, &[]));
    }

    #[test]
    fn any_bytes_at_any_time_are_survived(
        turns in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..64), any::<u64>()), 0..16),
    ) {
        let mut guard = FrameGuard::new(small());
        for (from_client, bytes, now) in turns {
            if from_client {
                let _ = guard.received(&bytes, now);
            } else {
                guard.sent(&bytes, now);
            }
        }
    }

    #[test]
    fn the_output_is_between_frames_exactly_where_one_has_ended(
        payloads in prop::collection::vec((0_u8..10, 0_usize..12), 1..8),
    ) {
        let mut guard = FrameGuard::new(Limits::default());
        prop_assert!(guard.between_frames());
        for (kind, length) in payloads {
            let bytes = frame(kind, 0, 1, &vec![0; length]);
            for (at, byte) in bytes.iter().enumerate() {
                guard.sent(&[*byte], 0);
                prop_assert_eq!(guard.between_frames(), at + 1 == bytes.len());
            }
        }
    }
}

#[test]
fn a_head_is_on_its_way_from_its_first_header_to_its_last_byte() {
    let mut guard = FrameGuard::new(Limits::default());
    guard.received(PREFACE, 1).unwrap();
    let headers = frame(HEADERS, 0, 1, b"abc");
    guard.received(&headers[..8], 10).unwrap();
    assert_eq!(guard.header_block_since(), None);
    guard.received(&headers[8..], 20).unwrap();
    assert_eq!(guard.header_block_since(), Some(20));
    let last = frame(CONTINUATION, END_HEADERS, 1, b"de");
    guard.received(&last[..10], 30).unwrap();
    assert_eq!(guard.header_block_since(), Some(20));
    guard.received(&last[10..], 40).unwrap();
    assert_eq!(guard.header_block_since(), None);
    // A payload that is no head's.
    guard.received(&frame(DATA, 0, 1, b"hello")[..10], 50).unwrap();
    assert_eq!(guard.header_block_since(), None);
}

#[test]
fn the_last_stream_is_the_highest_that_the_client_opened() {
    let mut guard = FrameGuard::new(Limits::default());
    guard.received(PREFACE, 1).unwrap();
    assert_eq!(guard.last_stream(), 0);
    for (stream, last) in [(1, 1), (7, 7), (5, 7), (8, 7), (0, 7), (9, 9)] {
        guard.received(&frame(HEADERS, WHOLE, stream, b"a"), 1).unwrap();
        assert_eq!(guard.last_stream(), last);
    }
    // Other frames open nothing, and the reserved bit means nothing.
    guard.received(&frame(PRIORITY, 0, 101, &[0; 5]), 1).unwrap();
    guard.received(&frame(HEADERS, WHOLE, 0x8000_000b, b"a"), 1).unwrap();
    assert_eq!(guard.last_stream(), 11);
}
