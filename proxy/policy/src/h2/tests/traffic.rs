//! What legitimate clients do at their worst: none is ever closed.

use super::*;

const SECOND: u64 = 1_000_000;
const MINUTE: u64 = 60 * SECOND;

/// Plays `act` once a `period` of microseconds for a simulated while.
fn plays(whole: u64, period: u64, mut act: impl FnMut(&mut Line, u64) -> Result<(), Flood>) -> Line {
    let mut line = Line::open();
    for turn in 0..whole / period {
        let played = act(&mut line, turn);
        assert_eq!(played, Ok(()), "turn {turn}");
        line.pass(period);
    }
    line
}

/// h2load -m 100: a hundred requests in one piece, a hundred answers in one; 100,000 a second.
#[test]
fn a_hundred_thousand_requests_a_second_pass() {
    plays(3 * SECOND, 1000, |line, _| {
        let streams: Vec<_> = (0..100).map(|_| line.request()).collect::<Result<_, _>>()?;
        for &stream in &streams {
            line.answer(stream);
        }
        Ok(())
    });
}

/// A simple client opens the windows of stream and connection for every frame of data it gets.
#[test]
fn a_window_update_for_each_window_and_each_frame_of_data_passes() {
    plays(3 * SECOND, 1000, |line, _| {
        let streams: Vec<_> = (0..100).map(|_| line.request()).collect::<Result<_, _>>()?;
        for &stream in &streams {
            line.answer(stream);
        }
        for stream in streams {
            line.client(WINDOW_UPDATE, 0, stream, &[0, 0, 0, 2])?;
            line.client(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 2])?;
        }
        Ok(())
    });
}

/// curl and Firefox open a stream's window right behind its request; the answers (204, 304) have no data.
#[test]
fn a_window_opened_with_each_request_passes_without_any_data() {
    plays(3 * SECOND, 1000, |line, _| {
        let mut streams = Vec::new();
        for _ in 0..100 {
            let stream = line.request()?;
            line.client(WINDOW_UPDATE, 0, stream, &[0, 0xff, 0, 0])?;
            streams.push(stream);
        }
        for &stream in &streams {
            line.server(HEADERS, WHOLE, stream, &[0x89]);
        }
        Ok(())
    });
}

/// A gigabyte a second in frames of 16 KiB, with both windows opened for each of them.
#[test]
fn a_large_download_with_small_windows_passes() {
    let payload = [0; 16384];
    let mut stream = 0;
    plays(3 * SECOND, 1000, |line, turn| {
        if turn == 0 {
            stream = line.request()?;
        }
        for _ in 0..60 {
            line.server(DATA, 0, stream, &payload);
            line.client(WINDOW_UPDATE, 0, stream, &[0, 0, 0x40, 0])?;
            line.client(WINDOW_UPDATE, 0, 0, &[0, 0, 0x40, 0])?;
        }
        Ok(())
    });
}

/// gRPC streams in both directions, 10,000 messages a second of five bytes and more, the prefix in a frame of its own,
/// each answered, and a ping for each answer that the client measures.
#[test]
fn grpc_with_many_small_messages_and_pings_for_measuring_passes() {
    let mut stream = 0;
    plays(3 * SECOND, 100, |line, turn| {
        if turn == 0 {
            stream = line.start()?;
        }
        line.client(DATA, 0, stream, &[0; 5])?;
        line.client(DATA, 0, stream, &[0; 7])?;
        line.server(DATA, 0, stream, &[0; 5]);
        line.client(PING, 0, 0, &[0; 8])?;
        line.server(PING, ACK, 0, &[0; 8]);
        line.client(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 5])
    });
}

/// gRPC unary calls that end their body with an empty frame; the server pings too.
#[test]
fn unary_grpc_calls_pass() {
    plays(3 * SECOND, 50, |line, turn| {
        let stream = line.start()?;
        line.client(DATA, 0, stream, &[0; 5])?;
        line.client(DATA, END_STREAM, stream, &[])?;
        line.server(HEADERS, END_HEADERS, stream, &[0x88]);
        line.server(DATA, 0, stream, &[0; 5]);
        line.server(HEADERS, WHOLE, stream, &[0x88]);
        if turn % 10 == 0 {
            line.server(PING, 0, 0, &[0; 8]);
            line.client(PING, ACK, 0, &[0; 8])?;
        }
        Ok(())
    });
}

/// Two calls race and the slower is cancelled, 20,000 times a second.
#[test]
fn cancelling_the_slower_of_two_calls_passes() {
    plays(3 * SECOND, 50, |line, _| {
        let (first, second) = (line.request()?, line.request()?);
        line.answer(first);
        line.client(RST_STREAM, 0, second, &[0, 0, 0, 8])
    });
}

/// Answers that come before the body was read: the client resets what is left, 250 streams in one piece.
#[test]
fn resetting_streams_that_were_answered_passes() {
    plays(3 * SECOND, 10_000, |line, _| {
        let streams: Vec<_> = (0..250).map(|_| line.start()).collect::<Result<_, _>>()?;
        for &stream in &streams {
            line.answer(stream);
        }
        streams.iter().try_for_each(|&stream| line.client(RST_STREAM, 0, stream, &[0, 0, 0, 0]))
    });
}

/// An upstream hangs: every call runs into its deadline of two seconds and is cancelled, 256 at a time, for ever.
#[test]
fn calls_that_are_given_up_after_their_deadline_pass() {
    plays(5 * MINUTE, 2_001_000, |line, _| {
        let streams: Vec<_> = (0..256).map(|_| line.request()).collect::<Result<_, _>>()?;
        line.pass(2_001_000);
        streams.iter().try_for_each(|&stream| line.client(RST_STREAM, 0, stream, &[0, 0, 0, 8]))
    });
}

/// The same on a busy connection: 200 new calls a second, each given up after two seconds.
#[test]
fn calls_given_up_one_by_one_pass() {
    let mut waiting = std::collections::VecDeque::new();
    plays(MINUTE, 5_000, |line, turn| {
        waiting.push_back((turn, line.request()?));
        if waiting.front().is_some_and(|(since, _)| turn - since >= 410) {
            let (_, stream) = waiting.pop_front().unwrap();
            line.client(RST_STREAM, 0, stream, &[0, 0, 0, 8])?;
        }
        Ok(())
    });
}

/// A person clicks through pages of a hundred images and leaves each before they came.
#[test]
fn a_browser_that_leaves_one_page_after_another_passes() {
    plays(5 * MINUTE, 1_000_000, |line, _| {
        let page = line.request()?;
        line.answer(page);
        for _ in 0..100 {
            let stream = line.request()?;
            line.client(PRIORITY_UPDATE, 0, 0, &[0; 9])?;
            line.client(PRIORITY, 0, stream, &[0; 5])?;
            line.client(0xa + 0x1f, 0, stream, &[0; 3])?;
            line.client(WINDOW_UPDATE, 0, stream, &[0, 0xbe, 0, 0])?;
            line.client(RST_STREAM, 0, stream, &[0, 0, 0, 8])?;
        }
        Ok(())
    });
}

/// An upstream that breaks every answer off, and one that answers before it read the body: no fault of the client.
#[test]
fn resets_that_the_upstream_caused_pass() {
    plays(3 * SECOND, 100, |line, turn| {
        let stream = line.request()?;
        line.server(HEADERS, END_HEADERS, stream, &[0x88]);
        line.server(RST_STREAM, 0, stream, &[0, 0, 0, [0, 2, 8][turn as usize % 3]]);
        Ok(())
    });
}

/// A client that opens four hundred streams before it knows that it may open a hundred.
#[test]
fn streams_that_were_too_many_at_the_start_pass() {
    let mut line = Line::open();
    for _ in 0..400 {
        let stream = line.request().unwrap();
        line.server(RST_STREAM, 0, stream, &[0, 0, 0, 7]);
    }
    assert_eq!(line.request(), Ok(801));
}

/// Ten hours of nothing but a ping every ten seconds, and settings once a minute.
#[test]
fn an_idle_connection_that_is_kept_alive_passes() {
    plays(600 * MINUTE, 10_000_000, |line, turn| {
        line.client(PING, 0, 0, &[0; 8])?;
        line.server(PING, ACK, 0, &[0; 8]);
        if turn % 6 == 0 { line.client(SETTINGS, 0, 0, &[0; 6]) } else { Ok(()) }
    });
}

/// Keys typed into a shell over one stream, a byte each, faster than anyone types.
#[test]
fn a_byte_at_a_time_passes_as_long_as_a_person_types_it() {
    plays(MINUTE, 5_000, |line, _| line.client(DATA, 0, 1, b"x"));
}

/// Heads as large as any limit, 64 KiB in four frames.
#[test]
fn large_heads_in_several_frames_pass() {
    let payload = [0x82; 16384];
    let line = plays(SECOND, 1000, |line, turn| {
        let stream = turn as u32 * 2 + 1;
        line.client(HEADERS, END_STREAM, stream, &payload)?;
        line.client(CONTINUATION, 0, stream, &payload)?;
        line.client(CONTINUATION, 0, stream, &payload)?;
        assert_eq!(line.guard.header_block_since(), Some(line.time / 1000));
        line.client(CONTINUATION, END_HEADERS, stream, &payload)
    });
    assert_eq!(line.guard.header_block_since(), None);
}
