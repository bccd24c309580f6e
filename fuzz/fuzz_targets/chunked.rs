//! A chunked body: the verdict does not depend on how the bytes come, and a body that is accepted consists of exactly
//! the chunks that a plain reader finds in it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mizan_policy::head::{ChunkScanner, Rule};

fuzz_target!(|data: &[u8]| {
    let [step, body @ ..] = data else { return };
    let whole = scan(body, body.len().max(1));
    assert_eq!(scan(body, usize::from(*step % 16) + 1), whole);
    assert_eq!(scan(body, 1), whole);
    if let Ok(Some(end)) = whole {
        assert!(plain(&body[..end]));
    }
});

fn scan(body: &[u8], step: usize) -> Result<Option<usize>, Rule> {
    let mut scanner = ChunkScanner::new();
    let mut at = 0;
    for piece in body.chunks(step) {
        let scanned = scanner.scan(piece).map_err(|refusal| refusal.rule)?;
        at += scanned.consumed;
        if scanned.done {
            return Ok(Some(at));
        }
        assert_eq!(scanned.consumed, piece.len());
    }
    Ok(None)
}

/// Reads a whole body the way a simple server does; true where it ends with the bytes.
fn plain(mut body: &[u8]) -> bool {
    loop {
        let line = take_line(&mut body);
        let digits = line.split(|&b| b == b';').next().unwrap();
        let size = usize::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap();
        if size == 0 {
            break;
        }
        body = &body[size..];
        assert!(take_line(&mut body).is_empty());
    }
    loop {
        let line = take_line(&mut body);
        if line.is_empty() {
            return body.is_empty();
        }
        let name = line.split(|&b| b == b':').next().unwrap().to_ascii_lowercase();
        assert!(
            ![b"host".as_slice(), b"content-length", b"transfer-encoding", b"x-forwarded-for"]
                .contains(&&*name)
        );
    }
}

/// By LF, as lenient readers do: a strict body is the same to them.
fn take_line<'a>(body: &mut &'a [u8]) -> &'a [u8] {
    let end = body.iter().position(|&b| b == b'\n').expect("a line ends");
    let line = &body[..end];
    *body = &body[end + 1..];
    let line = line.strip_suffix(b"\r").expect("with CR LF");
    assert!(!line.contains(&b'\r'));
    line
}
