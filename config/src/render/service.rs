//! An entry of `services`.

use super::{MASK, duration, present, text, tls, unix, unless_empty};
use crate::model::{
    Balance, Endpoint, EndpointAddress, Force, HashKey, HealthCheck, Passive, Retries, Service, Sticky,
    Timeouts, Track, UpstreamProtocol,
};
use serde_json::{Value, json};

/// The name is the key of the mapping it stands in.
pub(super) fn render(service: &Service) -> Value {
    let Service {
        name: _,
        tracks,
        split,
        force,
        sticky,
        balance,
        protocol,
        tls,
        keepalive,
        timeouts,
        passive,
        health,
        retries,
    } = service;
    let endpoints = match tracks.as_slice() {
        [Track { name, endpoints }] if name.is_empty() => Some(self::endpoints(endpoints)),
        _ => None,
    };
    let has_tracks = endpoints.is_none();
    present(json!({
        "endpoints": endpoints,
        "tracks": has_tracks.then(|| self::tracks(tracks)),
        "split": has_tracks.then(|| self::split(tracks, split)),
        "force": force.as_ref().map(self::force),
        "sticky": sticky.as_ref().map_or(json!(false), self::sticky),
        "balance": self::balance(balance),
        "protocol": match protocol {
            UpstreamProtocol::Http1 => "http1",
            UpstreamProtocol::H2 => "h2",
            UpstreamProtocol::Auto => "auto",
        },
        "tls": tls.as_ref().map_or(json!(false), tls::upstream),
        "keepalive": keepalive,
        "timeouts": self::timeouts(timeouts),
        "passive": self::passive(passive),
        "health": health.as_ref().map(self::health),
        "retries": self::retries(retries),
    }))
}

fn tracks(tracks: &[Track]) -> Value {
    tracks.iter().map(|Track { name, endpoints }| (name.clone(), self::endpoints(endpoints))).collect()
}

fn split(tracks: &[Track], split: &[u32]) -> Value {
    tracks.iter().zip(split).map(|(track, weight)| (track.name.clone(), *weight)).collect()
}

fn endpoints(endpoints: &[Endpoint]) -> Value {
    endpoints
        .iter()
        .map(|Endpoint { address, weight }| {
            let address = match address {
                EndpointAddress::Name { host, port } => text(&format!("{host}:{port}")),
                EndpointAddress::Ip(address) => json!(address.to_string()),
                EndpointAddress::Unix(path) => unix(path),
            };
            json!({ "address": address, "weight": weight })
        })
        .collect()
}

fn force(force: &Force) -> Value {
    let Force { header, cookie, from } = force;
    present(json!({
        "header": header.as_deref().map(text),
        "cookie": cookie.as_deref().map(text),
        "from": unless_empty(from.iter().map(|network| json!(network.to_string()))),
    }))
}

fn sticky(sticky: &Sticky) -> Value {
    let Sticky { cookie, max_age } = sticky;
    json!({ "cookie": text(cookie), "max_age": duration(*max_age) })
}

fn balance(balance: &Balance) -> Value {
    let by = match balance {
        Balance::LeastConn => return json!("least_conn"),
        Balance::RoundRobin => return json!("round_robin"),
        Balance::RandomTwo => return json!("random_two"),
        Balance::Hash(HashKey::ClientIp) => json!("client_ip"),
        Balance::Hash(HashKey::Header(name)) => text(&format!("header {name}")),
        Balance::Hash(HashKey::Cookie(name)) => text(&format!("cookie {name}")),
    };
    json!({ "hash": { "by": by } })
}

fn timeouts(timeouts: &Timeouts) -> Value {
    let Timeouts { connect, first_try, read, send } = timeouts;
    json!({
        "connect": duration(*connect),
        "first_try": duration(*first_try),
        "read": duration(*read),
        "send": duration(*send),
    })
}

fn passive(passive: &Passive) -> Value {
    let Passive { max_fails, fail_timeout } = passive;
    json!({ "max_fails": max_fails, "fail_timeout": duration(*fail_timeout) })
}

fn health(health: &HealthCheck) -> Value {
    let HealthCheck { path, host, headers, interval, timeout, healthy, unhealthy, status } = health;
    present(json!({
        "path": text(path),
        "host": host.as_deref().map(text),
        "headers": headers.iter().map(|(name, _)| (name.clone(), MASK)).collect::<Value>(),
        "interval": duration(*interval),
        "timeout": duration(*timeout),
        "healthy": healthy,
        "unhealthy": unhealthy,
        "status": status.iter().map(|range| statuses(*range)).collect::<Vec<_>>(),
    }))
}

fn statuses((from, to): (u16, u16)) -> String {
    if from == to { from.to_string() } else { format!("{from}-{to}") }
}

fn retries(retries: &Retries) -> Value {
    let Retries { tries, budget, min_per_second } = retries;
    json!({ "tries": tries, "budget": format!("{budget}%"), "min_per_second": min_per_second })
}
