//! What is said of files that are not as they should be.

use crate::support::*;
use mizan_certs::{Gravity, ServerTls, Unsaved};
use mizan_config::model::{Cipher, Place};
use std::fs;
use std::os::unix::fs::PermissionsExt;

const HOST: &str = "api.example.com";

#[test]
fn a_sound_site_has_no_faults_and_is_described() {
    let folder = Folder::new();
    let files = folder.pair_of("site", &Authority::root("Root"), &[HOST, "192.0.2.1"]);
    let tls = sound(&config(vec![site(&[HOST, "192.0.2.1"], vec![files.clone()])]));
    let [info] = &tls.describe().collect::<Vec<_>>()[..] else { panic!("one certificate") };
    assert_eq!(info.names, [HOST, "192.0.2.1"]);
    assert_eq!((&*info.issuer, info.key), ("Root", "ECDSA P-256"));
    assert_eq!(info.not_after, (NOON + 60 * DAY).cast_signed());
    assert_eq!(info.fingerprint.len(), 64);
    assert_eq!(info.file, files.certificate);
    let watched: Vec<_> = tls.stamps().files().collect();
    assert_eq!(watched, [&files.key, &files.certificate]);
    assert!(!tls.stamps().changed());
    fs::remove_file(&files.key).expect("removed");
    assert!(tls.stamps().changed());
}

#[test]
fn an_expired_certificate_is_invalid_and_only_doubtful_while_it_is_in_force() {
    let folder = Folder::new();
    let authority = Authority::root("Root");
    let issued = authority.issue(&[HOST]);
    let files = folder.pair("site", &(issued.pem + &authority.0.pem()), &issued.key);
    let config = config(vec![site(&[HOST], vec![files.clone()])]);
    let last = sound(&config);
    at(NOON + 60 * DAY + 250 * DAY);
    let (gravity, message) = fault(&config);
    assert_eq!(gravity, Gravity::Invalid);
    assert_eq!(
        message,
        format!(
            "the certificate of {HOST} expired on 2026-04-30 12:00:00 UTC (8 months ago): {}",
            files.certificate.display()
        )
    );
    let again = ServerTls::load(&config, Some(&last), &Unsaved::default(), clock);
    assert_eq!(again.faults.iter().map(|fault| fault.gravity).collect::<Vec<_>>(), [Gravity::Doubtful]);
    assert!(again.tls.is_some());
    assert_eq!(again.faults[0].place.0, 17..23);
}

#[test]
fn a_certificate_of_tomorrow_is_invalid_and_one_that_ends_soon_doubtful() {
    let folder = Folder::new();
    let authority = Authority::root("Root");
    let told = |from, until| {
        let issued = authority.issue_as(&between(&[HOST], from, until), key());
        let files = folder.pair("site", &(issued.pem + &authority.0.pem()), &issued.key);
        load(&config(vec![site(&[HOST], vec![files])])).faults
    };
    let early = told(NOON + DAY, NOON + 90 * DAY);
    assert_eq!(early[0].gravity, Gravity::Invalid);
    assert!(early[0].message.contains("is not valid before 2026-03-02 12:00:00 UTC (in 1 day)"));
    let late = told(NOON - 80 * DAY, NOON + 10 * DAY);
    assert_eq!(late[0].gravity, Gravity::Doubtful);
    assert!(late[0].message.contains("expires on 2026-03-11 12:00:00 UTC (in 10 days)"));
    assert_eq!(told(NOON - DAY, NOON + 5 * DAY), [], "a certificate for six days is young on its second");
}

#[test]
fn a_key_of_another_certificate_is_unusable() {
    let folder = Folder::new();
    let authority = Authority::root("Root");
    let issued = authority.issue(&[HOST]);
    let files = folder.pair("site", &(issued.pem + &authority.0.pem()), &key());
    let (gravity, message) = fault(&config(vec![site(&[HOST], vec![files])]));
    assert_eq!(gravity, Gravity::Unusable);
    assert!(message.starts_with("the key does not belong to the certificate of api.example.com: "));
}

#[test]
fn the_sites_own_certificate_comes_first() {
    let folder = Folder::new();
    let authority = Authority::root("Root");
    let issued = authority.issue(&[HOST]);
    let files = folder.pair("site", &(authority.0.pem() + &issued.pem), &issued.key);
    let (gravity, message) = fault(&config(vec![site(&[HOST], vec![files])]));
    assert_eq!(gravity, Gravity::Unusable);
    assert!(message.starts_with("the first certificate in the file must be the site's own; it is `Root`"));
}

#[test]
fn a_missing_intermediate_and_a_wrong_order_are_doubtful() {
    let folder = Folder::new();
    let root = Authority::root("Root");
    let intermediate = root.intermediate("R11");
    let issued = intermediate.issue(&[HOST]);
    let told =
        |chain: &str| fault(&config(vec![site(&[HOST], vec![folder.pair("site", chain, &issued.key)])]));
    let (gravity, message) = told(&issued.pem);
    assert_eq!(gravity, Gravity::Doubtful);
    assert!(
        message
            .starts_with("the chain ends with `api.example.com` whose issuer `R11` is neither in the file")
    );
    let (gravity, message) = told(&(issued.pem.clone() + &root.0.pem() + &intermediate.0.pem()));
    assert_eq!(gravity, Gravity::Doubtful);
    assert!(
        message.starts_with("certificate 2 of the file, `Root`, did not issue the one before it"),
        "{message}"
    );
}

#[test]
fn a_host_that_the_certificate_does_not_name_is_doubtful() {
    let folder = Folder::new();
    let authority = Authority::root("Root");
    let files = folder.pair_of("site", &authority, &[HOST, "*.example.org", "www.example.com"]);
    let told = |hosts: &[&str]| fault(&config(vec![site(hosts, vec![files.clone()])])).1;
    let begins = "the certificate is for api.example.com, *.example.org, www.example.com; the site's";
    assert!(
        told(&[HOST, "shop.example.com"])
            .starts_with(&format!("{begins} host shop.example.com is not among"))
    );
    assert!(
        told(&["a.b.example.org", "[::1]"])
            .starts_with(&format!("{begins} hosts a.b.example.org, [::1] are not"))
    );
    assert!(told(&["*.example.com"]).contains("host *.example.com is not"));
    sound(&config(vec![site(&["a.example.org", "*.example.org", "*"], vec![files])]));
}

#[test]
fn certificate_and_key_in_each_others_place_are_named() {
    let folder = Folder::new();
    let mut files = folder.pair_of("site", &Authority::root("Root"), &[HOST]);
    std::mem::swap(&mut files.certificate, &mut files.key);
    assert!(
        load(&config(vec![site(&[HOST], vec![files])])).faults.iter().any(|fault| fault
            .message
            .starts_with("the certificate holds a private key, not a certificate: "))
    );
}

#[test]
fn absent_and_foreign_files_are_unusable() {
    let folder = Folder::new();
    let files = folder.pair_of("site", &Authority::root("Root"), &[HOST]);
    let config = config(vec![site(&[HOST], vec![files.clone()])]);
    fs::write(&files.certificate, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        .expect("written");
    assert!(fault(&config).1.starts_with("number 1 in the certificate is not an X.509 certificate: "));
    fs::remove_file(&files.certificate).expect("removed");
    let (gravity, message) = fault(&config);
    assert_eq!(gravity, Gravity::Unusable);
    assert!(message.starts_with("cannot read the certificate: No such file or directory"));
}

#[test]
fn a_key_that_everybody_reads_is_doubtful() {
    let folder = Folder::new();
    let files = folder.pair_of("site", &Authority::root("Root"), &[HOST]);
    fs::set_permissions(&files.key, fs::Permissions::from_mode(0o644)).expect("shown");
    let (gravity, message) = fault(&config(vec![site(&[HOST], vec![files])]));
    assert_eq!(gravity, Gravity::Doubtful);
    assert!(message.starts_with("the key can be read by every user of this system: "));
}

#[test]
fn a_short_ticket_key_is_unusable() {
    let folder = Folder::new();
    let files = folder.pair_of("site", &Authority::root("Root"), &[HOST]);
    let mut config = config(vec![site(&[HOST], vec![files])]);
    for (size, gravity) in
        [(31, Some(Gravity::Unusable)), (32, None), (4096, None), (4097, Some(Gravity::Unusable))]
    {
        config.tls.ticket_key = Some(ticket_key(folder.write("ticket.key", vec![7; size])));
        let faults = load(&config).faults;
        assert_eq!(faults.first().map(|fault| fault.gravity), gravity, "{size}");
        assert!(faults.iter().all(|fault| fault.place == Place(3..9)), "{faults:?}");
    }
}

#[test]
fn ciphers_of_one_version_alone_turn_the_other_off() {
    let folder = Folder::new();
    let files = folder.pair_of("site", &Authority::root("Root"), &[HOST]);
    let mut config = config(vec![site(&[HOST], vec![files])]);
    config.tls.ciphers = vec![Cipher::EcdheEcdsaAes128GcmSha256];
    assert_eq!(fault(&config).0, Gravity::Doubtful);
}

#[test]
fn older_forms_of_keys_are_read_and_rsa_that_is_too_short_is_not() {
    let folder = Folder::new();
    let files = folder.pair("site", "", &key());
    let config = config(vec![site(&[HOST], vec![files.clone()])]);
    let (key_path, path) = (files.key.to_str().expect("text"), files.certificate.to_str().expect("text"));
    for (command, algorithm, kind) in [
        ("ecparam", &["-name", "prime256v1", "-genkey", "-noout"][..], Some("ECDSA P-256")),
        ("genrsa", &["-traditional", "2048"][..], Some("RSA 2048")),
        ("genpkey", &["-algorithm", "ED25519"][..], Some("Ed25519")),
        ("genrsa", &["1024"][..], None),
    ] {
        openssl(&[&[command, "-out", key_path], algorithm].concat());
        let request =
            ["req", "-x509", "-new", "-key", key_path, "-subj", "/CN=x", "-days", "90", "-out", path];
        openssl(&[&request[..], &["-addext", "subjectAltName=DNS:api.example.com"]].concat());
        at(now());
        let Some(kind) = kind else {
            assert!(fault(&config).1.starts_with("the key is too short to be used (RSA 1024): "));
            continue;
        };
        assert_eq!(sound(&config).describe().next().expect("a certificate").key, kind);
    }
}
