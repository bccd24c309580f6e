//! `listen`: the sockets that clients reach.

use std::net::SocketAddr;
use std::path::PathBuf;

/// One listening socket. `listen.http` and `listen.https` take one address or a list of them each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    pub address: ListenAddress,
    pub protocol: ListenProtocol,
}

/// The key of `listen` that an address stands under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListenProtocol {
    /// `http`: HTTP/1.1, and HTTP/2 with prior knowledge.
    Http,
    /// `https`: the same over TLS; HTTP/2 by ALPN.
    Https,
}

/// `":80"` is every address of both families (`[::]:80`, or `0.0.0.0:80` where the machine has no IPv6).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ListenAddress {
    /// `":80"`.
    AnyAddress(u16),
    /// `"127.0.0.1:8080"`, `"[::1]:8080"`. Port 0 lets the system choose (tests).
    Tcp(SocketAddr),
    /// `"unix:/run/mizan/http.sock"`.
    Unix(PathBuf),
}
