//! A request head: the verdict does not depend on how the bytes come, what is accepted has no bare line end, no control
//! byte and an unmistakable body, the engine's parsers see the same in it, and what is rewritten is accepted again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mizan_policy::head::{
    Body, Found, HeadFinder, HeadLimits, RequestHead, check_h2, check_request, host_of, normalise,
    request_removals,
};

fuzz_target!(|data: &[u8]| {
    let [size, fields, target, step, bytes @ ..] = data else { return };
    let limits = HeadLimits {
        size: usize::from(*size) * 8,
        fields: usize::from(*fields) / 4,
        target: usize::from(*target),
    };
    let found = HeadFinder::default().find(bytes, &limits);
    assert_eq!(in_steps(bytes, usize::from(*step % 16) + 1, &limits), found);
    // The rules hold for any bytes, not only for what the finder lets through.
    let _ = check_request(bytes, &limits);
    if let Found::Complete { skip, end } = found {
        let head = &bytes[skip..end];
        if let Ok(parsed) = check_request(head, &limits) {
            accepted(head, &parsed);
        }
    }
});

fn in_steps(bytes: &[u8], step: usize, limits: &HeadLimits) -> Found {
    let mut finder = HeadFinder::default();
    let mut end = 0;
    loop {
        let found = finder.find(&bytes[..end], limits);
        if found != Found::Partial || end == bytes.len() {
            return found;
        }
        end = bytes.len().min(end + step);
    }
}

fn accepted(head: &[u8], parsed: &RequestHead<'_>) {
    // Bare line ends and control bytes, found the slow way.
    let lines: Vec<&[u8]> = split_crlf(head);
    assert!(lines.iter().all(|line| line.iter().all(|&b| b == b'\t' || (b >= b' ' && b != 0x7f))));
    let fields: Vec<_> = parsed.fields.clone().collect();
    // The request line and two empty remainders of the blank line are no fields.
    assert_eq!(fields.len() + 3, lines.len());

    let values = |name: &str| {
        fields.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| *v).collect::<Vec<_>>()
    };
    let (lengths, encodings) = (values("content-length"), values("transfer-encoding"));
    match parsed.body {
        Body::None => assert!(lengths.is_empty() && encodings.is_empty()),
        Body::Length(length) => {
            assert!(encodings.is_empty() && lengths.len() == 1);
            assert_eq!(std::str::from_utf8(lengths[0]).unwrap().parse(), Ok(length));
        }
        Body::Chunked => assert!(parsed.http11 && lengths.is_empty() && encodings.len() == 1),
    }
    assert!(values("host").len() <= 1);
    assert!(parsed.authority.is_some() || !parsed.http11);
    assert!(parsed.authority.is_none_or(|authority| host_of(authority).is_some()));
    assert!(parsed.target.bytes().all(|b| b.is_ascii_graphic()));

    let removals = request_removals(fields.iter().copied(), parsed.upgrade.is_some());
    for name in removals.iter() {
        assert!(
            !["host", "content-length", "transfer-encoding", "x-forwarded-for", "cookie"].contains(&name)
        );
    }
    rewritten(head, parsed);
    if !parsed.absolute {
        parsed_by_the_engine(head, parsed, &fields);
    }
    let h2 = fields.iter().copied().filter(|(name, _)| !name.eq_ignore_ascii_case("connection"));
    let limits = HeadLimits { size: usize::MAX, fields: 16, target: 64 };
    let _ = check_h2(parsed.method, Some(parsed.target.as_bytes()), parsed.authority, h2, &limits);
}

fn rewritten(head: &[u8], parsed: &RequestHead<'_>) {
    let Some(new) = normalise(head, parsed) else {
        assert!(!parsed.absolute);
        return;
    };
    let limits = HeadLimits { size: usize::MAX, fields: usize::MAX, target: usize::MAX };
    assert_eq!(HeadFinder::default().find(&new, &limits), Found::Complete { skip: 0, end: new.len() });
    let again = check_request(&new, &limits).expect("what was accepted is accepted when it is rewritten");
    assert!(!again.absolute);
    assert_eq!((again.method, again.http11, again.body), (parsed.method, parsed.http11, parsed.body));
    assert_eq!((again.keep_alive, again.upgrade), (parsed.keep_alive, parsed.upgrade));
    assert!(parsed.target.ends_with(again.target.trim_start_matches(['/', '*'])));
}

/// The engine's parsers take what was accepted, and see the same in it.
fn parsed_by_the_engine(head: &[u8], parsed: &RequestHead<'_>, fields: &[(&str, &[u8])]) {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut headers);
    assert_eq!(request.parse(head), Ok(httparse::Status::Complete(head.len())));
    assert_eq!((request.method, request.path), (Some(parsed.method), Some(parsed.target)));
    assert_eq!(request.version, Some(u8::from(parsed.http11)));
    assert_eq!(request.headers.iter().map(|header| (header.name, header.value)).collect::<Vec<_>>(), fields);
    http::uri::PathAndQuery::try_from(parsed.target).expect("a target that the engine can carry");
    http::Method::from_bytes(parsed.method.as_bytes()).expect("a method that the engine can carry");
    for (name, value) in fields {
        http::HeaderName::try_from(*name).expect("a name that the engine can carry");
        http::HeaderValue::from_bytes(value).expect("a value that the engine can carry");
    }
}

fn split_crlf(head: &[u8]) -> Vec<&[u8]> {
    let mut lines = Vec::new();
    let mut start = 0;
    let mut at = 0;
    while at + 1 < head.len() {
        if &head[at..at + 2] == b"\r\n" {
            lines.push(&head[start..at]);
            start = at + 2;
            at += 2;
        } else {
            at += 1;
        }
    }
    lines.push(&head[start..]);
    lines
}
