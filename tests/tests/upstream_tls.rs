//! TLS to endpoints: who is believed, who is told what, and that connections are kept apart.

use mizan_api::EndpointState;
use mizan_tests::cli::run;
use mizan_tests::mizan::Launch;
use mizan_tests::nginx::Nginx;
use mizan_tests::{Authority, Mizan, Script, Upstream, eventually};
use std::net::SocketAddr;
use std::time::Duration;
use tempfile::TempDir;

const SECOND: Duration = Duration::from_secs(1);

/// A folder with this authority's root as `ca.pem`.
fn folder_with(authority: &Authority) -> TempDir {
    let folder = tempfile::Builder::new().prefix("mzt").tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("ca.pem"), authority.root()).expect("write the root");
    folder
}

/// One service at this endpoint with these further lines.
fn config(endpoint: SocketAddr, service: &str) -> String {
    mizan_tests::mizan::one_service_at(&format!("\"{endpoint}\""), service, "")
}

async fn before(authority: &Authority, endpoint: SocketAddr, service: &str) -> Mizan {
    Launch::default().start_in(folder_with(authority), &config(endpoint, service)).await
}

#[tokio::test]
async fn an_endpoint_is_verified_by_its_authority_and_its_connection_kept() {
    let inside = Authority::new("inside");
    let upstream = Upstream::start_tls("one", &inside.server(&["127.0.0.1"])).await;
    let mizan = before(&inside, upstream.addr(), "tls: { ca: ca.pem }").await;
    for _ in 0..10 {
        assert_eq!(mizan.get("/").await.text(), "one");
    }
    // A request may come before the last one's connection is back.
    assert!(upstream.connection_count() <= 3, "{} connections for 10 requests", upstream.connection_count());
    assert_eq!(upstream.last_request().line(), "GET / HTTP/1.1");
    upstream.on("/big", Script::big(4 << 20));
    let big = mizan.get("/big").await;
    assert!(big.status == 200 && big.check.is_whole(4 << 20), "{:?}", big.check);
}

#[tokio::test]
async fn who_cannot_prove_who_it_is_gets_no_request() {
    let (inside, other) = (Authority::new("inside"), Authority::new("other"));
    let upstream = Upstream::start_tls("one", &inside.server(&["one.internal"])).await;
    for (what, service) in [
        ("the system's roots", "tls: { server_name: one.internal }"),
        ("another authority", "tls: { ca: ca.pem, server_name: one.internal }"),
        ("another name", "tls: { ca: own.pem, server_name: two.internal }"),
        ("an address that is not in it", "tls: { ca: own.pem }"),
    ] {
        let folder = folder_with(&other);
        std::fs::write(folder.path().join("own.pem"), inside.root()).expect("write the root");
        let mizan = Launch::default().start_in(folder, &config(upstream.addr(), service)).await;
        assert_eq!(mizan.get("/").await.status, 502, "{what}");
        mizan.log().wait_for_all(&["its certificate cannot be verified", "502"]).await;
    }
    assert_eq!(upstream.request_count(), 0);
}

#[tokio::test]
async fn a_certificate_that_has_expired_is_none() {
    let inside = Authority::new("inside");
    let wanted = mizan_tests::authority::Wanted::server(&["127.0.0.1"]).until(2021, 1, 1);
    let upstream = Upstream::start_tls("one", &inside.issue(&wanted)).await;
    let mizan = before(&inside, upstream.addr(), "tls: { ca: ca.pem }").await;
    assert_eq!(mizan.get("/").await.status, 502);
    assert_eq!(upstream.request_count(), 0);
}

#[tokio::test]
async fn the_name_may_be_another_than_the_address_and_verification_may_be_off() {
    let inside = Authority::new("inside");
    let upstream = Upstream::start_tls("one", &inside.server(&["one.internal"])).await;
    for service in ["tls: { ca: ca.pem, server_name: one.internal }", "tls: { verify: false }"] {
        let mizan = before(&inside, upstream.addr(), service).await;
        assert_eq!(mizan.get("/").await.text(), "one", "{service}");
    }
}

#[tokio::test]
async fn tls_to_an_endpoint_that_speaks_none_is_502_and_so_is_the_other_way_round() {
    let inside = Authority::new("inside");
    let (plain, secure) =
        (Upstream::start("plain").await, Upstream::start_tls("tls", &inside.server(&["127.0.0.1"])).await);
    plain.otherwise(Script::hang());
    let mizan = before(&inside, plain.addr(), "tls: { ca: ca.pem }\ntimeouts: { connect: 500ms }").await;
    assert!([502, 504].contains(&mizan.get("/").await.status));
    let mizan = before(&inside, secure.addr(), "").await;
    assert_eq!(mizan.get("/").await.status, 502);
    assert_eq!(secure.request_count(), 0);
}

#[tokio::test]
async fn a_client_certificate_is_shown_to_who_asks() {
    let inside = Authority::new("inside");
    let issued = inside.server(&["127.0.0.1"]);
    let root = inside.root();
    let files = [("s.pem", issued.chain.as_str()), ("s.key", &issued.key), ("ca.pem", &root)];
    let server = "ssl_certificate s.pem; ssl_certificate_key s.key;\n\
                  ssl_verify_client on; ssl_verify_depth 3; ssl_client_certificate ca.pem;\n\
                  location / { return 200 \"$ssl_client_s_dn $ssl_client_verify\"; }";
    let nginx = Nginx::start_by("ssl", server, &files).await;
    let folder = folder_with(&inside);
    inside.client("mizan-edge").write(folder.path(), "client");
    let service = "tls: { ca: ca.pem, certificate: client.pem, key: client.key }";
    let mizan = Launch::default().start_in(folder, &config(nginx.addr(), service)).await;
    assert_eq!(mizan.get("/").await.text(), "CN=mizan-edge SUCCESS");
    // Without one nginx refuses by itself.
    let mizan = before(&inside, nginx.addr(), "tls: { ca: ca.pem }").await;
    assert_eq!(mizan.get("/").await.status, 400);
}

#[tokio::test]
async fn services_that_trust_differently_share_no_connection() {
    let (inside, other) = (Authority::new("inside"), Authority::new("other"));
    let upstream = Upstream::start_tls("one", &inside.server(&["127.0.0.1"])).await;
    let folder = folder_with(&inside);
    std::fs::write(folder.path().join("other.pem"), other.root()).expect("write the root");
    let address = upstream.addr();
    let text = format!(
        "services:\n  \
           good: {{ endpoints: \"{address}\", tls: {{ ca: ca.pem }} }}\n  \
           bad: {{ endpoints: \"{address}\", tls: {{ ca: other.pem }} }}\n\
         sites:\n  - hosts: [\"*\"]\n    routes:\n      \
           - {{ path: /good, service: good }}\n      - {{ path: /bad, service: bad }}\n"
    );
    let mizan = Launch::default().start_in(folder, &text).await;
    for _ in 0..5 {
        assert_eq!(mizan.get("/good").await.status, 200);
        assert_eq!(mizan.get("/bad").await.status, 502);
    }
    assert!(upstream.requests_for("/bad").is_empty());
}

#[tokio::test]
async fn another_authority_after_a_reload_means_new_connections() {
    let (inside, other) = (Authority::new("inside"), Authority::new("other"));
    let upstream = Upstream::start_tls("one", &inside.server(&["127.0.0.1"])).await;
    let folder = folder_with(&inside);
    std::fs::write(folder.path().join("other.pem"), other.root()).expect("write the root");
    let text = config(upstream.addr(), "tls: { ca: ca.pem }");
    let mut mizan = Launch::default().start_in(folder, &text).await;
    assert_eq!(mizan.get("/").await.status, 200);
    mizan.reload(&config(upstream.addr(), "tls: { ca: ca.pem }\nbalance: round_robin")).await;
    assert_eq!(mizan.get("/").await.status, 200);
    assert_eq!(upstream.connection_count(), 1, "what has not changed keeps its connections");
    mizan.reload(&config(upstream.addr(), "tls: { ca: other.pem }")).await;
    assert_eq!(mizan.get("/").await.status, 502);
    // The same path with other contents.
    std::fs::write(mizan.folder().join("other.pem"), inside.root()).expect("write the root");
    mizan.reload(&config(upstream.addr(), "tls: { ca: other.pem }")).await;
    assert_eq!(mizan.get("/").await.status, 200);
    assert_eq!(upstream.request_count(), 3);
}

#[tokio::test]
async fn auto_speaks_http_1_where_the_endpoint_knows_no_other_and_h2_insists() {
    let inside = Authority::new("inside");
    let upstream = Upstream::start_tls("one", &inside.server(&["127.0.0.1"])).await;
    let mizan = before(&inside, upstream.addr(), "protocol: auto\ntls: { ca: ca.pem }").await;
    // One client connection: a client of its own may ask before the last one's has gone back to the pool.
    let mut client = mizan.connect().await;
    for _ in 0..5 {
        client.send("GET / HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
        assert_eq!(client.answer().await.text(), "one");
    }
    assert_eq!((upstream.last_request().line(), upstream.connection_count()), ("GET / HTTP/1.1", 1));
    let mizan = before(&inside, upstream.addr(), "protocol: h2\ntls: { ca: ca.pem }").await;
    assert_eq!(mizan.get("/").await.status, 502);
    assert_eq!(upstream.request_count(), 5);
}

const WEBSOCKET: &str = "GET /ws HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

#[tokio::test]
async fn a_websocket_passes_over_tls_whatever_the_protocol_may_be() {
    let inside = Authority::new("inside");
    let upstream = Upstream::start_tls("one", &inside.server(&["127.0.0.1"])).await;
    upstream.on("/ws", Script::upgrade("websocket"));
    for service in ["tls: { ca: ca.pem }", "protocol: auto\ntls: { ca: ca.pem }"] {
        let mizan = before(&inside, upstream.addr(), service).await;
        mizan.get("/").await;
        let mut raw = mizan.connect().await;
        raw.send(WEBSOCKET).await;
        assert_eq!(raw.answer().await.status, 101, "{service}");
        for text in ["hello", "again"] {
            raw.send(text).await;
            assert_eq!(raw.read_until(text).await, text);
        }
        drop(raw);
        mizan.is_quiet().await;
    }
}

#[tokio::test]
async fn an_upgrade_over_tls_while_others_go_by_h2() {
    let inside = Authority::new("inside");
    let issued = inside.server(&["127.0.0.1"]);
    let files = [("s.pem", issued.chain.as_str()), ("s.key", &issued.key)];
    let server = "ssl_certificate s.pem; ssl_certificate_key s.key;\n\
                  location / { return 200 \"$server_protocol [$http_upgrade]\"; }";
    let nginx = Nginx::start_by("ssl http2", server, &files).await;
    let mizan = before(&inside, nginx.addr(), "protocol: auto\ntls: { ca: ca.pem }").await;
    assert_eq!(mizan.get("/").await.text(), "HTTP/2.0 []");
    let mut raw = mizan.connect().await;
    raw.send(WEBSOCKET).await;
    assert_eq!(raw.answer().await.text(), "HTTP/1.1 [websocket]");
    // `h2` has no upgrades: the request is a plain one.
    let mizan = before(&inside, nginx.addr(), "protocol: h2\ntls: { ca: ca.pem }").await;
    let mut raw = mizan.connect().await;
    raw.send(WEBSOCKET).await;
    assert_eq!(raw.answer().await.text(), "HTTP/2.0 []");
}

#[tokio::test]
async fn checks_speak_as_requests_do() {
    let (inside, other) = (Authority::new("inside"), Authority::new("other"));
    let issued = inside.server(&["127.0.0.1"]);
    let files = [("s.pem", issued.chain.as_str()), ("s.key", &issued.key)];
    let certificate = "ssl_certificate s.pem; ssl_certificate_key s.key;";
    let by_h2 = format!(
        "{certificate} location = /up {{ if ($server_protocol != HTTP/2.0) {{ return 500; }} return 204; }}"
    );
    let h2 = Nginx::start_by("ssl http2", &by_h2, &files).await;
    let h1 = Nginx::start_by("ssl", &format!("{certificate} location = /up {{ return 204; }}"), &files).await;
    let plain_h2 = Nginx::start_by("http2", "location = /up { return 204; }", &[]).await;
    let health = "health: { path: /up, interval: 100ms, timeout: 2s, healthy: 1, unhealthy: 1 }";
    for (endpoint, service, wanted) in [
        (&h1, "tls: { ca: ca.pem }", EndpointState::Up),
        (&h1, "protocol: auto\ntls: { ca: ca.pem }", EndpointState::Up),
        (&h1, "protocol: h2\ntls: { ca: ca.pem }", EndpointState::Unhealthy),
        (&h2, "protocol: auto\ntls: { ca: ca.pem }", EndpointState::Up),
        (&h2, "protocol: h2\ntls: { ca: ca.pem }", EndpointState::Up),
        (&h2, "protocol: h2\ntls: { ca: other.pem }", EndpointState::Unhealthy),
        (&h1, "tls: { ca: ca.pem, server_name: else.test }", EndpointState::Unhealthy),
        (&h1, "tls: { verify: false }", EndpointState::Up),
        (&plain_h2, "protocol: h2", EndpointState::Up),
        (&h1, "protocol: h2", EndpointState::Unhealthy),
    ] {
        let folder = folder_with(&inside);
        std::fs::write(folder.path().join("other.pem"), other.root()).expect("write the root");
        let text = config(endpoint.addr(), &format!("{service}\n{health}"));
        let mizan = Launch::default().start_in(folder, &text).await;
        eventually(format!("{service}: {wanted:?}"), 10 * SECOND, || async {
            mizan.endpoints().await.values().all(|endpoint| endpoint.state == wanted)
        })
        .await;
        if wanted == EndpointState::Unhealthy {
            assert_eq!(mizan.get("/up").await.status, 503, "{service}");
        } else {
            assert_eq!(mizan.get("/up").await.status, 204, "{service}");
        }
    }
}

#[tokio::test]
async fn a_client_of_http_2_reaches_an_endpoint_of_http_1_over_tls() {
    let inside = Authority::new("inside");
    let upstream = Upstream::start_tls("one", &inside.server(&["127.0.0.1"])).await;
    let mizan = before(&inside, upstream.addr(), "tls: { ca: ca.pem }").await;
    let url = format!("http://{}/a?b", mizan.addr());
    let words = ["-sS", "--http2-prior-knowledge", "-w", " %{http_version}", "-d", "hello", &url];
    let finished = run("curl", mizan.folder(), &words, &[]).await;
    assert_eq!(finished.stdout, "one 2", "{}", finished.stderr);
    assert_eq!(upstream.only_request().body, b"hello");
}
