//! Names of hosts.

use super::address::port_number;
use super::{Context, Text};
use crate::model::HostPattern;
use std::net::{Ipv4Addr, Ipv6Addr};

impl Context<'_> {
    /// An entry of `hosts`.
    pub(crate) fn host_pattern(&mut self, text: &Text) -> Option<HostPattern> {
        let value = text.value.to_ascii_lowercase();
        if value == "*" {
            return Some(HostPattern::Any);
        }
        if let Some(domain) = value.strip_prefix("*.").filter(|domain| is_name(domain)) {
            return Some(HostPattern::Wildcard(domain.to_owned()));
        }
        if let Some(host) = exact(&value) {
            return Some(HostPattern::Exact(host));
        }
        let hint = if text.is_literal() { slip(&value) } else { "look at the variable's value".into() };
        self.problem(&text.span, format!("{} is no host", text.shown())).hint(hint);
        None
    }

    /// What is sent as Host: a name or address, with or without a port.
    pub(crate) fn host_field(&mut self, key: &str, text: Text) -> Option<String> {
        let value = text.value.as_str();
        let host = match value.rsplit_once(':') {
            Some((host, port)) if port_number(port).is_some_and(|port| port != 0) => host,
            _ => value,
        };
        if exact(&host.to_ascii_lowercase()).is_some() {
            return Some(text.value);
        }
        self.problem(
            &text.span,
            format!("`{key}` must be a host, with or without a port, not {}", text.shown()),
        )
        .hint("api.example.com, api.example.com:8080 or [::1]:8080");
        None
    }
}

/// What a certificate is for: a name, or an address without brackets, in its canonical form.
pub(super) fn subject(host: &str) -> Option<String> {
    match host.trim_start_matches('[').trim_end_matches(']').parse::<Ipv6Addr>() {
        Ok(address) => Some(address.to_string()),
        Err(_) => is_name(host).then(|| host.to_ascii_lowercase()),
    }
}

/// A name or an IPv4 address: labels of letters, digits, `-` and `_` (Compose has those), none empty.
pub(super) fn is_name(host: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = host.rsplit('.').next().unwrap_or_default();
    // A last label of digits makes it an address (WHATWG URL, "ends in a number"), so it must be a sound one.
    let numeric = host.contains('.') && last.bytes().all(|byte| byte.is_ascii_digit());
    host.len() <= 253 && host.split('.').all(label) && (!numeric || host.parse::<Ipv4Addr>().is_ok())
}

/// IPv6 addresses come back in their canonical form.
pub(super) fn exact(host: &str) -> Option<String> {
    if let Some(inside) = host.strip_prefix('[') {
        let address: Ipv6Addr = inside.strip_suffix(']')?.parse().ok()?;
        return Some(format!("[{address}]"));
    }
    is_name(host).then(|| host.to_owned())
}

fn slip(host: &str) -> String {
    if let Some((scheme, rest)) = host.split_once("://") {
        return format!("drop the `{scheme}://`: {}", rest.trim_end_matches('/'));
    }
    if host.parse::<Ipv6Addr>().is_ok() {
        return format!("an IPv6 address stands in brackets: \"[{host}]\"");
    }
    if let Some((name, port)) = host.rsplit_once(':').filter(|(_, port)| port_number(port).is_some()) {
        return format!("drop the port: {name} (ports are in `listen`, this one would be \":{port}\")");
    }
    if host.contains('/') {
        return "a host has no path: paths are in `routes`".into();
    }
    if let Some(name) = host.strip_suffix('.').filter(|name| is_name(name)) {
        return format!("drop the dot at the end: {name}");
    }
    if host.contains('*') {
        return "a `*` stands alone, or for whole labels at the beginning: *.example.com".into();
    }
    if !host.is_ascii() {
        return "write international names in their ASCII form (xn--...)".into();
    }
    "labels of letters, digits, `-` and `_`, with dots between: api.example.com".into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_are_hosts() {
        for right in
            ["localhost", "api.example.com", "127.0.0.1", "my_app", "xn--mgbh0fb.example", "1and1.com"]
        {
            assert_eq!(exact(right).as_deref(), Some(right));
        }
        assert_eq!(exact("[0:0::1]").as_deref(), Some("[::1]"));
        for wrong in [
            "",
            ".",
            "a..b",
            "-a.com",
            "a-.com",
            "a b",
            "256.0.0.1",
            "1.2.3",
            "a.com.",
            "é.com",
            "a:80",
            "[::1",
        ] {
            assert_eq!(exact(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_slip_is_explained() {
        assert!(slip("api.example.com:8080").contains("drop the port: api.example.com"));
        assert!(slip("https://api.example.com/").contains("drop the `https://`: api.example.com"));
        assert!(slip("a.com/x").contains("no path"));
        assert!(slip("a.com.").contains("drop the dot"));
        assert!(slip("a.*.com").contains("whole labels"));
        assert!(slip("::1").contains("\"[::1]\""));
    }
}
