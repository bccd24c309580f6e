//! `resolver`: how names of endpoints become addresses, again and again.

use std::net::SocketAddr;
use std::time::Duration;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolver {
    /// `servers`: `127.0.0.11` or `127.0.0.1:5353`; port 53 unless given. Empty: those of /etc/resolv.conf.
    pub servers: Vec<SocketAddr>,
    /// `ipv6`: also ask for AAAA. Default false.
    pub ipv6: bool,
    /// `interval`: the time between two lookups of a name. `None`: the answer's TTL, within 1 s and 5 s.
    pub interval: Option<Duration>,
    /// `timeout`: of one query. Default 1 s.
    pub timeout: Duration,
    /// `obsolete_hold`: how long an address that left the answer stays in rotation. Default 0.
    pub obsolete_hold: Duration,
    /// `max_stale`: drop the last good answer after so long without a new one. `None` (default): never.
    pub max_stale: Option<Duration>,
}

impl Default for Resolver {
    fn default() -> Self {
        Self {
            servers: Vec::new(),
            ipv6: false,
            interval: None,
            timeout: Duration::from_secs(1),
            obsolete_hold: Duration::ZERO,
            max_stale: None,
        }
    }
}
