//! No two sockets want the same address.

use crate::decode::{Context, Draft};
use crate::model::ListenAddress;
use std::net::{IpAddr, SocketAddr};

pub(super) fn overlap(draft: &Draft, context: &mut Context<'_>) {
    let listeners = &draft.listen.listeners;
    for (index, later) in listeners.iter().enumerate() {
        let earlier =
            listeners[..index].iter().find(|one| overlaps(&one.value.address, &later.value.address));
        if let Some(earlier) = earlier {
            let message = format!("{} overlaps {}", later.text.shown(), earlier.text.shown());
            context.problem(&later.text.span, message).hint("one socket takes it all: remove one of the two");
        }
        if let (ListenAddress::Unix(path), Some(admin)) = (&later.value.address, &draft.admin)
            && *path == admin.value.socket
        {
            context
                .problem(&admin.text.span, format!("{} is a socket for clients, too", admin.text.shown()))
                .hint("give the admin API a socket of its own");
        }
    }
}

fn overlaps(a: &ListenAddress, b: &ListenAddress) -> bool {
    match (a, b) {
        (ListenAddress::Unix(a), ListenAddress::Unix(b)) => a == b,
        (ListenAddress::Unix(_), _) | (_, ListenAddress::Unix(_)) => false,
        (ListenAddress::AnyAddress(a), ListenAddress::AnyAddress(b)) => a == b && *a != 0,
        (ListenAddress::AnyAddress(port), ListenAddress::Tcp(address))
        | (ListenAddress::Tcp(address), ListenAddress::AnyAddress(port)) => {
            *port == address.port() && *port != 0
        }
        (ListenAddress::Tcp(a), ListenAddress::Tcp(b)) => tcp_overlaps(*a, *b),
    }
}

/// `[::]` takes IPv4, too, where the system's bindv6only is off, as it is by default.
fn tcp_overlaps(a: SocketAddr, b: SocketAddr) -> bool {
    let covers = |all: IpAddr, one: IpAddr| all.is_unspecified() && (all.is_ipv6() || one.is_ipv4());
    a.port() == b.port()
        && a.port() != 0
        && (a.ip() == b.ip() || covers(a.ip(), b.ip()) || covers(b.ip(), a.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(text: &str) -> ListenAddress {
        ListenAddress::Tcp(text.parse().unwrap())
    }

    #[test]
    fn an_address_overlaps_itself_and_what_covers_it() {
        let any = ListenAddress::AnyAddress(80);
        assert!(overlaps(&any, &tcp("127.0.0.1:80")));
        assert!(overlaps(&tcp("[::1]:80"), &any));
        assert!(overlaps(&tcp("0.0.0.0:80"), &tcp("127.0.0.1:80")));
        assert!(overlaps(&tcp("[::]:80"), &tcp("127.0.0.1:80")));
        assert!(!overlaps(&tcp("0.0.0.0:80"), &tcp("[::1]:80")));
        assert!(!overlaps(&any, &ListenAddress::AnyAddress(81)));
        assert!(!overlaps(&tcp("127.0.0.1:80"), &tcp("127.0.0.2:80")));
    }

    #[test]
    fn port_0_is_another_port_each_time() {
        assert!(!overlaps(&tcp("127.0.0.1:0"), &tcp("127.0.0.1:0")));
        assert!(!overlaps(&ListenAddress::AnyAddress(0), &ListenAddress::AnyAddress(0)));
    }
}
