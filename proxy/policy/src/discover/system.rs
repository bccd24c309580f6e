//! What the system says about names: /etc/resolv.conf, /etc/hosts and the name `localhost`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

const DNS_PORT: u16 = 53;

/// The servers of a resolv.conf, in order; as resolv.conf(5) says, but all of them and not three.
///
/// Lines that make no sense are passed over, as the C library does. The search list is not used: names of endpoints
/// are complete.
pub fn servers(resolv_conf: &str) -> Vec<SocketAddr> {
    let server = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        let address = words.next().filter(|&word| word == "nameserver").and(words.next())?;
        Some(SocketAddr::new(address.parse().ok()?, DNS_PORT))
    };
    let mut servers: Vec<_> = resolv_conf.lines().filter_map(server).collect();
    let mut seen = std::collections::HashSet::new();
    servers.retain(|server| seen.insert(*server));
    servers
}

/// The addresses of `host` in a hosts(5) file.
pub fn hosts(file: &str, host: &str) -> Vec<IpAddr> {
    let line = |line: &str| {
        let mut words = line.split('#').next()?.split_ascii_whitespace();
        let address = words.next()?.parse().ok()?;
        words.any(|name| name.eq_ignore_ascii_case(host)).then_some(address)
    };
    file.lines().filter_map(line).collect()
}

/// The loopback addresses for `localhost` and names below it, which are never asked for (RFC 6761, section 6.3).
pub fn localhost(host: &str) -> Option<[IpAddr; 2]> {
    let host = host.to_ascii_lowercase();
    (host == "localhost" || host.ends_with(".localhost"))
        .then_some([IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn servers_are_taken_in_order_and_once() {
        let file = "# by hand\nsearch example.com\nnameserver 10.0.0.2\nnameserver\t127.0.0.11 # docker\n\
                    nameserver nonsense\nnameservers 1.1.1.1\noptions ndots:0\nnameserver 10.0.0.2\nnameserver ::1";
        let all: Vec<_> = servers(file).iter().map(ToString::to_string).collect();
        assert_eq!(all, ["10.0.0.2:53", "127.0.0.11:53", "[::1]:53"]);
    }

    #[test]
    fn hosts_are_found_by_any_of_their_names() {
        let file = "127.0.0.1 localhost\n10.0.0.5\tdb DB.internal # db2\n#10.0.0.6 db\n::5 db\nnonsense db\n";
        let found = |host| hosts(file, host).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(found("db"), ["10.0.0.5", "::5"]);
        assert_eq!(found("db.INTERNAL"), ["10.0.0.5"]);
        assert!(found("db2").is_empty() && found("10.0.0.5").is_empty());
    }

    #[test]
    fn localhost_is_never_asked_for() {
        assert!(localhost("LocalHost").is_some() && localhost("app.localhost").is_some());
        assert!(localhost("mylocalhost").is_none() && localhost("localhost.example.com").is_none());
    }

    proptest! {
        #[test]
        fn any_text_is_taken(text: String) {
            let _ = (servers(&text), hosts(&text, "x"), localhost(&text));
        }
    }
}
