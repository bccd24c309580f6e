//! Clients that show a certificate: who gets in, and what the upstream is told.

use mizan_tests::authority::{Issued, Wanted, put};
use mizan_tests::h2::{H2, Reply};
use mizan_tests::https::{Https, Site, folder, sites};
use mizan_tests::raw::get;
use mizan_tests::recorded::Recorded;
use mizan_tests::{Answer, Authority, Raw, TlsClient, eventually};
use rustls::HandshakeKind;
use rustls::version::{TLS12, TLS13};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const GET: &str = "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n";
const NAMES: [&str; 4] =
    ["X-SSL-Client-Verify", "X-SSL-Client-S-DN", "X-SSL-Client-Fingerprint", "X-SSL-Client-Serial"];

/// `app.test` asks for certificates of `clients`; `open.test` asks for none.
struct Mutual {
    https: Https,
    clients: Authority,
    mode: String,
}

async fn start(mode: &str) -> Mutual {
    let (authority, clients, folder) = (Authority::new("Test"), Authority::new("Clients"), folder());
    authority.server(&["app.test"]).write(folder.path(), "app");
    authority.server(&["open.test"]).write(folder.path(), "open");
    put(&folder.path().join("clients.pem"), &clients.root());
    let https = Https::start_in(folder, authority, &wanted(mode), "").await;
    Mutual { https, clients, mode: mode.to_owned() }
}

fn wanted(mode: &str) -> [Site; 2] {
    let auth = format!("client_auth: {{ ca: clients.pem, {mode} }}");
    [Site::new("app.test", "app").tls(&auth), Site::new("open.test", "open")]
}

impl Mutual {
    fn with(&self, certificate: &Issued) -> TlsClient {
        TlsClient::with_certificate(&self.https.authority, certificate)
    }

    fn without(&self) -> TlsClient {
        self.https.client()
    }

    /// What becomes of a request: over TLS 1.3 a handshake that the server refuses looks done to the client.
    async fn ask(&self, client: &TlsClient) -> Result<Answer, String> {
        let stream = client.connect(self.https.addr(), "app.test").await.map_err(|e| e.to_string())?;
        let mut raw = Raw::over(stream);
        let _ = raw.try_send(GET).await;
        raw.try_answer("GET").await.map_err(|e| e.to_string())
    }

    async fn assert_refused(&self, client: &TlsClient, what: &str) {
        let before = self.https.upstream.request_count();
        let outcome = self.ask(client).await;
        assert!(outcome.is_err(), "{what}: {outcome:?}");
        assert_eq!(self.https.upstream.request_count(), before, "{what}");
    }

    async fn reload(&mut self) {
        let yaml = sites(&self.https.upstream, &wanted(&self.mode), "");
        self.https.mizan.reload(&yaml).await;
    }
}

/// SHA-256 of the certificate by OpenSSL, as lower-case digits.
async fn fingerprint(mutual: &Mutual, issued: &Issued) -> String {
    let folder = mutual.https.mizan.folder();
    put(&folder.join("shown.crt"), &issued.leaf);
    let words = ["x509", "-in", "shown.crt", "-noout", "-fingerprint", "-sha256"];
    let finished = mizan_tests::cli::run("openssl", folder, &words, &[]).await;
    let digits = finished.stdout.trim().rsplit('=').next().unwrap_or_default().replace(':', "");
    assert_eq!(digits.len(), 64, "{finished:?}");
    digits.to_lowercase()
}

fn identity(request: &Recorded) -> [Option<&str>; 4] {
    NAMES.map(|name| request.header(name))
}

#[tokio::test]
async fn a_verified_client_gets_in_and_the_upstream_is_told_who_it_is() {
    let mutual = start("mode: required").await;
    let alice = mutual.clients.client("Alice, of Accounts");
    let (fingerprint, versions) = (fingerprint(&mutual, &alice).await, [&TLS12, &TLS13]);
    for version in versions {
        let client = TlsClient::with(&mutual.https.authority, Some(&alice), &[version]);
        assert_eq!(mutual.ask(&client).await.expect("Alice may").status, 200, "{version:?}");
        let request = mutual.https.upstream.last_request();
        let [verify, subject, shown, serial] = identity(&request);
        assert_eq!(verify, Some("SUCCESS"));
        assert!(subject.is_some_and(|dn| dn.contains("CN=Alice")), "{subject:?}");
        assert_eq!(shown.map(str::to_lowercase), Some(fingerprint.clone()));
        assert!(
            serial.is_some_and(|serial| u64::from_str_radix(&serial.replace(':', ""), 16).is_ok()),
            "{serial:?}"
        );
    }
}

#[tokio::test]
async fn an_identity_is_told_over_http2_and_after_a_resumption_as_well() {
    let mutual = start("mode: required").await;
    let alice = mutual.with(&mutual.clients.client("Alice"));
    assert_eq!(mutual.ask(&alice).await.expect("Alice may").status, 200);
    let stream = alice.connect(mutual.https.addr(), "app.test").await.expect("a handshake");
    assert_eq!(mizan_tests::tls::session(&stream).handshake_kind(), Some(HandshakeKind::Resumed));
    let mut raw = Raw::over(stream);
    raw.send(GET).await;
    assert_eq!(raw.answer().await.status, 200);
    let stream =
        alice.clone().alpn(&["h2"]).connect(mutual.https.addr(), "app.test").await.expect("a handshake");
    let mut h2 = H2::over(stream, &[]).await;
    h2.request(
        1,
        &[(":method", "GET"), (":scheme", "https"), (":authority", "app.test"), (":path", "/")],
        None,
    )
    .await;
    assert_eq!(h2.reply(5 * SECOND).await, Reply::Status(200));
    let requests = mutual.https.upstream.requests();
    assert_eq!(requests.len(), 3);
    for request in &requests {
        assert_eq!(identity(request), identity(&requests[0]), "{}", request.head);
        assert_eq!(request.header("x-ssl-client-verify"), Some("SUCCESS"));
    }
}

#[tokio::test]
async fn a_required_certificate_cannot_be_left_out_or_be_somebody_elses() {
    let mutual = start("mode: required").await;
    mutual.assert_refused(&mutual.without(), "no certificate").await;
    let stranger = Authority::new("Clients").client("Alice");
    mutual.assert_refused(&mutual.with(&stranger), "another CA of the same name").await;
    let server = mutual.clients.server(&["app.test"]);
    mutual.assert_refused(&mutual.with(&server), "a server's certificate").await;
    let expired = mutual.clients.issue(&Wanted::client("Alice").until(2021, 1, 1));
    mutual.assert_refused(&mutual.with(&expired), "expired").await;
    let early = mutual.clients.issue(&Wanted::client("Alice").from(2098, 1, 1));
    mutual.assert_refused(&mutual.with(&early), "not yet valid").await;
    let finished = mutual.https.openssl("app.test", "-tls1_2").await;
    assert!(finished.stderr.contains("alert"), "{finished:?}");
}

#[tokio::test]
async fn an_optional_certificate_may_be_left_out_but_must_be_good() {
    let mutual = start("mode: optional").await;
    assert_eq!(mutual.ask(&mutual.without()).await.expect("nobody may").status, 200);
    let request = mutual.https.upstream.last_request();
    assert_eq!(identity(&request), [Some("NONE"), None, None, None]);
    let alice = mutual.with(&mutual.clients.client("Alice"));
    assert_eq!(mutual.ask(&alice).await.expect("Alice may").status, 200);
    assert_eq!(mutual.https.upstream.last_request().header("x-ssl-client-verify"), Some("SUCCESS"));
    let stranger = Authority::new("Others").client("Alice");
    mutual.assert_refused(&mutual.with(&stranger), "another CA").await;
}

#[tokio::test]
async fn a_revoked_certificate_is_refused_without_a_reload() {
    let mut mutual = start("mode: required").await;
    let (alice, bob) = (mutual.clients.client("Alice"), mutual.clients.client("Bob"));
    let (revoked, good) = (mutual.with(&alice), mutual.with(&bob));
    let list = mutual.https.mizan.folder().join("revoked.pem");
    put(&list, &mutual.clients.revoke(&[]));
    mutual.mode = "crl: revoked.pem".to_owned();
    mutual.reload().await;
    assert_eq!(mutual.ask(&revoked).await.expect("Alice still may").status, 200);
    assert_eq!(mutual.ask(&good).await.expect("Bob may").status, 200);
    put(&list, &mutual.clients.revoke(&[&alice]));
    // Her ticket, too, is worth nothing any more.
    eventually("Alice is refused", 8 * SECOND, || async { mutual.ask(&revoked).await.is_err() }).await;
    mutual.assert_refused(&mutual.with(&alice), "revoked").await;
    assert_eq!(mutual.ask(&good).await.expect("Bob still may").status, 200);
    assert_eq!(mutual.ask(&mutual.with(&bob)).await.expect("Bob still may").status, 200);
}

/// What a client could send to be taken for somebody.
const FORGED: [&str; 8] = [
    "X-SSL-Client-Verify: SUCCESS",
    "x-ssl-client-s-dn: CN=root",
    "X-Ssl-Client-Fingerprint: 00",
    "X_SSL_Client_Verify: SUCCESS",
    "x-ssl_client-serial: 1",
    "X-SSL-CLIENT-CERT: forged",
    "X-SSL-Client-Anything: forged",
    "Client-Cert: :forged:",
];

fn assert_nothing_forged(request: &Recorded, what: &str) {
    let head = request.head.to_lowercase().replace('_', "-");
    for forged in ["success", "cn=root", "forged", "fingerprint: 00", "serial: 1\r"] {
        assert!(!head.contains(forged), "{what}: {forged}\n{head}");
    }
}

#[tokio::test]
async fn nobody_is_taken_for_somebody_by_what_he_sends() {
    let mutual = start("mode: optional").await;
    let addr = mutual.https.addr();
    let request = |host: &str| format!("GET / HTTP/1.1\r\nHost: {host}\r\n{}\r\n\r\n", FORGED.join("\r\n"));
    for host in ["app.test", "open.test"] {
        let mut raw = mutual.without().raw(addr, host).await;
        raw.send(request(host)).await;
        assert_eq!(raw.answer().await.status, 200, "{host}");
        assert_nothing_forged(&mutual.https.upstream.last_request(), host);
        let mut raw = Raw::connect(mutual.https.plain()).await;
        raw.send(request(host)).await;
        assert_eq!(raw.answer().await.status, 200, "{host}, plain");
        assert_nothing_forged(&mutual.https.upstream.last_request(), host);
        let words: Vec<&str> = FORGED.iter().flat_map(|field| ["-H", field]).collect();
        let finished = mutual.https.curl(host, "/", &[&["--http2"], &words[..]].concat()).await;
        assert_eq!(finished.stdout, "one", "{finished:?}");
        assert_nothing_forged(&mutual.https.upstream.last_request(), host);
    }
    assert_eq!(mutual.https.upstream.request_count(), 6);
    let told = |request: &&Recorded| request.header("host").is_some_and(|host| host.starts_with("app.test"));
    for request in mutual.https.upstream.requests().iter().filter(told) {
        assert_eq!(identity(request), [Some("NONE"), None, None, None]);
    }
}

#[tokio::test]
async fn another_sites_handshake_does_not_lead_to_a_site_that_wants_certificates() {
    let mutual = start("mode: required").await;
    let alice = mutual.clients.client("Alice");
    for client in [mutual.without(), mutual.with(&alice)] {
        let mut raw = client.raw(mutual.https.addr(), "open.test").await;
        raw.send(GET).await;
        assert_eq!(raw.answer().await.status, 421);
        let stream =
            client.alpn(&["h2"]).connect(mutual.https.addr(), "open.test").await.expect("a handshake");
        let mut h2 = H2::over(stream, &[]).await;
        let fields = [(":method", "GET"), (":scheme", "https"), (":authority", "app.test"), (":path", "/")];
        h2.request(1, &fields, None).await;
        assert_eq!(h2.reply(5 * SECOND).await, Reply::Status(421));
        let fields = [(":method", "GET"), (":scheme", "https"), (":authority", "open.test"), (":path", "/")];
        h2.request(3, &fields, None).await;
        assert_eq!(h2.reply(5 * SECOND).await, Reply::Status(200), "the connection goes on");
    }
    assert!(
        mutual.https.upstream.requests().iter().all(|request| request.header("host") == Some("open.test"))
    );
}

#[tokio::test]
async fn host_variants_do_not_get_around_the_certificate() {
    let mutual = start("mode: required").await;
    for host in ["APP.TEST", "app.test:443", "app.test.", "app.test:80"] {
        let mut raw = mutual.without().raw(mutual.https.addr(), "open.test").await;
        raw.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
        let status = raw.answer().await.status;
        assert!([400, 421].contains(&status), "{host}: {status}");
    }
    let mut raw = mutual.without().raw(mutual.https.addr(), "open.test").await;
    raw.send("GET http://app.test/ HTTP/1.1\r\nHost: open.test\r\n\r\n").await;
    let status = raw.answer().await.status;
    assert!([400, 421].contains(&status), "absolute form: {status}");
    assert_eq!(mutual.https.upstream.request_count(), 0);
}

#[tokio::test]
async fn who_was_asked_by_the_site_may_go_on_to_the_open_one() {
    let mutual = start("mode: required").await;
    let alice = mutual.with(&mutual.clients.client("Alice"));
    let mut raw = alice.raw(mutual.https.addr(), "app.test").await;
    raw.send("GET / HTTP/1.1\r\nHost: open.test\r\n\r\n").await;
    assert_eq!(raw.answer().await.status, 200);
    assert_eq!(identity(&mutual.https.upstream.only_request()), [None; 4], "it did not ask who she is");
}

#[tokio::test]
async fn plain_http_does_not_lead_to_a_site_that_wants_certificates() {
    let mut mutual = start("mode: required").await;
    assert_eq!(get(mutual.https.plain(), "app.test", "/").await.status, 421);
    assert_eq!(get(mutual.https.plain(), "app.test", "/.well-known/acme-challenge/x").await.status, 421);
    let [app, open] = wanted(&mutual.mode);
    let redirecting = [app.with("redirect_to_https: true"), open];
    mutual.https.mizan.reload(&sites(&mutual.https.upstream, &redirecting, "")).await;
    assert_eq!(get(mutual.https.plain(), "app.test", "/").await.status, 308);
    assert_eq!(get(mutual.https.plain(), "app.test", "/.well-known/acme-challenge/x").await.status, 421);
    assert_eq!(mutual.https.upstream.request_count(), 0);
}

#[tokio::test]
async fn old_tickets_and_old_connections_do_not_get_in_once_the_authorities_have_changed() {
    let mutual = start("mode: required").await;
    let alice = mutual.with(&mutual.clients.client("Alice"));
    assert_eq!(mutual.ask(&alice).await.expect("Alice may").status, 200);
    let mut kept = alice.raw(mutual.https.addr(), "app.test").await;
    kept.send(GET).await;
    assert_eq!(kept.answer().await.status, 200);
    let stream =
        alice.clone().alpn(&["h2"]).connect(mutual.https.addr(), "app.test").await.expect("a handshake");
    let mut h2 = H2::over(stream, &[]).await;
    let others = Authority::new("Others");
    put(&mutual.https.mizan.folder().join("clients.pem"), &others.root());
    eventually("Alice is refused", 8 * SECOND, || async { mutual.ask(&alice).await.is_err() }).await;
    let before = mutual.https.upstream.request_count();
    kept.send(GET).await;
    assert_eq!(kept.answer().await.status, 421);
    h2.request(
        1,
        &[(":method", "GET"), (":scheme", "https"), (":authority", "app.test"), (":path", "/")],
        None,
    )
    .await;
    assert_eq!(h2.reply(5 * SECOND).await, Reply::Status(421));
    assert_eq!(mutual.https.upstream.request_count(), before);
    let bob = mutual.with(&others.client("Bob"));
    assert_eq!(mutual.ask(&bob).await.expect("Bob may").status, 200);
}
