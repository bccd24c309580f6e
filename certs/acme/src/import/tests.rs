use super::certbot::read_at;
use super::{ImportError, Imported, Placed, Problem, Why, keep_imported, read};
use rcgen::{CertificateParams, KeyPair};
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

const DIRECTORY: &str = "https://acme.example/directory";

/// 2026-01-01.
const NOW: i64 = 1_767_225_600;

/// A certificate until the given year, and its key.
fn made(names: &[&str], until: i32) -> (String, String) {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.not_before = rcgen::date_time_ymd(2025, 1, 1);
    params.not_after = rcgen::date_time_ymd(until, 1, 1);
    let key = KeyPair::generate().unwrap();
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

/// `/etc/letsencrypt`, as certbot lays it out.
struct Certbot(tempfile::TempDir);

impl Certbot {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        for folder in ["live", "archive", "renewal"] {
            fs::create_dir(root.path().join(folder)).unwrap();
        }
        fs::write(root.path().join("live/README"), "This directory contains your keys and certificates.")
            .unwrap();
        Self(root)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn live(&self, name: &str) -> PathBuf {
        self.path().join("live").join(name)
    }

    fn add(&self, name: &str, chain: &str, key: &str) {
        let archive = self.path().join("archive").join(name);
        fs::create_dir(&archive).unwrap();
        fs::create_dir(self.live(name)).unwrap();
        for (file, content) in [("fullchain", chain), ("privkey", key)] {
            fs::write(archive.join(format!("{file}3.pem")), content).unwrap();
            let target = format!("../../archive/{name}/{file}3.pem");
            symlink(target, self.live(name).join(format!("{file}.pem"))).unwrap();
        }
        let conf = format!("version = 2.1.0\n[renewalparams]\naccount = 1\nserver = {DIRECTORY}\n");
        fs::write(self.path().join("renewal").join(format!("{name}.conf")), conf).unwrap();
    }

    fn read(&self) -> Vec<Result<Imported, Problem>> {
        read_at(self.path(), NOW).unwrap()
    }

    fn problem(&self) -> Problem {
        self.read().remove(0).unwrap_err()
    }
}

#[test]
fn every_certificate_below_live_is_read_through_its_links() {
    let certbot = Certbot::new();
    let (chain, key) = made(&["example.com", "www.example.com"], 2100);
    certbot.add("example.com", &chain, &key);
    let (other, other_key) = made(&["*.example.org"], 2100);
    certbot.add("example.org", &other, &other_key);
    let found: Vec<Imported> = certbot.read().into_iter().map(Result::unwrap).collect();
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].name, "example.com");
    assert_eq!(found[0].names, ["example.com", "www.example.com"]);
    assert_eq!(found[0].not_after, 4_102_444_800);
    assert_eq!(found[0].server.as_deref(), Some(DIRECTORY));
    assert_eq!(found[0].pem, format!("{}\n{}\n", key.trim(), chain.trim()));
    assert_eq!(found[1].names, ["*.example.org"]);
    assert!(!format!("{found:?}").contains("PRIVATE KEY"));
}

#[test]
fn the_folder_may_be_the_whole_or_live_or_one_of_live() {
    let certbot = Certbot::new();
    let (chain, key) = made(&["a.example"], 2100);
    certbot.add("a.example", &chain, &key);
    for path in [certbot.path().to_owned(), certbot.path().join("live"), certbot.live("a.example")] {
        let found = read(&path).unwrap().remove(0).unwrap();
        assert_eq!(
            (found.name.as_str(), found.server.as_deref()),
            ("a.example", Some(DIRECTORY)),
            "{path:?}"
        );
    }
}

#[test]
fn what_is_no_folder_of_certbots_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(read(folder.path()), Err(ImportError::NotCertbots(_))));
    assert!(matches!(read(&folder.path().join("nowhere")), Err(ImportError::Missing(_))));
    fs::write(folder.path().join("file"), "").unwrap();
    assert!(matches!(read(&folder.path().join("file")), Err(ImportError::Unreadable { .. })));
}

#[test]
fn a_whole_without_certificates_is_empty() {
    assert!(Certbot::new().read().is_empty());
}

#[test]
fn one_that_cannot_be_taken_does_not_hold_up_the_others() {
    let certbot = Certbot::new();
    let (chain, key) = made(&["b.example"], 2100);
    certbot.add("a.example", "garbage", &key);
    certbot.add("b.example", &chain, &key);
    let found = certbot.read();
    assert!(found[0].is_err() && found[1].is_ok());
}

#[test]
fn missing_files_are_named() {
    let certbot = Certbot::new();
    let (chain, key) = made(&["a.example"], 2100);
    certbot.add("a.example", &chain, &key);
    fs::remove_file(certbot.path().join("archive/a.example/privkey3.pem")).unwrap();
    let problem = certbot.problem();
    assert!(
        matches!(&problem.why, Why::Dangling { target, .. } if target.ends_with("privkey3.pem")),
        "{problem}"
    );
    fs::remove_file(certbot.live("a.example").join("privkey.pem")).unwrap();
    let problem = certbot.problem();
    assert!(
        problem.to_string().starts_with("a.example: ")
            && problem.to_string().ends_with("privkey.pem is missing")
    );
}

#[test]
fn a_key_of_another_certificate_is_refused() {
    let certbot = Certbot::new();
    let ((chain, _), (_, key)) = (made(&["a.example"], 2100), made(&["a.example"], 2100));
    certbot.add("a.example", &chain, &key);
    let problem = certbot.problem().to_string();
    assert!(problem.contains("the key does not belong to the certificate of a.example"), "{problem}");
}

#[test]
fn an_expired_one_is_refused_with_its_date() {
    let certbot = Certbot::new();
    let (chain, key) = made(&["a.example"], 2026);
    certbot.add("a.example", &chain, &key);
    assert!(read_at(certbot.path(), NOW).unwrap()[0].is_ok(), "it ends this second");
    let problem = read_at(certbot.path(), NOW + 1).unwrap().remove(0).unwrap_err().to_string();
    assert_eq!(problem, "a.example: it expired on 2026-01-01; mizan gets a new one by itself");
}

#[test]
fn a_certificate_without_a_file_for_renewal_has_no_server() {
    let certbot = Certbot::new();
    let (chain, key) = made(&["a.example"], 2100);
    certbot.add("a.example", &chain, &key);
    fs::remove_file(certbot.path().join("renewal/a.example.conf")).unwrap();
    assert_eq!(certbot.read().remove(0).unwrap().server, None);
}

fn imported(names: &[&str], until: i32) -> Imported {
    let certbot = Certbot::new();
    let (chain, key) = made(names, until);
    certbot.add("x", &chain, &key);
    certbot.read().remove(0).unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn an_imported_one_is_kept_for_its_owner_alone() {
    let state = tempfile::tempdir().unwrap();
    let one = imported(&["a.example"], 2100);
    let Placed::Written(file) = keep_imported(state.path(), DIRECTORY, &one).unwrap() else {
        panic!("not written")
    };
    assert_eq!(fs::read_to_string(&file).unwrap(), one.pem);
    assert_eq!(mode(&file), 0o600);
    let folders: Vec<&Path> = file.ancestors().skip(1).take(3).collect();
    assert_eq!(folders[2], state.path().join("acme"));
    assert!(folders.iter().all(|folder| mode(folder) == 0o700));
    assert_eq!(fs::read_dir(folders[0]).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn a_newer_one_is_not_overwritten_and_an_older_or_damaged_one_is() {
    let state = tempfile::tempdir().unwrap();
    let keep = |until| keep_imported(state.path(), DIRECTORY, &imported(&["a.example"], until)).unwrap();
    let Placed::Written(file) = keep(2050) else { panic!("not written") };
    assert_eq!(keep(2040), Placed::NewerThere(file.clone()));
    assert_eq!(keep(2050), Placed::NewerThere(file.clone()));
    assert_eq!(keep(2060), Placed::Written(file.clone()));
    fs::write(&file, "cut").unwrap();
    assert_eq!(keep(2040), Placed::Written(file));
}

#[test]
fn a_folder_that_others_may_read_is_refused() {
    let state = tempfile::tempdir().unwrap();
    let acme = state.path().join("acme");
    fs::create_dir(&acme).unwrap();
    fs::set_permissions(&acme, Permissions::from_mode(0o755)).unwrap();
    let error =
        keep_imported(state.path(), DIRECTORY, &imported(&["a.example"], 2100)).unwrap_err().to_string();
    assert!(error.ends_with(&format!("chmod 700 {}", acme.display())), "{error}");
}
