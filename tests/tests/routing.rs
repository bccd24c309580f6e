//! Which route a request takes: hosts, nginx's order of paths, conditions, the two readings of a path, rewriting.

use mizan_tests::raw::exchange;
use mizan_tests::{Mizan, Upstream};
use std::fmt::Write as _;

/// (host, target, body of the route that answers).
type Case = (&'static str, &'static str, &'static str);

#[tokio::test]
async fn hosts_match_exactly_then_by_the_longest_wildcard_then_the_site_for_all() {
    let mizan = Mizan::start(
        "
        services: {}
        sites:
          - { hosts: [\"*\"], routes: [{ path: /, respond: { status: 200, body: any } }] }
          - { hosts: [\"*.example.com\"], routes: [{ path: /, respond: { status: 200, body: wild } }] }
          - { hosts: [\"*.deep.example.com\"], routes: [{ path: /, respond: { status: 200, body: deep } }] }
          - { hosts: [a.example.com, b.example.com], routes: [{ path: /, respond: { status: 200, body: exact } }] }
        ",
    )
    .await;
    assert_routes(
        &mizan,
        &[
            ("a.example.com", "/", "exact"),
            ("B.EXAMPLE.com:8080", "/", "exact"),
            ("c.example.com", "/", "wild"),
            ("x.y.example.com", "/", "wild"),
            ("x.deep.example.com", "/", "deep"),
            ("deep.example.com", "/", "wild"),
            ("example.com", "/", "any"),
            ("notexample.com", "/", "any"),
            ("127.0.0.1", "/", "any"),
        ],
    )
    .await;
}

#[tokio::test]
async fn paths_match_in_nginx_order() {
    let mizan = Mizan::start(&site(&[
        ("= /", "exact root"),
        ("/", "root"),
        ("= /x", "exact x"),
        ("/api", "api"),
        ("/api/v1", "api v1"),
        ("^~ /static", "static"),
        ("/img", "img"),
        ("~ ^/img/[0-9]+$", "numbered"),
        ("~* \\\\.PHP$", "php"),
        ("~ \\\\.php$", "php, too late"),
        ("*.js,*.css", "suffix"),
        ("/pre*", "begins with pre"),
    ]))
    .await;
    assert_routes(
        &mizan,
        &[
            ("a", "/", "exact root"),
            ("a", "/?q", "exact root"),
            ("a", "/other", "root"),
            ("a", "/x", "exact x"),
            ("a", "/x/", "root"),
            ("a", "/x?y", "exact x"),
            ("a", "/api", "api"),
            ("a", "/api/", "api"),
            ("a", "/api/x", "api"),
            ("a", "/apix", "root"),
            ("a", "/api/v1/x", "api v1"),
            ("a", "/api/v10", "api"),
            ("a", "/static/a.js", "static"),
            ("a", "/a.js", "suffix"),
            ("a", "/b/A.CSS", "suffix"),
            ("a", "/js", "root"),
            ("a", "/api/a.js", "suffix"),
            ("a", "/a.js?x.php", "suffix"),
            ("a", "/img/12", "numbered"),
            ("a", "/img/x", "img"),
            ("a", "/a.php", "php"),
            ("a", "/a.pHp", "php"),
            ("a", "/prefix", "begins with pre"),
            ("a", "/pre", "begins with pre"),
        ],
    )
    .await;
}

#[tokio::test]
async fn conditions_on_method_and_header_choose_among_routes() {
    let mizan = Mizan::start(
        "
        services: {}
        sites:
          - hosts: [\"*\"]
            routes:
              - { path: /, methods: [POST, PUT], respond: { status: 200, body: write } }
              - { path: /, headers: { X-Beta: \"1\" }, respond: { status: 200, body: beta } }
              - { path: /, headers: { X-Beta: \"~ ^(yes|ja)$\" }, respond: { status: 200, body: regex } }
              - { path: /, headers: { X-There: true, X-Gone: false }, respond: { status: 200, body: there } }
              - { path: /, respond: { status: 200, body: plain } }
        ",
    )
    .await;
    for (method, fields, body) in [
        ("GET", "", "plain"),
        ("POST", "", "write"),
        ("PUT", "X-Beta: 1\r\n", "write"),
        ("GET", "X-Beta: 1\r\n", "beta"),
        ("GET", "x-beta: ja\r\n", "regex"),
        ("GET", "X-Beta: jawohl\r\n", "plain"),
        ("GET", "X-There: x\r\n", "there"),
        ("GET", "X-There: x\r\nX-Gone: x\r\n", "plain"),
    ] {
        let request = format!("{method} / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n{fields}\r\n");
        let answer = exchange(mizan.addr(), request).await;
        assert_eq!(answer.text(), body, "{method} {fields}");
    }
}

#[tokio::test]
async fn a_fixed_response_has_its_status_body_and_headers() {
    let mizan = Mizan::start(
        "
        services: {}
        sites:
          - hosts: [\"*\"]
            routes:
              - { path: /, respond: { status: 404, body: \"gone\\n\", headers: { X-Why: moved, Cache-Control: no-store } } }
              - { path: /move, respond: { status: 302, headers: { Location: /elsewhere } } }
              - { path: /json, respond: { status: 200, body: \"{}\", headers: { Content-Type: application/json } } }
        ",
    )
    .await;
    let answer = mizan.get("/").await;
    assert_eq!((answer.status, answer.text().as_str()), (404, "gone\n"));
    assert_eq!((answer.header("x-why"), answer.header("cache-control")), (Some("moved"), Some("no-store")));
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    let answer = mizan.get("/move").await;
    assert_eq!((answer.status, answer.header("location")), (302, Some("/elsewhere")));
    assert_eq!(mizan.get("/json").await.all("content-type"), ["application/json"]);
    let head = exchange(mizan.addr(), "HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert_eq!(head.status, 404);
    // A body that nobody reads must not be taken for the next request.
    let mut raw = mizan.connect().await;
    raw.send(
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET /json HTTP/1.1\r\nHost: a\r\n\r\n",
    )
    .await;
    let answer = raw.answer().await;
    assert_eq!(answer.status, 404);
    if !answer.says_close() {
        assert_eq!(raw.answer().await.text(), "{}");
    }
}

#[tokio::test]
async fn no_disguise_reaches_what_a_rule_guards() {
    let upstream = Upstream::start("app").await;
    let mizan = Mizan::start(&guarded(&upstream)).await;
    let mut wrong = Vec::new();
    for target in [
        "/public/../private/x",
        "/public/..%2fprivate/x",
        "/public/%2e%2e/private/x",
        "/public/.%2e/private/x",
        "/public/..;/private/x",
        "/public/..;a=b/private/x",
        "/public/;/../private/x",
        "//private/x",
        "/public//../private/x",
        "/./private/x",
        "/%2e/private/x",
        "/public/..\\private/x",
        "/public/%5c../private/x",
        "/public/..%5cprivate/x",
        "/\\private/x",
        "/%5cprivate/x",
        "/%70rivate/x",
        "/private%2fx",
        "/private;a/x",
        "/%2fprivate/x",
        "/public/%c0%ae%c0%ae/private/x",
        "/public/..%c0%afprivate/x",
        "/../private/x",
        "/public/../../private/x",
    ] {
        let answer =
            exchange(mizan.addr(), format!("GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))
                .await;
        if ![400, 403].contains(&answer.status) {
            wrong.push(format!("{target}: {} {}", answer.status, answer.text()));
        }
    }
    let seen: Vec<String> = upstream.requests().iter().map(|r| r.target().to_owned()).collect();
    assert!(wrong.is_empty() && seen.is_empty(), "{}\nthe upstream saw {seen:?}", wrong.join("\n"));
}

#[tokio::test]
async fn a_path_whose_two_readings_agree_goes_through_as_it_was_sent() {
    let upstream = Upstream::start("app").await;
    let mizan = Mizan::start(&guarded(&upstream)).await;
    for target in [
        "/@scope%2fname",
        "/a%20b/c%2Fd?e=%2e%2e%2fprivate",
        "/public/./x",
        "/public//x",
        "/public/a;v=1/b",
        "/public/%E2%82%AC",
        "/public/a/../b",
        "/public/x?next=/../private",
        "/a:b@c!$&'()*+,=~",
    ] {
        let answer = mizan.get(target).await;
        assert_eq!(answer.status, 200, "{target}: {}", answer.text());
        assert_eq!(upstream.last_request().target(), target);
    }
}

#[tokio::test]
async fn twice_encoded_stays_encoded() {
    let upstream = Upstream::start("app").await;
    let mizan = Mizan::start(&guarded(&upstream)).await;
    let answer = mizan.get("/public/%252e%252e/private/x").await;
    // Decoded once it is a name with percent signs: refused, or sent on untouched.
    let untouched = || upstream.last_request().target() == "/public/%252e%252e/private/x";
    assert!(answer.status == 400 || (answer.status == 200 && untouched()), "{}", answer.head);
}

#[tokio::test]
async fn prefixes_are_stripped_and_replaced_and_the_rest_is_kept_as_sent() {
    let upstream = Upstream::start("app").await;
    let mizan = Mizan::start(&format!(
        "
        services: {{ app: {{ endpoints: \"{}\" }} }}
        sites:
          - hosts: [\"*\"]
            routes:
              - {{ path: /strip, service: app, rewrite: {{ strip_prefix: /strip }} }}
              - {{ path: /old, service: app, rewrite: {{ replace_prefix: /new/v1 }} }}
              - {{ path: /slashes, service: app, merge_slashes: true, forward_reduced_path: true }}
        ",
        upstream.addr()
    ))
    .await;
    for (sent, seen) in [
        ("/strip", "/"),
        ("/strip?q=1", "/?q=1"),
        ("/strip/", "/"),
        ("/strip/a%2Fb/c?d=/strip", "/a%2Fb/c?d=/strip"),
        ("/old/a?b", "/new/v1/a?b"),
        ("/old", "/new/v1"),
        ("/slashes/a//b/../c?d", "/slashes/a/c?d"),
    ] {
        let answer = mizan.get(sent).await;
        assert_eq!(answer.status, 200, "{sent}: {}", answer.text());
        assert_eq!(upstream.last_request().target(), seen, "{sent}");
    }
    assert_eq!(mizan.get("/stripped").await.status, 404);
}

#[tokio::test]
async fn a_regex_that_hangs_others_takes_linear_time() {
    let mizan = Mizan::start(&site(&[("/", "plain"), ("~ ^/(a+)+$", "regex")])).await;
    let begin = std::time::Instant::now();
    let answer = mizan.get(&format!("/{}!", "a".repeat(5000))).await;
    assert_eq!(answer.text(), "plain");
    assert!(begin.elapsed().as_secs() < 2, "{:?}", begin.elapsed());
}

async fn assert_routes(mizan: &Mizan, cases: &[Case]) {
    let mut wrong = Vec::new();
    for (host, target, body) in cases {
        let answer = mizan_tests::raw::get(mizan.addr(), host, target).await;
        if answer.text() != *body {
            wrong.push(format!("{host}{target}: `{}`, not `{body}`", answer.text().trim()));
        }
    }
    assert!(wrong.is_empty(), "{} of {} wrong:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// One site `*` with a fixed answer a path.
fn site(routes: &[(&str, &str)]) -> String {
    let mut text = "services: {}\nsites:\n  - hosts: [\"*\"]\n    routes:\n".to_owned();
    for (path, body) in routes {
        let _ =
            writeln!(text, "      - {{ path: \"{path}\", respond: {{ status: 200, body: \"{body}\" }} }}");
    }
    text
}

/// Everything goes to the upstream but /private.
fn guarded(upstream: &Upstream) -> String {
    format!(
        "
        services: {{ app: {{ endpoints: \"{}\" }} }}
        sites:
          - hosts: [\"*\"]
            routes:
              - {{ path: /private, respond: {{ status: 403, body: no }} }}
              - {{ path: /public, service: app }}
              - {{ path: /, service: app }}
        ",
        upstream.addr()
    )
}
