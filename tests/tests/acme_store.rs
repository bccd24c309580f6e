//! What is kept below `state`, who may read it, and what happens where it cannot be kept.

use mizan_api::CertificateState;
use mizan_tests::acme::edge::{File, certificate, failed, issued, issued_on_demand, renew};
use mizan_tests::acme::fake::{Endpoint, Say};
use mizan_tests::acme::{Edge, FakeCa, Tmpfs};
use mizan_tests::https::folder;
use mizan_tests::script::Gate;
use mizan_tests::{always, eventually};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

const SECOND: Duration = Duration::from_secs(1);
const API: &str = "api.example.test";

/// A file for the fake authority; nobody asks for names.
fn file(edge: &Edge, fake: &FakeCa) -> File {
    edge.file(fake, SocketAddr::from(([127, 0, 0, 1], 9))).site(&[API])
}

/// Everything below a folder.
fn below(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        if entry.path().is_dir() {
            all.extend(below(&entry.path()));
        }
        all.push(entry.path());
    }
    all
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777
}

/// The one file of certificates.
fn kept(folder: &Path) -> PathBuf {
    let mut found = below(&folder.join("state/acme"));
    found.retain(|path| path.extension().is_some_and(|e| e == "pem"));
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

/// A proxy that got its certificate, and was killed.
async fn left_behind(edge: &Edge, fake: &FakeCa) -> TempDir {
    let mizan = file(edge, fake).start().await;
    issued(&mizan, API).await;
    mizan.kill().await
}

#[tokio::test]
async fn only_the_proxy_may_read_what_is_kept() {
    let (edge, fake) = (Edge::new().await, FakeCa::start().await);
    let mizan = file(&edge, &fake).start().await;
    let certificate = issued(&mizan, API).await;
    let acme = mizan.folder().join("state/acme");
    let all = below(&acme);
    assert!(all.iter().any(|path| path.ends_with("account.json")), "{all:?}");
    for path in &all {
        let wanted = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode(path), wanted, "{}", path.display());
    }
    assert_eq!(mode(&acme), 0o700);
    let kept = kept(mizan.folder());
    assert_eq!(certificate.served.expect("it serves").file, kept.display().to_string());
    let text = std::fs::read_to_string(&kept).expect("readable");
    let (key, chain) = (text.find("PRIVATE KEY-----"), text.find("BEGIN CERTIFICATE"));
    assert!(key.is_some() && key < chain, "the key comes first");
    assert_eq!(text.matches("BEGIN CERTIFICATE").count(), 2, "then the chain");
    let slug = kept.file_stem().expect("a name").to_string_lossy().into_owned();
    let digits = slug.strip_prefix(&format!("{API}-")).expect("it is called by its first name");
    assert!(digits.len() == 8 && digits.chars().all(|c| c.is_ascii_hexdigit()), "{slug}");
    let ca = kept.ancestors().nth(2).and_then(Path::file_name).expect("a folder of the authority");
    assert!(ca.to_string_lossy().starts_with("127.0.0.1"), "{}", ca.display());
    assert!(!mizan.log().has("PRIVATE KEY"), "no key is ever logged");
}

#[tokio::test]
async fn a_folder_that_others_may_read_is_refused() {
    let (edge, fake, folder) = (Edge::new().await, FakeCa::start().await, folder());
    let file = file(&edge, &fake);
    file.write_ca(folder.path());
    let yaml = file.yaml().replace("${FOLDER}", &folder.path().display().to_string());
    std::fs::write(folder.path().join("mizan.yml"), yaml).expect("written");
    let acme = folder.path().join("state/acme");
    std::fs::create_dir_all(&acme).expect("made");
    std::fs::set_permissions(&acme, std::fs::Permissions::from_mode(0o755)).expect("it was made");
    let finished = mizan_tests::cli::mizan(folder.path(), &["run", "--config", "mizan.yml"], &[]).await;
    assert!(finished.code.is_some_and(|code| code != 0), "{finished:?}");
    for said in [acme.display().to_string().as_str(), "755", "chmod 700"] {
        assert!(finished.stderr.contains(said), "{said} is not in {finished:?}");
    }
    assert!(fake.requests().is_empty());
    std::fs::set_permissions(&acme, std::fs::Permissions::from_mode(0o700)).expect("it is there");
    issued(&file.start_in(folder).await, API).await;
}

#[tokio::test]
async fn a_file_that_is_cut_off_is_told_and_the_stand_in_serves() {
    let (edge, fake) = (Edge::new().await, FakeCa::start().await);
    let folder = left_behind(&edge, &fake).await;
    let kept = kept(folder.path());
    let text = std::fs::read_to_string(&kept).expect("readable");
    for (n, broken) in [&text[..text.len() / 2], "", "no PEM at all\n"].into_iter().enumerate() {
        let copy = tempfile::Builder::new().prefix("mzt").tempdir().expect("a temporary folder");
        let from = folder.path().join("state").display().to_string();
        let to = copy.path().display().to_string();
        let copied = mizan_tests::cli::run("cp", copy.path(), &["-a", &from, &to], &[]).await;
        assert_eq!(copied.code, Some(0), "{copied:?}");
        let kept = copy.path().join(kept.strip_prefix(folder.path()).expect("it is below"));
        std::fs::write(&kept, broken).expect("written");
        fake.on(Endpoint::NewOrder, Say::Html(503));
        let mizan = file(&edge, &fake).start_in(copy).await;
        mizan.log().wait_for_all(&[kept.file_name().expect("a name").to_str().expect("UTF-8")]).await;
        assert!(edge.shown(API).await.expect("a handshake").signed_itself(), "case {n}");
        assert_eq!(edge.get(API, "/").await.status, 200);
        failed(&mizan, API).await;
        fake.behave();
        issued_on_demand(&mizan, API).await;
        assert_eq!(edge.get_tls(&fake.roots(), API, "/").await.status, 200, "case {n}");
        mizan.kill().await;
    }
}

#[tokio::test]
async fn a_file_that_breaks_while_it_serves_changes_nothing() {
    let (edge, fake) = (Edge::new().await, FakeCa::start().await);
    let mut mizan = file(&edge, &fake).start().await;
    issued(&mizan, API).await;
    let before = edge.shown(API).await.expect("a handshake");
    fake.on(Endpoint::NewOrder, Say::Html(503));
    std::fs::write(kept(mizan.folder()), "no PEM at all\n").expect("written");
    mizan.reload(&file(&edge, &fake).top("limits: { streams: 99 }").yaml()).await;
    always("the old one serves", 3 * SECOND, async || edge.shown(API).await.is_ok_and(|s| s == before)).await;
}

#[tokio::test]
async fn a_key_of_another_certificate_is_told() {
    let (edge, fake) = (Edge::new().await, FakeCa::start().await);
    let folder = left_behind(&edge, &fake).await;
    let kept = kept(folder.path());
    let text = std::fs::read_to_string(&kept).expect("readable");
    let chain = &text[text.find("-----BEGIN CERTIFICATE").expect("a chain")..];
    let other = rcgen::KeyPair::generate().expect("a key").serialize_pem();
    std::fs::write(&kept, other + chain).expect("written");
    fake.on(Endpoint::NewOrder, Say::Html(503));
    let mizan = file(&edge, &fake).start_in(folder).await;
    let name = kept.file_name().expect("a name").to_string_lossy().into_owned();
    mizan.log().wait_for_all(&[&name, "key"]).await;
    assert!(edge.shown(API).await.expect("a handshake").signed_itself());
}

#[tokio::test]
async fn a_broken_account_is_told_and_orders_nothing_by_itself() {
    let (edge, fake) = (Edge::new().await, FakeCa::start().await);
    let folder = left_behind(&edge, &fake).await;
    let account = below(folder.path()).into_iter().find(|path| path.ends_with("account.json"));
    std::fs::write(account.expect("an account"), "{ \"key\": ").expect("written");
    let mizan = file(&edge, &fake).start_in(folder).await;
    assert_eq!(certificate(&mizan, API).await.state, CertificateState::Valid, "what is there serves");
    renew(&mizan, API).await;
    let told = async || mizan.log().has("account.json") || fake.issued() == 2;
    eventually("it is told, or mended", 10 * SECOND, told).await;
    assert!(mizan.log().has("account.json"), "{}", mizan.log().text());
}

#[tokio::test]
async fn nothing_is_ordered_that_a_full_disk_cannot_keep() {
    let Some(disk) = Tmpfs::mount(256) else { return };
    let (edge, fake) = (Edge::new().await, FakeCa::start().await);
    let state = disk.path().join("state");
    std::fs::create_dir(&state).expect("made");
    std::fs::set_permissions(&state, std::fs::Permissions::from_mode(0o700)).expect("it was made");
    disk.fill();
    let mizan = file(&edge, &fake).state(&state).start().await;
    let (_, text) = failed(&mizan, API).await;
    assert!(text.contains("space") && text.contains(&state.display().to_string()), "{text}");
    assert_eq!((fake.asked_for_orders(), fake.accounts()), (0, 0));
    assert_eq!(edge.get(API, "/").await.status, 200, "it serves nevertheless");
    disk.empty();
    issued_on_demand(&mizan, API).await;
    assert_eq!(fake.orders(), 1);
}

#[tokio::test]
async fn nothing_is_ordered_that_a_disk_that_is_read_only_cannot_keep() {
    let Some(disk) = Tmpfs::mount(1024) else { return };
    let (edge, fake) = (Edge::new().await, FakeCa::start().await);
    let file = file(&edge, &fake).state(&disk.path().join("state"));
    let mizan = file.start().await;
    issued(&mizan, API).await;
    let before = edge.shown(API).await.expect("a handshake");
    disk.set_writable(false).await;
    renew(&mizan, API).await;
    let (_, text) = failed(&mizan, API).await;
    assert!(text.to_lowercase().contains("read-only"), "{text}");
    assert_eq!(fake.asked_for_orders(), 1, "nothing further is ordered");
    assert_eq!(edge.shown(API).await.expect("a handshake"), before, "the old one serves");
    let folder = mizan.kill().await;
    let mizan = file.start_in(folder).await;
    assert_eq!(certificate(&mizan, API).await.state, CertificateState::Valid, "it is read");
    assert_eq!(edge.shown(API).await.expect("a handshake"), before);
    disk.set_writable(true).await;
}

/// The authority has issued it, and counts it: it must not be lost.
#[tokio::test]
async fn what_was_issued_for_a_disk_that_is_full_is_served_and_written_later() {
    let Some(disk) = Tmpfs::mount(1024) else { return };
    let (edge, fake, gate) = (Edge::new().await, FakeCa::start().await, Gate::new());
    fake.once(Endpoint::Certificate, Say::When(gate.clone()));
    let state = disk.path().join("state");
    let file = file(&edge, &fake).state(&state);
    let mizan = file.start().await;
    eventually("the certificate is asked for", 10 * SECOND, async || {
        !fake.requests_to(Endpoint::Certificate).is_empty()
    })
    .await;
    disk.fill();
    gate.open();
    eventually("it is served", 10 * SECOND, async || {
        edge.shown(API).await.is_ok_and(|shown| !shown.signed_itself())
    })
    .await;
    mizan.log().wait_for_all(&["No space left"]).await;
    let in_memory = edge.shown(API).await.expect("a handshake");
    disk.empty();
    let written = || below(&state).iter().any(|path| path.extension().is_some_and(|e| e == "pem"));
    eventually("it is written when there is room", 45 * SECOND, async || written()).await;
    let folder = mizan.kill().await;
    let mizan = file.start_in(folder).await;
    assert_eq!(edge.shown(API).await.expect("a handshake"), in_memory);
    eventually("the order that was under way is settled", 10 * SECOND, async || {
        certificate(&mizan, API).await.renewal.is_some_and(|renewal| renewal.next_unix_ms.is_some())
    })
    .await;
    assert_eq!((certificate(&mizan, API).await.state, fake.orders()), (CertificateState::Valid, 1));
}
