//! The same of `certificates.acme`.

use super::{ROUTE, SERVICE, config, duration, file, reads_back};
use mizan_config::model::{
    Acme, AcmeChallenge, AcmeKey, DnsUpdater, DnsUpdates, ExternalAccount, Place, Rfc2136, Tsig,
    TsigAlgorithm,
};
use mizan_config::render;
use mizan_config::secret::Secret;
use proptest::prelude::*;
use serde_json::{Value, json};

pub(super) fn comparable(acme: &mut Acme) {
    if let Some(account) = &mut acme.external_account {
        account.hmac_key = Secret::new("***".into());
    }
    if let Some(DnsUpdates { by: DnsUpdater::Rfc2136(Rfc2136 { tsig: Some(tsig), .. }), .. }) = &mut acme.dns
    {
        tsig.secret = Secret::new("***".into());
    }
}

/// What stands in for secrets that are base64 is none: as a person has to, this fills in some that are.
pub(super) fn with_secrets(mut rendered: Value) -> Value {
    for path in ["/certificates/acme/external_account/hmac_key", "/certificates/acme/dns/tsig/secret"] {
        if let Some(secret) = rendered.pointer_mut(path) {
            assert_eq!(*secret, "***");
            *secret = json!("c2VjcmV0");
        }
    }
    rendered
}

#[test]
fn every_way_to_write_acme_reads_back_the_same() {
    let text = |acme: &str, tls: &str| {
        let top = format!(
            "listen: {{ https: \":443\", http: \":80\" }}\nstate: /s\ncertificates: {{ acme: {acme} }}"
        );
        file(&top, SERVICE, ROUTE)
            .replace("\"*\", \"[::1]\"", "\"[2001:db8::1]\"")
            .replace("    routes:", &format!("    tls: {tls}\n    routes:"))
    };
    let dns = "dns: { command: dns-hook }";
    for acme in [
        "{ dns: { command: [hooks/dns, \"a $$b\", \"\", \"${ODD}\"], propagation: 5s } }",
        "{ dns: { command: ./a$$b }, challenges: http-01, email: \"a$$b@example.com\" }",
        "{ dns: { server: 192.0.2.1 }, challenges: [dns-01, http-01] }",
        "{ dns: { server: \"[2001:db8::1]\", zone: example.com. } }",
        "{ dns: { server: \"[::1]:5353\", tsig: { name: k, secret: AA== } } }",
        "{ dns: { server: \"::1\", tsig: { name: k.a., secret: \"+/+/\", algorithm: hmac-sha512 } } }",
        &format!("{{ {dns}, directory: letsencrypt-staging, key: ecdsa-p384, profile: tlsserver }}"),
        &format!(
            "{{ {dns}, directory: \"https://[::1]:14000/dir?a=$$b\", ca: \"${{ODD}}.pem\", http_port: 5002 }}"
        ),
        &format!(
            "{{ {dns}, directory: zerossl, external_account: {{ key_id: \"$${{x}}\", hmac_key: _-_-QQ== }} }}"
        ),
    ] {
        for tls in ["acme", "{ acme: true, client_auth: { ca: ca.pem } }"] {
            reads_back(&config(&text(acme, tls)));
        }
    }
    reads_back(&config(&text("true", "acme").replace(", \"*.example.com\"", "")));
}

#[test]
fn acme_is_rendered_as_the_file_says_it() {
    let top = "listen: { https: \":443\", http: \":80\" }\nstate: /s\ncertificates: { acme: true }";
    let text = file(top, SERVICE, ROUTE).replace(", \"*.example.com\", \"*\", \"[::1]\"", "");
    let rendered = render(&config(&text.replace("    routes:", "    tls: acme\n    routes:")));
    let expected = json!({
        "directory": "https://acme-v02.api.letsencrypt.org/directory",
        "challenges": ["tls-alpn-01", "http-01"],
        "key": "ecdsa-p256",
        "http_port": 80,
        "https_port": 443,
    });
    assert_eq!(rendered["certificates"], json!({ "acme": expected }));
    assert_eq!(rendered["sites"][0]["tls"], "acme");
}

fn dns() -> impl Strategy<Value = DnsUpdates> {
    let command = ("(hook|/[!-~]{1,9})", prop::collection::vec("\\PC{0,9}", 0..3))
        .prop_map(|(program, rest)| DnsUpdater::Command([vec![program], rest].concat()));
    let tsig =
        ("[a-z]([a-z0-9.]{0,5}[a-z])?", 0_usize..3).prop_filter_map("two dots", |(name, algorithm)| {
            let algorithms =
                [TsigAlgorithm::HmacSha256, TsigAlgorithm::HmacSha384, TsigAlgorithm::HmacSha512];
            let secret = Secret::new("AAAA".into());
            (!name.contains("..")).then(|| Tsig { name, algorithm: algorithms[algorithm], secret })
        });
    let server = (any::<std::net::IpAddr>(), 1_u16.., prop::option::of("[a-z]{1,9}"), prop::option::of(tsig))
        .prop_map(|(ip, port, zone, tsig)| {
            DnsUpdater::Rfc2136(Rfc2136 { server: (ip, port).into(), zone, tsig })
        });
    (prop_oneof![command, server], duration(5000, 3_600_000))
        .prop_map(|(by, propagation)| DnsUpdates { by, propagation })
}

fn acme() -> impl Strategy<Value = Acme> {
    let challenges = prop::sample::subsequence(
        vec![AcmeChallenge::TlsAlpn01, AcmeChallenge::Http01, AcmeChallenge::Dns01],
        1..=3,
    )
    .prop_shuffle();
    let account = "[!-}](\\PC{0,9}[!-~])?"
        .prop_map(|key_id| ExternalAccount { key_id, hmac_key: Secret::new("AAAA".into()) });
    (
        (
            "https://[a-z]{1,9}(:[1-9][0-9]{0,3})?(/[a-z$~-]{0,9})?",
            prop::option::of("[a-z${}+]{1,9}@[a-z]{1,9}"),
        ),
        (prop::option::of("[!-.0-~]{1,9}"), prop::option::of("[a-zA-Z0-9._~-]{1,64}")),
        (challenges, prop::bool::ANY, prop::option::of(account), dns(), 1_u16.., 1_u16..),
    )
        .prop_map(
            |((directory, email), (ca, profile), (challenges, is_384, account, dns, http, https))| Acme {
                directory,
                ca: ca.map(Into::into),
                email,
                challenges,
                profile,
                key: if is_384 { AcmeKey::EcdsaP384 } else { AcmeKey::EcdsaP256 },
                external_account: account,
                dns: Some(dns),
                http_port: http,
                https_port: https,
                place: Place::default(),
            },
        )
}

proptest! {
    #[test]
    fn any_acme_reads_back_the_same(acme in acme(), asks_clients in any::<bool>()) {
        let top = "listen: { https: \":443\", http: \":80\" }\nstate: /s\ncertificates: { acme: true }";
        let site = if asks_clients { "{ acme: true, client_auth: { ca: c } }" } else { "acme" };
        let text = file(top, SERVICE, ROUTE)
            .replace(", \"*.example.com\", \"*\", \"[::1]\"", "")
            .replace("    routes:", &format!("    tls: {site}\n    routes:"));
        let mut config = config(&text);
        config.acme = Some(acme);
        reads_back(&config);
    }
}
