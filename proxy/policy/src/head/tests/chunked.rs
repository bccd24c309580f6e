//! Chunked bodies: what ends where, and what is refused.

use super::super::{ChunkScanner, Rule};
use proptest::prelude::*;

/// Where the body ends, `None` where it does not yet, or the rule it breaks.
fn end(body: &[u8]) -> Result<Option<usize>, Rule> {
    let scanned = ChunkScanner::new().scan(body).map_err(|refusal| refusal.rule)?;
    assert!(scanned.done || scanned.consumed == body.len());
    Ok(scanned.done.then_some(scanned.consumed))
}

#[test]
fn a_body_ends_after_the_last_chunk_and_its_trailers() {
    for body in [
        "0\r\n\r\n",
        "5\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello\r\n00\r\n\r\n",
        "a\r\n0123456789\r\nA\r\n0\r\n\r\n\r\n\r\n5\r\n0\r\n\r\n",
        "5;a=b;c=\"d e\"\r\nhello\r\n0;x\r\n\r\n",
        "0\r\nA: b\r\nETag: \"x\"\r\nGrpc-Status: 0\r\n\r\n",
        "000000000000000f\r\n0123456789abcde\r\n0\r\n\r\n",
    ] {
        let whole = format!("{body}GET / HTTP/1.1");
        // The fourth has the end of a body in its data.
        let length = reference(whole.as_bytes()).unwrap().unwrap();
        assert_eq!(end(whole.as_bytes()), Ok(Some(length)), "{body:?}");
        assert!(length <= body.len());
        for cut in 0..length {
            assert_eq!(end(&whole.as_bytes()[..cut]), Ok(None), "{body:?} cut at {cut}");
        }
    }
}

#[test]
fn anything_that_another_reader_could_take_otherwise_is_refused() {
    for (body, rule) in [
        ("\r\n", Rule::ChunkSize),
        (";a\r\n", Rule::ChunkSize),
        (" 5\r\n", Rule::ChunkSize),
        ("5 \r\n", Rule::ChunkSize),
        ("5 ;a\r\n", Rule::ChunkSize),
        ("5\t\r\n", Rule::ChunkSize),
        ("0x5\r\n", Rule::ChunkSize),
        ("-5\r\n", Rule::ChunkSize),
        ("+5\r\n", Rule::ChunkSize),
        ("5_0\r\n", Rule::ChunkSize),
        ("g\r\n", Rule::ChunkSize),
        ("5,\r\n", Rule::ChunkSize),
        ("00000000000000005\r\n", Rule::ChunkSizeTooLarge),
        ("8000000000000000\r\n", Rule::ChunkSizeTooLarge),
        ("ffffffffffffffff\r\n", Rule::ChunkSizeTooLarge),
        ("10000000000000005\r\n", Rule::ChunkSizeTooLarge),
        ("5\n", Rule::BareLineFeed),
        ("\n", Rule::BareLineFeed),
        ("5\rh", Rule::BareCarriageReturn),
        ("5\r\r\n", Rule::BareCarriageReturn),
        ("5;a\nhello", Rule::BareLineFeed),
        ("5;a\rb", Rule::BareCarriageReturn),
        ("5;\0\r\n", Rule::ChunkExtension),
        ("5;\x7f\r\n", Rule::ChunkExtension),
        ("5\r\nhello0\r\n", Rule::ChunkEnd),
        ("5\r\nhello\n", Rule::ChunkEnd),
        ("5\r\nhello\r0", Rule::ChunkEnd),
        ("5\r\nhello!\r\n", Rule::ChunkEnd),
        ("0\r\n\n", Rule::BareLineFeed),
        ("0\r\n\rX", Rule::BareCarriageReturn),
        ("0\r\nA: b\n", Rule::BareLineFeed),
        ("0\r\nA: b\rc", Rule::BareCarriageReturn),
        ("0\r\nA: \0", Rule::ControlByte),
        ("0\r\n A: b\r\n", Rule::TrailerInvalid),
        ("0\r\nA: b\r\n c", Rule::TrailerInvalid),
        ("0\r\nA : b\r\n", Rule::TrailerInvalid),
        ("0\r\nA\r\n", Rule::TrailerInvalid),
        ("0\r\nA\n", Rule::BareLineFeed),
        ("0\r\n: b\r\n", Rule::TrailerInvalid),
        ("0\r\nGET / HTTP/1.1\r\n", Rule::TrailerInvalid),
    ] {
        assert_eq!(end(body.as_bytes()), Err(rule), "{body:?}");
    }
}

#[test]
fn a_trailer_never_frames_routes_or_speaks_for_the_client() {
    for name in [
        "Content-Length",
        "transfer-encoding",
        "Transfer_Encoding",
        "HOST",
        "X-Forwarded-For",
        "X-Forwarded-Anything-However-Long-It-May-Be",
        "x_forwarded_proto",
        "Forwarded",
        "X-Real-IP",
        "Authorization",
        "Cookie",
        "Set-Cookie",
        "Connection",
        "TE",
        "Trailer",
        "Upgrade",
    ] {
        assert_eq!(end(format!("0\r\n{name}: x\r\n\r\n").as_bytes()), Err(Rule::TrailerForbidden), "{name}");
    }
    for name in [
        "X-Forwarded",
        "Hosts",
        "Content-Lengths",
        "Transfer-Encodings",
        "Content-MD5",
        "Transfer-Encoding-And-More",
    ] {
        assert!(end(format!("0\r\n{name}: x\r\n\r\n").as_bytes()).unwrap().is_some(), "{name}");
    }
}

#[test]
fn extensions_and_trailers_are_bounded() {
    let extension = |length: usize| end(format!("5;{}\r\n", "e".repeat(length - 1)).as_bytes());
    assert_eq!(extension(256), Ok(None));
    assert_eq!(extension(257), Err(Rule::ChunkExtension));
    // All trailers together, with the empty line that ends them.
    let trailers = |length: usize| end(format!("0\r\nA: {}\r\n\r\n", "v".repeat(length - 7)).as_bytes());
    assert!(trailers(8192).unwrap().is_some());
    assert_eq!(trailers(8200), Err(Rule::TrailersTooLarge));
    let many = "A: b\r\n".repeat(1366);
    assert_eq!(end(format!("0\r\n{many}").as_bytes()), Err(Rule::TrailersTooLarge));
}

#[test]
fn nothing_is_consumed_after_the_end() {
    let mut scanner = ChunkScanner::new();
    let body = b"0\r\n\r\nGET /";
    let first = scanner.scan(body).unwrap();
    assert_eq!((first.consumed, first.done), (5, true));
    let second = scanner.scan(&body[5..]).unwrap();
    assert_eq!((second.consumed, second.done), (0, true));
}

/// The same rules over a whole body, by lines and slices: where it ends, `None` where it does not yet, `Err` where it is
/// refused.
fn reference(body: &[u8]) -> Result<Option<usize>, ()> {
    let mut at = 0;
    loop {
        let Some(length) = line(&body[at..])? else { return partial_size(&body[at..]) };
        let size = size_of(&body[at..at + length])?;
        at += length + 2;
        if size == 0 {
            return trailers(body, at);
        }
        let data_end = at as u64 + size;
        if data_end >= body.len() as u64 {
            return Ok(None);
        }
        at = data_end as usize;
        match &body[at..] {
            [b'\r', b'\n', ..] => at += 2,
            [] | [b'\r'] => return Ok(None),
            _ => return Err(()),
        }
    }
}

/// The length of a line that ends in CR LF; an error where CR and LF stand apart.
fn line(bytes: &[u8]) -> Result<Option<usize>, ()> {
    match bytes.iter().position(|b| matches!(b, b'\r' | b'\n')) {
        None => Ok(None),
        Some(at) if bytes[at] == b'\n' => Err(()),
        Some(at) if at + 1 == bytes.len() => Ok(None),
        Some(at) if bytes[at + 1] == b'\n' => Ok(Some(at)),
        Some(_) => Err(()),
    }
}

fn size_of(line: &[u8]) -> Result<u64, ()> {
    let (digits, extension) = match line.iter().position(|&b| b == b';') {
        Some(at) => line.split_at(at),
        None => (line, [].as_slice()),
    };
    let text = std::str::from_utf8(digits).map_err(|_| ())?;
    let plain = (1..=16).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
    let clean = extension.len() <= 256 && extension.iter().all(|&b| b == b'\t' || (b >= b' ' && b != 0x7f));
    if !plain || !clean {
        return Err(());
    }
    i64::from_str_radix(text, 16).map(|size| size as u64).map_err(|_| ())
}

/// A size line that has not ended: refused as soon as no continuation could be accepted.
fn partial_size(start: &[u8]) -> Result<Option<usize>, ()> {
    match start.strip_suffix(b"\r").unwrap_or(start) {
        [] if start.is_empty() => Ok(None),
        start => size_of(start).map(|_| None),
    }
}

fn trailers(body: &[u8], mut at: usize) -> Result<Option<usize>, ()> {
    let start = at;
    loop {
        let Some(length) = line(&body[at..])? else {
            return partial_trailer(&body[at..], body.len() - start);
        };
        at += length + 2;
        if length == 0 {
            return if at - start <= 8193 { Ok(Some(at)) } else { Err(()) };
        }
        trailer(&body[at - length - 2..at - 2])?;
    }
}

fn trailer(line: &[u8]) -> Result<(), ()> {
    let colon = line.iter().position(|&b| b == b':').ok_or(())?;
    let name = std::str::from_utf8(&line[..colon]).map_err(|_| ())?.to_ascii_lowercase().replace('_', "-");
    let token =
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^`|~".contains(&b));
    let forbidden =
        name.starts_with("x-forwarded-") || ["host", "content-length", "transfer-encoding"].contains(&&*name);
    let clean = line[colon..].iter().all(|&b| b == b'\t' || (b >= b' ' && b != 0x7f));
    if token && !forbidden && clean { Ok(()) } else { Err(()) }
}

fn partial_trailer(rest: &[u8], length: usize) -> Result<Option<usize>, ()> {
    let open = rest.strip_suffix(b"\r").unwrap_or(rest);
    let whole = open.len() < rest.len();
    if length > 8192 {
        return Err(());
    }
    if open.is_empty() {
        return Ok(None);
    }
    if open.contains(&b':') || whole {
        trailer(open)?;
    } else {
        trailer(&[open, b"Z:"].concat())?;
    }
    Ok(None)
}

/// Bodies that are right, wrong by a little, and cut off.
fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..20).prop_map(|data| {
            let mut chunk = format!("{:x}\r\n", data.len()).into_bytes();
            chunk.extend_from_slice(&data);
            chunk.extend_from_slice(b"\r\n");
            chunk
        }),
        1 => Just(b"3;e=f\r\nabc\r\n".to_vec()),
        1 => Just(b"0\r\n".to_vec()),
        1 => Just(b"A: b\r\n".to_vec()),
        1 => Just(b"Host: b\r\n".to_vec()),
        1 => Just(b"\r\n".to_vec()),
        1 => prop::collection::vec(prop_oneof![Just(b'\r'), Just(b'\n'), Just(b';'), Just(b' '), Just(b'0'), Just(b'f'), Just(b':'), any::<u8>()], 0..4),
    ];
    prop::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn the_scanner_agrees_with_a_reader_of_whole_bodies(body in bodies()) {
        prop_assert_eq!(end(&body).map_err(|_| ()), reference(&body));
    }

    #[test]
    fn the_verdict_is_the_same_however_a_body_is_cut(body in bodies(), cuts in prop::collection::vec(0_usize..120, 0..12)) {
        let whole = end(&body);
        let mut ends: Vec<usize> = cuts.into_iter().chain([body.len()]).map(|cut| cut.min(body.len())).collect();
        ends.sort_unstable();
        let mut scanner = ChunkScanner::new();
        let (mut at, mut verdict) = (0, Ok(None));
        for end in ends {
            match scanner.scan(&body[at..end]) {
                Err(refusal) => {
                    verdict = Err(refusal.rule);
                    break;
                }
                Ok(scanned) => {
                    at += scanned.consumed;
                    if scanned.done {
                        verdict = Ok(Some(at));
                        break;
                    }
                }
            }
        }
        prop_assert_eq!(verdict, whole);
    }
}
