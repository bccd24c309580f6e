//! Who the client is, and what the upstream is told about it.
//!
//! Only the peer of a connection is certain. What it says of others is believed where it is one of the configured
//! proxies, and only as far back as the chain of such proxies goes: the client is the rightmost address of
//! X-Forwarded-For that is none of them. From anyone else every such field is replaced.

use std::fmt::{self, Write as _};
use std::net::IpAddr;

use ipnet::IpNet;

use crate::head::host_of;

/// The proxies whose word is taken. Nobody's, by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

impl From<Vec<IpNet>> for TrustedProxies {
    /// A network of IPv4 addresses written as IPv6 (`::ffff:10.0.0.0/104`) is the IPv4 network.
    fn from(nets: Vec<IpNet>) -> Self {
        Self(nets.into_iter().map(unmapped).collect())
    }
}

impl TrustedProxies {
    /// Whether `address` is one of them; `::ffff:a.b.c.d` is `a.b.c.d`.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|net| net.contains(&address))
    }
}

fn unmapped(net: IpNet) -> IpNet {
    let IpNet::V6(v6) = net else { return net };
    let (Some(address), Some(prefix)) = (v6.addr().to_ipv4_mapped(), v6.prefix_len().checked_sub(96)) else {
        return net;
    };
    IpNet::new(IpAddr::V4(address), prefix).unwrap_or(net)
}

/// Who sent a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client {
    /// The client: the rightmost address that is no trusted proxy, else the peer. Never IPv4 written as IPv6.
    pub address: IpAddr,
    /// The other end of the connection (or who PROXY protocol says it is).
    pub peer: IpAddr,
    /// Whether the peer is a trusted proxy: whether its X-Forwarded fields count.
    pub peer_trusted: bool,
}

impl Client {
    /// Finds the client. `forwarded_for` are the values of the X-Forwarded-For fields in their order.
    ///
    /// A chain is walked from its end: past the trusted, to the first who is not. An entry that is no address ends the
    /// walk, since nothing left of it is certain: then, and when all are trusted, the client is the last one reached.
    pub fn find<'a>(
        peer: IpAddr,
        trusted: &TrustedProxies,
        forwarded_for: impl DoubleEndedIterator<Item = &'a [u8]>,
    ) -> Self {
        let peer = peer.to_canonical();
        let peer_trusted = trusted.contains(peer);
        let mut address = peer;
        if peer_trusted {
            for entry in forwarded_for.rev().flat_map(|value| value.rsplit(|&b| b == b',')) {
                let Some(entry) = address_of(entry) else { break };
                address = entry;
                if !trusted.contains(entry) {
                    break;
                }
            }
        }
        Self { address, peer, peer_trusted }
    }

    /// X-Forwarded-For: the peer behind what a trusted one sent; alone where it is not trusted. Appended to `out`.
    pub fn write_forwarded_for<'a>(&self, sent: impl Iterator<Item = &'a [u8]>, out: &mut String) {
        self.chain(sent, out);
        // Writing to a string cannot fail.
        let _ = write!(out, "{}", self.peer);
    }

    /// X-Forwarded-Proto: a trusted peer's last word, where it is one; else how the request came in here.
    pub fn forwarded_proto(&self, sent: Option<&[u8]>, came_by: Scheme) -> Scheme {
        self.believed(sent).and_then(Scheme::from_bytes).unwrap_or(came_by)
    }

    /// X-Forwarded-Host: a trusted peer's last word, where it is a host; else what this request names.
    pub fn forwarded_host<'a>(&self, sent: Option<&'a [u8]>, authority: Option<&'a str>) -> Option<&'a str> {
        self.believed(sent)
            .and_then(|host| std::str::from_utf8(host).ok())
            .filter(|host| host_of(host).is_some())
            .or(authority)
    }

    /// X-Real-IP: the client, without allocation.
    pub fn real_ip(&self) -> AddressText {
        AddressText::of(self.address)
    }

    /// RFC 7239 Forwarded: this hop behind what a trusted peer sent; alone where it is not trusted. Appended to `out`.
    pub fn write_forwarded<'a>(
        &self,
        sent: impl Iterator<Item = &'a [u8]>,
        came_by: Scheme,
        authority: Option<&str>,
        out: &mut String,
    ) {
        self.chain(sent, out);
        // RFC 7239 §6: an IPv6 address is bracketed and, for its colons, quoted. Writing to a string cannot fail.
        let _ = match self.peer {
            IpAddr::V4(peer) => write!(out, "for={peer}"),
            IpAddr::V6(peer) => write!(out, "for=\"[{peer}]\""),
        };
        // A valid authority has nothing in it that a quoted string would have to escape.
        if let Some(authority) = authority.filter(|authority| host_of(authority).is_some()) {
            let quote = if authority.contains([':', '[']) { "\"" } else { "" };
            let _ = write!(out, ";host={quote}{authority}{quote}");
        }
        let _ = write!(out, ";proto={came_by}");
    }

    /// What a trusted peer sent of a chain, ready for one more entry. A value that is no UTF-8 is left out whole.
    fn chain<'a>(&self, sent: impl Iterator<Item = &'a [u8]>, out: &mut String) {
        if !self.peer_trusted {
            return;
        }
        for value in sent.filter_map(|value| std::str::from_utf8(value).ok()) {
            let value = value.trim_matches([' ', '\t', ',']);
            if !value.is_empty() {
                out.push_str(value);
                out.push_str(", ");
            }
        }
    }

    /// The last element of what a trusted peer sent: what it saw itself.
    fn believed<'a>(&self, sent: Option<&'a [u8]>) -> Option<&'a [u8]> {
        sent.filter(|_| self.peer_trusted)
            .and_then(|value| value.rsplit(|&b| b == b',').next())
            .map(<[u8]>::trim_ascii)
    }
}

/// How a client reached the edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    Http,
    Https,
}

impl Scheme {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    fn from_bytes(name: &[u8]) -> Option<Self> {
        [Self::Http, Self::Https]
            .into_iter()
            .find(|scheme| name.eq_ignore_ascii_case(scheme.as_str().as_bytes()))
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An address as proxies write it into X-Forwarded-For: with or without a port, IPv6 with or without brackets.
fn address_of(entry: &[u8]) -> Option<IpAddr> {
    let entry = std::str::from_utf8(entry).ok()?.trim_matches([' ', '\t']);
    let address = if let Some(inside) = entry.strip_prefix('[') {
        let (address, after) = inside.split_once(']')?;
        if !after.is_empty() {
            port(after.strip_prefix(':')?)?;
        }
        IpAddr::V6(address.parse().ok()?)
    } else if let Some((address, after)) = entry.split_once(':').filter(|(_, after)| !after.contains(':')) {
        port(after)?;
        IpAddr::V4(address.parse().ok()?)
    } else {
        entry.parse().ok()?
    };
    Some(address.to_canonical())
}

fn port(digits: &str) -> Option<u16> {
    if digits.bytes().all(|b| b.is_ascii_digit()) { digits.parse().ok() } else { None }
}

/// An address as text, on the stack.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AddressText {
    text: [u8; Self::LONGEST],
    length: u8,
}

impl AddressText {
    /// IPv6 in eight groups of four.
    const LONGEST: usize = 39;

    pub fn of(address: IpAddr) -> Self {
        let mut text = Self { text: [0; Self::LONGEST], length: 0 };
        // A canonical address fits: IPv4 written as IPv6 would be the only longer one.
        let _ = write!(text, "{}", address.to_canonical());
        text
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.text[..usize::from(self.length)]).unwrap_or_default()
    }
}

impl fmt::Write for AddressText {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        let start = usize::from(self.length);
        let end = start + more.len();
        self.text.get_mut(start..end).ok_or(fmt::Error)?.copy_from_slice(more.as_bytes());
        self.length = end as u8;
        Ok(())
    }
}

impl fmt::Debug for AddressText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn trusted() -> TrustedProxies {
        ["10.0.0.0/8", "2001:db8::/32"].map(|net| net.parse().unwrap()).to_vec().into()
    }

    fn find(peer: &str, sent: &[&str]) -> String {
        Client::find(ip(peer), &trusted(), sent.iter().map(|value| value.as_bytes())).address.to_string()
    }

    fn client(peer: &str) -> Client {
        Client::find(ip(peer), &trusted(), std::iter::empty())
    }

    #[test]
    fn a_peer_that_is_not_trusted_is_the_client_whatever_it_says() {
        assert_eq!(find("192.0.2.9", &["198.51.100.1"]), "192.0.2.9");
        assert_eq!(find("::ffff:192.0.2.9", &[]), "192.0.2.9");
    }

    #[test]
    fn behind_trusted_proxies_the_client_is_the_rightmost_who_is_not_one() {
        for (sent, client) in [
            (["198.51.100.1"].as_slice(), "198.51.100.1"),
            (&["203.0.113.7, 198.51.100.1"], "198.51.100.1"),
            (&["203.0.113.7, 198.51.100.1, 10.1.1.1"], "198.51.100.1"),
            (&["203.0.113.7", "198.51.100.1 ,10.1.1.1", "2001:db8::7"], "198.51.100.1"),
            (&["198.51.100.1:4711"], "198.51.100.1"),
            (&["[2001:db9::1]:4711"], "2001:db9::1"),
            (&["[2001:db9::1]"], "2001:db9::1"),
            (&["2001:db9::1"], "2001:db9::1"),
            (&["::ffff:198.51.100.1"], "198.51.100.1"),
            (&["::ffff:10.1.1.1"], "10.1.1.1"),
        ] {
            assert_eq!(find("10.0.0.1", sent), client, "{sent:?}");
        }
    }

    #[test]
    fn when_all_are_trusted_the_client_is_the_first_of_the_chain() {
        assert_eq!(find("10.0.0.1", &["10.0.0.3, 10.0.0.2"]), "10.0.0.3");
        assert_eq!(find("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn nothing_left_of_what_is_no_address_is_believed() {
        for garbage in [
            "unknown",
            "",
            "198.51.100.1:",
            "198.51.100.1:x",
            "198.51.100.1:70000",
            "[::1",
            "[::1]x",
            "198.51.100.1 x",
            "1.2.3",
            "\u{e9}",
        ] {
            assert_eq!(
                find("10.0.0.1", &[&format!("203.0.113.7, {garbage}, 10.0.0.2")]),
                "10.0.0.2",
                "{garbage}"
            );
            assert_eq!(find("10.0.0.1", &[&format!("203.0.113.7, {garbage}")]), "10.0.0.1", "{garbage}");
        }
    }

    #[test]
    fn networks_and_addresses_of_ipv4_written_as_ipv6_are_ipv4() {
        let nets =
            TrustedProxies::from(vec!["::ffff:10.0.0.0/104".parse().unwrap(), "::/64".parse().unwrap()]);
        assert!(nets.contains(ip("10.1.2.3")));
        assert!(nets.contains(ip("::ffff:10.1.2.3")));
        assert!(!nets.contains(ip("11.1.2.3")));
        assert!(nets.contains(ip("::1")));
        assert!(!TrustedProxies::default().contains(ip("127.0.0.1")));
    }

    #[test]
    fn x_forwarded_for_is_appended_to_a_trusted_chain_and_replaced_otherwise() {
        let text = |peer: &str, sent: &[&str]| {
            let mut out = String::new();
            client(peer).write_forwarded_for(sent.iter().map(|value| value.as_bytes()), &mut out);
            out
        };
        assert_eq!(text("10.0.0.1", &["203.0.113.7", " 10.0.0.2,"]), "203.0.113.7, 10.0.0.2, 10.0.0.1");
        assert_eq!(text("10.0.0.1", &[""]), "10.0.0.1");
        assert_eq!(text("192.0.2.9", &["203.0.113.7"]), "192.0.2.9");
        assert_eq!(text("::ffff:192.0.2.9", &[]), "192.0.2.9");
        assert_eq!(text("2001:db9::1", &[]), "2001:db9::1");
    }

    #[test]
    fn proto_and_host_are_believed_from_trusted_peers_alone_and_only_when_valid() {
        let (near, far) = (client("10.0.0.1"), client("192.0.2.9"));
        assert_eq!(near.forwarded_proto(Some(b"https"), Scheme::Http), Scheme::Https);
        assert_eq!(near.forwarded_proto(Some(b"https, HTTP"), Scheme::Https), Scheme::Http);
        assert_eq!(near.forwarded_proto(Some(b"gopher"), Scheme::Http), Scheme::Http);
        assert_eq!(near.forwarded_proto(None, Scheme::Https), Scheme::Https);
        assert_eq!(far.forwarded_proto(Some(b"https"), Scheme::Http), Scheme::Http);
        assert_eq!(near.forwarded_host(Some(b"a.example"), Some("b")), Some("a.example"));
        assert_eq!(near.forwarded_host(Some(b"a.example/x"), Some("b")), Some("b"));
        assert_eq!(far.forwarded_host(Some(b"a.example"), Some("b")), Some("b"));
        assert_eq!(near.forwarded_host(None, None), None);
    }

    #[test]
    fn forwarded_quotes_what_a_token_cannot_carry() {
        let text = |peer: &str, sent: &[&str], authority| {
            let mut out = String::new();
            client(peer).write_forwarded(
                sent.iter().map(|value| value.as_bytes()),
                Scheme::Https,
                authority,
                &mut out,
            );
            out
        };
        assert_eq!(
            text("192.0.2.9", &["for=evil"], Some("a.example")),
            "for=192.0.2.9;host=a.example;proto=https"
        );
        assert_eq!(
            text("2001:db8::1", &["for=192.0.2.9"], Some("a.example:8443")),
            "for=192.0.2.9, for=\"[2001:db8::1]\";host=\"a.example:8443\";proto=https"
        );
        assert_eq!(text("192.0.2.9", &[], Some("[::1]")), "for=192.0.2.9;host=\"[::1]\";proto=https");
        assert_eq!(text("192.0.2.9", &[], Some("a\";by=b")), "for=192.0.2.9;proto=https");
        assert_eq!(text("192.0.2.9", &[], None), "for=192.0.2.9;proto=https");
    }

    proptest! {
        #[test]
        fn every_address_has_a_text_on_the_stack(bits in any::<u128>(), v4 in any::<u32>()) {
            for address in [IpAddr::V6(bits.into()), IpAddr::V4(v4.into()), ip(&format!("::ffff:{}", std::net::Ipv4Addr::from(v4)))] {
                let text = AddressText::of(address);
                prop_assert_eq!(text.as_str(), address.to_canonical().to_string());
            }
        }

        #[test]
        fn a_client_cannot_choose_its_address(said in "[ -~]{0,40}", client in any::<u32>()) {
            // What the client said stands left of what the trusted proxy saw.
            let client = IpAddr::V4(client.into());
            prop_assume!(!trusted().contains(client));
            let sent = format!("{said}, {client}");
            prop_assert_eq!(find("10.0.0.1", &[&sent]), client.to_string());
        }
    }
}
