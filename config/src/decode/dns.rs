//! `dns`: how `dns-01` writes its records.

use super::encoded::base64;
use super::fields::Fields;
use super::host::is_name;
use super::{Context, Text};
use crate::keys::{DNS, TSIG as TSIG_KEYS};
use crate::model::{DnsUpdater, DnsUpdates, Rfc2136, Tsig, TsigAlgorithm};
use crate::tree::{Kind, Node};
use std::net::Ipv4Addr;
use std::time::Duration;

pub(super) const EXAMPLE: &str =
    "as in `dns: { command: [./dns-hook] }`, or `dns: { server: 192.0.2.1, tsig: { ... } }`";

pub(super) fn decode(acme: &Fields<'_>, context: &mut Context<'_>) -> Option<DnsUpdates> {
    let fields = acme.section(context, "dns", &DNS)?;
    let range = Duration::from_secs(5)..=Duration::from_hours(1);
    let propagation = fields.duration(context, "propagation", Duration::from_mins(2), &range);
    Some(DnsUpdates { by: updater(&fields, context)?, propagation })
}

/// `command`, or `server` and what goes with it.
fn updater(fields: &Fields<'_>, context: &mut Context<'_>) -> Option<DnsUpdater> {
    match (fields.get("command"), fields.get("server")) {
        (Some(_), Some(_)) => {
            context
                .problem(&fields.span_of("server"), "`dns` has both `command` and `server`")
                .hint("keep `command` for a program that writes records, `server` for updates over DNS");
            None
        }
        (Some(node), None) => {
            for key in ["zone", "tsig"] {
                if fields.get(key).is_some() && fields.is_missing("server") {
                    context
                        .problem(&fields.span_of(key), format!("`{key}` beside `command`"))
                        .hint("it is of updates to a `server`: remove it");
                }
            }
            command(node, context).map(DnsUpdater::Command)
        }
        (None, Some(_)) => rfc2136(fields, context).map(DnsUpdater::Rfc2136),
        (None, None) => {
            if fields.is_missing("command") && fields.is_missing("server") {
                context
                    .problem(&fields.span, "`dns` has neither `command` nor `server`")
                    .hint(format!("say how records are written, {EXAMPLE}"));
            }
            None
        }
    }
}

fn command(node: &Node, context: &mut Context<'_>) -> Option<Vec<String>> {
    let words = context.words("command", node)?;
    // No shell takes it apart.
    if !matches!(node.kind, Kind::List(_)) && words[0].value.contains(char::is_whitespace) {
        context
            .problem(&words[0].span, "a program with arguments is a list")
            .hint("as in `command: [./dns-hook, argument]`; no shell is in between");
        return None;
    }
    Some(context.program(words))
}

fn rfc2136(fields: &Fields<'_>, context: &mut Context<'_>) -> Option<Rfc2136> {
    let server = fields.text(context, "server").and_then(|text| context.name_server(&text));
    let zone = fields.text(context, "zone").and_then(|text| {
        let zone = domain(&text.value).map(str::to_ascii_lowercase);
        if zone.is_none() {
            context
                .problem(&text.span, format!("{} is no zone", text.shown()))
                .hint("the name of a domain, as in example.com");
        }
        zone
    });
    let tsig = tsig(fields, context);
    Some(Rfc2136 { server: server?, zone, tsig })
}

fn tsig(dns: &Fields<'_>, context: &mut Context<'_>) -> Option<Tsig> {
    let fields = dns.section(context, "tsig", &TSIG_KEYS)?;
    let name = fields.text(context, "name").and_then(|text| {
        let name = domain(&text.value).map(str::to_owned);
        if name.is_none() {
            context
                .problem(&text.span, format!("{} is no name of a key", text.shown()))
                .hint("labels of letters, digits, `-` and `_`, with dots between, as in the server's `key` statement");
        }
        name
    });
    let algorithm = match fields.text(context, "algorithm") {
        None => TsigAlgorithm::default(),
        Some(text) => algorithm(&text, context).unwrap_or_default(),
    };
    let secret = fields.get("secret").and_then(|node| base64("secret", node, context));
    Some(Tsig { name: name?, algorithm, secret: secret? })
}

fn algorithm(text: &Text, context: &mut Context<'_>) -> Option<TsigAlgorithm> {
    let lower = text.value.to_ascii_lowercase();
    match lower.strip_suffix('.').unwrap_or(&lower) {
        "hmac-sha256" => return Some(TsigAlgorithm::HmacSha256),
        "hmac-sha384" => return Some(TsigAlgorithm::HmacSha384),
        "hmac-sha512" => return Some(TsigAlgorithm::HmacSha512),
        _ => {}
    }
    let hint = if ["md5", "sha1", "sha224"].iter().any(|weak| lower.contains(weak)) {
        "that one is too weak: make a key with `tsig-keygen -a hmac-sha256`"
    } else {
        "hmac-sha256, hmac-sha384 or hmac-sha512"
    };
    context.problem(&text.span, format!("there is no algorithm {}", text.shown())).hint(hint);
    None
}

/// A name in the DNS, with or without the dot at its end; without it.
fn domain(text: &str) -> Option<&str> {
    let name = text.strip_suffix('.').unwrap_or(text);
    (is_name(name) && name.parse::<Ipv4Addr>().is_err()).then_some(name)
}
