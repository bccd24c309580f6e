//! Where a head ends, and what is refused before it does.

use super::super::{Found, HeadFinder, HeadLimits, Rule, check_request};
use super::{LIMITS, found_in_pieces};
use proptest::prelude::*;

fn found(bytes: &[u8]) -> Found {
    HeadFinder::default().find(bytes, &LIMITS)
}

#[test]
fn a_complete_head_ends_past_its_blank_line() {
    for (bytes, skip, end) in [
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".as_slice(), 0, 27),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\nPOST /", 0, 27),
        (b"\r\nGET / HTTP/1.0\r\n\r\n", 2, 20),
        (b"\r\n\r\nGET / HTTP/1.0\r\n\r\n\n", 4, 22),
    ] {
        assert_eq!(found(bytes), Found::Complete { skip, end }, "{}", bytes.escape_ascii());
    }
}

#[test]
fn a_head_that_is_not_complete_is_waited_for() {
    for bytes in [
        "",
        "\r",
        "\r\n",
        "\r\n\r",
        "G",
        "GET",
        "GET ",
        "GET /",
        "GET / ",
        "GET / HTTP/1.1\r\n",
        "GET / HTTP/1.1\r\nA: b\r\n\r",
    ] {
        assert_eq!(found(bytes.as_bytes()), Found::Partial, "{bytes:?}");
    }
}

#[test]
fn what_cannot_become_a_head_is_refused_before_it_ends() {
    for (bytes, rule) in [
        (b"\x16\x03\x01".as_slice(), Rule::NotHttp),
        (b" ", Rule::NotHttp),
        (b"\0", Rule::NotHttp),
        (b"\xff", Rule::NotHttp),
        (b"\n", Rule::BareLineFeed),
        (b"\r\n\n", Rule::BareLineFeed),
        (b"\rG", Rule::BareCarriageReturn),
        (b"\r\n\r\n\r\n", Rule::LeadingLines),
        (b"G\x00", Rule::MethodInvalid),
        (b"GET\t", Rule::MethodInvalid),
        (b"GET\n", Rule::BareLineFeed),
        (b"GET\r", Rule::RequestLine),
        (b"ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG", Rule::MethodTooLong),
        (b"GET /\r\n", Rule::VersionMissing),
        (b"GET /\n", Rule::BareLineFeed),
        (b"GET \n", Rule::BareLineFeed),
        (b"GET / HTTP/1.1\n", Rule::BareLineFeed),
        (b"GET / HTTP/1.1\r\nA: b\n", Rule::BareLineFeed),
        (b"GET / HTTP/1.1\r\nA: b\r\n\n", Rule::BareLineFeed),
    ] {
        assert_eq!(found(bytes), Found::Refused(rule.into()), "{}", bytes.escape_ascii());
    }
}

#[test]
fn each_limit_is_exact() {
    let limits = HeadLimits { size: 40, fields: 2, target: 8 };
    let found = |text: &str| HeadFinder::default().find(text.as_bytes(), &limits);
    assert_eq!(found("GET /2345678 "), Found::Partial);
    assert_eq!(found("GET /23456789"), Found::Refused(Rule::TargetTooLong.into()));
    assert_eq!(found("GET / HTTP/1.1\r\nA: 1\r\nB: 2\r\n\r\n"), Found::Complete { skip: 0, end: 30 });
    assert_eq!(
        found("GET / HTTP/1.1\r\nA: 1\r\nB: 2\r\nC: 3\r\n"),
        Found::Refused(Rule::TooManyFields.into())
    );
    let exact = "GET / HTTP/1.1\r\nA: 345678901234567890\r\n\r\n";
    assert_eq!(found(&exact.replacen("34", "", 1)), Found::Complete { skip: 0, end: 40 - 1 });
    assert_eq!(found(&exact.replacen('3', "", 1)), Found::Complete { skip: 0, end: 40 });
    assert_eq!(found(exact), Found::Refused(Rule::HeadTooLarge.into()));
    assert_eq!(found(&format!("\r\n{}", exact.replacen('3', "", 1))), Found::Complete { skip: 2, end: 42 });
    assert_eq!(
        found(&format!("GET / HTTP/1.1\r\nA: {}", "a".repeat(100))),
        Found::Refused(Rule::HeadTooLarge.into())
    );
}

#[test]
fn an_empty_line_before_the_head_never_counts_as_part_of_it() {
    let none = HeadLimits { size: 0, fields: 0, target: 0 };
    for bytes in ["\r", "\r\n", "\r\n\r"] {
        assert_eq!(HeadFinder::default().find(bytes.as_bytes(), &none), Found::Partial, "{bytes:?}");
    }
    assert_eq!(HeadFinder::default().find(b"G", &none), Found::Refused(Rule::HeadTooLarge.into()));
}

#[test]
fn a_finder_is_as_new_after_a_head() {
    let mut finder = HeadFinder::default();
    let two = b"GET /1 HTTP/1.1\r\n\r\n\r\nGET /22 HTTP/1.1\r\n\r\n";
    assert_eq!(finder.find(two, &LIMITS), Found::Complete { skip: 0, end: 19 });
    assert_eq!(finder.find(&two[19..], &LIMITS), Found::Complete { skip: 2, end: 22 });
}

/// Bytes in which every rule has a chance to matter.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"GET / HTTP/1.1\r\n".to_vec()),
        Just(b"POST http://a/ HTTP/1.1\r\n".to_vec()),
        Just(b"GET ".to_vec()),
        Just(b"Host: a\r\n".to_vec()),
        Just(b"Content-Length: 5\r\n".to_vec()),
        Just(b"Transfer-Encoding: chunked\r\n".to_vec()),
        Just(b"Connection: upgrade\r\n".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"\r".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"\0".to_vec()),
        Just(b"a".repeat(30)),
        prop::collection::vec(any::<u8>(), 0..6),
    ];
    prop::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn the_verdict_is_the_same_however_the_bytes_come(
        bytes in hostile(),
        cuts in prop::collection::vec(0_usize..300, 0..10),
        size in 0_usize..200,
        fields in 0_usize..6,
        target in 0_usize..40,
    ) {
        let limits = HeadLimits { size, fields, target };
        let whole = HeadFinder::default().find(&bytes, &limits);
        prop_assert_eq!(found_in_pieces(&bytes, &cuts, &limits), whole);
        let each: Vec<usize> = (0..bytes.len()).collect();
        prop_assert_eq!(found_in_pieces(&bytes, &each, &limits), whole);
    }

    #[test]
    fn no_head_with_a_bare_line_end_or_nul_gets_through(bytes in hostile()) {
        if let Found::Complete { skip, end } = found(&bytes) {
            let head = &bytes[skip..end];
            if check_request(head, &LIMITS).is_ok() {
                let text = head.escape_ascii().to_string();
                let plain = text.replace("\\r\\n", "");
                prop_assert!(!plain.contains("\\r") && !plain.contains("\\n") && !plain.contains("\\x00"), "{}", text);
            }
        }
    }

    #[test]
    fn a_finder_and_a_check_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = found(&bytes);
        let _ = check_request(&bytes, &LIMITS);
    }
}
