//! What the decoder makes: parts of the model, each with its place in the file, for the checks over the whole.

use super::Text;
use crate::model::{
    Admin, Config, Drain, HostPattern, Limits, Listener, Probes, Resolver, Route, Service, Site, UnknownHost,
};
use std::ops::Range;
use std::path::PathBuf;

#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) listen: Vec<Placed<Listener>>,
    pub(crate) admin: Option<Placed<Admin>>,
    pub(crate) state: Option<PathBuf>,
    /// Not there at all, neither misspelt nor malformed.
    pub(crate) state_missing: bool,
    pub(crate) resolver: Resolver,
    pub(crate) trusted_proxies: Vec<ipnet::IpNet>,
    pub(crate) forwarded: bool,
    pub(crate) limits: Limits,
    pub(crate) drain: Drain,
    pub(crate) probes: Probes,
    pub(crate) services: Vec<DraftService>,
    /// The file has services, but under a misspelt key or not as a mapping: no use in calling each of them unknown.
    pub(crate) services_unread: bool,
    pub(crate) sites: Vec<DraftSite>,
    pub(crate) unknown_host: UnknownHost,
}

/// A value and the text it was written as.
#[derive(Debug)]
pub(crate) struct Placed<T> {
    pub(crate) value: T,
    pub(crate) text: Text,
}

#[derive(Debug)]
pub(crate) struct DraftService {
    /// Of the service's name.
    pub(crate) span: Range<usize>,
    /// Of the key `sticky`, where it is there.
    pub(crate) sticky: Option<Range<usize>>,
    pub(crate) service: Service,
}

#[derive(Debug)]
pub(crate) struct DraftSite {
    pub(crate) hosts: Vec<Placed<HostPattern>>,
    pub(crate) routes: Vec<DraftRoute>,
    /// Every service that a route names, also of routes that could not be read.
    pub(crate) services: Vec<Text>,
}

#[derive(Debug)]
pub(crate) struct DraftRoute {
    pub(crate) route: Route,
    pub(crate) path: Text,
}

impl Draft {
    /// Only for a draft without problems.
    pub(crate) fn into_config(self) -> Config {
        Config {
            listen: self.listen.into_iter().map(|listener| listener.value).collect(),
            admin: self.admin.map(|admin| admin.value),
            state: self.state,
            resolver: self.resolver,
            trusted_proxies: self.trusted_proxies,
            forwarded: self.forwarded,
            limits: self.limits,
            drain: self.drain,
            probes: self.probes,
            services: self.services.into_iter().map(|draft| draft.service).collect(),
            sites: self.sites.into_iter().map(DraftSite::into_site).collect(),
            unknown_host: self.unknown_host,
        }
    }
}

impl DraftSite {
    fn into_site(self) -> Site {
        Site {
            hosts: self.hosts.into_iter().map(|host| host.value).collect(),
            routes: self.routes.into_iter().map(|draft| draft.route).collect(),
        }
    }
}
