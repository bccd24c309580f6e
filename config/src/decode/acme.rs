//! `certificates.acme`: who gives certificates, and how names are proved.

use super::certificate;
use super::encoded::base64url;
use super::fields::{Fields, Switch};
use super::scalar::printable_line;
use super::{Context, DraftAcme, Keyed, Text, directory, dns, host, tls};
use crate::keys::{ACME, CERTIFICATES, EXTERNAL_ACCOUNT};
use crate::model::{Acme, AcmeChallenge, AcmeKey, ExternalAccount, Place};
use std::ops::Range;

pub(super) fn decode(top: &Fields<'_>, context: &mut Context<'_>) -> Option<Keyed<DraftAcme>> {
    if top.is_missing("certificates") {
        return None;
    }
    let Some(fields) = top.section(context, "certificates", &CERTIFICATES) else {
        return Some(Keyed { span: top.span_of("certificates"), value: None });
    };
    if fields.is_missing("acme") {
        return None;
    }
    let span = fields.span_of("acme");
    let value = match fields.switch(context, "acme") {
        Some(Switch::Off) => return None,
        Some(Switch::On) => Some(defaults(&span)),
        Some(Switch::Map) => section(&fields, context),
        None => None,
    };
    Some(Keyed { span, value })
}

fn defaults(span: &Range<usize>) -> DraftAcme {
    let acme = Acme {
        directory: directory::DEFAULT.into(),
        ca: None,
        email: None,
        challenges: vec![AcmeChallenge::TlsAlpn01, AcmeChallenge::Http01],
        profile: None,
        key: AcmeKey::default(),
        external_account: None,
        dns: None,
        http_port: 80,
        https_port: 443,
        place: Place(span.clone()),
    };
    DraftAcme { acme, challenges: None, dns: None, dns_missing: true }
}

fn section(certificates: &Fields<'_>, context: &mut Context<'_>) -> Option<DraftAcme> {
    let fields = certificates.section(context, "acme", &ACME)?;
    let DraftAcme { acme: default, .. } = defaults(&fields.span);
    let dns_missing = fields.is_missing("dns");
    let external_account = external_account(&fields, context);
    let acme = Acme {
        directory: directory::decode(&fields, context),
        ca: certificate::file(&fields, "ca", context).map(|file| file.path),
        email: fields.text(context, "email").and_then(|text| email(text, context)),
        challenges: challenges(&fields, default.challenges, dns_missing, context),
        profile: fields.text(context, "profile").and_then(|text| profile(text, context)),
        key: fields.text(context, "key").and_then(|text| key(&text, context)).unwrap_or_default(),
        external_account,
        dns: dns::decode(&fields, context),
        http_port: fields.integer(context, "http_port", 80) as u16,
        https_port: fields.integer(context, "https_port", 443) as u16,
        place: default.place,
    };
    public_authorities_look_at_the_usual_ports(&acme, &fields, context);
    let place_of = |key: &str| fields.get(key).map(|_| fields.span_of(key));
    Some(DraftAcme { acme, challenges: place_of("challenges"), dns: place_of("dns"), dns_missing })
}

fn public_authorities_look_at_the_usual_ports(acme: &Acme, fields: &Fields<'_>, context: &mut Context<'_>) {
    if !directory::is_public(&acme.directory) {
        return;
    }
    for (key, port, usual) in [("http_port", acme.http_port, 80), ("https_port", acme.https_port, 443)] {
        if port != usual {
            context
                .warning(
                    &fields.span_of(key),
                    format!("this authority looks at port {usual} whatever `{key}` says"),
                )
                .hint("remove the line: another port is for test authorities");
        }
    }
}

/// As RFC 8555, 7.3 has a contact: one address, without a name beside it.
fn email(text: Text, context: &mut Context<'_>) -> Option<String> {
    let sound = text.value.rsplit_once('@').is_some_and(|(local, domain)| {
        (1..=64).contains(&local.len())
            && local.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".!#$&'*+-/=^_`{|}~".contains(&byte))
            && host::is_name(domain)
    });
    if sound {
        return Some(text.value);
    }
    let hint = match text.value.strip_prefix("mailto:") {
        Some(_) => "drop the `mailto:`: ops@example.com",
        None => "one address alone, as in ops@example.com",
    };
    context.problem(&text.span, format!("{} is no email address", text.shown())).hint(hint);
    None
}

fn challenges(
    fields: &Fields<'_>,
    default: Vec<AcmeChallenge>,
    dns_missing: bool,
    context: &mut Context<'_>,
) -> Vec<AcmeChallenge> {
    // After a problem all of them stand in: nothing is said to be missing.
    let Some(chosen) = tls::some(fields, context, "challenges", challenge) else {
        return vec![AcmeChallenge::TlsAlpn01, AcmeChallenge::Http01, AcmeChallenge::Dns01];
    };
    if chosen.is_empty() {
        let by_dns = (!dns_missing).then_some(AcmeChallenge::Dns01);
        return default.into_iter().chain(by_dns).collect();
    }
    let by_dns = chosen.iter().find(|challenge| challenge.value == AcmeChallenge::Dns01);
    if let Some(challenge) = by_dns.filter(|_| dns_missing) {
        context
            .problem(&challenge.text.span, "`dns-01` needs `dns`, which says how its records are written")
            .hint(dns::EXAMPLE);
    }
    chosen.into_iter().map(|challenge| challenge.value).collect()
}

fn challenge(context: &mut Context<'_>, text: &Text) -> Option<AcmeChallenge> {
    use AcmeChallenge::{Dns01, Http01, TlsAlpn01};
    let all = [TlsAlpn01, Http01, Dns01];
    if let Some(known) = all.into_iter().find(|challenge| challenge.name() == text.value) {
        return Some(known);
    }
    let lower = text.value.to_ascii_lowercase();
    let meant = all.into_iter().find(|challenge| {
        let (first, _) = challenge.name().split_once('-').unwrap_or_default();
        lower.starts_with(first) || lower.starts_with("alpn") && *challenge == TlsAlpn01
    });
    let hint = match meant.filter(|_| text.is_literal()) {
        Some(challenge) => format!("did you mean `{}`?", challenge.name()),
        None => "tls-alpn-01 (on the TLS port), http-01 (on the plain port) or dns-01 (by a record)".into(),
    };
    context.problem(&text.span, format!("there is no challenge {}", text.shown())).hint(hint);
    None
}

/// A profile is a word of the authority's; its directory says which there are.
fn profile(text: Text, context: &mut Context<'_>) -> Option<String> {
    let sound = (1..=64).contains(&text.value.len())
        && text.value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
    if sound {
        return Some(text.value);
    }
    context
        .problem(&text.span, format!("{} is no name of a profile", text.shown()))
        .hint("up to 64 letters, digits, `-`, `.`, `_` and `~`, as the authority calls it: shortlived");
    None
}

fn key(text: &Text, context: &mut Context<'_>) -> Option<AcmeKey> {
    match text.value.as_str() {
        "ecdsa-p256" => Some(AcmeKey::EcdsaP256),
        "ecdsa-p384" => Some(AcmeKey::EcdsaP384),
        other => {
            let lower = other.to_ascii_lowercase();
            let hint = if lower.starts_with("rsa") {
                "every client since 2014 knows ECDSA; for an RSA certificate name its files in the site's `tls`"
            } else if lower.contains("384") {
                "did you mean `ecdsa-p384`?"
            } else if lower.contains("256") || lower.starts_with("ec") {
                "did you mean `ecdsa-p256`?"
            } else {
                "it is the kind of key that certificates are made for, not a file"
            };
            context
                .problem(
                    &text.span,
                    format!("`key` of `acme` must be ecdsa-p256 or ecdsa-p384, not {}", text.shown()),
                )
                .hint(if text.is_literal() { hint } else { "look at the variable's value" });
            None
        }
    }
}

fn external_account(acme: &Fields<'_>, context: &mut Context<'_>) -> Option<ExternalAccount> {
    let fields = acme.section(context, "external_account", &EXTERNAL_ACCOUNT)?;
    let key_id = fields.text(context, "key_id").and_then(|text| {
        if printable_line(&text.value) {
            return Some(text.value);
        }
        context
            .problem(&text.span, format!("{} is no `key_id`", text.shown()))
            .hint("one line of text, as the authority gives it");
        None
    });
    let hmac_key = fields.get("hmac_key").and_then(|node| base64url("hmac_key", node, context));
    Some(ExternalAccount { key_id: key_id?, hmac_key: hmac_key? })
}
