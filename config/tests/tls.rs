//! TLS in mizan.yml: what the model holds of it, and what a person who slips is told.

use mizan_config::model::{
    CertificateFiles, Cipher, Hsts, ListenAddress, ListenProtocol, Place, RedirectToHttps, Tls, TlsProfile,
    TlsVersion,
};
use mizan_config::{Config, Problems, examine, parse};
use std::path::Path;
use std::time::Duration;

const SOUND: &str = r#"listen:
  http: ":80"
  https: ":443"
services:
  app:
    endpoints: app:3000
sites:
  - hosts: [example.com]
    tls: { certificate: a.pem, key: a.key }
    routes:
      - { path: /, service: app }
"#;
const PAIR: &str = "    tls: { certificate: a.pem, key: a.key }";

fn changed(line: &str, replacement: &str) -> String {
    assert!(SOUND.contains(line), "{line}");
    SOUND.replace(line, replacement)
}

fn env(name: &str) -> Option<String> {
    match name {
        "ON" => Some("true".into()),
        "OFF" => Some("false".into()),
        "STATUS" => Some("301".into()),
        "FOLDER" => Some("/run".into()),
        _ => None,
    }
}

#[track_caller]
fn config(line: &str, replacement: &str) -> Config {
    parse("/etc/mizan/mizan.yml", &changed(line, replacement), &env).unwrap_or_else(|e| panic!("{e}"))
}

fn lines(problems: &Problems) -> Vec<String> {
    problems.lines().collect()
}

/// One problem, and nothing else.
#[track_caller]
fn told(line: &str, replacement: &str, expected: &str) {
    let text = changed(line, replacement);
    let lines = lines(&parse("mizan.yml", &text, &env).expect_err(&text));
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].contains(expected), "{lines:#?} lacks {expected:?}");
}

/// No problem, and one warning.
#[track_caller]
fn warned(line: &str, replacement: &str, expected: &str) {
    let text = changed(line, replacement);
    let examined = examine("mizan.yml", &text, &env).unwrap_or_else(|e| panic!("{e}"));
    let lines = lines(&examined.warnings);
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].contains(expected), "{lines:#?} lacks {expected:?}");
}

#[track_caller]
fn silent(line: &str, replacement: &str) {
    let text = changed(line, replacement);
    let examined = examine("mizan.yml", &text, &env).unwrap_or_else(|e| panic!("{e}"));
    assert!(examined.warnings.is_empty(), "{}", examined.warnings);
}

fn site(keys: &str) -> String {
    format!("{PAIR}\n    {keys}")
}

#[test]
fn paths_are_joined_with_the_folder_of_the_file() {
    let config =
        config(PAIR, "    tls: { certificate: tls/a.pem, key: \"${FOLDER}/a.key\", ocsp: ../ocsp.der }");
    let tls = config.sites[0].tls.as_ref().unwrap();
    let [files] = tls.certificates.files() else { panic!("{tls:?}") };
    let expected = CertificateFiles {
        certificate: "/etc/mizan/tls/a.pem".into(),
        key: "/run/a.key".into(),
        ocsp: Some("/etc/mizan/../ocsp.der".into()),
        place: Place::default(),
    };
    assert_eq!(*files, expected);
    assert_eq!(tls.client_auth, None);
}

#[test]
fn the_place_of_a_file_is_that_of_its_path() {
    let text = changed(
        PAIR,
        "    tls: { certificate: a.pem, key: a.key, client_auth: { ca: \"ca.pem\" } }\n    hsts: true",
    );
    let config = parse("mizan.yml", &text, &env).unwrap();
    let tls = config.sites[0].tls.as_ref().unwrap();
    assert_eq!(&text[tls.certificates.files()[0].place.0.clone()], "a.pem");
    assert_eq!(&text[tls.client_auth.as_ref().unwrap().place.0.clone()], "\"ca.pem\"");
}

#[test]
fn a_site_may_have_several_certificates_and_ask_for_those_of_clients() {
    let two = "    tls:\n      certificates:\n        - { certificate: e.pem, key: e.key }\n        - { certificate: r.pem, key: r.key, ocsp: r.der }\n      client_auth: { ca: ca.pem, mode: optional, crl: crl.pem }";
    let config = config(PAIR, two);
    let tls = config.sites[0].tls.as_ref().unwrap();
    assert_eq!(tls.certificates.files()[1].ocsp.as_deref(), Some(Path::new("/etc/mizan/r.der")));
    let auth = tls.client_auth.as_ref().unwrap();
    assert_eq!((auth.required, auth.crl.as_deref()), (false, Some(Path::new("/etc/mizan/crl.pem"))));
    let beside = self::config(
        PAIR,
        "    tls: { certificate: a, key: b, client_auth: { ca: ca.pem } }\n    redirect_to_https: false",
    );
    let auth = beside.sites[0].tls.as_ref().unwrap().client_auth.as_ref().unwrap();
    assert_eq!((auth.required, auth.ca.as_path()), (true, Path::new("/etc/mizan/ca.pem")));
}

#[test]
fn a_redirect_is_a_boolean_a_status_or_both_with_a_port() {
    for (written, expected) in [
        ("true", Some((308, None))),
        ("308", Some((308, None))),
        ("301", Some((301, None))),
        ("{}", Some((308, None))),
        ("{ status: 301, port: 8443 }", Some((301, Some(8443)))),
        ("{ port: 8443 }", Some((308, Some(8443)))),
        ("\"${ON}\"", Some((308, None))),
        ("\"${STATUS}\"", Some((301, None))),
        ("\"${OFF}\"", None),
        ("false", None),
    ] {
        let config = config(PAIR, &site(&format!("redirect_to_https: {written}")));
        let expected = expected.map(|(status, port)| RedirectToHttps { status, port });
        assert_eq!(config.sites[0].redirect_to_https, expected, "{written}");
    }
    told(PAIR, &site("redirect_to_https: 302"), "write a route with `respond`");
    told(PAIR, &site("redirect_to_https: \"yes\""), "must be 308 or 301, not `yes`");
    told(PAIR, &site("redirect_to_https: []"), "must be true, false, 308, 301 or a mapping, not a list");
    told(PAIR, &site("redirect_to_https: { port: 0 }"), "`port` must be 1 to 65535, not `0`");
    told(PAIR, &site("redirect_to_https: { status: 200 }"), "`status` must be 308 or 301, not `200`");
    told(PAIR, &site("force_https: true"), "did you mean `redirect_to_https`?");
}

#[test]
fn hsts_is_a_boolean_or_says_more() {
    let hsts = |written: &str| config(PAIR, &site(&format!("hsts: {written}"))).sites[0].hsts;
    assert_eq!(hsts("true"), Some(Hsts::default()));
    assert_eq!(hsts("\"${ON}\""), Some(Hsts::default()));
    assert_eq!(hsts("false"), None);
    assert_eq!(hsts("{ max_age: 0 }"), Some(Hsts { max_age: Duration::ZERO, ..Hsts::default() }));
    let full = Hsts { max_age: Duration::from_hours(730 * 24), include_subdomains: true, preload: true };
    assert_eq!(hsts("{ max_age: 730d, include_subdomains: true, preload: true }"), Some(full));
    told(PAIR, &site("hsts: 1"), "`hsts` must be true, false or a mapping, not a number");
    told(PAIR, &site("hsts: { max_age: 3651d }"), "must be 0s to 3650d");
    told(PAIR, &site("hsts: { max_age: 31536000 }"), "add the unit: 31536000s");
    warned(PAIR, &site("hsts: { preload: true }"), "`preload` alone puts no host into the browsers' lists");
    warned(PAIR, &site("hsts: { preload: true, include_subdomains: true, max_age: 364d }"), "365d or more");
    silent(PAIR, &site("hsts: { preload: true, include_subdomains: true }"));
}

#[test]
fn versions_and_ciphers_stand_instead_of_those_of_the_profile() {
    let tls = |written: &str| config("listen:", &format!("tls: {{ {written} }}\nlisten:")).tls;
    assert_eq!(tls(""), Tls::default());
    assert_eq!(tls("profile: modern").profile, TlsProfile::Modern);
    assert_eq!(tls("versions: 1.3").versions, [TlsVersion::Tls13]);
    assert_eq!(tls("versions: [\"1.2\", 1.3]").versions, [TlsVersion::Tls12, TlsVersion::Tls13]);
    let both = tls("ciphers: [TLS_AES_256_GCM_SHA384, ECDHE-RSA-CHACHA20-POLY1305]").ciphers;
    assert_eq!(both, [Cipher::Aes256GcmSha384, Cipher::EcdheRsaChacha20Poly1305Sha256]);
    let one = tls("profile: modern, versions: 1.2, ciphers: TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
    assert_eq!(one.ciphers, [Cipher::EcdheRsaAes128GcmSha256]);
    let key = tls("ticket_key: t.key").ticket_key.map(|key| key.file);
    assert_eq!(key.as_deref(), Some(Path::new("/etc/mizan/t.key")));
}

#[test]
fn a_slip_in_versions_and_ciphers_is_told() {
    let tls = |written: &str| format!("tls: {{ {written} }}\nlisten:");
    told("listen:", &tls("profile: modren"), "`profile` must be modern or intermediate");
    told("listen:", &tls("profile: old"), "ciphers that are broken");
    told("listen:", &tls("versions: 1.1"), "`1.1` is no version of TLS that is spoken here");
    told("listen:", &tls("versions: TLSv1.2"), "1.2 and 1.3");
    told("listen:", &tls("versions: []"), "`versions` is empty");
    told("listen:", &tls("versions: [1.3, \"1.3\"]"), "is here twice");
    told("listen:", &tls("ssl_protocols: 1.3"), "did you mean `versions`?");
    told("listen:", &tls("ciphers: ECDHE-RSA-AES128-GCM-SHA265"), "did you mean");
    told("listen:", &tls("ciphers: tls_aes_128_gcm_sha256"), "did you mean `TLS_AES_128_GCM_SHA256`?");
    told("listen:", &tls("ciphers: \"HIGH:!aNULL\""), "not OpenSSL's language of ciphers");
    told("listen:", &tls("ciphers: AES128-SHA"), "has no forward secrecy");
    told("listen:", &tls("ciphers: ECDHE-RSA-AES128-SHA"), "only has ciphers with forward secrecy and AEAD");
    told("listen:", &tls("ciphers: TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256"), "is no AEAD");
    told("listen:", &tls("ciphers: ECDHE-RSA-RC4-SHA"), "is broken");
    let twice =
        "[TLS_AES_128_GCM_SHA256, ECDHE-RSA-AES128-GCM-SHA256, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]";
    told("listen:", &tls(&format!("ciphers: {twice}")), "is here twice");
    told("listen:", &tls("ticket_key: { file: t.key }"), "write the path alone");
}

#[test]
fn no_version_is_left_without_a_cipher() {
    let tls = |written: &str| format!("tls: {{ {written} }}\nlisten:");
    let (of_12, of_13) = ("ECDHE-RSA-AES128-GCM-SHA256", "TLS_AES_128_GCM_SHA256");
    told("listen:", &tls(&format!("ciphers: {of_12}")), "TLS 1.3 is left without a cipher");
    told("listen:", &tls(&format!("ciphers: {of_13}")), "TLS 1.2 is left without a cipher");
    told("listen:", &tls(&format!("profile: modern, ciphers: {of_12}")), "TLS 1.3 is left without a cipher");
    told("listen:", &tls(&format!("versions: 1.3, ciphers: {of_12}")), "write `versions: \"1.2\"`");
    silent("listen:", &tls(&format!("versions: 1.2, ciphers: {of_12}")));
    silent("listen:", &tls(&format!("profile: modern, ciphers: {of_13}")));
    let both = format!("versions: 1.3, ciphers: [{of_13}, {of_12}]");
    warned("listen:", &tls(&both), "`ECDHE-RSA-AES128-GCM-SHA256` belongs to TLS 1.2, which is off");
}

#[test]
fn a_certificate_and_its_key_go_together() {
    let tls = |written: &str| format!("    tls: {{ {written} }}");
    told(PAIR, &tls("certificate: a"), "`certificate` without `key`");
    told(PAIR, &tls("key: a"), "`key` without `certificate`");
    told(PAIR, &tls("certificate: a, kye: b"), "did you mean `key`?");
    told(PAIR, &tls("certificate: a, ssl_certificate_key: b"), "did you mean `key`?");
    told(PAIR, &tls("cert: a, key: b"), "did you mean `certificate`?");
    told(PAIR, &tls("certificates: []"), "`certificates` is empty");
    told(PAIR, &tls("certificates: [{ certificate: a }]"), "an entry of `certificates` needs `key`");
    told(
        PAIR,
        &tls("certificates: [{ certificate: a, key: b }, { certificate: a, key: c }]"),
        "this certificate is here twice",
    );
    told(
        PAIR,
        &tls("certificate: a, key: b, certificates: [{ certificate: c, key: d }]"),
        "has both `certificate` and `certificates`",
    );
    told(PAIR, &tls("ocsp: o, certificates: [{ certificate: c, key: d }]"), "move it into that one's entry");
    told(PAIR, &tls("ocsp: o"), "needs `certificate` and `key`");
    told(PAIR, &tls(""), "needs `certificate` and `key`");
    told(PAIR, &tls("client_auth: { ca: a }"), "without a certificate of the site itself");
    told(PAIR, &tls("certificate: a, key: b, client_auth: {}"), "`client_auth` needs `ca`");
    told(PAIR, &tls("certificate: a, key: b, client_auth: { ca: c, mode: on }"), "required or optional");
    told(PAIR, &tls("certificate: \"\", key: b"), "is no path of a file");
    told(PAIR, &tls("certificate: [], key: b"), "`certificate` must be text, not a list");
}

#[test]
fn who_expects_certificates_to_come_by_themselves_is_told() {
    for word in ["amce", "ACME", "auto", "letsencrypt"] {
        told(PAIR, &format!("    tls: {word}"), "did you mean `acme`?");
    }
    told(PAIR, "    tls: fullchain.pem", "must be `acme` or a mapping, not `fullchain.pem`");
    told(PAIR, "    tls: 1", "must be `acme` or a mapping, not `1`");
    told(PAIR, "    tls: \"${FOLDER}\"", "must be `acme` or a mapping, not `${FOLDER}` (write `tls: acme`");
    told(PAIR, "    tls: true", "needs `certificate` and `key`, or `acme`");
    told(PAIR, "    tls: false", "remove the line");
    told(PAIR, "    tls:", "`tls` of a site has nothing in it");
    told(PAIR, "    tls: []", "must be `acme` or a mapping, not a list");
    told(PAIR, &site("acme: true"), "a site asks for it with `tls: acme`");
    told(PAIR, &site("certificates: [a.pem]"), "those of a site stand in its `tls`");
    told("listen:", "acme: {}\nlisten:", "as in `certificates: { acme: { email: ops@example.com } }`");
    told("listen:", "certificate: a.pem\nlisten:", "it stands in `tls` of the site");
    told(PAIR, "    ssl: { certificate: a.pem, key: a.key }", "did you mean `tls`?");
}

#[test]
fn a_private_key_in_place_of_its_path_is_never_shown() {
    let pem = "|\n        -----BEGIN PRIVATE KEY-----\n        hunter2\n        -----END PRIVATE KEY-----";
    let inline = "\"-----BEGIN EC PRIVATE KEY----- hunter2\"";
    for key in [pem, inline] {
        let text = changed(PAIR, &format!("    tls:\n      certificate: a.pem\n      key: {key}"));
        let problems = parse("mizan.yml", &text, &env).unwrap_err();
        let drawn = problems.to_string();
        assert!(drawn.contains("`key` must be the path of a file, not what is in it"), "{drawn}");
        assert!(!drawn.contains("hunter2"), "{drawn}");
        assert_eq!(problems.len(), 1);
    }
}

#[test]
fn listeners_of_both_kinds_are_kept_apart_and_do_not_overlap() {
    let config = config("  https: \":443\"", "  https: [\"127.0.0.1:443\", \"unix:/run/s\"]");
    let listeners: Vec<_> = config.listen.iter().map(|one| (one.protocol, one.address.clone())).collect();
    let expected = [
        (ListenProtocol::Http, ListenAddress::AnyAddress(80)),
        (ListenProtocol::Https, ListenAddress::Tcp("127.0.0.1:443".parse().unwrap())),
        (ListenProtocol::Https, ListenAddress::Unix("/run/s".into())),
    ];
    assert_eq!(listeners, expected);
    told("  https: \":443\"", "  https: [\":443\", \"127.0.0.1:80\"]", "`127.0.0.1:80` overlaps `:80`");
    told("  https: \":443\"", "  https: []", "`https` is empty");
    told("  https: \":443\"", "  https: 443", "write \":443\" in quotes");
    told("  https: \":443\"", "  htps: \":443\"", "did you mean `https`?");
    silent("  http: \":80\"\n", "");
    told("  http: \":80\"\n  https: \":443\"", "  {}", "`listen` needs `http` or `https`");
}

#[test]
fn tls_needs_a_listener_and_a_listener_needs_a_certificate() {
    let https = "  https: \":443\"\n";
    told(https, "", "`tls`, but nothing listens for TLS");
    told(PAIR, "", "every handshake at `:443` would be refused: no site has `tls`");
    told(PAIR, "    redirect_to_https: true", "no site has `tls`");
    let plain = changed(https, "");
    for key in ["redirect_to_https: true", "hsts: true"] {
        let text = plain.replace(PAIR, &format!("    {key}"));
        let lines = lines(&parse("mizan.yml", &text, &env).unwrap_err());
        assert_eq!(lines.len(), 1, "{lines:#?}");
        assert!(
            lines[0].contains("nothing listens for TLS (add `https: \":443\"` to `listen`)"),
            "{lines:?}"
        );
    }
}

/// Beside the site `example.com`, one with TLS of its own.
fn two_sites(first: &str, other_host: &str) -> String {
    let other = "tls: { certificate: b.pem, key: b.key }\n    routes: [{ path: /, service: app }]";
    SOUND.replace(PAIR, first).replace("sites:", &format!("sites:\n  - hosts: \"{other_host}\"\n    {other}"))
}

#[test]
fn a_redirect_leads_to_a_host_that_some_certificate_can_serve() {
    let said = |text: &str| match examine("mizan.yml", text, &env) {
        Ok(examined) => lines(&examined.warnings),
        Err(problems) => lines(&problems),
    };
    for (host, hosts) in [("*", "example.com"), ("*.com", "example.com"), ("*.com", "\"*.example.com\"")] {
        let text = two_sites("    redirect_to_https: true\n    hsts: true", host);
        assert_eq!(said(&text.replace("[example.com]", hosts)), [""; 0], "{host}");
    }
    for (host, hosts) in
        [("*.example.com", "example.com"), ("www.example.com", "example.com"), ("*.com", "*")]
    {
        let text =
            two_sites("    redirect_to_https: true", host).replace("[example.com]", &format!("\"{hosts}\""));
        let lines = said(&text);
        assert_eq!(lines.len(), 1, "{host}: {lines:#?}");
        assert!(lines[0].contains("would be sent to TLS, where no site has it"), "{lines:?}");
        let lines = said(&text.replace("redirect_to_https", "hsts"));
        assert_eq!(lines.len(), 1, "{host}: {lines:#?}");
        assert!(lines[0].contains("`hsts` on a site that is not served over TLS"), "{lines:?}");
    }
}

#[test]
fn a_redirect_has_a_source_and_a_port() {
    let redirect = site("redirect_to_https: true");
    let text = changed(PAIR, &redirect);
    let without_http = text.replace("  http: \":80\"\n", "");
    let warnings = examine("mizan.yml", &without_http, &env).unwrap().warnings;
    assert!(lines(&warnings)[0].contains("nothing listens for plain HTTP"), "{warnings}");
    let unix = text.replace("\":443\"", "\"unix:/run/s\"");
    let problems = parse("mizan.yml", &unix, &env).unwrap_err();
    assert!(lines(&problems)[0].contains("which port do clients reach TLS at?"), "{problems}");
    parse("mizan.yml", &unix.replace("https: true", "https: { port: 443 }"), &env).unwrap();
    parse("mizan.yml", &unix.replace("\"unix:/run/s\"", "[\"unix:/run/s\", \":443\"]"), &env).unwrap();
}
