//! Sessions that are taken up again: across connections, changes, restarts and instances.

use mizan_tests::authority::put;
use mizan_tests::https::{Https, Site, folder, openssl, sites};
use mizan_tests::mizan::Launch;
use mizan_tests::tls::session;
use mizan_tests::{Authority, Raw, TlsClient, Upstream, eventually};
use rustls::HandshakeKind;
use rustls::pki_types::CertificateDer;
use rustls::version::{TLS12, TLS13};
use std::net::SocketAddr;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// A handshake and a request, whose answer comes behind the tickets of TLS 1.3. True when a session was resumed.
async fn resumes(client: &TlsClient, addr: SocketAddr) -> bool {
    let stream = client.connect(addr, "app.test").await.unwrap_or_else(|e| panic!("TLS to {addr}: {e}"));
    let kind = session(&stream).handshake_kind().expect("the handshake is done");
    let mut raw = Raw::over(stream);
    raw.send("GET / HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n").await;
    assert_eq!(raw.answer().await.status, 200);
    kind == HandshakeKind::Resumed
}

/// Clients of TLS 1.2 and 1.3, which remember sessions apart.
fn clients(authority: &Authority) -> [TlsClient; 2] {
    [&TLS12, &TLS13].map(|version| TlsClient::with(authority, None, &[version]))
}

/// The certificate that a new client is shown.
async fn served(https: &Https) -> CertificateDer<'static> {
    let client = https.client().without_resumption();
    let stream = client.connect(https.addr(), "app.test").await.expect("it serves");
    let chain = session(&stream).peer_certificates().expect("a server shows a certificate");
    chain.first().expect("its own is the first").clone().into_owned()
}

#[tokio::test]
async fn sessions_of_both_versions_are_resumed() {
    let https = Https::start("").await;
    for client in clients(&https.authority) {
        assert!(!resumes(&client, https.addr()).await, "the first one is new");
        for _ in 0..3 {
            assert!(resumes(&client, https.addr()).await);
        }
    }
}

#[tokio::test]
async fn openssl_resumes_sessions_of_both_versions_before_and_after_a_reload() {
    let mut https = Https::start("").await;
    for version in ["-tls1_2", "-tls1_3"] {
        let first = https.openssl("app.test", &format!("{version} -sess_out session")).await;
        assert!(first.stdout.contains("New, TLSv1"), "{version}: {first:?}");
        let second = https.openssl("app.test", &format!("{version} -sess_in session")).await;
        assert!(second.stdout.contains("Reused, TLSv1"), "{version}: {second:?}");
        assert!(second.stdout.contains("HTTP/1.1 200"), "{version}: {second:?}");
        let limits = format!("limits: {{ streams: {} }}", 90 + version.len());
        https.mizan.reload(&sites(&https.upstream, &[Site::new("app.test", "app")], &limits)).await;
        let third = https.openssl("app.test", &format!("{version} -sess_in session")).await;
        assert!(third.stdout.contains("Reused, TLSv1"), "{version}, after a reload: {third:?}");
    }
}

#[tokio::test]
async fn sessions_survive_a_reload_and_a_new_certificate() {
    let mut https = Https::start("").await;
    let clients = clients(&https.authority);
    for client in &clients {
        resumes(client, https.addr()).await;
    }
    https
        .mizan
        .reload(&sites(&https.upstream, &[Site::new("app.test", "app")], "limits: { streams: 99 }"))
        .await;
    for client in &clients {
        assert!(resumes(client, https.addr()).await, "after a reload");
    }
    let next = https.authority.server(&["app.test"]);
    next.write(https.mizan.folder(), "app");
    eventually("the new one is served", 8 * SECOND, || async { served(&https).await == next.der }).await;
    for client in &clients {
        assert!(resumes(client, https.addr()).await, "after a new certificate");
    }
}

#[tokio::test]
async fn a_site_does_not_resume_what_another_name_began_unless_it_is_for_it() {
    let (authority, folder) = (Authority::new("Test"), folder());
    authority.server(&["app.test"]).write(folder.path(), "app");
    authority.server(&["other.test"]).write(folder.path(), "other");
    let sites = [Site::new("app.test", "app"), Site::new("other.test", "other")];
    let https = Https::start_in(folder, authority, &sites, "").await;
    for version in ["-tls1_2", "-tls1_3"] {
        https.openssl("app.test", &format!("{version} -sess_out session")).await;
        let second = https.openssl("other.test", &format!("{version} -sess_in session")).await;
        // RFC 6066, 3: a session is not resumed for another name.
        assert!(second.stdout.contains("New, TLSv1"), "{version}: {second:?}");
    }
}

/// Two instances and what is behind them.
struct Two {
    authority: Authority,
    upstream: Upstream,
    top: &'static str,
}

impl Two {
    fn new(top: &'static str, upstream: Upstream) -> Self {
        Self { authority: Authority::new("Test"), upstream, top }
    }

    async fn start(&self) -> mizan_tests::Mizan {
        let folder = folder();
        self.authority.server(&["app.test"]).write(folder.path(), "app");
        put(&folder.path().join("ticket.key"), SECRET);
        self.start_in(folder).await
    }

    async fn start_in(&self, folder: tempfile::TempDir) -> mizan_tests::Mizan {
        let yaml = sites(&self.upstream, &[Site::new("app.test", "app")], self.top);
        Launch::default().listeners(2).start_in(folder, &yaml).await
    }
}

#[tokio::test]
async fn instances_with_one_ticket_key_resume_each_others_sessions_also_after_a_restart() {
    let two = Two::new("tls: { ticket_key: ticket.key }", Upstream::start("one").await);
    let (one, other) = (two.start().await, two.start().await);
    let clients = clients(&two.authority);
    for client in &clients {
        assert!(!resumes(client, one.addresses()[1]).await);
        assert!(resumes(client, other.addresses()[1]).await, "at the other instance");
        assert!(resumes(client, one.addresses()[1]).await, "and back");
    }
    let again = two.start_in(one.kill().await).await;
    for client in &clients {
        assert!(resumes(client, again.addresses()[1]).await, "after a restart");
    }
}

#[tokio::test]
async fn without_a_ticket_key_a_restart_and_another_instance_begin_anew() {
    let two = Two::new("", Upstream::start("one").await);
    let (one, other) = (two.start().await, two.start().await);
    let clients = clients(&two.authority);
    for client in &clients {
        resumes(client, one.addresses()[1]).await;
        assert!(resumes(client, one.addresses()[1]).await);
    }
    let again = two.start_in(one.kill().await).await;
    for client in &clients {
        assert!(!resumes(client, again.addresses()[1]).await, "after a restart");
        assert!(!resumes(client, other.addresses()[1]).await, "at another instance");
    }
}

#[tokio::test]
async fn a_ticket_that_was_tampered_with_is_a_full_handshake_not_an_error() {
    let https = Https::start("").await;
    let (addr, path) = (https.addr(), https.mizan.folder());
    let first = openssl(addr, path, "app.test", "-tls1_2 -sess_out session").await;
    assert!(first.stdout.contains("New, TLSv1.2"), "{first:?}");
    let text = std::fs::read_to_string(path.join("session")).expect("openssl wrote it");
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    // The ticket is the last long field; the line before the last of the contents is well within it.
    let line = lines.len() - 3;
    let other = if lines[line].starts_with('A') { "B" } else { "A" };
    lines[line].replace_range(..1, other);
    std::fs::write(path.join("session"), lines.join("\n") + "\n").expect("written");
    let second = openssl(addr, path, "app.test", "-tls1_2 -sess_in session").await;
    assert!(!second.stdout.contains("Reused"), "{second:?}");
}

#[tokio::test]
async fn a_ticket_key_that_is_too_short_or_missing_refuses_the_start() {
    let folder = folder();
    let authority = Authority::new("Test");
    authority.server(&["app.test"]).write(folder.path(), "app");
    put(&folder.path().join("short.key"), "too short");
    let upstream = Upstream::start("one").await;
    for key in ["short.key", "missing.key"] {
        let yaml =
            sites(&upstream, &[Site::new("app.test", "app")], &format!("tls: {{ ticket_key: {key} }}"));
        put(&folder.path().join("mizan.yml"), &yaml);
        for verb in ["check", "run"] {
            let finished = mizan_tests::cli::mizan(folder.path(), &[verb], &[]).await;
            assert_eq!(finished.code, Some(1), "{verb}: {finished:?}");
            assert!(finished.stderr.contains(key), "{verb}: {finished:?}");
        }
    }
}
