//! An entry of `services`.

use super::fields::Fields;
use super::http::is_token;
use super::upstream::{self, Upstream};
use super::{Context, DraftService, Text, force, health, sticky};
use crate::keys::{BALANCE, ENDPOINT, HASH, MAX_TRACK_WEIGHT, PASSIVE, RETRIES, SERVICE, TIMEOUTS};
use crate::model::{
    Balance, Endpoint, EndpointAddress, HashKey, Passive, Retries, Service, Timeouts, Track, UpstreamProtocol,
};
use crate::tree::{Kind, Node};
use std::collections::HashSet;
use std::time::Duration;

pub(super) fn decode(name: &Text, node: &Node, context: &mut Context<'_>) -> DraftService {
    check_name("service", name, context);
    let fields = context.fields(node, &SERVICE, &name.span);
    let sticky = fields.as_ref().filter(|fields| fields.get("sticky").is_some());
    DraftService {
        span: name.span.clone(),
        sticky: sticky.map(|fields| fields.span_of("sticky")),
        service: match fields {
            Some(fields) => service(name, &fields, context),
            None => stand_in(name),
        },
    }
}

fn service(name: &Text, fields: &Fields<'_>, context: &mut Context<'_>) -> Service {
    let upstream = upstream::decode(fields, context);
    let (tracks, split) = tracks_and_split(name, fields, &upstream, context);
    let force = force::decode(fields, context);
    let sticky = sticky::decode(fields, force.as_ref(), context);
    Service {
        name: name.value.clone(),
        tracks,
        split,
        force,
        sticky,
        balance: fields.get("balance").and_then(|node| balance(node, fields, context)).unwrap_or_default(),
        protocol: upstream.protocol,
        tls: upstream.tls,
        keepalive: fields.integer(context, "keepalive", 64) as usize,
        timeouts: timeouts(fields, context),
        passive: passive(fields, context),
        health: health::decode(fields, context),
        retries: retries(fields, context),
    }
}

/// So that routes to a service that could not be read do not add problems of their own.
fn stand_in(name: &Text) -> Service {
    Service {
        name: name.value.clone(),
        tracks: Vec::new(),
        split: Vec::new(),
        force: None,
        sticky: None,
        balance: Balance::default(),
        protocol: UpstreamProtocol::default(),
        tls: None,
        keepalive: 64,
        timeouts: Timeouts::default(),
        passive: Passive::default(),
        health: None,
        retries: Retries::default(),
    }
}

/// Names appear in metrics, log lines and URLs of the admin API.
pub(crate) fn check_name(what: &str, name: &Text, context: &mut Context<'_>) {
    let value = name.value.as_bytes();
    let sound = (1..=64).contains(&value.len())
        && value[0].is_ascii_alphanumeric()
        && value.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(byte));
    if !sound {
        let article = if what.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
        context
            .problem(&name.span, format!("{} is no name for {article} {what}", name.shown()))
            .hint("up to 64 letters, digits, `-`, `_` and `.`, beginning with a letter or digit");
    }
}

fn tracks_and_split(
    name: &Text,
    fields: &Fields<'_>,
    upstream: &Upstream,
    context: &mut Context<'_>,
) -> (Vec<Track>, Vec<u32>) {
    match (fields.get("endpoints"), fields.get("tracks")) {
        (Some(_), Some(_)) => {
            context
                .problem(
                    &fields.span_of("tracks"),
                    format!("{} has both `endpoints` and `tracks`", name.shown()),
                )
                .hint("keep `endpoints` for one version, `tracks` for several");
            (Vec::new(), Vec::new())
        }
        (None, None) => {
            if fields.is_missing("endpoints") && fields.is_missing("tracks") {
                context
                    .problem(&name.span, format!("the service {} has no `endpoints`", name.shown()))
                    .hint("say where it runs, as in `endpoints: api:3000`");
            }
            (Vec::new(), Vec::new())
        }
        (Some(node), None) => {
            if fields.get("split").is_some() {
                context
                    .problem(&fields.span_of("split"), "`split` without `tracks`")
                    .hint("a split is between tracks, as in `tracks: { blue: \"app-blue:3000\", green: \"app-green:3000\" }`");
            }
            let endpoints = endpoints("endpoints", node, upstream, context);
            (vec![Track { name: String::new(), endpoints }], vec![1])
        }
        (None, Some(node)) => {
            let tracks = tracks(node, upstream, context);
            let split = split(fields, &tracks, context);
            (tracks, split)
        }
    }
}

fn tracks(node: &Node, upstream: &Upstream, context: &mut Context<'_>) -> Vec<Track> {
    if matches!(&node.kind, Kind::Map(entries) if entries.is_empty()) {
        context
            .problem(&node.span, "`tracks` is empty")
            .hint("name one track at least, as in `blue: \"app-blue:3000\"`");
    }
    let mut tracks = Vec::new();
    for (name, node) in context.named("tracks", node) {
        check_name("track", &name, context);
        let endpoints = endpoints(&name.value, node, upstream, context);
        tracks.push(Track { name: name.value, endpoints });
    }
    tracks
}

fn split(fields: &Fields<'_>, tracks: &[Track], context: &mut Context<'_>) -> Vec<u32> {
    let Some(node) = fields.get("split") else {
        if let [_, second, ..] = tracks {
            let hint = format!("say where it starts, as in `split: {{ {}: 100 }}`", tracks[0].name);
            let message = format!("which of the tracks gets requests? `{}` could, too", second.name);
            context.problem(&fields.span_of("tracks"), message).hint(hint);
        }
        return vec![1; tracks.len()];
    };
    let mut weights = vec![0; tracks.len()];
    let mut sound = matches!(node.kind, Kind::Map(_));
    for (name, node) in context.named("split", node) {
        let weight = context.integer(&name.value, node, 0..=MAX_TRACK_WEIGHT);
        if let Some(at) = tracks.iter().position(|track| track.name == name.value) {
            weights[at] = weight.unwrap_or_default() as u32;
        } else {
            unknown_track(&name, tracks, context);
            sound = false;
        }
        sound &= weight.is_some();
    }
    if sound && weights.iter().all(|weight| *weight == 0) && !tracks.is_empty() {
        context
            .problem(&fields.span_of("split"), "every track has the weight 0: no request could be served")
            .hint(format!("give one a weight, as in `split: {{ {}: 100 }}`", tracks[0].name));
    }
    weights
}

fn unknown_track(name: &Text, tracks: &[Track], context: &mut Context<'_>) {
    let hint = match context.suggest(&name.value, tracks.iter().map(|track| track.name.as_str())) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => {
            format!(
                "the tracks are {}",
                tracks.iter().map(|track| track.name.as_str()).collect::<Vec<_>>().join(", ")
            )
        }
    };
    context.problem(&name.span, format!("`split` names no track with {}", name.shown())).hint(hint);
}

fn endpoints(key: &str, node: &Node, upstream: &Upstream, context: &mut Context<'_>) -> Vec<Endpoint> {
    let mut endpoints = Vec::new();
    let mut seen: HashSet<EndpointAddress> = HashSet::new();
    for node in context.one_or_some(key, node) {
        let Some((address, weight)) = endpoint(key, node, context) else { continue };
        let Some(value) = context.endpoint(&address) else { continue };
        if !seen.insert(value.clone()) {
            context
                .problem(&address.span, format!("the endpoint {} is here twice", address.shown()))
                .hint("keep one of the two; for a larger share write { address: ..., weight: 2 }");
        }
        upstream.suits(&value, &address, context);
        endpoints.push(Endpoint { address: value, weight });
    }
    endpoints
}

fn endpoint(key: &str, node: &Node, context: &mut Context<'_>) -> Option<(Text, u32)> {
    if !matches!(node.kind, Kind::Map(_)) {
        return Some((context.text(key, node)?, 1));
    }
    let fields = context.fields(node, &ENDPOINT, &node.span)?;
    let weight = fields.integer(context, "weight", 1) as u32;
    Some((fields.text(context, "address")?, weight))
}

fn balance(node: &Node, service: &Fields<'_>, context: &mut Context<'_>) -> Option<Balance> {
    if matches!(node.kind, Kind::Map(_)) {
        let fields = context.fields(node, &BALANCE, &service.span_of("balance"))?;
        let by = fields.section(context, "hash", &HASH)?.text(context, "by")?;
        return hash_key(&by, context).map(Balance::Hash);
    }
    let text = context.text("balance", node)?;
    match text.value.as_str() {
        "least_conn" => Some(Balance::LeastConn),
        "round_robin" => Some(Balance::RoundRobin),
        "random_two" => Some(Balance::RandomTwo),
        other => {
            let hint = match context.suggest(other, ["least_conn", "round_robin", "random_two"]) {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => "least_conn, round_robin, random_two, or { hash: { by: client_ip } }".into(),
            };
            context.problem(&text.span, format!("{} is no way to balance", text.shown())).hint(hint);
            None
        }
    }
}

fn hash_key(by: &Text, context: &mut Context<'_>) -> Option<HashKey> {
    let key = match by.value.split_once(' ').map(|(kind, name)| (kind, name.trim())) {
        None if by.value == "client_ip" => Some(HashKey::ClientIp),
        Some(("header", name)) if is_token(name) => Some(HashKey::Header(name.to_owned())),
        Some(("cookie", name)) if is_token(name) => Some(HashKey::Cookie(name.to_owned())),
        _ => None,
    };
    if key.is_none() {
        context
            .problem(&by.span, format!("{} is nothing to hash by", by.shown()))
            .hint("client_ip, \"header NAME\" or \"cookie NAME\"");
    }
    key
}

fn timeouts(service: &Fields<'_>, context: &mut Context<'_>) -> Timeouts {
    let default = Timeouts::default();
    let Some(fields) = service.section(context, "timeouts", &TIMEOUTS) else { return default };
    let millisecond = Duration::from_millis(1);
    let range = millisecond..=Duration::from_hours(24);
    let connect = fields.duration(context, "connect", default.connect, &range);
    let first_try = fields.duration(context, "first_try", default.first_try.min(connect), &range);
    if first_try > connect {
        context
            .problem(&fields.span_of("first_try"), "`first_try` is longer than `connect`")
            .hint("the first try is the shorter one: others follow it");
    }
    Timeouts {
        connect,
        first_try,
        read: fields.duration(context, "read", default.read, &range),
        send: fields.duration(context, "send", default.send, &range),
    }
}

fn passive(service: &Fields<'_>, context: &mut Context<'_>) -> Passive {
    let default = Passive::default();
    let Some(fields) = service.section(context, "passive", &PASSIVE) else { return default };
    let range = Duration::from_millis(100)..=Duration::from_hours(24);
    Passive {
        max_fails: fields.integer(context, "max_fails", u64::from(default.max_fails)) as u32,
        fail_timeout: fields.duration(context, "fail_timeout", default.fail_timeout, &range),
    }
}

fn retries(service: &Fields<'_>, context: &mut Context<'_>) -> Retries {
    let default = Retries::default();
    let Some(fields) = service.section(context, "retries", &RETRIES) else { return default };
    Retries {
        tries: fields.integer(context, "tries", u64::from(default.tries)) as u32,
        budget: fields.percent(context, "budget", u64::from(default.budget)) as u32,
        min_per_second: fields.integer(context, "min_per_second", u64::from(default.min_per_second)) as u32,
    }
}
