//! `tls` at the top: what all TLS listeners share.

use super::fields::Fields;
use super::{Context, Placed, Text, certificate};
use crate::keys::TLS;
use crate::model::{Cipher, TicketKey, Tls, TlsProfile, TlsVersion};
use std::ops::Range;

pub(super) fn decode(top: &Fields<'_>, context: &mut Context<'_>) -> Tls {
    let Some(fields) = top.section(context, "tls", &TLS) else { return Tls::default() };
    let profile = profile(&fields, context);
    let versions = some(&fields, context, "versions", version);
    let ciphers = some(&fields, context, "ciphers", Context::cipher);
    if let (Some(profile), Some(versions), Some(ciphers)) = (profile, &versions, &ciphers) {
        versions_have_ciphers(&in_force(profile, versions), ciphers, &fields.span_of("ciphers"), context);
    }
    Tls {
        profile: profile.unwrap_or_default(),
        versions: versions.unwrap_or_default().into_iter().map(|version| version.value).collect(),
        ciphers: ciphers.unwrap_or_default().into_iter().map(|cipher| cipher.value).collect(),
        ticket_key: certificate::file(&fields, "ticket_key", context)
            .map(|file| TicketKey { file: file.path, place: file.place }),
    }
}

fn profile(fields: &Fields<'_>, context: &mut Context<'_>) -> Option<TlsProfile> {
    if fields.get("profile").is_none() {
        return Some(TlsProfile::default());
    }
    let text = fields.text(context, "profile")?;
    match text.value.as_str() {
        "modern" => Some(TlsProfile::Modern),
        "intermediate" => Some(TlsProfile::Intermediate),
        other => {
            let hint = match other {
                "old" => "that one has ciphers that are broken: intermediate is for all clients since 2014",
                _ => "modern is TLS 1.3 alone; intermediate is TLS 1.2 and 1.3",
            };
            let message = format!("`profile` must be modern or intermediate, not {}", text.shown());
            context.problem(&text.span, message).hint(hint);
            None
        }
    }
}

fn version(context: &mut Context<'_>, text: &Text) -> Option<TlsVersion> {
    match text.value.as_str() {
        "1.2" => Some(TlsVersion::Tls12),
        "1.3" => Some(TlsVersion::Tls13),
        _ => {
            context
                .problem(&text.span, format!("{} is no version of TLS that is spoken here", text.shown()))
                .hint("1.2 and 1.3; what is older is broken (RFC 8996)");
            None
        }
    }
}

/// One or some of a kind, none of them twice. `None` when not all of them could be read.
pub(super) fn some<'c, T: PartialEq>(
    fields: &Fields<'_>,
    context: &mut Context<'c>,
    key: &str,
    read: impl Fn(&mut Context<'c>, &Text) -> Option<T>,
) -> Option<Vec<Placed<T>>> {
    let Some(node) = fields.get(key) else { return Some(Vec::new()) };
    let nodes = context.one_or_some(key, node);
    let mut list: Vec<Placed<T>> = Vec::new();
    for node in nodes {
        let Some(text) = context.text(key, node) else { continue };
        let Some(value) = read(context, &text) else { continue };
        if list.iter().any(|other| other.value == value) {
            context
                .problem(&text.span, format!("{} is here twice", text.shown()))
                .hint("keep one of the two");
        }
        list.push(Placed { value, text });
    }
    (!nodes.is_empty() && list.len() == nodes.len()).then_some(list)
}

fn in_force(profile: TlsProfile, versions: &[Placed<TlsVersion>]) -> Vec<TlsVersion> {
    match (versions, profile) {
        ([], TlsProfile::Modern) => vec![TlsVersion::Tls13],
        ([], TlsProfile::Intermediate) => vec![TlsVersion::Tls12, TlsVersion::Tls13],
        (chosen, _) => chosen.iter().map(|version| version.value).collect(),
    }
}

/// A version that no cipher belongs to could not be spoken; a cipher of a version that is off is never chosen.
fn versions_have_ciphers(
    versions: &[TlsVersion],
    ciphers: &[Placed<Cipher>],
    span: &Range<usize>,
    context: &mut Context<'_>,
) {
    if ciphers.is_empty() {
        return;
    }
    for version in [TlsVersion::Tls12, TlsVersion::Tls13].into_iter().filter(|one| versions.contains(one)) {
        if ciphers.iter().any(|cipher| cipher.value.version() == version) {
            continue;
        }
        let (name, other, example) = match version {
            TlsVersion::Tls12 => {
                ("1.2", "1.3", "ECDHE-ECDSA-AES128-GCM-SHA256 and ECDHE-RSA-AES128-GCM-SHA256")
            }
            TlsVersion::Tls13 => ("1.3", "1.2", "TLS_AES_128_GCM_SHA256"),
        };
        context
            .problem(span, format!("TLS {name} is left without a cipher"))
            .hint(format!("add one, as {example}, or write `versions: \"{other}\"`"));
    }
    for cipher in ciphers.iter().filter(|cipher| !versions.contains(&cipher.value.version())) {
        let (own, used) = match cipher.value.version() {
            TlsVersion::Tls12 => ("1.2", "1.3"),
            TlsVersion::Tls13 => ("1.3", "1.2"),
        };
        context
            .warning(&cipher.text.span, format!("{} belongs to TLS {own}, which is off", cipher.text.shown()))
            .hint(format!("remove it: TLS {used} never chooses it"));
    }
}
