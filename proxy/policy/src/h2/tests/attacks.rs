//! Each attack, at ten thousand frames a second and more: closed within a count.

use super::*;

/// Ten thousand a second.
const FAST: u64 = 100;

fn closed(within: usize, flood: Flood, act: impl FnMut(&mut Line) -> Result<(), Flood>) {
    let (count, ended) = Line::open().until_closed(FAST, act);
    assert_eq!(ended, Some(flood));
    assert!(count <= within, "{flood:?} after {count}");
}

#[test]
fn rapid_reset_ends_after_some_two_hundred_requests() {
    closed(210, Flood::Resets, |line| {
        let stream = line.request()?;
        line.client(RST_STREAM, 0, stream, &[0, 0, 0, 8])
    });
}

#[test]
fn rapid_reset_in_one_piece_ends_within_the_piece() {
    let mut bytes = PREFACE.to_vec();
    for stream in (1..2001).step_by(2) {
        bytes.extend(frame(HEADERS, WHOLE, stream, &[0x82; 20]));
        bytes.extend(frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]));
    }
    let mut guard = FrameGuard::new(Limits::default());
    assert_eq!(guard.received(&bytes, 7), Err(Flood::Resets));
    assert_eq!(guard.last_stream(), 401);
}

#[test]
fn rapid_reset_is_not_bought_with_a_few_answers() {
    // One request of four is answered.
    closed(500, Flood::Resets, |line| {
        for _ in 0..3 {
            let stream = line.request()?;
            line.client(RST_STREAM, 0, stream, &[0, 0, 0, 8])?;
        }
        let stream = line.request()?;
        line.answer(stream);
        Ok(())
    });
}

#[test]
fn one_old_stream_reset_again_and_again_ends_the_connection() {
    let mut line = Line::open();
    let stream = line.request().unwrap();
    line.pass(3_000_000);
    let (count, ended) = line.until_closed(FAST, |line| line.client(RST_STREAM, 0, stream, &[0, 0, 0, 8]));
    assert_eq!(ended, Some(Flood::Resets));
    assert!(count < 1200, "{count}");
}

#[test]
fn a_client_that_makes_the_server_reset_is_closed() {
    for code in [1, 3, 5, 6, 7, 9, 11] {
        closed(520, Flood::ProvokedResets, |line| {
            let stream = line.request()?;
            line.client(WINDOW_UPDATE, 0, stream, &[0; 4])?;
            line.server(RST_STREAM, 0, stream, &[0, 0, 0, code]);
            Ok(())
        });
    }
}

#[test]
fn floods_of_pings_and_settings_and_of_their_acknowledgements_end() {
    for flags in [0, ACK] {
        closed(110, Flood::Pings, |line| {
            line.client(PING, flags, 0, &[0; 8])?;
            line.server(PING, ACK, 0, &[0; 8]);
            Ok(())
        });
        closed(25, Flood::Settings, |line| {
            line.client(SETTINGS, flags, 0, &[])?;
            line.server(SETTINGS, ACK, 0, &[]);
            Ok(())
        });
    }
}

#[test]
fn floods_of_priorities_end() {
    for kind in [PRIORITY, PRIORITY_UPDATE] {
        closed(510, Flood::Priorities, |line| line.client(kind, 0, 3, &[0; 5]));
    }
}

#[test]
fn an_answer_dribbled_out_through_windows_of_a_byte_ends() {
    let mut line = Line::open();
    let stream = line.request().unwrap();
    let (count, ended) = line.until_closed(FAST, |line| {
        line.client(WINDOW_UPDATE, 0, stream, &[0, 0, 0, 1])?;
        line.server(DATA, 0, stream, b"x");
        Ok(())
    });
    assert_eq!(ended, Some(Flood::WindowUpdates));
    assert!(count < 1100, "{count}");
}

#[test]
fn windows_opened_for_nothing_end_the_connection() {
    closed(1100, Flood::WindowUpdates, |line| line.client(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]));
}

#[test]
fn empty_frames_end_the_connection() {
    closed(22, Flood::EmptyFrames, |line| line.client(DATA, 0, 1, &[]));
    closed(22, Flood::EmptyFrames, |line| line.client(HEADERS, 0, 1, &[]));
    let mut line = Line::open();
    line.client(HEADERS, 0, 1, &[0x82]).unwrap();
    let (count, ended) = line.until_closed(FAST, |line| line.client(CONTINUATION, 0, 1, &[]));
    assert_eq!((count, ended), (20, Some(Flood::EmptyFrames)));
}

#[test]
fn a_head_in_more_than_64_continuations_ends_the_connection() {
    let mut line = Line::open();
    line.client(HEADERS, 0, 1, &[0x82; 100]).unwrap();
    // However slowly.
    let (count, ended) = line.until_closed(500_000, |line| line.client(CONTINUATION, 0, 1, &[0x82; 100]));
    assert_eq!((count, ended), (64, Some(Flood::Continuations)));
    assert_eq!(line.guard.header_block_since(), Some(5_000_000));
}

#[test]
fn a_request_dribbled_in_a_byte_a_frame_ends() {
    closed(2500, Flood::TinyData, |line| line.client(DATA, 0, 1, b"x"));
    closed(2500, Flood::TinyData, |line| line.client(DATA, 0, 1, b"xxxx"));
}

#[test]
fn frames_that_mean_nothing_end_the_connection() {
    for kind in [PUSH_PROMISE, 7, 10, 12, 77, 255] {
        closed(110, Flood::Unknown, |line| line.client(kind, 0, 0, &[0; 8]));
    }
}

#[test]
fn a_connection_once_condemned_stays_so() {
    let mut line = Line::open();
    let (_, ended) = line.until_closed(FAST, |line| line.client(PING, 0, 0, &[0; 8]));
    line.pass(3_600_000_000);
    assert_eq!(line.guard.received(&[], line.time / 1000).err(), ended);
    assert_eq!(line.start().err(), ended);
}

#[test]
fn a_provoked_reset_is_told_with_the_client_s_next_bytes() {
    let mut line = Line::open();
    for stream in (1..1003).step_by(2) {
        line.server(RST_STREAM, 0, stream, &[0, 0, 0, 1]);
    }
    assert_eq!(line.guard.received(&[], line.time / 1000), Err(Flood::ProvokedResets));
}
