//! Where sockets are: of listeners, endpoints, name servers and networks.

use super::host::is_name;
use super::{Context, Text};
use crate::model::{EndpointAddress, ListenAddress};
use ipnet::IpNet;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

/// The longest path of a Unix socket on Linux (unix(7), sun_path), without its final NUL.
const MAX_SOCKET_PATH: usize = 107;

impl Context<'_> {
    /// `":80"`, `"127.0.0.1:8080"`, `"[::1]:8080"`, `"unix:/path"`.
    pub(crate) fn listener(&mut self, text: &Text) -> Option<ListenAddress> {
        let value = text.value.as_str();
        if let Some(path) = value.strip_prefix("unix:") {
            return self.socket_path(text, path).map(ListenAddress::Unix);
        }
        if let Ok(address) = value.parse::<SocketAddr>() {
            return Some(ListenAddress::Tcp(address));
        }
        if let Some(port) = value.strip_prefix(':').or_else(|| value.strip_prefix("*:"))
            && let Some(port) = port_number(port)
        {
            return Some(ListenAddress::AnyAddress(port));
        }
        let hint = if port_number(value).is_some() {
            format!("write \":{value}\" in quotes for every address of the machine")
        } else if value.parse::<IpAddr>().is_ok() {
            "add the port, as in 127.0.0.1:80 or [::1]:80".into()
        } else if value.starts_with("localhost:") {
            "write 127.0.0.1 or [::1] instead of localhost".into()
        } else {
            "\":80\", \"127.0.0.1:8080\", \"[::1]:8080\" or \"unix:/path\"".into()
        };
        self.problem(&text.span, format!("{} is no address to listen on", text.shown()))
            .hint(literal(text, hint));
        None
    }

    /// `api:3000`, `10.0.0.1:3000`, `[fd00::1]:3000`, `unix:/path`.
    pub(crate) fn endpoint(&mut self, text: &Text) -> Option<EndpointAddress> {
        let value = text.value.as_str();
        if let Some(path) = value.strip_prefix("unix:") {
            return self.socket_path(text, path).map(EndpointAddress::Unix);
        }
        if let Ok(address) = value.parse::<SocketAddr>() {
            return self.reachable(text, address);
        }
        let Some(reason) = endpoint_slip(value) else {
            let (host, port) = value.rsplit_once(':')?;
            return Some(EndpointAddress::Name { host: host.to_ascii_lowercase(), port: port_number(port)? });
        };
        self.problem(&text.span, format!("{} is no endpoint", text.shown())).hint(literal(text, reason));
        None
    }

    fn reachable(&mut self, text: &Text, address: SocketAddr) -> Option<EndpointAddress> {
        if address.port() == 0 || address.ip().is_unspecified() {
            self.problem(&text.span, format!("{} cannot be connected to", text.shown()))
                .hint("an endpoint has an address of its own and a port from 1 to 65535");
            return None;
        }
        Some(EndpointAddress::Ip(address))
    }

    /// `127.0.0.11`, `127.0.0.1:5353`, `[::1]`, `[::1]:53`.
    pub(crate) fn name_server(&mut self, text: &Text) -> Option<SocketAddr> {
        let value = text.value.as_str();
        let bare = value.strip_prefix('[').and_then(|inside| inside.strip_suffix(']'));
        let ip = bare.map_or_else(|| value.parse(), |inside| inside.parse().map(IpAddr::V6));
        let address = match (ip, value.parse::<SocketAddr>()) {
            (Ok(ip), _) => Some(SocketAddr::new(ip, 53)),
            (_, Ok(address)) if address.port() != 0 => Some(address),
            _ => None,
        };
        if address.is_none() {
            self.problem(&text.span, format!("{} is no address of a name server", text.shown()))
                .hint("an IP address, with a port unless it is 53: 127.0.0.11 or 127.0.0.1:5353");
        }
        address
    }

    /// `10.0.0.0/8`, `fd00::/8`, or one address.
    pub(crate) fn network(&mut self, text: &Text) -> Option<IpNet> {
        let network = match (text.value.parse::<IpNet>(), text.value.parse::<IpAddr>()) {
            (Ok(network), _) => network,
            (_, Ok(address)) => IpNet::from(address),
            _ => {
                self.problem(&text.span, format!("{} is no network", text.shown()))
                    .hint("write a CIDR such as 10.0.0.0/8 or fd00::/8, or one address");
                return None;
            }
        };
        if network.addr() != network.network() {
            let hint = literal(text, format!("did you mean `{}`?", network.trunc()));
            self.problem(&text.span, format!("{} has bits set beyond its prefix", text.shown())).hint(hint);
            return None;
        }
        Some(network)
    }

    /// An absolute path that a socket can have.
    pub(crate) fn socket_path(&mut self, text: &Text, path: &str) -> Option<PathBuf> {
        let path = self.absolute_path(text, path)?;
        if path.as_os_str().len() > MAX_SOCKET_PATH {
            self.problem(&text.span, format!("the path {} is too long for a Unix socket", text.shown()))
                .hint(format!("at most {MAX_SOCKET_PATH} bytes"));
            return None;
        }
        Some(path)
    }

    pub(crate) fn absolute_path(&mut self, text: &Text, path: &str) -> Option<PathBuf> {
        if path.contains('\0') {
            self.problem(&text.span, "a path cannot hold a NUL byte");
            return None;
        }
        if !path.starts_with('/') {
            self.problem(&text.span, format!("{} is not an absolute path", text.shown()))
                .hint("begin it with /, so that it does not depend on where mizan was started");
            return None;
        }
        Some(PathBuf::from(path))
    }
}

/// Why a text is not `host:port`; `None` when it is.
fn endpoint_slip(value: &str) -> Option<String> {
    if let Some((scheme, rest)) = value.split_once("://") {
        let rest = rest.trim_end_matches('/');
        return Some(match scheme {
            "https" => {
                let port = if rest.contains(':') { "" } else { ":443" };
                format!("drop the `https://`: {rest}{port}, and give the service `tls: true`")
            }
            _ => format!("drop the `{scheme}://`: {rest}"),
        });
    }
    if value.contains('/') {
        return Some("an endpoint has no path: host:port, ip:port or unix:/path".into());
    }
    let bare = value.trim_start_matches('[').trim_end_matches(']');
    if bare.parse::<Ipv6Addr>().is_ok() {
        return Some(format!("add the port: [{bare}]:3000"));
    }
    let Some((host, port)) = value.rsplit_once(':') else {
        return Some(format!("add the port: {value}:3000"));
    };
    if port_number(port).is_none_or(|port| port == 0) {
        return Some("the port must be 1 to 65535".into());
    }
    if host.is_empty() {
        return Some(format!("add the host: 127.0.0.1:{port}"));
    }
    if !is_name(host) {
        return Some("a host has letters, digits, `-`, `_` and `.`; an IPv6 address stands in [ ]".into());
    }
    None
}

/// A hint that repeats the value is for values that stand in the file.
fn literal(text: &Text, hint: String) -> String {
    if text.is_literal() { hint } else { "look at the variable's value".into() }
}

pub(super) fn port_number(text: &str) -> Option<u16> {
    crate::units::number(text).and_then(|port| u16::try_from(port).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_host_and_a_port() {
        for right in ["api:3000", "my_app-1:80", "a.b.example.com:65535"] {
            assert_eq!(endpoint_slip(right), None, "{right}");
        }
        let wrong = [
            "api",
            "api:",
            ":80",
            "api:0",
            "api:65536",
            "api:x",
            "http://api:80",
            "api:80/x",
            "::1",
            "[::1]",
            "a b:80",
            "-a:80",
            "",
            ":",
            "api:+80",
            "10.0.0.256:80",
        ];
        for wrong in wrong {
            assert!(endpoint_slip(wrong).is_some(), "{wrong}");
        }
    }
}
