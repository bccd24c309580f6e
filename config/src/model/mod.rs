//! The checked model: what the proxy runs.
//!
//! What a person writes is decoded and checked elsewhere in this crate; a value of these types is known to be sound:
//! every service that a route names exists, every regex compiles in linear time, hosts are unique, listeners do not
//! overlap. One file a section of mizan.yml.

mod acme;
mod admin;
mod limits;
mod listen;
mod resolver;
mod service;
mod site;
mod tls;

pub use acme::*;
pub use admin::*;
pub use limits::*;
pub use listen::*;
pub use resolver::*;
pub use service::*;
pub use site::*;
pub use tls::*;

use std::path::PathBuf;

/// A whole, checked mizan.yml.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// `listen`: where clients connect. Never empty.
    pub listen: Vec<Listener>,
    /// `tls`: what all TLS listeners share.
    pub tls: Tls,
    /// `certificates.acme`: certificates that the proxy gets by itself. There whenever a site has `tls: acme`, and then `state`
    /// is, too.
    pub acme: Option<Acme>,
    /// `admin`: the Unix socket that steers a running proxy; `None` when the file does not name one.
    pub admin: Option<Admin>,
    /// `state`: the folder for what must survive a restart.
    pub state: Option<PathBuf>,
    /// `resolver`: how names of endpoints are resolved.
    pub resolver: Resolver,
    /// `trusted_proxies` (list of CIDRs): peers whose X-Forwarded-* fields are believed. Empty by default: nobody.
    pub trusted_proxies: Vec<ipnet::IpNet>,
    /// `forwarded: true`: also send RFC 7239 `Forwarded` to upstreams.
    pub forwarded: bool,
    /// `limits`: sizes, deadlines and counts that bound what a client can take.
    pub limits: Limits,
    /// `drain`: how the process ends.
    pub drain: Drain,
    /// `probes`: the paths that monitors ask on every listener.
    pub probes: Probes,
    /// `services`, in file order.
    pub services: Vec<Service>,
    /// `sites`, in file order.
    pub sites: Vec<Site>,
    /// `unknown_host`: what a request gets whose host no site has.
    pub unknown_host: UnknownHost,
}

/// `probes`: built-in answers. `None` where the file says `false`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probes {
    /// `health`: 200 `ok` while serving, 503 while draining. Default `/lb-health`.
    pub health: Option<String>,
    /// `ready`: 200 once every service has had an answer from discovery. Default `/lb-ready`.
    pub ready: Option<String>,
}

impl Default for Probes {
    fn default() -> Self {
        Self { health: Some("/lb-health".into()), ready: Some("/lb-ready".into()) }
    }
}

/// `unknown_host`: `421` (Misdirected Request, the default) or `close` (no answer at all).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnknownHost {
    #[default]
    Misdirected,
    Close,
}
