//! The file as a whole, and its small sections.

use super::fields::Fields;
use super::{Context, Draft, DraftListen, DraftService, DraftSite, Placed, acme, listen, service, site, tls};
use crate::keys::{ADMIN, DRAIN, LIMITS, PROBES, RESOLVER, TOP};
use crate::model::{Admin, Drain, Limits, Probes, Resolver, Tls, UnknownHost};
use crate::tree::{Kind, Node};
use ipnet::IpNet;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

/// Shown when there is nothing to correct.
const MINIMAL: &str = "a small mizan.yml:\n\n\
    listen:\n  http: \":80\"\n\
    services:\n  app:\n    endpoints: app:3000\n\
    sites:\n  - hosts: [\"*\"]\n    routes:\n      - { path: /, service: app }\n";

pub(crate) fn decode(root: &Node, context: &mut Context<'_>) -> Draft {
    context.hide_sensitive(root);
    if matches!(root.kind, Kind::Null) {
        context.problem(&root.span, "the file is empty").hint(MINIMAL);
        return empty();
    }
    match context.fields(root, &TOP, &(0..0)) {
        Some(fields) => top(&fields, context),
        None => empty(),
    }
}

fn top(fields: &Fields<'_>, context: &mut Context<'_>) -> Draft {
    Draft {
        listen: listen::decode(fields, context),
        tls: tls::decode(fields, context),
        acme: acme::decode(fields, context),
        admin: admin(fields, context),
        state: state(fields, context),
        state_missing: fields.is_missing("state"),
        resolver: resolver(fields, context),
        trusted_proxies: trusted_proxies(fields, context),
        forwarded: fields.boolean(context, "forwarded", false),
        limits: limits(fields, context),
        drain: drain(fields, context),
        probes: probes(fields, context),
        services: services(fields, context),
        services_unread: match fields.get("services") {
            Some(node) => !matches!(node.kind, Kind::Map(_)),
            None => !fields.is_missing("services"),
        },
        sites: sites(fields, context),
        unknown_host: unknown_host(fields, context),
    }
}

fn empty() -> Draft {
    Draft {
        listen: DraftListen::default(),
        tls: Tls::default(),
        acme: None,
        admin: None,
        state: None,
        state_missing: false,
        resolver: Resolver::default(),
        trusted_proxies: Vec::new(),
        forwarded: false,
        limits: Limits::default(),
        drain: Drain::default(),
        probes: Probes::default(),
        services: Vec::new(),
        services_unread: true,
        sites: Vec::new(),
        unknown_host: UnknownHost::default(),
    }
}

fn admin(top: &Fields<'_>, context: &mut Context<'_>) -> Option<Placed<Admin>> {
    let fields = top.section(context, "admin", &ADMIN)?;
    let owner = account(&fields, context, "owner");
    let group = account(&fields, context, "group");
    let text = fields.text(context, "socket")?;
    let path = text.value.strip_prefix("unix:").unwrap_or(&text.value);
    let socket = context.socket_path(&text, path)?;
    Some(Placed { value: Admin { socket, owner, group }, text })
}

/// Name or number of a user or group; whether there is such a one only the machine it runs on knows.
fn account(fields: &Fields<'_>, context: &mut Context<'_>, key: &str) -> Option<String> {
    const LONGEST: usize = 32;
    let text = fields.text(context, key)?;
    let value = text.value.as_bytes();
    let sound = (1..=LONGEST).contains(&value.len())
        && value.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(byte));
    if sound {
        return Some(text.value);
    }
    context
        .problem(&text.span, format!("`{key}` must be a name or a number, not {}", text.shown()))
        .hint("up to 32 letters, digits, `-`, `_` and `.`, as in deploy or 1000");
    None
}

fn state(top: &Fields<'_>, context: &mut Context<'_>) -> Option<PathBuf> {
    let text = top.text(context, "state")?;
    context.absolute_path(&text, &text.value)
}

fn resolver(top: &Fields<'_>, context: &mut Context<'_>) -> Resolver {
    let default = Resolver::default();
    let Some(fields) = top.section(context, "resolver", &RESOLVER) else { return default };
    let mut servers = Vec::new();
    if let Some(node) = fields.get("servers") {
        for node in context.one_or_some("servers", node) {
            let Some(text) = context.text("servers", node) else { continue };
            let Some(server) = context.name_server(&text) else { continue };
            if servers.contains(&server) {
                context
                    .problem(&text.span, format!("the name server {} is here twice", text.shown()))
                    .hint("keep one of the two");
            }
            servers.push(server);
        }
    }
    let hour = Duration::from_hours(1);
    Resolver {
        servers,
        ipv6: fields.boolean(context, "ipv6", false),
        interval: fields.optional_duration(context, "interval", &(Duration::from_millis(100)..=hour)),
        timeout: fields.duration(
            context,
            "timeout",
            default.timeout,
            &(Duration::from_millis(10)..=hour / 60),
        ),
        obsolete_hold: fields.duration(
            context,
            "obsolete_hold",
            default.obsolete_hold,
            &(Duration::ZERO..=hour),
        ),
        max_stale: fields.optional_duration(
            context,
            "max_stale",
            &(Duration::from_secs(1)..=hour * 24 * 365),
        ),
    }
}

fn trusted_proxies(top: &Fields<'_>, context: &mut Context<'_>) -> Vec<IpNet> {
    let Some(node) = top.get("trusted_proxies") else { return Vec::new() };
    let mut networks = Vec::new();
    for node in context.list("trusted_proxies", node) {
        let Some(text) = context.text("trusted_proxies", node) else { continue };
        let Some(network) = context.network(&text) else { continue };
        if network.prefix_len() == 0 {
            context
                .warning(&text.span, format!("{} trusts every client to name its own address", text.shown()))
                .hint("name the addresses of the proxies in front");
        }
        networks.push(network);
    }
    networks
}

fn limits(top: &Fields<'_>, context: &mut Context<'_>) -> Limits {
    let default = Limits::default();
    let Some(fields) = top.section(context, "limits", &LIMITS) else { return default };
    let mut size = |name: &str, default: usize, range: RangeInclusive<u64>| {
        fields.size(context, name, default as u64, range) as usize
    };
    let (head_size, target_size, answer_head_size) = (
        size("head_size", default.head_size, 1024..=1 << 20),
        size("target_size", default.target_size, 256..=1 << 20),
        size("answer_head_size", default.answer_head_size, 1024..=1 << 24),
    );
    if target_size > head_size {
        context
            .problem(&fields.span_of("target_size"), "`target_size` is larger than `head_size`")
            .hint("the target is a part of the head");
    }
    let (second, day) = (Duration::from_secs(1), Duration::from_hours(24));
    Limits {
        connections: fields.integer(context, "connections", default.connections as u64) as usize,
        head_size,
        head_fields: fields.integer(context, "head_fields", default.head_fields as u64) as usize,
        target_size,
        handshake_timeout: fields.duration(
            context,
            "handshake_timeout",
            default.handshake_timeout,
            &(second / 10..=day),
        ),
        streams: fields.integer(context, "streams", u64::from(default.streams)) as u32,
        head_timeout: fields.duration(context, "head_timeout", default.head_timeout, &(second / 10..=day)),
        idle_timeout: fields.duration(context, "idle_timeout", default.idle_timeout, &(second / 10..=day)),
        body_grace: fields.duration(context, "body_grace", default.body_grace, &(second / 10..=day)),
        body_rate: fields.size(context, "body_rate", default.body_rate, 0..=1 << 30),
        answer_head_size,
    }
}

fn drain(top: &Fields<'_>, context: &mut Context<'_>) -> Drain {
    let default = Drain::default();
    let Some(fields) = top.section(context, "drain", &DRAIN) else { return default };
    let day = Duration::from_hours(24);
    Drain {
        timeout: fields.duration(context, "timeout", default.timeout, &(Duration::ZERO..=day)),
        idle_grace: fields.duration(context, "idle_grace", default.idle_grace, &(Duration::ZERO..=day)),
    }
}

fn probes(top: &Fields<'_>, context: &mut Context<'_>) -> Probes {
    let default = Probes::default();
    let Some(fields) = top.section(context, "probes", &PROBES) else { return default };
    let probes = Probes {
        health: probe(&fields, context, "health", default.health),
        ready: probe(&fields, context, "ready", default.ready),
    };
    if probes.health.is_some() && probes.health == probes.ready {
        context.problem(&fields.span, "both probes have the same path").hint("give each a path of its own");
    }
    probes
}

fn probe(
    fields: &Fields<'_>,
    context: &mut Context<'_>,
    name: &str,
    default: Option<String>,
) -> Option<String> {
    let Some(node) = fields.get(name) else { return default };
    match node.kind {
        Kind::Bool(false) => return None,
        Kind::Bool(true) => {
            context
                .problem(&node.span, format!("`{name}` must be a path or false"))
                .hint("remove it for the default");
            return None;
        }
        _ => {}
    }
    let text = context.text(name, node)?;
    context.plain_path(&text, &text.value)?;
    Some(text.value)
}

fn services(top: &Fields<'_>, context: &mut Context<'_>) -> Vec<DraftService> {
    let Some(node) = top.get("services") else { return Vec::new() };
    let named = context.named("services", node);
    named.into_iter().map(|(name, node)| service::decode(&name, node, context)).collect()
}

fn sites(top: &Fields<'_>, context: &mut Context<'_>) -> Vec<DraftSite> {
    let Some(node) = top.get("sites") else { return Vec::new() };
    if matches!(&node.kind, Kind::List(items) if items.is_empty()) {
        context.problem(&node.span, "`sites` is empty: every request would be refused").hint(MINIMAL);
    }
    context.list("sites", node).iter().filter_map(|node| site::decode(node, context)).collect()
}

fn unknown_host(top: &Fields<'_>, context: &mut Context<'_>) -> UnknownHost {
    let Some(text) = top.text(context, "unknown_host") else { return UnknownHost::default() };
    match text.value.as_str() {
        "421" => UnknownHost::Misdirected,
        "close" => UnknownHost::Close,
        _ => {
            context
                .problem(&text.span, format!("`unknown_host` must be 421 or close, not {}", text.shown()))
                .hint("421 says that the host is not served here; close says nothing");
            UnknownHost::default()
        }
    }
}
