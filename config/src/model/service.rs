//! `services`: where requests go.

use super::{UpstreamProtocol, UpstreamTls};
use crate::secret::Secret;
use std::path::PathBuf;
use std::time::Duration;

/// One service: what runs behind one name, in one track or several.
#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    pub name: String,
    /// `endpoints` is one track without a name of its own (`name` is empty); `tracks` are several, in file order.
    pub tracks: Vec<Track>,
    /// `split`: the weight of each of `tracks`, same order, 0 to 10000 and not all 0. A service without tracks has
    /// `[1]`. The file must say it when there are two tracks or more; a track it does not name has 0.
    pub split: Vec<u32>,
    /// `force`: how a tester chooses the track; `None` when the file has none. Only beside `tracks`.
    pub force: Option<Force>,
    /// `sticky`: a client stays on its track; `None` when the file has none or says false. Only beside `tracks`, and
    /// only where the file has `state`.
    pub sticky: Option<Sticky>,
    pub balance: Balance,
    /// `protocol`: what its endpoints speak. Default `http1`.
    pub protocol: UpstreamProtocol,
    /// `tls`: over TLS; `None` where the file has none or says false.
    pub tls: Option<UpstreamTls>,
    /// `keepalive`: idle upstream connections kept, of the whole service; 0 turns reuse off. Default 64.
    pub keepalive: usize,
    pub timeouts: Timeouts,
    pub passive: Passive,
    /// `health`: active checks; `None` when the file has none.
    pub health: Option<HealthCheck>,
    pub retries: Retries,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Track {
    pub name: String,
    pub endpoints: Vec<Endpoint>,
}

/// `force`: a request whose header or cookie has a track's name as its value goes to that track, also at weight 0. At
/// least one of the two is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Force {
    /// `header`: a field name, lower-cased.
    pub header: Option<String>,
    /// `cookie`: a cookie's name.
    pub cookie: Option<String>,
    /// `from`: the clients that may do so. Empty: everybody.
    pub from: Vec<ipnet::IpNet>,
}

/// `sticky`: a signed cookie keeps a client on its track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sticky {
    /// `cookie`: its name. Default `mizan`.
    pub cookie: String,
    /// `max_age`: how long a client keeps it, 1 min to 400 d. Default 30 d.
    pub max_age: Duration,
}

impl Default for Sticky {
    fn default() -> Self {
        Self { cookie: "mizan".into(), max_age: Duration::from_hours(30 * 24) }
    }
}

/// One entry of `endpoints`: `"api:3000"`, or `{ address: "api:3000", weight: 3 }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    pub address: EndpointAddress,
    /// 1 to 1000. Default 1.
    pub weight: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EndpointAddress {
    /// A name, resolved for ever. Underscores are allowed: Compose has them.
    Name {
        host: String,
        port: u16,
    },
    Ip(std::net::SocketAddr),
    /// `unix:/path`.
    Unix(PathBuf),
}

/// `balance`. Default `least_conn`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Balance {
    #[default]
    LeastConn,
    RoundRobin,
    RandomTwo,
    /// `{ hash: { by: ... } }`: consistent hashing.
    Hash(HashKey),
}

/// `client_ip`, `header X-User`, `cookie session`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HashKey {
    ClientIp,
    Header(String),
    Cookie(String),
}

/// `timeouts`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeouts {
    /// `connect`: default 2 s. The first try is shorter while other endpoints are there (see `first_try`).
    pub connect: Duration,
    /// `first_try`: of a connect while another endpoint could be tried instead. Default 300 ms, or
    /// `connect` if that is less; never longer than `connect`.
    pub first_try: Duration,
    /// `read`: between two reads of an answer. Default 60 s.
    pub read: Duration,
    /// `send`: between two writes of a request. Default 60 s.
    pub send: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(2),
            first_try: Duration::from_millis(300),
            read: Duration::from_mins(1),
            send: Duration::from_mins(1),
        }
    }
}

/// `passive`: as nginx's max_fails and fail_timeout. `max_fails: 0` turns it off. Default 3 in 30 s... out for 30 s.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passive {
    pub max_fails: u32,
    pub fail_timeout: Duration,
}

impl Default for Passive {
    fn default() -> Self {
        Self { max_fails: 3, fail_timeout: Duration::from_secs(30) }
    }
}

/// `health`: a GET to every endpoint, on its own connection.
#[derive(Debug, Clone, PartialEq)]
pub struct HealthCheck {
    /// `path`: begins with `/`.
    pub path: String,
    /// `host`: the Host field. Default: the endpoint's name or address.
    pub host: Option<String>,
    /// `headers`: fields of the check's request; a value may come from a secret file.
    pub headers: Vec<(String, Secret)>,
    /// `interval`: default 10 s. Each wait is drawn from 0.9 to 1.1 of it.
    pub interval: Duration,
    /// `timeout`: of a whole check. Default 3 s.
    pub timeout: Duration,
    /// `healthy`: successes in a row that bring an endpoint back. Default 2.
    pub healthy: u32,
    /// `unhealthy`: failures in a row that take it out. Default 3.
    pub unhealthy: u32,
    /// `status`: what counts as success, `200-399` by default. Inclusive ranges.
    pub status: Vec<(u16, u16)>,
}

/// `retries`: of failed connects (any method) and of idempotent requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retries {
    /// `tries`: endpoints tried for one request, the first included; 1 turns retries off. Default 3.
    pub tries: u32,
    /// `budget`: retries as a share of requests, in percent (`20%`). Default 20.
    pub budget: u32,
    /// `min_per_second`: retries allowed however few requests there are. Default 10.
    pub min_per_second: u32,
}

impl Default for Retries {
    fn default() -> Self {
        Self { tries: 3, budget: 20, min_per_second: 10 }
    }
}
