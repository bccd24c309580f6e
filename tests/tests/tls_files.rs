//! The files of certificates: how they change on disk, and what is said of bad ones.

use mizan_tests::authority::{Issued, Wanted, put};
use mizan_tests::cli::{Finished, mizan};
use mizan_tests::https::{Https, Site, folder, sites};
use mizan_tests::mizan::Launch;
use mizan_tests::tls::session;
use mizan_tests::{Authority, Mizan, TlsClient, Upstream, always, eventually};
use rustix::process::Signal;
use rustls::pki_types::CertificateDer;
use std::net::SocketAddr;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

const SECOND: Duration = Duration::from_secs(1);
/// A change on disk is served no later than this, on a busy machine.
const SOON: Duration = Duration::from_secs(8);

/// The certificate that a new client is shown; not verified.
async fn served(client: &TlsClient, addr: SocketAddr) -> CertificateDer<'static> {
    let client = client.clone().without_resumption();
    let stream = client.connect(addr, "app.test").await.unwrap_or_else(|e| panic!("TLS to {addr}: {e}"));
    let chain = session(&stream).peer_certificates().expect("a server shows a certificate");
    chain.first().expect("its own is the first").clone().into_owned()
}

async fn is_served(https: &Https, issued: &Issued) {
    let client = https.client();
    eventually("the new one is served", SOON, || async { served(&client, https.addr()).await == issued.der })
        .await;
}

/// The mode that nobody is warned about.
fn keep_private(folder: &Path, name: &str) {
    let mode = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(folder.join(format!("{name}.key")), mode).expect("the key is there");
}

fn count(mizan: &Mizan, pattern: &str) -> usize {
    mizan.log().lines().iter().filter(|line| line.contains(pattern)).count()
}

#[tokio::test]
async fn a_renewed_certificate_is_served_without_a_signal() {
    let https = Https::start("").await;
    for _ in 0..2 {
        let next = https.authority.server(&["app.test"]);
        next.write(https.mizan.folder(), "app");
        is_served(&https, &next).await;
    }
    https.mizan.log().wait_for_all(&["certificate in force", "app.test", "app.pem"]).await;
    assert_eq!(https.mizan.status().await.generation, 1, "the configuration is the same");
}

#[tokio::test]
async fn a_file_that_is_written_in_place_is_served_as_well() {
    let https = Https::start("").await;
    let (next, folder) = (https.authority.server(&["app.test"]), https.mizan.folder());
    std::fs::write(folder.join("app.key"), &next.key).expect("written");
    std::fs::write(folder.join("app.pem"), &next.chain).expect("written");
    is_served(&https, &next).await;
}

/// certbot: `live/NAME/fullchain.pem` is a link to `../../archive/NAME/fullchainN.pem`.
#[tokio::test]
async fn certbots_links_are_followed() {
    let (authority, folder) = (Authority::new("Test"), folder());
    let (archive, live) = (folder.path().join("archive"), folder.path().join("live"));
    std::fs::create_dir_all(&archive).expect("made");
    std::fs::create_dir_all(&live).expect("made");
    let renew = |issued: &Issued, n: u32| {
        for (name, text) in [("privkey", &issued.key), ("fullchain", &issued.chain)] {
            std::fs::write(archive.join(format!("{name}{n}.pem")), text).expect("written");
            let link = live.join(format!("{name}.pem"));
            let _ = std::fs::remove_file(&link);
            symlink(format!("../archive/{name}{n}.pem"), &link).expect("linked");
        }
    };
    renew(&authority.server(&["app.test"]), 1);
    let upstream = Upstream::start("one").await;
    let yaml = sites(&upstream, &[Site::new("app.test", "app")], "").replace(
        "certificate: app.pem, key: app.key",
        "certificate: live/fullchain.pem, key: live/privkey.pem",
    );
    let mizan = Launch::default().listeners(2).start_in(folder, &yaml).await;
    let https = Https { mizan, authority, upstream };
    for n in 2..4 {
        let next = https.authority.server(&["app.test"]);
        renew(&next, n);
        is_served(&https, &next).await;
    }
}

/// Kubernetes: files are links into `..data`, which is a link that is replaced by a rename.
#[tokio::test]
async fn a_kubernetes_secret_that_is_swapped_is_served() {
    let (authority, folder) = (Authority::new("Test"), folder());
    let secret = folder.path().join("secret");
    std::fs::create_dir_all(&secret).expect("made");
    let renew = |issued: &Issued, stamp: &str| {
        std::fs::create_dir(secret.join(stamp)).expect("made");
        std::fs::write(secret.join(stamp).join("tls.crt"), &issued.chain).expect("written");
        std::fs::write(secret.join(stamp).join("tls.key"), &issued.key).expect("written");
        symlink(stamp, secret.join("..data_tmp")).expect("linked");
        std::fs::rename(secret.join("..data_tmp"), secret.join("..data")).expect("renamed");
    };
    renew(&authority.server(&["app.test"]), "..2026_01_01");
    for name in ["tls.crt", "tls.key"] {
        symlink(format!("..data/{name}"), secret.join(name)).expect("linked");
    }
    let upstream = Upstream::start("one").await;
    let yaml = sites(&upstream, &[Site::new("app.test", "app")], "")
        .replace("certificate: app.pem, key: app.key", "certificate: secret/tls.crt, key: secret/tls.key");
    let mizan = Launch::default().listeners(2).start_in(folder, &yaml).await;
    let https = Https { mizan, authority, upstream };
    for n in 2..4 {
        let next = https.authority.server(&["app.test"]);
        renew(&next, &format!("..2026_01_0{n}"));
        is_served(&https, &next).await;
    }
    assert_eq!(count(&https.mizan, "certificates refused"), 0, "{}", https.mizan.log().text());
}

/// What is done to the folder, and what it is called.
type Change<'a> = (&'a str, &'a dyn Fn(&Path));

/// Each of these changes, one behind the other, leaves the first certificate serving, and is told once.
async fn assert_each_is_told_once(https: &Https, changes: &[Change<'_>]) {
    let (client, folder) = (https.client(), https.mizan.folder().to_owned());
    let first = served(&client, https.addr()).await;
    for (n, (what, change)) in changes.iter().enumerate() {
        let mark = https.mizan.log().mark();
        change(&folder);
        let told =
            https.mizan.log().wait_after(mark, |line| line.contains("certificates refused"), SOON).await;
        assert!(told.is_some(), "{what}: {}", https.mizan.log().text());
        assert_eq!(served(&client, https.addr()).await, first, "{what}");
        assert_eq!(
            count(&https.mizan, "certificates refused"),
            n + 1,
            "{what}: {}",
            https.mizan.log().text()
        );
    }
    // Longer than it is between two looks.
    always("the last one is told once", 3 * SECOND, || async {
        count(&https.mizan, "certificates refused") == changes.len()
    })
    .await;
    assert_eq!(served(&client, https.addr()).await, first);
    let next = https.authority.server(&["app.test"]);
    next.write(&folder, "app");
    is_served(https, &next).await;
}

#[tokio::test]
async fn a_pair_that_cannot_be_used_leaves_the_old_one_serving_and_is_told_once() {
    let https = Https::start("").await;
    let stranger = https.authority.server(&["app.test"]);
    let changes: [Change<'_>; 3] = [
        ("the key of another", &|folder| put(&folder.join("app.key"), &stranger.key)),
        ("garbage", &|folder| put(&folder.join("app.pem"), "no certificate at all")),
        ("missing", &|folder| std::fs::remove_file(folder.join("app.pem")).expect("it was there")),
    ];
    assert_each_is_told_once(&https, &changes).await;
}

#[tokio::test]
async fn a_pair_that_clients_would_refuse_leaves_the_old_one_serving_and_is_told_once() {
    let https = Https::start("").await;
    let expired = https.authority.issue(&Wanted::server(&["app.test"]).until(2021, 1, 1));
    let early = https.authority.issue(&Wanted::server(&["app.test"]).from(2098, 1, 1));
    let changes: [Change<'_>; 3] = [
        ("expired", &|folder| expired.write(folder, "app")),
        ("not yet valid", &|folder| early.write(folder, "app")),
        ("empty", &|folder| put(&folder.join("app.pem"), "")),
    ];
    assert_each_is_told_once(&https, &changes).await;
}

#[tokio::test]
async fn a_reload_with_a_bad_or_expired_pair_is_refused_and_the_old_one_serves() {
    let mut https = Https::start("").await;
    let (client, folder) = (https.client(), https.mizan.folder().to_owned());
    let first = served(&client, https.addr()).await;
    let now_other = sites(&https.upstream, &[Site::new("app.test", "other")], "");
    https.authority.issue(&Wanted::server(&["app.test"]).until(2021, 1, 1)).write(&folder, "expired");
    https.authority.issue(&Wanted::server(&["app.test"]).from(2098, 1, 1)).write(&folder, "early");
    https.authority.server(&["app.test"]).write(&folder, "stranger");
    put(&folder.join("stranger.key"), &https.authority.server(&["app.test"]).key);
    for (name, why) in [
        ("expired", "2021-01-01"),
        ("early", "2098-01-01"),
        ("stranger", "stranger.key"),
        ("gone", "gone.pem"),
    ] {
        let mark = https.mizan.log().mark();
        let verdict = https.mizan.try_reload(&now_other.replace("other.", &format!("{name}."))).await;
        assert!(verdict.contains("refused"), "{name}: {verdict}");
        let told = https.mizan.log().wait_after(mark, |line| line.contains(why), SECOND).await;
        assert!(told.is_some(), "{name}: {}", https.mizan.log().text());
        assert_eq!(served(&client, https.addr()).await, first, "{name}");
    }
    assert_eq!(https.mizan.status().await.generation, 1);
    let next = https.authority.server(&["app.test"]);
    next.write(&folder, "other");
    https.mizan.reload(&now_other).await;
    assert_eq!(served(&client, https.addr()).await, next.der);
}

#[tokio::test]
async fn a_start_with_an_expired_certificate_goes_on_and_says_so() {
    let (authority, folder) = (Authority::new("Test"), folder());
    authority.issue(&Wanted::server(&["app.test"]).until(2021, 1, 1)).write(folder.path(), "app");
    let mut https = Https::start_in(folder, authority, &[Site::new("app.test", "app")], "").await;
    assert!(https.mizan.log().has("2021-01-01"), "{}", https.mizan.log().text());
    // It does not look at dates unless it is told to.
    let finished = https.openssl("app.test", "").await;
    assert!(finished.stdout.contains("HTTP/1.1 200"), "{finished:?}");
    let error =
        https.client().connect(https.addr(), "app.test").await.expect_err("a client that looks refuses it");
    assert!(error.to_string().contains("expired"), "{error}");
    // What is in force already stands in no other change's way.
    let yaml = sites(&https.upstream, &[Site::new("app.test", "app")], "limits: { streams: 99 }");
    https.mizan.reload(&yaml).await;
    let next = https.authority.server(&["app.test"]);
    next.write(https.mizan.folder(), "app");
    let client = https.client();
    eventually("the renewed one is served", SOON, || async {
        client.connect(https.addr(), "app.test").await.is_ok()
    })
    .await;
}

#[tokio::test]
async fn a_certificate_in_force_that_cannot_be_read_any_more_stands_in_a_reloads_way() {
    let mut https = Https::start("").await;
    let client = https.client();
    let first = served(&client, https.addr()).await;
    std::fs::remove_file(https.mizan.folder().join("app.key")).expect("it was there");
    let yaml = sites(&https.upstream, &[Site::new("app.test", "app")], "limits: { streams: 99 }");
    assert!(https.mizan.try_reload(&yaml).await.contains("refused"));
    assert_eq!(served(&client, https.addr()).await, first);
}

/// `mizan check` in a folder with this pair as `app`.
async fn check(pair: impl FnOnce(&Authority, &Path)) -> (Finished, TempDir) {
    let (authority, folder, upstream) = (Authority::new("Test"), folder(), Upstream::start("one").await);
    pair(&authority, folder.path());
    keep_private(folder.path(), "app");
    put(&folder.path().join("mizan.yml"), &sites(&upstream, &[Site::new("app.test", "app")], ""));
    (mizan(folder.path(), &["check"], &[]).await, folder)
}

#[tokio::test]
async fn check_refuses_what_clients_would_refuse_and_names_file_names_and_dates() {
    let issue = |wanted: Wanted| {
        move |authority: &Authority, folder: &Path| authority.issue(&wanted).write(folder, "app")
    };
    let (finished, _) = check(issue(Wanted::server(&["app.test"]).until(2021, 2, 3))).await;
    assert_eq!(finished.code, Some(1), "{finished:?}");
    for said in ["app.pem", "app.test", "expired", "2021-02-03", "mizan.yml"] {
        assert!(finished.stderr.contains(said), "{said}: {}", finished.stderr);
    }
    let (finished, _) = check(issue(Wanted::server(&["app.test"]).from(2098, 2, 3))).await;
    assert_eq!(finished.code, Some(1), "{finished:?}");
    for said in ["app.pem", "app.test", "not valid before", "2098-02-03", "mizan.yml"] {
        assert!(finished.stderr.contains(said), "{said}: {}", finished.stderr);
    }
    let (finished, _) = check(|authority, folder| {
        authority.server(&["app.test"]).write(folder, "app");
        put(&folder.join("app.key"), &authority.server(&["app.test"]).key);
    })
    .await;
    assert_eq!(finished.code, Some(1), "{finished:?}");
    for said in ["app.pem", "app.key", "app.test", "mizan.yml"] {
        assert!(finished.stderr.contains(said), "{said}: {}", finished.stderr);
    }
}

#[tokio::test]
async fn check_warns_of_a_missing_intermediate_and_an_uncovered_host() {
    let (finished, _) = check(|authority, folder| {
        let issued = authority.server(&["app.test"]);
        put(&folder.join("app.key"), &issued.key);
        put(&folder.join("app.pem"), &issued.leaf);
    })
    .await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(finished.stderr.contains("Test intermediate"), "{finished:?}");
    let (finished, _) =
        check(|authority, folder| authority.server(&["other.test"]).write(folder, "app")).await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    for said in ["other.test", "app.test", "app.pem"] {
        assert!(finished.stderr.contains(said), "{said}: {finished:?}");
    }
}

#[tokio::test]
async fn a_key_that_everybody_can_read_is_warned_of() {
    let (authority, folder, upstream) = (Authority::new("Test"), folder(), Upstream::start("one").await);
    authority.server(&["app.test"]).write(folder.path(), "app");
    let mode = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(folder.path().join("app.key"), mode).expect("the key is there");
    put(&folder.path().join("mizan.yml"), &sites(&upstream, &[Site::new("app.test", "app")], ""));
    let finished = mizan(folder.path(), &["check"], &[]).await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(finished.stderr.contains("app.key") && finished.stderr.contains("chmod"), "{finished:?}");
}

/// A response of OpenSSL's own responder for `app.pem`, signed by a CA that it makes beside it.
async fn with_ocsp(folder: &Path) {
    let script = "
        set -e
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj '/CN=OCSP CA' \
            -keyout ca.key -out ca.pem 2>/dev/null
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=app.test' -keyout app.key \
            -out app.csr 2>/dev/null
        printf 'subjectAltName=DNS:app.test\\nextendedKeyUsage=serverAuth\\nauthorityKeyIdentifier=keyid\\n' > app.ext
        openssl x509 -req -in app.csr -CA ca.pem -CAkey ca.key -set_serial 4660 -days 20 -extfile app.ext -out app.pem \
            2>/dev/null
        printf 'V\\t490101000000Z\\t\\t1234\\tunknown\\t/CN=app.test\\n' > index.txt
        openssl ocsp -issuer ca.pem -cert app.pem -reqout request.der
        openssl ocsp -index index.txt -rsigner ca.pem -rkey ca.key -CA ca.pem -reqin request.der -respout app.ocsp \
            -ndays 7
        chmod 600 app.key";
    let finished = mizan_tests::cli::run("sh", folder, &["-c", script], &[]).await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(folder.join("app.ocsp").is_file(), "{finished:?}");
}

#[tokio::test]
async fn an_ocsp_response_is_stapled() {
    let folder = folder();
    with_ocsp(folder.path()).await;
    let site = Site::new("app.test", "app").tls("ocsp: app.ocsp");
    let https = Https::start_in(folder, Authority::new("Unused"), &[site], "").await;
    for version in ["-tls1_2", "-tls1_3"] {
        let finished = https.openssl("app.test", &format!("{version} -status -CAfile ca.pem")).await;
        for said in ["OCSP Response Status: successful", "Cert Status: good", "Verify return code: 0 (ok)"] {
            assert!(finished.stdout.contains(said), "{version}, {said}: {}", finished.stdout);
        }
    }
    let without = https.openssl("app.test", "-CAfile ca.pem").await;
    assert!(without.stdout.contains("HTTP/1.1 200"), "{without:?}");
}

#[tokio::test]
async fn a_reload_reads_certificates_at_once() {
    let mut https = Https::start("").await;
    let next = https.authority.server(&["app.test"]);
    next.write(https.mizan.folder(), "app");
    let mark = https.mizan.log().mark();
    https.mizan.signal(Signal::HUP);
    https
        .mizan
        .log()
        .wait_after(mark, |line| line.contains("in force"), 5 * SECOND)
        .await
        .expect("it is taken");
    assert_eq!(served(&https.client(), https.addr()).await, next.der);
    let yaml = sites(&https.upstream, &[Site::new("app.test", "app")], "limits: { streams: 99 }");
    https.mizan.reload(&yaml).await;
}
