//! `tls: acme` of a site, and what it needs of the rest of the file.

use super::{HOSTS, SECTION, SOUND, TLS, acme, changed, env, lines, parsed, silent, told, warned};
use mizan_config::model::SiteCertificates;
use mizan_config::parse;
use std::path::Path;

#[test]
fn a_site_says_acme_in_one_word_or_beside_the_certificates_of_clients() {
    for (written, word) in [
        ("acme", "acme"),
        ("\"${ACME}\"", "\"${ACME}\""),
        ("{ acme: true }", "acme"),
        ("{ acme: \"${ON}\" }", "acme"),
    ] {
        let text = changed(&[(TLS, &format!("    tls: {written}"))]);
        let config = parsed(&text);
        let tls = config.sites[0].tls.as_ref().unwrap();
        let SiteCertificates::Acme(place) = &tls.certificates else { panic!("{tls:?}") };
        assert_eq!((&text[place.0.clone()], &tls.client_auth), (word, &None));
    }
    let config = parsed(&changed(&[(TLS, "    tls: { acme: true, client_auth: { ca: ca.pem } }")]));
    let tls = config.sites[0].tls.as_ref().unwrap();
    assert!(tls.certificates.is_acme() && tls.certificates.files().is_empty());
    assert_eq!(tls.client_auth.as_ref().unwrap().ca, Path::new("/etc/mizan/ca.pem"));
    let beside = parsed(&changed(&[
        (SECTION, "  acme: false"),
        (TLS, "    tls: { acme: false, certificate: a, key: b }"),
    ]));
    assert!(!beside.sites[0].tls.as_ref().unwrap().certificates.is_acme());
}

#[test]
fn a_site_has_its_certificate_from_one_place() {
    for files in ["certificate: a, key: b", "certificates: [{ certificate: a, key: b }]", "ocsp: a"] {
        let both = format!("    tls: {{ acme: true, {files} }}");
        let first = files.split(':').next().unwrap();
        told(&[(TLS, &both)], &format!("`tls` has both `acme` and `{first}`"));
    }
    let other = |tls: &str| format!("    tls: {tls}");
    told(&[(TLS, &other("{ acme: 1 }"))], "`acme` must be true or false, not a number");
    told(&[(TLS, &other("{ acme: false }"))], "needs `certificate` and `key`, or `acme`");
    told(&[(TLS, &other("{ amce: true }"))], "did you mean `acme`?");
    told(&[(TLS, &other("amce"))], "did you mean `acme`?");
    told(&[(TLS, &other("letsencrypt"))], "Which authority that is stands in `certificates`");
}

#[test]
fn tls_acme_needs_the_section_and_state() {
    let section = "certificates:\n  acme: {}\n";
    let missing = "`tls: acme`, but `certificates` has no `acme` (add `certificates: { acme: {";
    told(&[(section, "")], missing);
    told(&[(section, "certificates: {}\n")], missing);
    told(&[(section, "certificates: { acme: false }\n")], missing);
    told(
        &[("state: /var/lib/mizan\n", "")],
        "`tls: acme` needs `state`, where accounts and certificates are kept",
    );
    told(&[("state:", "stat:")], "did you mean `state`?");
    told(&[("  https: \":443\"\n", "")], "`tls`, but nothing listens for TLS");
}

#[test]
fn one_line_that_mends_several_sites_is_told_once() {
    let two = SOUND.replace(
        "sites:",
        "sites:\n  - { hosts: b.example.com, tls: acme, routes: [{ path: /, service: app }] }",
    );
    let text =
        two.replace("certificates:\n  acme: {}\nservices", "services").replace("state: /var/lib/mizan\n", "");
    let lines = lines(&parse("mizan.yml", &text, &env).unwrap_err());
    assert_eq!(lines.len(), 2, "{lines:#?}");
}

#[test]
fn a_section_that_no_site_uses_is_told() {
    let files = "    tls: { certificate: a.pem, key: a.key }";
    warned(&[(TLS, files)], "no site has its certificate from here");
    warned(&[(TLS, files), (SECTION, "  acme: true")], "write `tls: acme` in a site");
}

#[test]
fn names_are_such_as_a_certificate_can_have() {
    let private = acme("directory: https://ca.internal/dir");
    told(&[(HOSTS, "[example.com, \"*\"]")], "no authority gives a certificate for `*`");
    told(&[(HOSTS, "[my_app.example.com]")], "`my_app.example.com` cannot be in a certificate");
    told(&[(HOSTS, "[my_app.example.com]"), (SECTION, &private)], "no `_` (RFC 5280");
    for (host, reason) in [
        ("localhost", "has no dot"),
        ("app.localhost", "is not in the public DNS"),
        ("nas.local", "is not in the public DNS"),
        ("a.b.home.arpa", "is not in the public DNS"),
        ("app.test", "is not in the public DNS"),
        ("APP.Internal", "is not in the public DNS"),
        ("192.168.1.1", "is an address of a private network"),
        ("\"[::1]\"", "is an address of a private network"),
    ] {
        let hosts = format!("[{host}]");
        told(&[(HOSTS, &hosts)], &format!("`{}` {reason}", host.trim_matches('"')));
        for name in ["letsencrypt-staging", "https://dv.acme-v02.api.pki.goog/directory"] {
            let account = "external_account: { key_id: k, hmac_key: \"${HMAC}\" }";
            let public = acme(&format!("directory: {name}, {account}"));
            told(&[(HOSTS, &hosts), (SECTION, &public)], "a public authority gives no certificate for it");
        }
        silent(&[(HOSTS, &hosts), (SECTION, &private)]);
    }
    silent(&[(HOSTS, "[203.0.113.7, \"[2001:db8::1]\", xn--mgbh0fb.com]")]);
}

#[test]
fn a_certificate_has_a_hundred_names_at_most() {
    let hosts = |count: usize| {
        format!("[{}]", (0..count).map(|at| format!("h{at}.example.com")).collect::<Vec<_>>().join(", "))
    };
    silent(&[(HOSTS, &hosts(100))]);
    told(&[(HOSTS, &hosts(101))], "a certificate has 100 names at most, and this site 101");
    silent(&[(HOSTS, &hosts(101)), (TLS, "    tls: { certificate: a, key: b }"), (SECTION, "  acme: false")]);
}

#[test]
fn a_wildcard_is_proved_by_dns() {
    let dns = acme("dns: { command: hook }");
    let wildcard = (HOSTS, "[example.com, \"*.example.com\"]");
    told(&[wildcard], "`*.example.com` is proved by `dns-01`, and `acme` has no `dns`");
    silent(&[wildcard, (SECTION, &dns)]);
    told(&[wildcard, (SECTION, &acme("dns: { server: x }"))], "is no address of a name server");
    told(&[(HOSTS, "[\"*.com\"]"), (SECTION, &dns)], "`*.com` is a whole top-level domain");
    let both = "[\"*.example.com\", www.example.com, a.b.example.com]";
    told(&[(HOSTS, both), (SECTION, &dns)], "`www.example.com` is in `*.example.com` of this site already");
}

#[test]
fn some_challenge_can_prove_every_name() {
    let no_http = ("  http: \":80\"\n", "");
    let only_http = acme("challenges: http-01");
    let address = (HOSTS, "[203.0.113.7]");
    silent(&[no_http]);
    silent(&[(SECTION, &only_http)]);
    told(
        &[no_http, (SECTION, &only_http)],
        "`http-01` is the only challenge, and nothing listens for plain HTTP",
    );
    silent(&[no_http, (SECTION, &acme("challenges: [http-01, dns-01], dns: { command: hook }"))]);
    silent(&[address]);
    told(&[address, no_http], "add `http: \":80\"` to `listen`");
    let alpn = acme("challenges: tls-alpn-01");
    told(&[address, (SECTION, &alpn)], "`203.0.113.7` is an address, which only `http-01` can prove");
    silent(&[(SECTION, &alpn)]);
}

#[test]
fn a_site_with_acme_is_served_over_tls() {
    let keys = format!("{TLS}\n    redirect_to_https: true\n    hsts: true");
    silent(&[(TLS, &keys)]);
    let other = "sites:\n  - { hosts: a.b.example.com, redirect_to_https: true, hsts: true, routes: [{ path: /, service: app }] }";
    let dns = acme("dns: { command: hook }");
    silent(&[("sites:", other), (HOSTS, "[\"*.example.com\"]"), (SECTION, &dns)]);
}
