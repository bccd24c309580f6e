//! Certificates from real authorities, by every challenge.

use mizan_api::{CertificateSource, CertificateState};
use mizan_tests::acme::edge::{certificate, certificate_when, failed, issued, now_unix_ms};
use mizan_tests::acme::fetch::try_get;
use mizan_tests::acme::hook::Hook;
use mizan_tests::acme::{Ca, CaddyCa, Edge, Named, Pebble};
use mizan_tests::authority::put;
use mizan_tests::https::folder;
use mizan_tests::mizan::Launch;
use mizan_tests::{Authority, Mizan, TlsClient, eventually};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

const API: &str = "api.example.test";
/// pebble's key of its account `kid-1`.
const KEY: &str = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";

/// A secret in a file of its own.
fn secret(folder: &Path, name: &str, text: &str) {
    put(&folder.join(name), text);
    std::fs::set_permissions(folder.join(name), std::fs::Permissions::from_mode(0o600)).expect("written");
}

/// One name, by these keys of `certificates.acme`; it serves, and took one order.
async fn proves_a_name(acme: &str) -> (Edge, Pebble, Mizan) {
    let edge = Edge::new().await;
    let pebble = Pebble::at(&edge.ports).start().await;
    let mizan = edge.file(&pebble, pebble.dns_addr()).site(&[API]).acme(acme).start().await;
    serves(&edge, &mizan, &pebble.roots().await, &[API]).await;
    assert_eq!((pebble.orders(), pebble.issued()), (1, 1));
    (edge, pebble, mizan)
}

/// Each of the names, by one certificate for all of them that comes from these roots.
async fn serves(edge: &Edge, mizan: &Mizan, roots: &str, names: &[&str]) {
    issued(mizan, names[0]).await;
    for name in names {
        let host = name.replace('*', "any");
        let answer = edge.get_tls(roots, &host, "/").await;
        assert_eq!((answer.status, answer.text().as_str()), (200, "one"), "{host}");
        let mut wanted = names.to_vec();
        wanted.sort_unstable();
        assert_eq!(edge.shown(&host).await.expect("a handshake").names, wanted);
    }
}

#[tokio::test]
async fn a_name_is_proved_by_http_01_alone() {
    let (_edge, pebble, mizan) = proves_a_name("challenges: [http-01]").await;
    let planned = |c: &mizan_api::Certificate| {
        c.renewal.as_ref().and_then(|renewal| renewal.next_unix_ms).is_some_and(|next| next > now_unix_ms())
    };
    let certificate = certificate_when(&mizan, API, "planned", planned).await;
    assert_eq!(certificate.source, CertificateSource::Acme);
    assert_eq!(
        (certificate.names.as_slice(), certificate.missing.as_slice()),
        (&[API.to_owned()][..], &[][..])
    );
    let served = certificate.served.expect("it serves");
    assert!(served.issuer.contains("Pebble Intermediate"), "{served:?}");
    assert_eq!((served.names.as_slice(), served.key.as_str()), (&[API.to_owned()][..], "ECDSA P-256"));
    let renewal = certificate.renewal.expect("it is renewed");
    assert_eq!((renewal.directory, renewal.failures, renewal.last_error), (pebble.directory(), 0, None));
    let (from, until) = (served.not_before_unix_ms, served.not_after_unix_ms);
    let next = renewal.next_unix_ms.expect("nothing is under way");
    assert!(next > from + (until - from) / 2 && next < until - (until - from) / 20, "{from} {next} {until}");
}

#[tokio::test]
async fn a_name_is_proved_by_tls_alpn_01_alone() {
    proves_a_name("challenges: [tls-alpn-01]").await;
}

#[tokio::test]
async fn challenges_need_not_be_named() {
    proves_a_name("").await;
}

#[tokio::test]
async fn a_key_of_p_384_is_made() {
    let (_edge, _pebble, mizan) = proves_a_name("key: ecdsa-p384").await;
    assert_eq!(certificate(&mizan, API).await.served.expect("it serves").key, "ECDSA P-384");
}

#[tokio::test]
async fn half_of_all_nonces_may_be_rejected() {
    let edge = Edge::new().await;
    let pebble = Pebble::at(&edge.ports).nonce_reject(50).start().await;
    let mizan = edge.file(&pebble, pebble.dns_addr()).site(&[API]).start().await;
    serves(&edge, &mizan, &pebble.roots().await, &[API]).await;
    assert!(pebble.log().has("reject 50% of good nonces"), "{}", pebble.log().text());
}

/// The challenge comes before redirects, access rules and routes.
#[tokio::test]
async fn a_site_that_redirects_is_proved_by_http_01() {
    let edge = Edge::new().await;
    let pebble = Pebble::at(&edge.ports).start().await;
    let file = edge.file(&pebble, pebble.dns_addr()).acme("challenges: [http-01]");
    let mizan = file.site_with(&[API], "redirect_to_https: true\nhsts: true").start().await;
    issued(&mizan, API).await;
    let redirected = edge.get(API, "/").await;
    assert_eq!(redirected.status, 308, "{}", redirected.head);
    let answer = edge.get_tls(&pebble.roots().await, API, "/").await;
    assert!(answer.header("strict-transport-security").is_some(), "{}", answer.head);
    let stranger = edge.get(API, "/.well-known/acme-challenge/nobodys-token").await;
    assert!(!stranger.text().contains("nobodys-token"), "nobody waits for it: {}", stranger.text());
}

/// The authority has no certificate to show.
#[tokio::test]
async fn a_site_that_asks_clients_for_certificates_is_proved_by_tls_alpn_01() {
    let edge = Edge::new().await;
    let (pebble, folder) = (Pebble::at(&edge.ports).start().await, folder());
    let clients = Authority::new("Clients");
    put(&folder.path().join("clients.pem"), &clients.root());
    let file = edge.file(&pebble, pebble.dns_addr()).site(&[API]).acme("challenges: [tls-alpn-01]");
    file.write_ca(folder.path());
    let wanted = "tls: { acme: true, client_auth: { ca: clients.pem } }";
    let yaml = file.yaml().replace("tls: acme", wanted);
    let mizan = Launch::default().listeners(2).start_in(folder, &yaml).await;
    issued(&mizan, API).await;
    let stranger = TlsClient::trusting(&pebble.roots().await);
    let answer = try_get(&stranger, edge.https(), API, "/").await;
    assert!(answer.is_none_or(|answer| answer.status != 200), "it has shown no certificate");
}

#[tokio::test]
async fn several_names_are_in_one_certificate() {
    let edge = Edge::new().await;
    let pebble = Pebble::at(&edge.ports).start().await;
    let names = [API, "www.example.test", "example.test"];
    let mizan = edge.file(&pebble, pebble.dns_addr()).site(&names).start().await;
    serves(&edge, &mizan, &pebble.roots().await, &names).await;
    assert_eq!(pebble.orders(), 1);
}

#[tokio::test]
async fn each_site_has_a_certificate_of_its_own() {
    let edge = Edge::new().await;
    let pebble = Pebble::at(&edge.ports).start().await;
    let file = edge.file(&pebble, pebble.dns_addr()).site(&[API]).site(&["www.example.test"]);
    let mizan = file.start().await;
    let roots = pebble.roots().await;
    serves(&edge, &mizan, &roots, &[API]).await;
    serves(&edge, &mizan, &roots, &["www.example.test"]).await;
    assert_eq!(pebble.orders(), 2);
    let all = mizan.admin().certificates().await.expect("a list").certificates;
    let names: Vec<_> = all.iter().flat_map(|certificate| certificate.names.clone()).collect();
    assert_eq!(names, [API, "www.example.test"], "in the order of mizan.yml");
}

#[tokio::test]
async fn a_site_that_a_reload_brings_gets_its_certificate() {
    let edge = Edge::new().await;
    let pebble = Pebble::at(&edge.ports).start().await;
    let file = edge.file(&pebble, pebble.dns_addr()).site(&[API]);
    let mut mizan = file.start().await;
    issued(&mizan, API).await;
    let first = edge.shown(API).await.expect("a handshake");
    mizan.reload(&file.site(&["www.example.test"]).yaml()).await;
    serves(&edge, &mizan, &pebble.roots().await, &["www.example.test"]).await;
    assert_eq!(edge.shown(API).await.expect("a handshake"), first, "what was there stays");
    assert_eq!(pebble.orders(), 2);
}

#[tokio::test]
async fn a_wildcard_is_proved_by_a_hook() {
    let edge = Edge::new().await;
    let (pebble, folder) = (Pebble::at(&edge.ports).start().await, folder());
    let hook = Hook::write(folder.path(), &pebble.dns);
    let names = ["*.example.test", "example.test"];
    let file = edge.file(&pebble, pebble.dns_addr()).site(&names);
    let mizan = file.acme("dns: { command: [./dns-hook], propagation: 10s }").start_in(folder).await;
    serves(&edge, &mizan, &pebble.roots().await, &names).await;
    let calls = |verb: &str| -> Vec<String> {
        let mut calls: Vec<_> =
            hook.calls().iter().filter_map(|l| Some(l.strip_prefix(verb)?.to_owned())).collect();
        calls.sort();
        calls
    };
    let present = calls("present _acme-challenge.example.test");
    assert!(!present.is_empty(), "{:?}", hook.calls());
    eventually("every record is taken away again", Duration::from_secs(10), async || {
        calls("cleanup _acme-challenge.example.test") == present
    })
    .await;
}

#[tokio::test]
async fn a_hook_that_fails_is_told_with_its_words() {
    let edge = Edge::new().await;
    let (pebble, folder) = (Pebble::at(&edge.ports).start().await, folder());
    put(&folder.path().join("dns-hook"), "#!/bin/sh\necho 'the provider says no' >&2\nexit 7\n");
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(folder.path().join("dns-hook"), mode).expect("it was written");
    let file = edge.file(&pebble, pebble.dns_addr()).site(&["*.example.test"]);
    let mizan = file.acme("dns: { command: [./dns-hook], propagation: 5s }").start_in(folder).await;
    let (_, text) = failed(&mizan, "*.example.test").await;
    for said in ["dns-hook", "the provider says no", "7"] {
        assert!(text.contains(said), "{said:?} is not in {text:?}");
    }
}

#[tokio::test]
async fn a_wildcard_is_proved_by_rfc_2136() {
    let (edge, dns, folder) = (Edge::new().await, Named::start("example.test").await, folder());
    let pebble = Pebble::at(&edge.ports).dns_server(dns.addr()).start().await;
    secret(folder.path(), "tsig.key", Named::SECRET);
    let names = ["*.example.test", "example.test"];
    let lines = format!(
        "dns: {{ server: \"{}\", zone: example.test, propagation: 10s, tsig: {{ name: {}, algorithm: hmac-sha256, \
         secret: {{ file: tsig.key }} }} }}",
        dns.addr(),
        Named::KEY
    );
    let mizan = edge.file(&pebble, dns.addr()).site(&names).acme(&lines).start_in(folder).await;
    serves(&edge, &mizan, &pebble.roots().await, &names).await;
    eventually("the records are taken away again", Duration::from_secs(10), async || {
        dns.txt("_acme-challenge.example.test").await.is_empty()
    })
    .await;
}

#[tokio::test]
async fn a_wrong_tsig_key_is_told() {
    let (edge, named) = (Edge::new().await, Named::start("example.test").await);
    let pebble = Pebble::at(&edge.ports).dns_server(named.addr()).start().await;
    let dns = format!(
        "dns: {{ server: \"{}\", zone: example.test, propagation: 5s, tsig: {{ name: {}, secret: \"bm90IHRoZSBrZXk=\" }} }}",
        named.addr(),
        Named::KEY
    );
    let mizan = edge.file(&pebble, named.addr()).site(&["*.example.test"]).acme(&dns).start().await;
    let (_, text) = failed(&mizan, "*.example.test").await;
    assert!(text.contains(&named.addr().to_string()), "{text}");
    assert!(!text.contains("bm90IHRoZSBrZXk="), "a secret is never printed: {text}");
    assert!(!mizan.log().has("bm90IHRoZSBrZXk="));
}

#[tokio::test]
async fn an_external_account_is_bound() {
    let (edge, folder) = (Edge::new().await, folder());
    let pebble = Pebble::at(&edge.ports).external_account("kid-1", KEY).start().await;
    secret(folder.path(), "eab.key", KEY);
    let file = edge.file(&pebble, pebble.dns_addr()).site(&[API]);
    let file = file.acme("external_account: { key_id: kid-1, hmac_key: { file: eab.key } }");
    let mizan = file.start_in(folder).await;
    serves(&edge, &mizan, &pebble.roots().await, &[API]).await;
    assert!(!mizan.log().has(KEY), "a secret is never printed");
}

#[tokio::test]
async fn a_missing_external_account_is_told() {
    let edge = Edge::new().await;
    let pebble = Pebble::at(&edge.ports).external_account("kid-1", KEY).start().await;
    let mizan = edge.file(&pebble, pebble.dns_addr()).site(&[API]).start().await;
    let (_, text) = failed(&mizan, API).await;
    assert!(text.contains("external_account"), "it names the key of mizan.yml: {text}");
    assert_eq!(pebble.orders(), 0);
}

#[tokio::test]
async fn an_address_has_a_certificate() {
    let edge = Edge::new().await;
    let pebble = Pebble::at(&edge.ports).start().await;
    let file = edge.file(&pebble, pebble.dns_addr()).site(&["127.0.0.1"]).acme("challenges: [http-01]");
    let certificate = issued(&file.start().await, "127.0.0.1").await;
    assert_eq!(certificate.served.expect("it serves").names, ["127.0.0.1"]);
}

#[tokio::test]
async fn caddys_authority_issues_as_well() {
    let (edge, caddy, folder) = (Edge::new().await, CaddyCa::start().await, folder());
    let hook = Hook::write(folder.path(), &caddy.dns);
    let names = ["*.example.test", "example.test"];
    let file = edge.file(&caddy, caddy.dns.dns_addr()).site(&names);
    let file = file.acme("challenges: [dns-01]\ndns: { command: [./dns-hook], propagation: 10s }");
    let mizan = file.start_in(folder).await;
    serves(&edge, &mizan, &caddy.roots(), &names).await;
    assert!(hook.calls().iter().any(|call| call.starts_with("present ")), "{:?}", hook.calls());
    assert_eq!(certificate(&mizan, "example.test").await.state, CertificateState::Valid);
}
