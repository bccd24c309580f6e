//! A configuration back in the shape of mizan.yml, for people and programs that ask what is in force.

mod acme;
mod service;
mod site;
mod tls;

use crate::model::{
    Admin, Config, Drain, Limits, ListenAddress, ListenProtocol, Listener, Probes, Resolver, UnknownHost,
};
use crate::units::show_duration;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

/// The whole configuration as mizan.yml would say it, with every default written out; a key without a default is left
/// out where the file leaves it out. Durations are text (`1m30s`), sizes are numbers of bytes, and an address in
/// `trusted_proxies` is a network.
///
/// JSON is YAML, except that YAML wants DEL, U+0080 to U+009F, U+FFFE and U+FFFF escaped: [`parse`](crate::parse) reads
/// it back to the same configuration, but for
///
/// - secrets, which are `***`: the headers of health checks, and conditions on headers whose name says that they hold
///   one (`Authorization`, `Cookie`). Routes that nothing else tells apart are then the same, and refused. So are the
///   secrets of `certificates.acme` (`hmac_key`, `secret`), and `***` in their place is refused: it is no base64;
/// - the order of services, tracks and headers: mappings are sorted by name here. Lists keep theirs;
/// - the lines that routes stand on, and the places that messages about certificates point at;
/// - paths of certificates and keys, where mizan.yml was itself named by a relative path: they have its folder before
///   them already.
pub fn render(config: &Config) -> Value {
    // Taken apart in full, here and below: who adds a field to the model is led here.
    let Config {
        listen,
        tls,
        acme,
        admin,
        state,
        resolver,
        trusted_proxies,
        forwarded,
        limits,
        drain,
        probes,
        services,
        sites,
        unknown_host,
    } = config;
    present(json!({
        "listen": self::listen(listen),
        "tls": tls::shared(tls),
        "certificates": acme.as_ref().map(|acme| json!({ "acme": acme::render(acme) })),
        "admin": admin.as_ref().map(self::admin),
        "state": state.as_deref().map(path),
        "resolver": self::resolver(resolver),
        "trusted_proxies": trusted_proxies.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "forwarded": forwarded,
        "limits": self::limits(limits),
        "drain": self::drain(drain),
        "probes": self::probes(probes),
        "services": services
            .iter()
            .map(|service| (service.name.clone(), service::render(service)))
            .collect::<Value>(),
        "sites": sites.iter().map(site::render).collect::<Vec<_>>(),
        "unknown_host": match unknown_host {
            UnknownHost::Misdirected => "421",
            UnknownHost::Close => "close",
        },
    }))
}

fn listen(listeners: &[Listener]) -> Value {
    let of = |wanted: ListenProtocol| {
        let own = listeners.iter().filter(move |Listener { address: _, protocol }| *protocol == wanted);
        unless_empty(own.map(|listener| address(&listener.address)))
    };
    present(json!({ "http": of(ListenProtocol::Http), "https": of(ListenProtocol::Https) }))
}

fn address(address: &ListenAddress) -> Value {
    match address {
        ListenAddress::AnyAddress(port) => json!(format!(":{port}")),
        ListenAddress::Tcp(address) => json!(address.to_string()),
        ListenAddress::Unix(path) => unix(path),
    }
}

fn admin(admin: &Admin) -> Value {
    let Admin { socket, owner, group } = admin;
    present(json!({
        "socket": path(socket),
        "owner": owner.as_deref().map(text),
        "group": group.as_deref().map(text),
    }))
}

fn resolver(resolver: &Resolver) -> Value {
    let Resolver { servers, ipv6, interval, timeout, obsolete_hold, max_stale } = resolver;
    present(json!({
        "servers": unless_empty(servers.iter().map(|server| json!(server.to_string()))),
        "ipv6": ipv6,
        "interval": interval.map(duration),
        "timeout": duration(*timeout),
        "obsolete_hold": duration(*obsolete_hold),
        "max_stale": max_stale.map(duration),
    }))
}

fn limits(limits: &Limits) -> Value {
    let Limits {
        connections,
        head_size,
        head_fields,
        target_size,
        head_timeout,
        handshake_timeout,
        streams,
        idle_timeout,
        body_grace,
        body_rate,
        answer_head_size,
    } = limits;
    json!({
        "connections": connections,
        "head_size": head_size,
        "head_fields": head_fields,
        "target_size": target_size,
        "head_timeout": duration(*head_timeout),
        "handshake_timeout": duration(*handshake_timeout),
        "streams": streams,
        "idle_timeout": duration(*idle_timeout),
        "body_grace": duration(*body_grace),
        "body_rate": body_rate,
        "answer_head_size": answer_head_size,
    })
}

fn drain(drain: &Drain) -> Value {
    let Drain { timeout, idle_grace } = drain;
    json!({ "timeout": duration(*timeout), "idle_grace": duration(*idle_grace) })
}

fn probes(probes: &Probes) -> Value {
    let Probes { health, ready } = probes;
    let probe = |path: &Option<String>| path.as_deref().map_or(json!(false), text);
    json!({ "health": probe(health), "ready": probe(ready) })
}

/// What stands in for a secret.
const MASK: &str = "***";

/// A dollar sign is doubled, so that none of it is taken for a variable.
fn text(text: &str) -> Value {
    json!(text.replace('$', "$$"))
}

/// The file is UTF-8, and so are the paths in it.
fn path(path: &Path) -> Value {
    text(&path.to_string_lossy())
}

fn unix(path: &Path) -> Value {
    text(&format!("unix:{}", path.to_string_lossy()))
}

fn duration(duration: Duration) -> Value {
    json!(show_duration(duration))
}

/// A key that has no value is an error in mizan.yml: left out.
fn present(mut map: Value) -> Value {
    if let Value::Object(entries) = &mut map {
        entries.retain(|_, value| !value.is_null());
    }
    map
}

/// For lists of which mizan.yml wants one entry at least.
fn unless_empty(items: impl Iterator<Item = Value>) -> Option<Vec<Value>> {
    Some(items.collect()).filter(|items: &Vec<_>| !items.is_empty())
}
