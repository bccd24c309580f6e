//! The authorities and DNS servers of the ACME tests themselves.

use base64::Engine as _;
use mizan_tests::acme::caddy::CaddyClient;
use mizan_tests::acme::fake::{Endpoint, Say, Window};
use mizan_tests::acme::fetch::{body, try_get};
use mizan_tests::acme::hook::Hook;
use mizan_tests::acme::process::Process;
use mizan_tests::acme::served::{Shown, shown};
use mizan_tests::acme::{Ca, CaddyCa, Challtestsrv, Edge, FakeCa, Named, Pebble, Port, Ports, Tmpfs};
use mizan_tests::cli::run;
use mizan_tests::{Authority, TlsClient, dnsmasq};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};
use tokio::process::Command;

const DAY: Duration = Duration::from_secs(86_400);

/// The address and the path of a directory, and a client that trusts it.
fn way(ca: &impl Ca) -> (TlsClient, SocketAddr, String) {
    let url = ca.directory();
    let rest = url.strip_prefix("https://").expect("an https URL");
    let (host, path) = rest.split_once('/').expect("a path");
    let addr = host.replace("localhost", "127.0.0.1").parse().expect("an address");
    (TlsClient::trusting(&ca.ca_pem()), addr, format!("/{path}"))
}

async fn directory(ca: &impl Ca) -> Value {
    let (client, addr, path) = way(ca);
    let text = body(&client, addr, &path).await.expect("a directory");
    serde_json::from_str(&text).expect("JSON")
}

/// What a client that signs nothing says: the fake does not look.
async fn post(
    ca: &FakeCa,
    path: &str,
    payload: &Value,
) -> Result<mizan_tests::Answer, mizan_tests::raw::Broken> {
    let coded = |value: &Value| base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let protected = json!({ "alg": "ES256", "jwk": { "kty": "EC" } });
    let body =
        json!({ "protected": coded(&protected), "payload": coded(payload), "signature": "" }).to_string();
    let (client, addr, _) = way(ca);
    let mut raw = client.raw(addr, "localhost").await.patience(Duration::from_millis(300));
    let length = body.len();
    raw.send(format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n{body}"))
        .await;
    raw.try_answer("POST").await
}

#[tokio::test]
async fn reserved_ports_are_nobody_elses() {
    let ports: Vec<Port> = (0..20).map(|_| Port::reserve()).collect();
    let mut numbers: Vec<u16> = ports.iter().map(Port::number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), 20, "each is given once");
    assert!(numbers.iter().all(|number| *number < 32_768), "{numbers:?}");
    for port in &ports {
        std::net::TcpListener::bind(port.addr()).expect("it is free");
    }
}

#[tokio::test]
#[should_panic(expected = "what is wrong")]
async fn a_program_that_ends_is_told_with_its_words() {
    let mut command = Command::new("sh");
    command.args(["-c", "echo what is wrong >&2; exit 3"]);
    let mut process = Process::start(command, "install a shell");
    process.log().wait_for("wrong", Duration::from_secs(5)).await;
    mizan_tests::eventually("it ends", Duration::from_secs(5), async || {
        process.must_live();
        false
    })
    .await;
}

#[tokio::test]
async fn pebble_answers_and_counts_and_forgets() {
    let mut pebble = Pebble::at(&Ports::reserve()).validity(6).block("blocked.example.test").start().await;
    assert!(directory(&pebble).await["newOrder"].as_str().is_some_and(|url| url.ends_with("/order-plz")));
    assert_eq!((pebble.orders(), pebble.issued()), (0, 0));
    assert!(pebble.log().has("certificate validity period of 6 seconds"), "{}", pebble.log().text());
    let roots = pebble.roots().await;
    assert!(pebble.intermediates().await.contains("BEGIN CERTIFICATE"));
    let before = pebble.directory();
    pebble.restart().await;
    assert_eq!(pebble.directory(), before, "it is where it was");
    assert_ne!(pebble.roots().await, roots, "and another");
    pebble.stop().await;
    let (client, addr, path) = way(&pebble);
    assert!(try_get(&client, addr, "localhost", &path).await.is_none(), "it is gone");
}

#[tokio::test]
async fn pebble_wants_an_external_account() {
    let key = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";
    let pebble = Pebble::at(&Ports::reserve()).external_account("kid-1", key).start().await;
    assert_eq!(directory(&pebble).await["meta"]["externalAccountRequired"], true);
}

#[tokio::test]
async fn challtestsrv_takes_records() {
    let dns = Challtestsrv::start().await;
    let ask = async |name: &str, kind: &str| {
        let (addr, port) = (format!("@{}", dns.dns_addr().ip()), dns.dns_addr().port().to_string());
        let words = [addr.as_str(), "-p", &port, "+noall", "+answer", "+comments", name, kind];
        run("dig", Path::new("/"), &words, &[]).await.stdout
    };
    assert!(ask("a.example.test", "A").await.contains("127.0.0.1"));
    dns.set_a("a.example.test", &["203.0.113.9"]).await;
    assert!(ask("a.example.test", "A").await.contains("203.0.113.9"));
    dns.set_txt("_acme-challenge.a.example.test", "first").await;
    assert!(ask("_acme-challenge.a.example.test", "TXT").await.contains("first"));
    dns.clear_txt("_acme-challenge.a.example.test").await;
    assert!(!ask("_acme-challenge.a.example.test", "TXT").await.contains("first"));
    dns.set_caa("a.example.test", "other-ca.test").await;
    assert!(ask("a.example.test", "CAA").await.contains("other-ca.test"));
    dns.servfail("b.example.test").await;
    assert!(ask("b.example.test", "A").await.contains("SERVFAIL"));
    dns.clear_servfail("b.example.test").await;
    assert!(ask("b.example.test", "A").await.contains("127.0.0.1"));
}

#[tokio::test]
async fn the_hook_writes_what_it_is_told() {
    let (dns, folder) = (Challtestsrv::start().await, mizan_tests::https::folder());
    let hook = Hook::write(folder.path(), &dns);
    let call = async |words: &[&str]| run("./dns-hook", folder.path(), words, &[]).await;
    for name in ["_acme-challenge.example.test", "_acme-challenge.example.test."] {
        assert_eq!(call(&["present", name, "a value"]).await.code, Some(0));
        let port = dns.dns_addr().port().to_string();
        let seen = run("dig", folder.path(), &["@127.0.0.1", "-p", &port, "+short", name, "TXT"], &[]).await;
        assert_eq!(seen.stdout.trim(), "\"a value\"");
        assert_eq!(call(&["cleanup", name, "a value"]).await.code, Some(0));
    }
    assert_eq!(call(&["wrong"]).await.code, Some(2));
    assert_eq!(hook.calls()[0], "present _acme-challenge.example.test a value");
    assert_eq!(hook.calls().len(), 5);
}

#[tokio::test]
async fn caddy_answers() {
    let caddy = CaddyCa::start().await;
    let directory = directory(&caddy).await;
    assert!(directory["newOrder"].as_str().is_some_and(|url| url.contains("/acme/local/")), "{directory}");
    assert!(caddy.roots().contains("BEGIN CERTIFICATE"));
}

#[tokio::test]
async fn named_takes_an_update_that_is_signed() {
    let named = Named::start("example.test").await;
    assert_eq!(dnsmasq::ask(named.addr(), "api.example.test").await, Some(1), "every name is there");
    let record = "_acme-challenge.example.test";
    named.update(&format!("update add {record} 1 TXT \"first\"")).await.expect("it is signed");
    named.update(&format!("update add {record} 1 TXT \"second\"")).await.expect("it is signed");
    let mut seen = named.txt(record).await;
    seen.sort();
    assert_eq!(seen, ["first", "second"]);
    named.update(&format!("update delete {record} TXT \"first\"")).await.expect("it is signed");
    assert_eq!(named.txt(record).await, ["second"]);
    let port = named.addr().port();
    let script = format!("server 127.0.0.1 {port}\nzone example.test\nupdate delete {record}\nsend\n");
    std::fs::write(named.folder().join("unsigned"), script).expect("written");
    let refused = run("nsupdate", named.folder(), &["unsigned"], &[]).await;
    assert!(refused.stderr.contains("REFUSED"), "{refused:?}");
    assert_eq!(named.txt(record).await, ["second"]);
}

#[tokio::test]
async fn the_fake_signs_what_it_is_asked_to_and_remembers_it() {
    let fake = FakeCa::start().await;
    let order = json!({ "identifiers": [{ "type": "dns", "value": "a.example.test" }], "replaces": "x.y" });
    assert_eq!(post(&fake, "/account", &json!({})).await.expect("an answer").status, 201);
    assert_eq!(post(&fake, "/account", &json!({})).await.expect("an answer").status, 200, "it is known");
    let made = post(&fake, "/order", &order).await.expect("an answer");
    assert_eq!(made.status, 201);
    let made: Value = serde_json::from_str(&made.text()).expect("JSON");
    assert_eq!(made["status"], "ready");
    let authorization = post(&fake, "/authorization/1/0", &Value::Null).await.expect("an answer").text();
    assert!(authorization.contains("a.example.test") && authorization.contains("valid"), "{authorization}");

    let key = rcgen::KeyPair::generate().expect("a key");
    let params = rcgen::CertificateParams::new(vec!["a.example.test".to_owned()]).expect("names");
    let csr = params.serialize_request(&key).expect("a request");
    let csr = base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(csr.der());
    fake.validity(DAY, 2 * DAY);
    let done = post(&fake, "/finalize/1", &json!({ "csr": csr })).await.expect("an answer").text();
    assert!(done.contains("certificate/1"), "{done}");
    let chain = post(&fake, "/certificate/1", &Value::Null).await.expect("an answer").text();
    let leaf = <rustls::pki_types::CertificateDer<'_> as rustls::pki_types::pem::PemObject>::from_pem_slice(
        chain.as_bytes(),
    );
    let leaf = Shown::of(leaf.expect("a certificate"));
    assert_eq!(leaf.names, ["a.example.test"]);
    assert_eq!(leaf.not_after - leaf.not_before, 3 * 86_400);

    assert_eq!((fake.accounts(), fake.orders(), fake.issued(), fake.asked_for_orders()), (1, 1, 1, 1));
    assert_eq!(fake.last_order(), order);
}

#[tokio::test]
async fn the_fake_errs_as_told() {
    let fake = FakeCa::start().await;
    let retry_after = Duration::from_secs(90);
    let refused = Say::Problem { status: 400, kind: "rejectedIdentifier", detail: "not that one" };
    fake.once(Endpoint::NewOrder, Say::TooMany { retry_after }).once(Endpoint::NewOrder, refused);
    fake.once(Endpoint::NewOrder, Say::Lost).once(Endpoint::NewOrder, Say::Html(503));
    fake.on(Endpoint::NewAccount, Say::Mute);
    let order = async || post(&fake, "/order", &json!({ "identifiers": [] })).await;
    let limited = order().await.expect("an answer");
    assert_eq!((limited.status, limited.header("retry-after")), (429, Some("90")));
    assert!(limited.text().contains("urn:ietf:params:acme:error:rateLimited"));
    assert!(order().await.expect("an answer").text().contains("rejectedIdentifier"));
    assert_eq!(fake.orders(), 0);
    order().await.expect_err("the answer is lost");
    assert_eq!(fake.orders(), 1, "and the order is made");
    let html = order().await.expect("an answer");
    assert_eq!((html.status, html.header("content-type")), (503, Some("text/html")));
    assert_eq!(order().await.expect("an answer").status, 201);
    assert_eq!(fake.asked_for_orders(), 5);
    let begin = Instant::now();
    post(&fake, "/account", &json!({})).await.expect_err("it is mute");
    assert!(begin.elapsed() >= Duration::from_millis(300));
    assert_eq!(post(fake.behave(), "/account", &json!({})).await.expect("an answer").status, 201);
}

#[tokio::test]
async fn the_fake_says_what_its_directory_offers() {
    let fake = FakeCa::start().await;
    let before = directory(&fake).await;
    assert!(before["renewalInfo"].is_null() && before["meta"]["profiles"].is_null(), "{before}");
    let start = SystemTime::UNIX_EPOCH + 30_000 * DAY;
    fake.profiles(&["shortlived"]).caa_identity("ca.example.test");
    fake.window(Window { start, end: start + DAY, retry_after: Duration::from_secs(60) });
    let after = directory(&fake).await;
    assert!(after["meta"]["profiles"]["shortlived"].is_string(), "{after}");
    assert_eq!(after["meta"]["caaIdentities"][0], "ca.example.test");
    let (client, addr, _) = way(&fake);
    let answer = client.get(addr, "localhost", "/ari/any").await;
    assert_eq!(answer.header("retry-after"), Some("60"));
    assert!(answer.text().contains("\"start\":\"2052-02-20T00:00:00Z\""), "{}", answer.text());
    assert_eq!(fake.requests_to(Endpoint::RenewalInfo).len(), 1);
}

/// By Caddy, which knows none of our own ideas of ACME.
async fn another_client_is_served(ca: &impl Ca, ports: &Ports, roots: &str, challenge: &str) -> Shown {
    let caddy = CaddyClient::start(ports, "api.example.test", ca, challenge);
    let client = TlsClient::trusting(roots);
    let begin = Instant::now();
    loop {
        let answer = try_get(&client, ports.https.addr(), "api.example.test", "/").await;
        if answer.is_some_and(|answer| answer.text() == "caddy") {
            return shown(ports.https.addr(), "api.example.test").await.expect("a handshake");
        }
        assert!(begin.elapsed() < Duration::from_secs(20), "it prints:\n{}", caddy.log().text());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn pebble_issues_to_another_client() {
    for challenge in ["http", "tls-alpn"] {
        let ports = Ports::reserve();
        let pebble = Pebble::at(&ports).validity(3600).start().await;
        let roots = pebble.roots().await;
        let shown = another_client_is_served(&pebble, &ports, &roots, challenge).await;
        assert_eq!((pebble.orders(), pebble.issued()), (1, 1), "{}", pebble.log().text());
        assert_eq!(shown.names, ["api.example.test"]);
        assert!((3599..=3600).contains(&(shown.not_after - shown.not_before)), "{shown:?}");
        assert!(shown.issuer.contains("Pebble Intermediate"), "{shown:?}");
    }
}

#[tokio::test]
async fn the_fake_issues_to_another_client() {
    let (ports, fake) = (Ports::reserve(), FakeCa::start().await);
    let now = SystemTime::now();
    fake.window(Window { start: now + DAY, end: now + 2 * DAY, retry_after: Duration::from_secs(3600) });
    another_client_is_served(&fake, &ports, &fake.roots(), "http").await;
    assert_eq!((fake.accounts(), fake.orders(), fake.issued()), (1, 1, 1));
    assert_eq!(fake.last_order()["identifiers"][0]["value"], "api.example.test");
}

/// Skipped where nothing may be mounted.
#[tokio::test]
async fn a_small_disk_is_filled_and_made_read_only() {
    let Some(disk) = Tmpfs::mount(64) else { return };
    let file = disk.path().join("file");
    disk.fill();
    let full = std::fs::write(&file, [0; 8192]).expect_err("there is no room");
    assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    disk.empty();
    std::fs::write(&file, "text").expect("there is room");
    disk.set_writable(false).await;
    let refused = std::fs::write(&file, "other").expect_err("nobody may write");
    assert_eq!(refused.kind(), std::io::ErrorKind::ReadOnlyFilesystem);
    disk.set_writable(true).await;
    std::fs::write(&file, "other").expect("it may be written again");
    let folder = disk.path().to_owned();
    drop(disk);
    assert!(!folder.exists(), "nothing is left behind");
}

#[tokio::test]
async fn what_a_server_shows_is_read() {
    let authority = Authority::new("Test");
    let upstream =
        mizan_tests::Upstream::start_tls("one", &authority.server(&["b.test", "a.test", "127.0.0.1"])).await;
    let seen = shown(upstream.addr(), "a.test").await.expect("a handshake");
    assert_eq!(seen.names, ["127.0.0.1", "a.test", "b.test"]);
    assert_eq!((seen.chain, seen.signed_itself()), (2, false));
    assert!(seen.issuer.contains("Test intermediate"), "{}", seen.issuer);
    let trusting = TlsClient::trusting(&authority.root());
    assert_eq!(trusting.get(upstream.addr(), "a.test", "/").await.status, 200);
    let other = TlsClient::trusting(&Authority::new("Other").root());
    assert!(other.connect(upstream.addr(), "a.test").await.is_err());
}

/// The file that the tests of the proxy write says what it is meant to.
#[tokio::test]
async fn the_file_has_what_was_asked_for() {
    let (edge, fake) = (Edge::new().await, FakeCa::start().await);
    let dns = SocketAddr::from(([127, 0, 0, 1], 53));
    let file =
        edge.file(&fake, dns).site(&["a.example.test", "b.example.test"]).acme("challenges: [http-01]");
    let yaml =
        file.site_with(&["*.example.test"], "redirect_to_https: true").top("tls: { profile: modern }").yaml();
    for line in [
        "    challenges: [http-01]\n",
        "  - hosts: [\"a.example.test\", \"b.example.test\"]\n    tls: acme\n    routes:",
        "  - hosts: [\"*.example.test\"]\n    tls: acme\n    redirect_to_https: true\n    routes:",
        "\ntls: { profile: modern }\ncertificates:\n  acme:\n",
        &format!("    http_port: {}\n    https_port: {}\n", edge.http().port(), edge.https().port()),
    ] {
        assert!(yaml.contains(line), "{line:?} is missing:\n{yaml}");
    }
}
