//! Plain HTTP is led to TLS, and browsers are told to stay there.

use mizan_tests::https::{Https, Site, folder, sites};
use mizan_tests::mizan::Launch;
use mizan_tests::raw::{exchange, get};
use mizan_tests::{Answer, Authority, Script, Upstream};

fn app() -> Site {
    Site::new("app.test", "app")
}

async fn redirecting(redirect: &str, top: &str) -> Https {
    Https::with(app().with(&format!("redirect_to_https: {redirect}")), top).await
}

/// The only Location.
fn location(answer: &Answer) -> &str {
    match answer.all("location")[..] {
        [location] => location,
        _ => panic!("one Location was to be there:\n{}", answer.head),
    }
}

#[tokio::test]
async fn plain_http_is_sent_to_the_tls_listener_with_its_path_and_query() {
    let https = redirecting("true", "").await;
    let port = https.addr().port();
    let answer = get(https.plain(), "app.test", "/a%20b/c?d=e&f=%2F").await;
    assert_eq!(answer.status, 308);
    assert_eq!(location(&answer), format!("https://app.test:{port}/a%20b/c?d=e&f=%2F"));
    // Method and body are kept by 308: the client sends them again.
    let form = "POST /form HTTP/1.1\r\nHost: APP.test:81\r\nContent-Length: 3\r\n\r\nabc";
    let answer = exchange(https.plain(), form).await;
    assert_eq!(answer.status, 308);
    assert_eq!(location(&answer).to_lowercase(), format!("https://app.test:{port}/form"));
    assert_eq!(https.upstream.request_count(), 0);
    let followed = https.client().get(https.addr(), "app.test", "/a%20b/c?d=e&f=%2F").await;
    assert_eq!(followed.status, 200);
    assert_eq!(https.upstream.only_request().target(), "/a%20b/c?d=e&f=%2F");
}

#[tokio::test]
async fn status_and_port_are_as_the_file_says() {
    for (redirect, status, location_is) in [
        ("301", 301, None),
        ("308", 308, None),
        ("{ status: 301, port: 443 }", 301, Some("https://app.test/x")),
        ("{ port: 8443 }", 308, Some("https://app.test:8443/x")),
    ] {
        let https = redirecting(redirect, "").await;
        let answer = get(https.plain(), "app.test", "/x").await;
        let own = format!("https://app.test:{}/x", https.addr().port());
        assert_eq!(answer.status, status, "{redirect}");
        assert_eq!(location(&answer), location_is.unwrap_or(&own), "{redirect}");
    }
}

#[tokio::test]
async fn probes_and_acme_challenges_are_not_redirected() {
    let https = redirecting("true", "").await;
    assert_eq!(get(https.plain(), "app.test", "/lb-health").await.status, 200);
    assert_eq!(get(https.plain(), "app.test", "/lb-ready").await.status, 200);
    let challenge = get(https.plain(), "app.test", "/.well-known/acme-challenge/token").await;
    assert_eq!((challenge.status, challenge.text().as_str()), (200, "one"));
    for path in ["/.well-known/acme-challenge", "/.well-known/", "/lb-health/x", "/"] {
        assert_eq!(get(https.plain(), "app.test", path).await.status, 308, "{path}");
    }
}

#[tokio::test]
async fn a_path_that_only_looks_like_a_challenge_is_redirected() {
    let https = redirecting("true", "").await;
    https.upstream.on("/secret", Script::ok("secret"));
    for path in
        ["/.well-known/acme-challenge/../../secret", "/.well-known/acme-challenge/%2e%2e/%2e%2e/secret"]
    {
        let answer = get(https.plain(), "app.test", path).await;
        assert!([308, 400].contains(&answer.status), "{path}: {}", answer.status);
    }
    assert_eq!(https.upstream.request_count(), 0);
}

#[tokio::test]
async fn what_a_trusted_proxy_got_over_https_is_not_redirected() {
    let asked = |proto: &str| {
        format!("GET / HTTP/1.1\r\nHost: app.test\r\nX-Forwarded-Proto: {proto}\r\nConnection: close\r\n\r\n")
    };
    let trusting = redirecting("true", "trusted_proxies: [127.0.0.0/8]").await;
    assert_eq!(exchange(trusting.plain(), asked("https")).await.status, 200);
    assert_eq!(trusting.upstream.only_request().header("x-forwarded-proto"), Some("https"));
    assert_eq!(exchange(trusting.plain(), asked("http")).await.status, 308);
    let strict = redirecting("true", "").await;
    assert_eq!(exchange(strict.plain(), asked("https")).await.status, 308, "anybody can say that");
}

#[tokio::test]
async fn http2_over_plain_tcp_is_redirected_as_well() {
    let https = redirecting("301", "").await;
    let url = format!("http://{}/x", https.plain());
    let written = "%{http_version} %{response_code} %{redirect_url}";
    let words = ["-sS", "-o", "out", "--http2-prior-knowledge", "-H", "Host: app.test", "-w", written, &url];
    let finished = mizan_tests::cli::run("curl", https.mizan.folder(), &words, &[]).await;
    assert_eq!(finished.stdout, format!("2 301 https://app.test:{}/x", https.addr().port()), "{finished:?}");
}

const YEAR: &str = "max-age=31536000";

#[tokio::test]
async fn hsts_is_said_over_tls_on_every_kind_of_answer_and_never_over_plain_http() {
    let https = Https::with(app().with("hsts: true"), "").await;
    https.upstream.on("/own", Script::answer(200, &[("Strict-Transport-Security", "max-age=1")], "own"));
    https.upstream.on("/broken", Script::reset());
    https.upstream.on("/missing", Script::answer(404, &[], "none"));
    for (path, status) in [("/", 200), ("/own", 200), ("/missing", 404), ("/broken", 502)] {
        let answer = https.client().get(https.addr(), "app.test", path).await;
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.all("strict-transport-security"), [YEAR], "{path}");
        let plain = get(https.plain(), "app.test", path).await;
        assert_eq!(plain.status, status, "{path}");
        let own: &[&str] = if path == "/own" { &["max-age=1"] } else { &[] };
        assert_eq!(plain.all("strict-transport-security"), own, "{path}");
    }
    let finished = https.curl("app.test", "/", &["--http2", "-D", "-", "-o", "out"]).await;
    assert!(finished.stdout.contains(&format!("strict-transport-security: {YEAR}")), "{finished:?}");
    // What no site answers for is nobody's promise.
    let mut other = https.client().raw(https.addr(), "app.test").await;
    other.send("GET / HTTP/1.1\r\nHost: other.test\r\n\r\n").await;
    let answer = other.answer().await;
    assert_eq!((answer.status, answer.all("strict-transport-security").len()), (421, 0), "{}", answer.head);
}

#[tokio::test]
async fn a_redirect_says_no_hsts_and_its_target_does() {
    let https = Https::with(
        app().with("hsts: { max_age: 2d, include_subdomains: true }").with("redirect_to_https: true"),
        "",
    )
    .await;
    let answer = get(https.plain(), "app.test", "/").await;
    assert_eq!((answer.status, answer.all("strict-transport-security").len()), (308, 0), "{}", answer.head);
    let answer = https.client().get(https.addr(), "app.test", "/").await;
    assert_eq!(answer.header("strict-transport-security"), Some("max-age=172800; includeSubDomains"));
}

#[tokio::test]
async fn hsts_can_be_taken_back_and_asks_for_preload() {
    for (hsts, said) in [
        ("{ max_age: 0 }", "max-age=0"),
        (
            "{ max_age: 400d, include_subdomains: true, preload: true }",
            "max-age=34560000; includeSubDomains; preload",
        ),
    ] {
        let https = Https::with(app().with(&format!("hsts: {hsts}")), "").await;
        let answer = https.client().get(https.addr(), "app.test", "/").await;
        assert_eq!(answer.header("strict-transport-security"), Some(said));
    }
}

#[tokio::test]
async fn a_site_without_a_certificate_of_its_own_redirects_to_the_one_that_covers_it() {
    let (authority, folder) = (Authority::new("Test"), folder());
    authority.server(&["*.wild.test"]).write(folder.path(), "wild");
    let upstream = Upstream::start("one").await;
    let yaml = sites(&upstream, &[Site::new("*.wild.test", "wild")], "")
        + "  - hosts: [www.wild.test]\n    redirect_to_https: { port: 443 }\n    routes: [{ path: /, service: app }]\n";
    let mizan = Launch::default().listeners(2).start_in(folder, &yaml).await;
    let https = Https { mizan, authority, upstream };
    let answer = get(https.plain(), "www.wild.test", "/x").await;
    assert_eq!((answer.status, location(&answer)), (308, "https://www.wild.test/x"));
    assert_eq!(https.client().get(https.addr(), "www.wild.test", "/x").await.text(), "one");
    assert_eq!(get(https.plain(), "shop.wild.test", "/x").await.text(), "one", "that site redirects nothing");
}
