//! Certificates that the proxy got by itself, and what stands in for those that are not there.

use crate::support::{Authority, DAY, Folder, between, client, clock, config, connect, key, later, site};
use mizan_certs::kept::{Shelf, authority_folder, certificate_file, slug};
use mizan_certs::{Gravity, Loaded, ServerTls, Unsaved};
use mizan_config::Config;
use mizan_config::model::{Acme, AcmeChallenge, Place, Site, SiteCertificates};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;

const DIRECTORY: &str = "https://ca.test/dir";

struct Store {
    folder: Folder,
    authority: Authority,
}

impl Store {
    fn new() -> Self {
        let store = Self { folder: Folder::new(), authority: Authority::root("Root") };
        let mut path = store.folder.path("acme");
        for part in [
            "",
            authority_folder(&PathBuf::new(), DIRECTORY).file_name().expect("a name").to_str().expect("text"),
            "certificates",
        ] {
            path = path.join(part);
            fs::create_dir_all(&path).expect("made");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).expect("hidden");
        }
        store
    }

    fn state(&self) -> PathBuf {
        self.folder.path("")
    }

    fn file(&self, names: &[&str]) -> PathBuf {
        certificate_file(&authority_folder(&self.state(), DIRECTORY), names)
    }

    /// Puts a certificate there that ends so many days from now.
    fn put(&self, names: &[&str], days: u64) -> PathBuf {
        let params = between(names, clock() - 30 * DAY, clock() + days * DAY);
        let issued = self.authority.issue_as(&params, key());
        let file = self.file(names);
        fs::write(&file, issued.key.serialize_pem() + &issued.pem + &self.authority.0.pem())
            .expect("written");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("hidden");
        file
    }

    fn config(&self, sites: Vec<Site>) -> Config {
        let acme = Acme {
            directory: DIRECTORY.into(),
            ca: None,
            email: None,
            challenges: vec![AcmeChallenge::Http01],
            profile: None,
            key: mizan_config::model::AcmeKey::default(),
            external_account: None,
            dns: None,
            http_port: 80,
            https_port: 443,
            place: Place(40..44),
        };
        Config { acme: Some(acme), state: Some(self.state()), ..config(sites) }
    }
}

fn acme(hosts: &[&str]) -> Site {
    let mut site = site(hosts, Vec::new());
    site.tls.as_mut().expect("a site with TLS").certificates = SiteCertificates::Acme(Place(50..54));
    site
}

fn load(config: &Config, last: Option<&ServerTls>) -> Loaded {
    ServerTls::load(config, last, &Unsaved::default(), clock)
}

fn loaded(config: &Config) -> ServerTls {
    load(config, None).tls.expect("it can be served")
}

/// Whether clients that trust the authority are served.
fn is_trusted(tls: &ServerTls, store: &Store, name: &'static str) -> bool {
    connect(tls, &Arc::new(client(store.authority.roots())), name).is_ok()
}

#[test]
fn what_is_not_there_has_a_stand_in_for_configured_names_alone() {
    let store = Store::new();
    store.put(&["a.test"], 60);
    let tls = loaded(&store.config(vec![acme(&["a.test", "b.test"])]));
    assert!(is_trusted(&tls, &store, "a.test") && !is_trusted(&tls, &store, "b.test"));
    let stand_in = |name| tls.find(Some(name)).map(|site| site.stand_in);
    assert_eq!([stand_in("a.test"), stand_in("b.test"), stand_in("c.test")], [Some(false), Some(true), None]);
    assert_eq!(tls.sites()[0].missing, ["b.test"]);
    assert!(!tls.is_stale(clock().cast_signed()));
    later(4 * DAY);
    assert!(tls.is_stale(clock().cast_signed()), "a stand-in is made for a few days");
}

#[test]
fn a_host_is_served_with_the_newest_in_force_whatever_it_was_got_for() {
    let store = Store::new();
    store.put(&["a.test"], 20);
    later(DAY);
    store.put(&["*.test", "test"], 1);
    let config = store.config(vec![acme(&["a.test"])]);
    let tls = loaded(&config);
    let agree = |tls: &ServerTls| {
        let authority = authority_folder(&store.state(), DIRECTORY);
        let shelf = Shelf::look(&authority, &Unsaved::default()).expect("read");
        let scheduled = shelf.covering(&["a.test"], clock().cast_signed()).expect("two are").info.clone();
        let served = tls.sites()[0].served.clone().expect("it is there");
        assert_eq!(served, scheduled, "what is scheduled is what is served");
        served.names
    };
    assert_eq!(agree(&tls), ["*.test", "test"], "the newest, though it ends sooner");
    assert!(!tls.is_stale(clock().cast_signed()));
    later(2 * DAY);
    assert!(tls.is_stale(clock().cast_signed()), "it has ended, and another has not");
    assert_eq!(agree(&loaded(&config)), ["a.test"]);
}

#[test]
fn an_expired_one_is_served_and_missed() {
    let store = Store::new();
    store.put(&["a.test"], 1);
    later(2 * DAY);
    let Loaded { tls, faults } = load(&store.config(vec![acme(&["a.test"])]), None);
    let tls = tls.expect("it is better than nothing");
    assert_eq!(
        (tls.sites()[0].missing.as_slice(), tls.sites()[0].served.is_some()),
        (&["a.test".to_owned()][..], true)
    );
    assert!(faults.iter().all(|fault| fault.gravity == Gravity::Doubtful), "{faults:?}");
}

#[test]
fn a_damaged_file_is_told_and_the_last_content_goes_on() {
    let store = Store::new();
    let file = store.put(&["a.test"], 60);
    let config = store.config(vec![acme(&["a.test"])]);
    let last = loaded(&config);
    let whole = fs::read(&file).expect("there");
    for content in [&whole[..whole.len() / 2], b"", b"-----BEGIN"] {
        fs::write(&file, content).expect("written");
        let Loaded { tls, faults } = load(&config, Some(&last));
        assert!(is_trusted(&tls.expect("it can be served"), &store, "a.test"));
        assert!(faults.iter().any(|fault| fault.message.contains("goes on")), "{faults:?}");
        let Loaded { tls, .. } = load(&config, None);
        assert!(tls.expect("it can be served").find(Some("a.test")).expect("a site").stand_in);
    }
}

#[test]
fn what_others_can_read_is_refused_with_what_to_do() {
    let store = Store::new();
    let file = store.put(&["a.test"], 60);
    let config = store.config(vec![acme(&["a.test"])]);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).expect("set");
    let Loaded { tls, faults } = load(&config, None);
    assert!(tls.is_none());
    assert_eq!(faults[0].hint.as_deref(), Some(format!("chmod 600 {}", file.display()).as_str()));
    let unreadable = Shelf::look(&authority_folder(&store.state(), DIRECTORY), &Unsaved::default());
    unreadable.expect_err("it is not as if it were not there: nothing is ordered in its place");
}

#[test]
fn a_broken_file_of_one_site_leaves_the_renewed_certificate_of_another() {
    let store = Store::new();
    store.put(&["a.test"], 10);
    let pair = store.folder.pair_of("b", &store.authority, &["b.test"]);
    let config = store.config(vec![acme(&["a.test"]), site(&["b.test"], vec![pair.clone()])]);
    let last = loaded(&config);
    fs::write(&pair.certificate, "nothing").expect("written");
    store.put(&["a.test"], 60);
    assert!(load(&config, Some(&last)).tls.is_none(), "as a whole it is refused");
    let around = ServerTls::load_around(&config, &last, &Unsaved::default(), clock).expect("around it");
    assert!(is_trusted(&around, &store, "b.test"), "as before");
    assert_ne!(around.sites()[0].served, last.sites()[0].served, "renewed");
    assert!(around.stamps().changed(), "it is looked at again");
    let expired = store.authority.issue_as(&between(&["b.test"], clock() - 60 * DAY, clock() - DAY), key());
    store.folder.pair("b", &expired.pem, &expired.key);
    let around = ServerTls::load_around(&config, &last, &Unsaved::default(), clock).expect("around it");
    assert!(is_trusted(&around, &store, "b.test"), "as before");
    assert!(
        around.describe().all(|certificate| certificate.not_after > clock().cast_signed()),
        "it is not in force"
    );
    let again = load(&config, Some(&around)).faults;
    assert!(again.iter().any(|fault| fault.gravity == Gravity::Invalid), "it is still refused: {again:?}");
}

#[test]
fn another_authoritys_certificates_serve_until_the_new_one_has_issued() {
    let store = Store::new();
    store.put(&["a.test"], 60);
    let mut config = store.config(vec![acme(&["a.test"])]);
    config.acme.as_mut().expect("there").directory = "https://other.test/dir".into();
    assert!(is_trusted(&loaded(&config), &store, "a.test"));
}

#[test]
fn what_the_disk_did_not_take_is_served_from_memory() {
    let store = Store::new();
    let file = store.put(&["a.test"], 60);
    let pem = fs::read_to_string(&file).expect("there");
    fs::remove_file(&file).expect("removed");
    let (config, unsaved) = (store.config(vec![acme(&["a.test"])]), Unsaved::default());
    unsaved.hold(&file, &pem);
    let tls = ServerTls::load(&config, None, &unsaved, clock).tls.expect("it can be served");
    assert!(is_trusted(&tls, &store, "a.test"));
    unsaved.saved(&file, b"an older one");
    assert_eq!(unsaved.all().len(), 1, "a newer one stays");
    unsaved.saved(&file, pem.as_bytes());
    assert!(unsaved.all().is_empty());
}

#[test]
fn the_order_of_names_does_not_matter() {
    assert_eq!(slug(&["b.test", "a.test"]), slug(&["a.test", "b.test"]));
    assert_ne!(slug(&["a.test"]), slug(&["a.test", "b.test"]));
    assert!(slug(&["*.a.test"]).starts_with("_.a.test-"));
}
