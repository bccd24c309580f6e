//! The rules of a request head, on the wire: the answer, whether the connection ends, and what the upstream saw.

use mizan_tests::raw::{Raw, exchange, get};
use mizan_tests::{Mizan, Upstream};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// A request that nobody but a smuggler would like to see answered; it follows each bad one.
const EVIL: &str = "GET /evil HTTP/1.1\r\nHost: app.test\r\n\r\n";

/// (what, the bytes, the statuses that are right). All of them end the connection.
type Refusal = (&'static str, &'static [u8], &'static [u16]);

const LENGTH_AND_ENCODING: &[Refusal] = &[
    ("length list", b"POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 5, 5\r\n\r\nhello", &[400]),
    ("length twice, same", b"POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", &[400]),
    ("length twice", b"POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 5\r\nContent-Length: 0\r\n\r\nhello", &[400]),
    ("length with sign", b"POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: +5\r\n\r\nhello", &[400]),
    ("length negative", b"POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: -1\r\n\r\n", &[400]),
    ("length hex", b"POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 0x5\r\n\r\nhello", &[400]),
    ("length with space", b"POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 5 5\r\n\r\nhello", &[400]),
    ("length empty", b"POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length:\r\n\r\n", &[400]),
    ("length 2^63", b"POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 9223372036854775808\r\n\r\n", &[400, 413]),
    ("length 2^64 + 5", b"POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 18446744073709551621\r\n\r\nhello", &[400, 413]),
    ("length and encoding", b"POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", &[400]),
    ("encoding and length", b"POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n", &[400]),
    ("gzip, chunked", b"POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", &[400, 501]),
    ("chunked, chunked", b"POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", &[400, 501]),
    ("chunked twice", b"POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", &[400, 501]),
    ("chunked, identity", b"POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", &[400, 501]),
    ("xchunked", b"POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", &[400, 501]),
    ("identity", b"POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: identity\r\n\r\n", &[400, 501]),
    ("chunked with a parameter", b"POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n", &[400, 501]),
    ("chunked after a vertical tab", b"POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", &[400, 501]),
    ("encoding empty", b"POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding:\r\n\r\n", &[400, 501]),
    ("chunked in HTTP/1.0", b"POST / HTTP/1.0\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", &[400]),
    ("space before the colon of the encoding", b"POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", &[400]),
];

const LINES: &[Refusal] = &[
    ("bare LF after the request line", b"GET / HTTP/1.1\nHost: app.test\r\n\r\n", &[400]),
    ("bare LF after a field", b"GET / HTTP/1.1\r\nHost: app.test\nX: y\r\n\r\n", &[400]),
    ("bare LF at the end", b"GET / HTTP/1.1\r\nHost: app.test\r\n\n", &[400]),
    ("bare CR in a value", b"GET / HTTP/1.1\r\nHost: app.test\r\nX: a\rb\r\n\r\n", &[400]),
    ("NUL in a value", b"GET / HTTP/1.1\r\nHost: app.test\r\nX: a\0b\r\n\r\n", &[400]),
    ("control byte in a value", b"GET / HTTP/1.1\r\nHost: app.test\r\nX: a\x01b\r\n\r\n", &[400]),
    ("DEL in a value", b"GET / HTTP/1.1\r\nHost: app.test\r\nX: a\x7fb\r\n\r\n", &[400]),
    ("folding", b"GET / HTTP/1.1\r\nHost: app.test\r\nX: a\r\n b\r\n\r\n", &[400]),
    ("folding by tab", b"GET / HTTP/1.1\r\nHost: app.test\r\nX: a\r\n\tb\r\n\r\n", &[400]),
    ("space before the first field", b"GET / HTTP/1.1\r\n Host: app.test\r\n\r\n", &[400]),
    ("space before the colon", b"GET / HTTP/1.1\r\nHost : app.test\r\n\r\n", &[400]),
    ("tab before the colon", b"GET / HTTP/1.1\r\nHost: app.test\r\nX\t: y\r\n\r\n", &[400]),
    ("a line without a colon", b"GET / HTTP/1.1\r\nHost: app.test\r\nrubbish\r\n\r\n", &[400]),
    ("a name that is empty", b"GET / HTTP/1.1\r\nHost: app.test\r\n: y\r\n\r\n", &[400]),
    ("a name that is no token", b"GET / HTTP/1.1\r\nHost: app.test\r\nX(y): z\r\n\r\n", &[400]),
    ("a name beyond ASCII", b"GET / HTTP/1.1\r\nHost: app.test\r\nX\xc3\xa4: z\r\n\r\n", &[400]),
];

const REQUEST_LINE_AND_TARGET: &[Refusal] = &[
    ("two spaces", b"GET  / HTTP/1.1\r\nHost: app.test\r\n\r\n", &[400]),
    ("two spaces before the version", b"GET /  HTTP/1.1\r\nHost: app.test\r\n\r\n", &[400]),
    ("space at the end", b"GET / HTTP/1.1 \r\nHost: app.test\r\n\r\n", &[400]),
    ("space at the begin", b" GET / HTTP/1.1\r\nHost: app.test\r\n\r\n", &[400]),
    ("tab for space", b"GET\t/\tHTTP/1.1\r\nHost: app.test\r\n\r\n", &[400]),
    ("HTTP/0.9", b"GET /\r\nHost: app.test\r\n\r\n", &[400]),
    ("HTTP/1.10", b"GET / HTTP/1.10\r\nHost: app.test\r\n\r\n", &[400, 505]),
    ("HTTP/2.0", b"GET / HTTP/2.0\r\nHost: app.test\r\n\r\n", &[400, 505]),
    ("http in lower case", b"GET / http/1.1\r\nHost: app.test\r\n\r\n", &[400, 505]),
    ("a method that is no token", b"G(T / HTTP/1.1\r\nHost: app.test\r\n\r\n", &[400, 405, 501]),
    ("target without a slash", b"GET evil HTTP/1.1\r\nHost: app.test\r\n\r\n", &[400]),
    ("target with a backslash at the start", b"GET \\evil HTTP/1.1\r\nHost: app.test\r\n\r\n", &[400]),
    ("absolute target of another host", b"GET http://other.test/ HTTP/1.1\r\nHost: app.test\r\n\r\n", &[400]),
    ("absolute target of another scheme", b"GET ftp://app.test/ HTTP/1.1\r\nHost: app.test\r\n\r\n", &[400]),
    ("asterisk for GET", b"GET * HTTP/1.1\r\nHost: app.test\r\n\r\n", &[400]),
    ("target beyond ASCII", b"GET /\xc3\xa4 HTTP/1.1\r\nHost: app.test\r\n\r\n", &[400]),
    ("target with a fragment", b"GET /a#b HTTP/1.1\r\nHost: app.test\r\n\r\n", &[400]),
    ("target with a tab", b"GET /a\tb HTTP/1.1\r\nHost: app.test\r\n\r\n", &[400]),
    ("target with a vertical tab", b"GET /a\x0bb HTTP/1.1\r\nHost: app.test\r\n\r\n", &[400]),
    ("target with DEL", b"GET /a\x7f HTTP/1.1\r\nHost: app.test\r\n\r\n", &[400]),
    ("target with NUL", b"GET /a\0b HTTP/1.1\r\nHost: app.test\r\n\r\n", &[400]),
    ("percent and no digits", b"GET /%zz HTTP/1.1\r\nHost: app.test\r\n\r\n", &[400]),
    ("percent at the end", b"GET /a% HTTP/1.1\r\nHost: app.test\r\n\r\n", &[400]),
    ("percent 00", b"GET /a%00 HTTP/1.1\r\nHost: app.test\r\n\r\n", &[400]),
];

const HOST: &[Refusal] = &[
    ("no host", b"GET / HTTP/1.1\r\n\r\n", &[400]),
    ("two hosts", b"GET / HTTP/1.1\r\nHost: app.test\r\nHost: app.test\r\n\r\n", &[400]),
    ("host empty", b"GET / HTTP/1.1\r\nHost:\r\n\r\n", &[400]),
    ("host with a space", b"GET / HTTP/1.1\r\nHost: app .test\r\n\r\n", &[400]),
    ("host with a user", b"GET / HTTP/1.1\r\nHost: me@app.test\r\n\r\n", &[400]),
    ("host with a path", b"GET / HTTP/1.1\r\nHost: app.test/x\r\n\r\n", &[400]),
    ("host with a query", b"GET / HTTP/1.1\r\nHost: app.test?x\r\n\r\n", &[400]),
    ("host list", b"GET / HTTP/1.1\r\nHost: app.test, b.test\r\n\r\n", &[400]),
    ("port 99999", b"GET / HTTP/1.1\r\nHost: app.test:99999\r\n\r\n", &[400]),
    ("port that is no number", b"GET / HTTP/1.1\r\nHost: app.test:x\r\n\r\n", &[400]),
    ("percent 00 in the host", b"GET / HTTP/1.1\r\nHost: app%00.test\r\n\r\n", &[400]),
    ("bracket left open", b"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", &[400]),
    ("bracket without an address", b"GET / HTTP/1.1\r\nHost: [zz]\r\n\r\n", &[400]),
];

#[tokio::test]
async fn lengths_and_encodings_that_are_not_certain_are_refused() {
    assert_refused(LENGTH_AND_ENCODING).await;
}

#[tokio::test]
async fn lines_that_readers_could_take_apart_differently_are_refused() {
    assert_refused(LINES).await;
}

#[tokio::test]
async fn request_lines_and_targets_that_are_not_clear_are_refused() {
    assert_refused(REQUEST_LINE_AND_TARGET).await;
}

#[tokio::test]
async fn hosts_that_are_not_exactly_one_name_are_refused() {
    assert_refused(HOST).await;
}

/// Each gets its status, a log line with rule and status, and the end of its connection; the upstream sees nothing.
async fn assert_refused(table: &[Refusal]) {
    let upstream = Upstream::start("one").await;
    let mizan = Mizan::before(&[&upstream], "", "").await;
    let mut wrong = Vec::new();
    for (what, bytes, statuses) in table {
        let mark = mizan.log().mark();
        let mut raw = mizan.connect().await.patience(2 * SECOND);
        let _ = raw.try_send([bytes, EVIL.as_bytes()].concat()).await;
        match raw.try_answer("GET").await {
            Ok(answer) if statuses.contains(&answer.status) => {
                let code = answer.status.to_string();
                let is = |line: &str| line.contains("rule=") && line.contains(&code);
                if mizan.log().wait_after(mark, is, SECOND).await.is_none() {
                    wrong.push(format!("{what}: no line with rule= and {code} in the log"));
                }
                if !raw.is_closed(SECOND).await {
                    wrong.push(format!("{what}: the connection stays open"));
                }
            }
            Ok(answer) => wrong.push(format!("{what}: {} {}", answer.status, answer.text())),
            Err(broken) => wrong.push(format!("{what}: {broken}")),
        }
    }
    for request in upstream.requests() {
        wrong.push(format!("the upstream saw: {:?}", request.head));
    }
    assert!(wrong.is_empty(), "{} of {} wrong:\n{}", wrong.len(), table.len(), wrong.join("\n"));
}

#[tokio::test]
async fn what_real_clients_send_is_let_through() {
    let upstream = Upstream::start("one").await;
    let mizan = Mizan::before(&[&upstream], "", "").await;
    let table: &[(&str, &[u8])] = &[
        ("spaces around a value", b"GET / HTTP/1.1\r\nHost:   app.test\t\r\nX:y\r\n\r\n"),
        ("upper case and a port", b"GET / HTTP/1.1\r\nHOST: APP.TEST:80\r\n\r\n"),
        ("an address", b"GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n"),
        ("an IPv6 address", b"GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n"),
        ("an underscore in the host", b"GET / HTTP/1.1\r\nHost: my_app.test\r\n\r\n"),
        ("a value beyond ASCII", b"GET / HTTP/1.1\r\nHost: app.test\r\nX: \xc3\xa4\xff\r\n\r\n"),
        ("an empty value", b"GET / HTTP/1.1\r\nHost: app.test\r\nX:\r\n\r\n"),
        (
            "a name of odd token characters",
            b"GET / HTTP/1.1\r\nHost: app.test\r\nx-!#$%&'*+.^_`|~9: y\r\n\r\n",
        ),
        ("escapes", b"GET /%E2%82%AC/a%20b?x=%2F&y[]=1 HTTP/1.1\r\nHost: app.test\r\n\r\n"),
        ("braces in the query", b"GET /?q={a} HTTP/1.1\r\nHost: app.test\r\n\r\n"),
        ("odd characters in the query", b"GET /?q=a|b^c`d\\e HTTP/1.1\r\nHost: app.test\r\n\r\n"),
        ("braces in the path", b"GET /{a}|b HTTP/1.1\r\nHost: app.test\r\n\r\n"),
        (
            "encoding in upper case",
            b"POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\n\r\n",
        ),
        ("PATCH", b"PATCH / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 0\r\n\r\n"),
        ("PROPFIND", b"PROPFIND / HTTP/1.1\r\nHost: app.test\r\n\r\n"),
        ("GET with a body", b"GET / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 2\r\n\r\nhi"),
        ("OPTIONS *", b"OPTIONS * HTTP/1.1\r\nHost: app.test\r\n\r\n"),
        ("HTTP/1.0", b"GET / HTTP/1.0\r\nHost: app.test\r\n\r\n"),
        ("absolute", b"GET http://app.test/ HTTP/1.1\r\nHost: app.test\r\n\r\n"),
    ];
    let mut wrong = Vec::new();
    for (what, bytes) in table {
        match mizan_tests::raw::try_exchange(mizan.addr(), bytes).await {
            // OPTIONS * is about the server, and answered by it.
            Ok(answer) if answer.status == 200 || (*what == "OPTIONS *" && answer.status == 204) => {}
            other => wrong.push(format!("{what}: {other:?}")),
        }
    }
    assert!(wrong.is_empty(), "{} of {} wrong:\n{}", wrong.len(), table.len(), wrong.join("\n"));
}

#[tokio::test]
async fn a_long_but_allowed_head_goes_through() {
    let upstream = Upstream::start("one").await;
    let mizan = Mizan::before(&[&upstream], "", "").await;
    let path = format!("/{}", "a".repeat(7000));
    assert_eq!(mizan.get(&path).await.status, 200);
    let list: Vec<String> = (0..90).map(|n| format!("X-{n}: {}\r\n", "v".repeat(200))).collect();
    let fields = list.concat();
    let answer = exchange(mizan.addr(), format!("GET / HTTP/1.1\r\nHost: app.test\r\n{fields}\r\n")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(upstream.last_request().header("x-89"), Some("v".repeat(200).as_str()));
}

#[tokio::test]
async fn trace_and_connect_are_not_allowed() {
    let upstream = Upstream::start("one").await;
    let mizan = Mizan::before(&[&upstream], "", "").await;
    for line in ["TRACE / HTTP/1.1", "CONNECT app.test:80 HTTP/1.1"] {
        let answer = exchange(mizan.addr(), format!("{line}\r\nHost: app.test\r\n\r\n")).await;
        assert!([400, 405, 501].contains(&answer.status), "{line}: {}", answer.head);
    }
    assert_eq!(upstream.request_count(), 0);
}

#[tokio::test]
async fn an_expectation_other_than_100_continue_is_417() {
    let upstream = Upstream::start("one").await;
    let mizan = Mizan::before(&[&upstream], "", "").await;
    let answer = exchange(mizan.addr(), "GET / HTTP/1.1\r\nHost: app.test\r\nExpect: 200-ok\r\n\r\n").await;
    assert_eq!(answer.status, 417);
    assert_eq!(upstream.request_count(), 0);
}

#[tokio::test]
async fn heads_too_big_are_431_and_targets_too_long_414() {
    let upstream = Upstream::start("one").await;
    let mizan =
        Mizan::before(&[&upstream], "", "limits: { head_size: 4k, head_fields: 20, target_size: 1k }").await;
    let many: Vec<String> = (0..30).map(|n| format!("X-{n}: y\r\n")).collect();
    let many = many.concat();
    let long = format!("X: {}\r\n", "y".repeat(5000));
    for fields in [many, long] {
        let answer =
            exchange(mizan.addr(), format!("GET / HTTP/1.1\r\nHost: app.test\r\n{fields}\r\n")).await;
        assert_eq!(answer.status, 431);
    }
    assert_eq!(mizan.get(&format!("/{}", "a".repeat(2000))).await.status, 414);
    // Endless: refused while it is still coming.
    let mut raw = mizan.connect().await;
    let _ = raw.try_send(format!("GET / HTTP/1.1\r\nHost: app.test\r\nX: {}", "y".repeat(8000))).await;
    assert_eq!(raw.answer().await.status, 431);
    assert!(raw.is_closed(SECOND).await);
    let mut raw = mizan.connect().await;
    let _ = raw.try_send(format!("GET /{}", "y".repeat(8000))).await;
    assert!([414, 431].contains(&raw.answer().await.status));
    assert_eq!(upstream.request_count(), 0);
}

/// What the reader of chunks decides: whatever it takes, the upstream gets a clean body or an unfinished one.
#[tokio::test]
async fn odd_chunks_never_smuggle_a_request() {
    let upstream = Upstream::start("one").await;
    let mizan = Mizan::before(&[&upstream], "", "").await;
    let bodies: &[&str] = &[
        "5 \r\nhello\r\n0\r\n\r\n",
        "5;a=b\nx\r\nhello\r\n0\r\n\r\n",
        "5\nhello\r\n0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "-5\r\nhello\r\n0\r\n\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        "ffffffffffffffff5\r\nhello\r\n0\r\n\r\n",
        "10000000000000005\r\nhello\r\n0\r\n\r\n",
        "5\r\nhelloXX0\r\n\r\n",
        "g\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello\r\n0\r\nContent-Length: 7\r\nTransfer-Encoding: x\r\nHost: evil\r\n\r\n",
    ];
    let mut wrong = Vec::new();
    for body in bodies {
        let before = upstream.request_count();
        let head = "POST /chunks HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n";
        let mut raw = mizan.connect().await.patience(SECOND);
        let _ = raw.try_send(format!("{head}{body}")).await;
        let _ = raw.try_answer("GET").await;
        drop(raw);
        mizan.is_quiet().await;
        let seen = upstream.request_count() - before;
        if seen > 1 {
            wrong.push(format!("{body:?}: the upstream saw {seen} requests"));
        }
    }
    for request in upstream.requests() {
        let raw = String::from_utf8_lossy(&request.raw_body).into_owned();
        if request.target() != "/chunks" {
            wrong.push(format!("smuggled: {}", request.head));
        }
        for line in raw.split("\r\n") {
            let odd =
                line.contains(['\n', ';', ' ', '+', '-']) || line.to_lowercase().contains("content-length");
            if odd || line.to_lowercase().contains("host") || line.to_lowercase().contains("transfer") {
                wrong.push(format!("not encoded anew: {raw:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn the_upstream_gets_underscore_twins_of_no_field_that_we_set() {
    let upstream = Upstream::start("one").await;
    let mizan = Mizan::before(&[&upstream], "", "").await;
    let fields = "Content_Length: 5\r\nTransfer_Encoding: chunked\r\nX_Forwarded_For: 6.6.6.6\r\nX_Real_IP: 6.6.6.6\r\n\
                  x_forwarded_proto: https\r\nX_Custom: kept\r\nProxy: http://evil\r\n";
    exchange(mizan.addr(), format!("GET / HTTP/1.1\r\nHost: app.test\r\n{fields}\r\n")).await;
    let request = upstream.only_request();
    for name in
        ["content_length", "transfer_encoding", "x_forwarded_for", "x_real_ip", "x_forwarded_proto", "proxy"]
    {
        assert_eq!(request.header(name), None, "{name}");
    }
    assert_eq!(request.header("x_custom"), Some("kept"));
}

#[tokio::test]
async fn an_absolute_target_is_forwarded_as_a_path() {
    let upstream = Upstream::start("one").await;
    let mizan = Mizan::before(&[&upstream], "", "").await;
    exchange(mizan.addr(), "GET http://app.test/a/b?c HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    let request = upstream.only_request();
    assert_eq!((request.line(), request.header("host")), ("GET /a/b?c HTTP/1.1", Some("app.test")));
}

#[tokio::test]
async fn after_a_refusal_others_are_served_on() {
    let upstream = Upstream::start("one").await;
    let mizan = Mizan::before(&[&upstream], "", "").await;
    let mut kept = Raw::connect(mizan.addr()).await;
    for _ in 0..50 {
        exchange(mizan.addr(), "GET / HTTP/1.1\r\n\r\n").await;
    }
    kept.send("GET / HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    assert_eq!(kept.answer().await.text(), "one");
    assert_eq!(get(mizan.addr(), "app.test", "/").await.text(), "one");
}
