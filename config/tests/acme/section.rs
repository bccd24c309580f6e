//! The keys of `certificates.acme`.

use super::{HOSTS, SECTION, TLS, acme, changed, model, parsed, silent, slip, told, warned};
use mizan_config::model::{Acme, AcmeChallenge, AcmeKey, Place};
use std::path::Path;

#[test]
fn what_the_section_leaves_out_has_its_documented_default() {
    let expected = Acme {
        directory: "https://acme-v02.api.letsencrypt.org/directory".into(),
        ca: None,
        email: None,
        challenges: vec![AcmeChallenge::TlsAlpn01, AcmeChallenge::Http01],
        profile: None,
        key: AcmeKey::EcdsaP256,
        external_account: None,
        dns: None,
        http_port: 80,
        https_port: 443,
        place: Place::default(),
    };
    for section in ["{}", "true", "\"${ON}\""] {
        let config = parsed(&changed(&[(SECTION, &format!("  acme: {section}"))]));
        assert_eq!(config.acme.as_ref(), Some(&expected), "{section}");
    }
    silent(&[]);
}

#[test]
fn without_the_section_there_is_no_acme() {
    let files = "    tls: { certificate: a.pem, key: a.key }";
    for section in ["  acme: false", "  acme: \"${OFF}\"", "  {}"] {
        silent(&[(SECTION, section), (TLS, files)]);
        assert_eq!(parsed(&changed(&[(SECTION, section), (TLS, files)])).acme, None);
    }
    assert_eq!(parsed(&changed(&[("certificates:\n  acme: {}\n", ""), (TLS, files)])).acme, None);
}

#[test]
fn the_directory_has_a_name_or_a_url() {
    for (written, expected) in [
        ("letsencrypt-staging", "https://acme-staging-v02.api.letsencrypt.org/directory"),
        ("\"https://[::1]:14000/dir\"", "https://[::1]:14000/dir"),
        ("https://ca.internal/acme/local/directory", "https://ca.internal/acme/local/directory"),
    ] {
        assert_eq!(model(&format!("directory: {written}")).directory, expected);
    }
    let account = "external_account: { key_id: k, hmac_key: { file: /nowhere } }"
        .replace("{ file: /nowhere }", "\"${HMAC}\"");
    for (name, host) in [("zerossl", "acme.zerossl.com"), ("google", "pki.goog")] {
        assert!(model(&format!("directory: {name}, {account}")).directory.contains(host), "{name}");
        silent(&[(SECTION, &acme(&format!("directory: {name}, {account}")))]);
        let alone = acme(&format!("directory: {name}"));
        warned(&[(SECTION, &alone)], "takes no account that it does not know already");
    }
    slip("directory: letsencrpt", "did you mean `letsencrypt`?");
    slip("directory: moon", "letsencrypt, letsencrypt-staging, zerossl, google, or as in https://");
    slip(
        "directory: \"http://ca.example.com/dir\"",
        "over TLS alone (RFC 8555, 6.1): https://ca.example.com/dir",
    );
    slip("directory: https://me:x@ca.example.com/dir", "drop the user name");
    slip("directory: https://", "is no ACME directory");
    slip("directory: \"${ACME}\"", "look at the variable's value");
    slip("caserver: https://ca.example.com/dir", "did you mean `directory`?");
}

#[test]
fn values_are_taken_as_they_are_meant() {
    let acme = model(
        "email: ops+tls@example.com, ca: roots.pem, challenges: http-01, profile: shortlived, key: ecdsa-p384, \
         http_port: 5002, https_port: 5001, directory: https://localhost:14000/dir",
    );
    assert_eq!(
        (acme.email.as_deref(), acme.profile.as_deref()),
        (Some("ops+tls@example.com"), Some("shortlived"))
    );
    assert_eq!(acme.ca.as_deref(), Some(Path::new("/etc/mizan/roots.pem")));
    assert_eq!((acme.challenges, acme.key), (vec![AcmeChallenge::Http01], AcmeKey::EcdsaP384));
    assert_eq!((acme.http_port, acme.https_port), (5002, 5001));
}

#[test]
fn a_slip_in_a_value_is_told() {
    slip("email: ops", "`ops` is no email address");
    slip("email: \"mailto:ops@example.com\"", "drop the `mailto:`");
    slip("email: \"Ops <ops@example.com>\"", "one address alone");
    slip("email: ops@exa mple.com", "is no email address");
    slip("email: [ops@example.com]", "`email` must be text, not a list");
    slip("mail: ops@example.com", "did you mean `email`?");
    slip("profile: \"short lived\"", "is no name of a profile");
    slip("profile: \"\"", "is no name of a profile");
    slip("key: rsa2048", "every client since 2014 knows ECDSA");
    slip("key: p384", "did you mean `ecdsa-p384`?");
    slip("key: ec", "did you mean `ecdsa-p256`?");
    slip("key: privkey.pem", "the kind of key that certificates are made for, not a file");
    slip("http_port: 0", "`http_port` must be 1 to 65535, not `0`");
    slip("ca: { file: ca.pem }", "write the path alone");
    slip("colour: red", "its keys are email, directory, ca, challenges");
    told(&[(SECTION, "  acme:")], "`acme` has no value");
    told(&[(SECTION, "  acme: letsencrypt")], "`acme` must be true, false or a mapping, not text");
    told(
        &[("certificates:\n  acme: {}", "certificates: acme")],
        "`certificates` must be a mapping, not text",
    );
    told(&[("certificates:", "certificats:")], "did you mean `certificates`?");
    told(&[(SECTION, "  amce: {}")], "did you mean `acme`?");
}

#[test]
fn challenges_are_a_choice_in_order() {
    use AcmeChallenge::{Dns01, Http01, TlsAlpn01};
    let dns = "dns: { command: hook }";
    let chosen = |keys: &str| model(keys).challenges;
    assert_eq!(chosen(dns), [TlsAlpn01, Http01, Dns01]);
    assert_eq!(chosen("challenges: [http-01, tls-alpn-01]"), [Http01, TlsAlpn01]);
    assert_eq!(chosen(&format!("challenges: dns-01, {dns}")), [Dns01]);
    slip("challenges: []", "`challenges` is empty");
    slip("challenges: [http-01, http-01]", "is here twice");
    slip("challenges: http", "did you mean `http-01`?");
    slip("challenges: tls-sni-01", "did you mean `tls-alpn-01`?");
    slip("challenges: ALPN", "did you mean `tls-alpn-01`?");
    slip("challenges: dns01", "did you mean `dns-01`?");
    slip("challenges: moon", "there is no challenge `moon` (tls-alpn-01 (on the TLS port)");
    slip("challenges: dns-01", "`dns-01` needs `dns`, which says how its records are written");
    slip("challenges: dns-01, dsn: { command: hook }", "did you mean `dns`?");
    let unused = acme(&format!("challenges: http-01, {dns}"));
    warned(&[(SECTION, &unused)], "`dns` is never used");
    silent(&[(SECTION, &unused), (HOSTS, "[\"*.example.com\"]")]);
    silent(&[(SECTION, &acme(dns))]);
}

#[test]
fn ports_of_public_authorities_are_not_for_choosing() {
    warned(&[(SECTION, &acme("http_port: 8080"))], "looks at port 80 whatever `http_port` says");
    warned(&[(SECTION, &acme("https_port: 8443"))], "another port is for test authorities");
    silent(&[(SECTION, &acme("http_port: 8080, directory: https://ca.internal/dir"))]);
}
