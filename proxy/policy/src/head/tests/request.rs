//! Every row of the table of rules: what is accepted and what is refused, over whole heads.

use super::super::{Body, HeadLimits, RequestHead, Rule, check_request, normalise};
use super::LIMITS;
use proptest::prelude::*;

fn rule(head: &str) -> Option<Rule> {
    check_request(head.as_bytes(), &LIMITS).err().map(|refusal| refusal.rule)
}

/// A head of HTTP/1.1 with a Host and these lines.
fn with(lines: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n")
}

fn checked(head: &str) -> RequestHead<'_> {
    check_request(head.as_bytes(), &LIMITS).unwrap_or_else(|refusal| panic!("{head:?}: {refusal}"))
}

fn refused(cases: &[(&str, Rule)]) {
    for (head, expected) in cases {
        assert_eq!(rule(head), Some(*expected), "{head:?}");
    }
}

fn fields_refused(cases: &[(&str, Rule)]) {
    for (lines, expected) in cases {
        assert_eq!(rule(&with(lines)), Some(*expected), "{lines:?}");
    }
}

#[test]
fn length_is_digits_once_and_never_beside_an_encoding() {
    assert_eq!(checked(&with("")).body, Body::None);
    assert_eq!(checked(&with("Content-Length: 0\r\n")).body, Body::Length(0));
    assert_eq!(checked(&with("content-LENGTH:\t5 \r\n")).body, Body::Length(5));
    fields_refused(&[
        ("Content-Length: 5, 5\r\n", Rule::ContentLengthInvalid),
        ("Content-Length: +5\r\n", Rule::ContentLengthInvalid),
        ("Content-Length:\r\n", Rule::ContentLengthInvalid),
        ("Content-Length: 9223372036854775808\r\n", Rule::ContentLengthInvalid),
        ("Content-Length: 5\r\nContent-Length: 5\r\n", Rule::ContentLengthRepeated),
        ("Content-Length: 5\r\nContent-Length: 6\r\n", Rule::ContentLengthRepeated),
        ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", Rule::EncodingWithLength),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", Rule::EncodingWithLength),
        ("Content-Length: 0\r\nTransfer-Encoding: gzip\r\n", Rule::EncodingWithLength),
    ]);
}

#[test]
fn encoding_is_chunked_once_in_http_1_1() {
    assert_eq!(checked(&with("Transfer-Encoding: chunked\r\n")).body, Body::Chunked);
    assert_eq!(checked(&with("transfer-encoding: \tCHUNKED\t\r\n")).body, Body::Chunked);
    fields_refused(&[
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", Rule::EncodingRepeated),
        ("Transfer-Encoding: chunked, chunked\r\n", Rule::EncodingRepeated),
        ("Transfer-Encoding: gzip, chunked\r\n", Rule::EncodingRepeated),
        ("Transfer-Encoding:\r\n", Rule::EncodingRepeated),
        ("Transfer-Encoding: gzip\r\n", Rule::EncodingUnknown),
        ("Transfer-Encoding: xchunked\r\n", Rule::EncodingUnknown),
        ("Transfer-Encoding: \x0bchunked\r\n", Rule::ControlByte),
        ("Transfer-Encoding : chunked\r\n", Rule::FieldNameSpace),
    ]);
    refused(&[("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", Rule::EncodingInHttp10)]);
}

#[test]
fn lines_end_in_cr_lf_and_contain_no_control_bytes() {
    for lines in [
        "A: b\tc\r\n",
        "A:\r\n",
        "A: \r\n",
        "A: \u{e9}\u{80}\r\n",
        "!#$%&'*+-.^_`|~9: b\r\n",
        "user_id: 1\r\n",
    ] {
        assert_eq!(rule(&with(lines)), None, "{lines:?}");
    }
    fields_refused(&[
        ("A: b\nC: d\r\n", Rule::BareLineFeed),
        ("A: b\rC: d\r\n", Rule::BareCarriageReturn),
        ("A: b\r\r\n", Rule::BareCarriageReturn),
        ("A: b\0c\r\n", Rule::ControlByte),
        ("A: b\x7f\r\n", Rule::ControlByte),
        ("A: b\x0b\r\n", Rule::ControlByte),
        ("A\0: b\r\n", Rule::ControlByte),
        ("A: b\r\n c\r\n", Rule::FieldFolded),
        ("A: b\r\n\tc: d\r\n", Rule::FieldFolded),
        ("A : b\r\n", Rule::FieldNameSpace),
        ("A\t: b\r\n", Rule::FieldNameSpace),
        ("A b\r\n", Rule::FieldWithoutColon),
        ("A\r\n", Rule::FieldWithoutColon),
        ("A\n", Rule::BareLineFeed),
        (": b\r\n", Rule::FieldName),
        ("A(b): c\r\n", Rule::FieldName),
        ("\u{e9}: c\r\n", Rule::FieldName),
        ("A;: c\r\n", Rule::FieldName),
    ]);
    refused(&[
        ("GET / HTTP/1.1\r\n Host: a\r\n\r\n", Rule::FieldFolded),
        ("GET / HTTP/1.1\r\nHost: a\r\n", Rule::HeadIncomplete),
        ("GET / HTTP/1.1\r\nHost: a\r\n\r", Rule::HeadIncomplete),
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\nX", Rule::HeadIncomplete),
        ("GET / HTTP/1.1\r\nHost: a", Rule::HeadIncomplete),
        ("GET / HTTP/1.1\r\nHost", Rule::HeadIncomplete),
        ("", Rule::HeadIncomplete),
    ]);
}

#[test]
fn a_request_line_is_method_target_and_version_with_single_spaces() {
    for line in [
        "GET / HTTP/1.1",
        "PROPFIND /a HTTP/1.1",
        "get / HTTP/1.1",
        "M-SEARCH / HTTP/1.1",
        "OPTIONS * HTTP/1.1",
    ] {
        assert_eq!(rule(&format!("{line}\r\nHost: a\r\n\r\n")), None, "{line:?}");
    }
    for (line, expected) in [
        ("GET  / HTTP/1.1", Rule::RequestLine),
        ("GET /  HTTP/1.1", Rule::RequestLine),
        ("GET / HTTP/1.1 ", Rule::RequestLine),
        ("GET /\tHTTP/1.1", Rule::VersionMissing),
        ("GET /\ta HTTP/1.1", Rule::TargetByte),
        ("GET\t/ HTTP/1.1", Rule::RequestLine),
        ("GET / x HTTP/1.1", Rule::RequestLine),
        (" GET / HTTP/1.1", Rule::RequestLine),
        ("GET", Rule::RequestLine),
        ("GET /", Rule::VersionMissing),
        ("GET / ", Rule::RequestLine),
        ("GET / HTTP/1.10", Rule::RequestLine),
        ("GET / HTTP/01.1", Rule::RequestLine),
        ("GET / HTTP/1", Rule::RequestLine),
        ("GET / http/1.1", Rule::RequestLine),
        ("GET / HTTPS/1.1", Rule::RequestLine),
        ("GET / HTTP/1.2", Rule::VersionUnsupported),
        ("GET / HTTP/0.9", Rule::VersionUnsupported),
        ("GET / HTTP/2.0", Rule::VersionUnsupported),
        ("PRI * HTTP/2.0", Rule::TargetForm),
        ("G(T / HTTP/1.1", Rule::MethodInvalid),
        ("\u{e9} / HTTP/1.1", Rule::MethodInvalid),
        ("\x16 / HTTP/1.1", Rule::NotHttp),
        ("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG / HTTP/1.1", Rule::MethodTooLong),
        ("TRACE / HTTP/1.1", Rule::MethodRefused),
        ("Trace / HTTP/1.1", Rule::MethodRefused),
        ("CONNECT a:443 HTTP/1.1", Rule::MethodRefused),
        ("GET / HTTP/1.1\nA: b", Rule::BareLineFeed),
        ("GET /\nA: b", Rule::BareLineFeed),
        ("GET / HTTP/1.1\rA: b", Rule::BareCarriageReturn),
        ("GET /\rHTTP/1.1", Rule::BareCarriageReturn),
        ("GET\n/ HTTP/1.1", Rule::BareLineFeed),
    ] {
        assert_eq!(rule(&format!("{line}\r\nHost: a\r\n\r\n")), Some(expected), "{line:?}");
    }
}

#[test]
fn a_target_is_checked_where_it_stands() {
    for (target, expected) in [
        ("/a?b", None),
        ("/%41", None),
        ("/%", Some(Rule::TargetEscape)),
        ("/%00", Some(Rule::TargetNul)),
        ("\\a", Some(Rule::TargetForm)),
        ("*", Some(Rule::TargetForm)),
        ("/#", Some(Rule::TargetByte)),
        ("/\u{e9}", Some(Rule::TargetByte)),
        ("http://a/", None),
        ("http://u@a/", Some(Rule::HostInvalid)),
        ("http://b/", Some(Rule::HostDisagrees)),
        ("http:///", Some(Rule::HostInvalid)),
    ] {
        assert_eq!(rule(&format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n")), expected, "{target:?}");
    }
}

#[test]
fn there_is_one_host_and_it_is_one() {
    assert_eq!(checked("GET / HTTP/1.1\r\nhOST: A.b:80\r\n\r\n").authority, Some("A.b:80"));
    assert_eq!(checked("GET / HTTP/1.0\r\n\r\n").authority, None);
    assert_eq!(checked("GET http://A.b:80/ HTTP/1.1\r\nHost: a.b\r\n\r\n").authority, Some("A.b:80"));
    assert_eq!(checked("GET http://a/ HTTP/1.0\r\n\r\n").authority, Some("a"));
    refused(&[
        ("GET / HTTP/1.1\r\n\r\n", Rule::HostMissing),
        ("GET http://a/ HTTP/1.1\r\n\r\n", Rule::HostMissing),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", Rule::HostRepeated),
        ("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", Rule::HostRepeated),
        ("GET / HTTP/1.1\r\nHost:\r\n\r\n", Rule::HostInvalid),
        ("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", Rule::HostInvalid),
        ("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", Rule::HostInvalid),
        ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", Rule::HostInvalid),
        ("GET / HTTP/1.1\r\nHost: a?b\r\n\r\n", Rule::HostInvalid),
        ("GET / HTTP/1.1\r\nHost: a%00\r\n\r\n", Rule::HostInvalid),
        ("GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n", Rule::HostInvalid),
        ("GET / HTTP/1.1\r\nHost: [a]\r\n\r\n", Rule::HostInvalid),
        ("GET / HTTP/1.1\r\nHost: [::1%25eth0]\r\n\r\n", Rule::HostInvalid),
        ("GET / HTTP/1.1\r\nHost: \u{e9}\r\n\r\n", Rule::HostInvalid),
    ]);
}

#[test]
fn connection_decides_whether_another_request_comes() {
    for (lines, http11, http10) in [
        ("", true, false),
        ("Connection: keep-alive\r\n", true, true),
        ("Connection: Keep-Alive\r\n", true, true),
        ("Connection: close\r\n", false, false),
        ("Connection: x, CLOSE\r\n", false, false),
        ("Connection: keep-alive\r\nConnection: close\r\n", false, false),
        ("Connection: x-close\r\n", true, false),
    ] {
        assert_eq!(checked(&with(lines)).keep_alive, http11, "{lines:?}");
        assert_eq!(checked(&with(lines).replace("HTTP/1.1", "HTTP/1.0")).keep_alive, http10, "{lines:?}");
    }
    let many = "x,".repeat(33);
    fields_refused(&[(&format!("Connection: {many}\r\n"), Rule::ConnectionOptions)]);
}

#[test]
fn expect_is_100_continue_or_refused() {
    assert!(checked(&with("Expect: 100-Continue\r\n")).expect_continue);
    assert!(!checked(&with("")).expect_continue);
    assert!(!checked(&with("Expect: 100-continue\r\n").replace("HTTP/1.1", "HTTP/1.0")).expect_continue);
    fields_refused(&[
        ("Expect: 200-ok\r\n", Rule::ExpectUnknown),
        ("Expect:\r\n", Rule::ExpectUnknown),
        ("Expect: 100-continue, x\r\n", Rule::ExpectUnknown),
    ]);
}

#[test]
fn an_upgrade_is_one_that_connection_nominates() {
    for (lines, upgrade) in [
        ("Connection: Upgrade\r\nUpgrade: websocket\r\n", Some("websocket")),
        ("Upgrade: websocket\r\nConnection: keep-alive, upgrade\r\n", Some("websocket")),
        ("Upgrade: websocket\r\n", None),
        ("Connection: Upgrade\r\n", None),
        ("Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n", None),
        ("Connection: Upgrade\r\nUpgrade: h2c\r\n", Some("h2c")),
    ] {
        assert_eq!(checked(&with(lines)).upgrade, upgrade, "{lines:?}");
        assert_eq!(checked(&with(lines).replace("HTTP/1.1", "HTTP/1.0")).upgrade, None, "{lines:?}");
    }
}

#[test]
fn limits_hold_without_a_finder_too() {
    let head = "GET /234 HTTP/1.1\r\nHost: a\r\n\r\n";
    let verdict = |size, fields, target| {
        check_request(head.as_bytes(), &HeadLimits { size, fields, target }).map(|_| ())
    };
    assert_eq!(verdict(head.len(), 1, 4), Ok(()));
    assert_eq!(verdict(head.len() - 1, 1, 4), Err(Rule::HeadTooLarge.into()));
    assert_eq!(verdict(head.len(), 0, 4), Err(Rule::TooManyFields.into()));
    assert_eq!(verdict(head.len(), 1, 3), Err(Rule::TargetTooLong.into()));
}

#[test]
fn the_fields_of_a_checked_head_are_those_that_were_sent() {
    let head = with("A:b\r\nC: \td e\t \r\nF:\r\n");
    let fields: Vec<_> =
        checked(&head).fields.map(|(name, value)| (name, value.escape_ascii().to_string())).collect();
    let expected =
        [("Host", "a"), ("A", "b"), ("C", "d e"), ("F", "")].map(|(name, value)| (name, value.to_owned()));
    assert_eq!(fields, expected);
}

#[test]
fn an_absolute_target_becomes_a_path_and_nothing_else_changes() {
    for (head, expected) in [
        (
            "GET http://a/b?c HTTP/1.1\r\nHost: A\r\nX: y\r\n\r\n",
            "GET /b?c HTTP/1.1\r\nHost: A\r\nX: y\r\n\r\n",
        ),
        ("GET HTTP://a HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("GET https://a:443?b HTTP/1.1\r\nHost: a\r\n\r\n", "GET /?b HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("OPTIONS http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS / HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("GET http://a/ HTTP/1.0\r\nX: y\r\n\r\n", "GET / HTTP/1.0\r\nHost: a\r\nX: y\r\n\r\n"),
    ] {
        let new = normalise(head.as_bytes(), &checked(head)).unwrap_or_else(|| panic!("{head:?}"));
        assert_eq!(new.escape_ascii().to_string(), expected.as_bytes().escape_ascii().to_string());
        assert_eq!(rule(expected), None);
    }
    for head in [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET //b/ HTTP/1.0\r\n\r\n",
    ] {
        assert_eq!(normalise(head.as_bytes(), &checked(head)), None, "{head:?}");
    }
}

proptest! {
    #[test]
    fn what_normalise_makes_passes_the_same_rules_and_keeps_every_other_byte(
        path in "(/[a-z%25]{0,6}){0,3}(\\?[a-z/?]{0,6})?",
        fields in "([A-Z][a-z]{1,6}: [ -~]{0,12}\r\n){0,4}",
    ) {
        let head = format!("GET http://a{path} HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        if let Ok(parsed) = check_request(head.as_bytes(), &LIMITS) {
            let new = normalise(head.as_bytes(), &parsed).unwrap();
            let again = check_request(&new, &LIMITS).unwrap();
            prop_assert!(!again.absolute && again.target.ends_with(&path));
            prop_assert_eq!((again.body, again.keep_alive, again.upgrade, again.http11), (parsed.body, parsed.keep_alive, parsed.upgrade, parsed.http11));
            prop_assert_eq!(&again.fields, &parsed.fields);
            prop_assert_eq!(normalise(&new, &again), None);
        }
    }
}
