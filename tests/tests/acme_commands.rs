//! `mizan certificates` and its verbs.

use mizan_api::{Certificates, Diagnosis, Verdict};
use mizan_tests::acme::edge::{File, certificate, failed, issued};
use mizan_tests::acme::fake::{Endpoint, Say};
use mizan_tests::acme::{Challtestsrv, Edge, FakeCa, Pebble};
use mizan_tests::authority::{Issued, Wanted, put};
use mizan_tests::cli::{Finished, mizan as command};
use mizan_tests::https::folder;
use mizan_tests::{Authority, Mizan, always};
use std::net::SocketAddr;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const API: &str = "api.example.test";

/// A file for the fake authority; nobody asks for names.
fn file(edge: &Edge, fake: &FakeCa) -> File {
    edge.file(fake, SocketAddr::from(([127, 0, 0, 1], 9))).site(&[API])
}

/// `mizan certificates ...` with the file of a running proxy.
async fn certificates(mizan: &Mizan, words: &[&str]) -> Finished {
    let words = [&["certificates"], words, &["--config", "mizan.yml"]].concat();
    command(mizan.folder(), &words, &[]).await
}

#[tokio::test]
async fn certificates_are_listed() {
    let (edge, fake) = (Edge::new().await, FakeCa::start().await);
    let mizan = file(&edge, &fake).start().await;
    let served = issued(&mizan, API).await.served.expect("it serves");
    let finished = certificates(&mizan, &[]).await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let line = finished.stdout.lines().find(|line| line.contains(API)).expect("a line of it");
    assert!(line.contains("valid"), "{line}");
    assert!(finished.stdout.contains("Fake intermediate"), "who issued it: {}", finished.stdout);

    let socket = mizan.socket().display().to_string();
    let by_socket = command(mizan.folder(), &["certificates", "--socket", &socket, "--json"], &[]).await;
    let listed: Certificates =
        serde_json::from_str(&by_socket.stdout).unwrap_or_else(|e| panic!("{e}: {by_socket:?}"));
    assert_eq!(listed, mizan.admin().certificates().await.expect("a list"));
    assert_eq!(listed.certificates[0].served.as_ref().expect("it serves").fingerprint, served.fingerprint);
}

#[tokio::test]
async fn what_is_waited_for_is_listed_with_its_reason() {
    let (edge, fake) = (Edge::new().await, FakeCa::start().await);
    let refused = Say::Problem { status: 403, kind: "rejectedIdentifier", detail: "that one is not for you" };
    fake.on(Endpoint::NewOrder, refused);
    let mizan = file(&edge, &fake).start().await;
    failed(&mizan, API).await;
    let finished = certificates(&mizan, &[]).await;
    for said in [API, "waiting", "that one is not for you"] {
        assert!(finished.stdout.contains(said), "{said:?} is not in {}", finished.stdout);
    }
}

#[tokio::test]
async fn files_of_somebody_else_are_listed_as_well() {
    let (edge, fake) = (Edge::new().await, FakeCa::start().await);
    let folder = folder();
    Authority::new("Test").server(&["files.test"]).write(folder.path(), "files");
    let mode = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(folder.path().join("files.key"), mode).expect("written");
    let mut file = file(&edge, &fake);
    file = file.site_with(&["other.example.test"], "");
    let yaml = file.yaml().replace(
        "  - hosts: [\"other.example.test\"]\n    tls: acme\n",
        "  - hosts: [files.test]\n    tls: { certificate: files.pem, key: files.key }\n",
    );
    file.write_ca(folder.path());
    let mizan = mizan_tests::mizan::Launch::default().listeners(2).start_in(folder, &yaml).await;
    issued(&mizan, API).await;
    let entry = certificate(&mizan, "files.test").await;
    assert_eq!((entry.source, entry.renewal), (mizan_api::CertificateSource::Files, None));
    assert!(entry.served.is_some_and(|served| served.file.ends_with("files.pem")));
    let finished = certificates(&mizan, &[]).await;
    assert!(finished.stdout.contains("files.test") && finished.stdout.contains(API), "{}", finished.stdout);
}

#[tokio::test]
async fn a_certificate_is_renewed_on_demand() {
    let (edge, fake) = (Edge::new().await, FakeCa::start().await);
    let mizan = file(&edge, &fake).start().await;
    issued(&mizan, API).await;
    let before = edge.shown(API).await.expect("a handshake");
    let finished = certificates(&mizan, &["renew", API, "--force"]).await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    mizan_tests::eventually("another is shown", 30 * SECOND, async || {
        edge.shown(API).await.is_ok_and(|shown| shown.der != before.der)
    })
    .await;
    assert_eq!(fake.issued(), 2);
    let unknown = certificates(&mizan, &["renew", "nobody.example.test"]).await;
    assert_ne!(unknown.code, Some(0));
    assert!(unknown.stderr.contains("nobody.example.test"), "{unknown:?}");
}

#[tokio::test]
async fn without_force_the_ledger_is_kept_to() {
    let (edge, fake) = (Edge::new().await, FakeCa::start().await);
    fake.once(Endpoint::NewOrder, Say::TooMany { retry_after: 3600 * SECOND });
    let mizan = file(&edge, &fake).start().await;
    failed(&mizan, API).await;
    let finished = certificates(&mizan, &["renew", API]).await;
    assert_ne!(finished.code, Some(0), "{finished:?}");
    assert!(finished.stderr.contains("--force"), "it says what could be done: {}", finished.stderr);
    always("nothing is asked", SECOND, async || fake.asked_for_orders() == 1).await;
}

fn finding<'a>(diagnosis: &'a Diagnosis, check: &str) -> &'a mizan_api::DiagnosisFinding {
    let found = diagnosis.findings.iter().find(|finding| finding.check == check);
    found.unwrap_or_else(|| panic!("no {check} in {diagnosis:#?}"))
}

#[tokio::test]
async fn the_doctor_finds_nothing_where_nothing_is() {
    let edge = Edge::new().await;
    let pebble = Pebble::at(&edge.ports).start().await;
    let mizan = edge.file(&pebble, pebble.dns_addr()).site(&[API]).start().await;
    issued(&mizan, API).await;
    let diagnosis = mizan.admin().diagnose_certificate(API).await.expect("a diagnosis");
    assert_eq!(diagnosis.name, API);
    for check in ["dns", "http_port", "https_port", "caa", "directory", "clock", "ledger"] {
        assert_ne!(finding(&diagnosis, check).verdict, Verdict::Bad, "{diagnosis:#?}");
    }
    for check in ["http_port", "https_port", "directory", "clock"] {
        assert_eq!(finding(&diagnosis, check).verdict, Verdict::Good, "{diagnosis:#?}");
    }
    let finished = certificates(&mizan, &["doctor", API]).await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    for check in &diagnosis.findings {
        assert!(!check.text.contains('\n'), "one line: {check:?}");
    }
    let unknown = certificates(&mizan, &["doctor", "nobody.example.test"]).await;
    assert_ne!(unknown.code, Some(0));
    assert!(unknown.stderr.contains("nobody.example.test"), "{unknown:?}");
}

/// The name leads to a machine where nobody, or somebody else, answers.
#[tokio::test]
async fn the_doctor_says_who_answers_instead() {
    let (edge, fake, dns) = (Edge::new().await, FakeCa::start().await, Challtestsrv::start().await);
    dns.set_a(API, &["127.0.0.9"]).await;
    let other = mizan_tests::Upstream::start_at("another", ([127, 0, 0, 9], edge.http().port()).into()).await;
    other.forget_requests();
    let mizan = edge.file(&fake, dns.dns_addr()).site(&[API]).start().await;
    issued(&mizan, API).await;
    let diagnosis = mizan.admin().diagnose_certificate(API).await.expect("a diagnosis");
    for check in ["http_port", "https_port"] {
        let found = finding(&diagnosis, check);
        assert_eq!(found.verdict, Verdict::Bad, "{diagnosis:#?}");
        assert!(found.text.contains("127.0.0.9") && found.hint.is_some(), "{found:?}");
    }
    let finished = certificates(&mizan, &["doctor", API]).await;
    assert!(finished.stdout.contains("127.0.0.9"), "{finished:?}");
    assert_ne!(finished.code, Some(0), "a script can tell: {finished:?}");
}

#[tokio::test]
async fn the_doctor_sees_what_dns_says() {
    let (edge, fake, dns) = (Edge::new().await, FakeCa::start().await, Challtestsrv::start().await);
    fake.caa_identity("fake-ca.test");
    let mizan = edge.file(&fake, dns.dns_addr()).site(&[API]).start().await;
    issued(&mizan, API).await;
    dns.set_caa(API, "other-ca.test").await;
    let diagnosis = mizan.admin().diagnose_certificate(API).await.expect("a diagnosis");
    let caa = finding(&diagnosis, "caa");
    assert_eq!(caa.verdict, Verdict::Bad, "{diagnosis:#?}");
    assert!(caa.text.contains("other-ca.test"), "{caa:?}");
    dns.servfail(API).await;
    let diagnosis = mizan.admin().diagnose_certificate(API).await.expect("a diagnosis");
    assert_ne!(finding(&diagnosis, "dns").verdict, Verdict::Good, "{diagnosis:#?}");
}

#[tokio::test]
async fn the_doctor_says_what_the_ledger_allows() {
    let (edge, fake, dns) = (Edge::new().await, FakeCa::start().await, Challtestsrv::start().await);
    fake.once(Endpoint::NewOrder, Say::TooMany { retry_after: 3600 * SECOND });
    let mizan = edge.file(&fake, dns.dns_addr()).site(&[API]).start().await;
    failed(&mizan, API).await;
    let diagnosis = mizan.admin().diagnose_certificate(API).await.expect("a diagnosis");
    let ledger = finding(&diagnosis, "ledger");
    assert!(matches!(ledger.verdict, Verdict::Bad | Verdict::Doubtful), "{diagnosis:#?}");
    assert!(ledger.text.contains("wait"), "{ledger:?}");
}

#[tokio::test]
async fn the_doctor_says_that_the_clocks_differ() {
    let (edge, fake, dns) = (Edge::new().await, FakeCa::start().await, Challtestsrv::start().await);
    fake.clock_behind(600 * SECOND);
    let mizan = edge.file(&fake, dns.dns_addr()).site(&[API]).start().await;
    issued(&mizan, API).await;
    let diagnosis = mizan.admin().diagnose_certificate(API).await.expect("a diagnosis");
    let clock = finding(&diagnosis, "clock");
    assert!(matches!(clock.verdict, Verdict::Bad | Verdict::Doubtful), "{diagnosis:#?}");
    assert!(
        clock.text.contains("600 s") || clock.text.contains("10 min") || clock.text.contains("599 s"),
        "{clock:?}"
    );
}

/// As certbot lays it out: `live/NAME/*.pem` are links into `archive/NAME`.
fn letsencrypt(folder: &Path, name: &str, issued: &Issued) {
    let (live, archive) = (folder.join("live").join(name), folder.join("archive").join(name));
    for folder in [&live, &archive, &folder.join("renewal")] {
        std::fs::create_dir_all(folder).expect("made");
    }
    let intermediate = issued.chain.strip_prefix(&issued.leaf).expect("the leaf is first");
    let files = [
        ("cert", issued.leaf.as_str()),
        ("chain", intermediate),
        ("fullchain", &issued.chain),
        ("privkey", &issued.key),
    ];
    for (file, text) in files {
        put(&archive.join(format!("{file}3.pem")), text);
        symlink(format!("../../archive/{name}/{file}3.pem"), live.join(format!("{file}.pem")))
            .expect("linked");
    }
    let mode = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(archive.join("privkey3.pem"), mode).expect("written");
    put(
        &folder.join("renewal").join(format!("{name}.conf")),
        &format!("[[webroot_map]]\n{name} = /var/www\n"),
    );
    put(&folder.join("live/README"), "This directory contains your keys and certificates.\n");
}

#[tokio::test]
async fn a_move_from_certbot_orders_nothing() {
    let (edge, fake) = (Edge::new().await, FakeCa::start().await);
    let (folder, authority) = (folder(), Authority::new("Old"));
    let old = authority.issue(&Wanted::server(&[API, "www.example.test"]));
    letsencrypt(&folder.path().join("letsencrypt"), "example.test", &old);
    let file = edge.file(&fake, SocketAddr::from(([127, 0, 0, 1], 9))).site(&["www.example.test", API]);
    file.write_ca(folder.path());
    let yaml = file.yaml().replace("${FOLDER}", &folder.path().display().to_string());
    put(&folder.path().join("mizan.yml"), &yaml);
    let words = ["certificates", "import", "letsencrypt", "--config", "mizan.yml"];
    let finished = command(folder.path(), &words, &[]).await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(finished.stdout.contains(API), "it says what it took: {finished:?}");
    let mizan = file.start_in(folder).await;
    assert_eq!(edge.shown(API).await.expect("a handshake").der, old.der, "it is there from the start");
    assert_eq!(issued(&mizan, API).await.served.expect("it serves").issuer.matches("Old").count(), 1);
    assert_eq!(edge.get(API, "/lb-ready").await.status, 200);
    always("nothing is asked", 2 * SECOND, async || fake.asked_for_orders() == 0).await;
}

#[tokio::test]
async fn what_cannot_be_imported_is_told() {
    let (edge, fake) = (Edge::new().await, FakeCa::start().await);
    let (folder, authority) = (folder(), Authority::new("Old"));
    let expired = authority.issue(&Wanted::server(&[API]).until(2024, 1, 1));
    letsencrypt(&folder.path().join("letsencrypt"), API, &expired);
    let file = file(&edge, &fake);
    file.write_ca(folder.path());
    put(
        &folder.path().join("mizan.yml"),
        &file.yaml().replace("${FOLDER}", &folder.path().display().to_string()),
    );
    let import = async |path: &str| {
        command(folder.path(), &["certificates", "import", path, "--config", "mizan.yml"], &[]).await
    };
    let finished = import("letsencrypt").await;
    let said = format!("{}{}", finished.stdout, finished.stderr);
    assert!(said.contains(API) && said.contains("expired"), "{finished:?}");
    let nothing = import("nowhere").await;
    assert_ne!(nothing.code, Some(0));
    assert!(nothing.stderr.contains("nowhere"), "{nothing:?}");
}
