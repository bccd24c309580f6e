//! What the decoder makes: parts of the model, each with its place in the file, for the checks over the whole.

use super::Text;
use crate::model::{
    Acme, Admin, Config, Drain, HostPattern, Hsts, Limits, Listener, Probes, RedirectToHttps, Resolver,
    Route, Service, Site, SiteTls, Tls, UnknownHost,
};
use std::ops::Range;
use std::path::PathBuf;

#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) listen: DraftListen,
    pub(crate) tls: Tls,
    /// `certificates.acme`. `None` also where the file says false.
    pub(crate) acme: Option<Keyed<DraftAcme>>,
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

#[derive(Debug)]
pub(crate) struct DraftAcme {
    pub(crate) acme: Acme,
    /// Of the key `challenges`, where it is there.
    pub(crate) challenges: Option<Range<usize>>,
    /// Of the key `dns`, where it is there.
    pub(crate) dns: Option<Range<usize>>,
    /// `dns` is not there at all, neither misspelt nor malformed.
    pub(crate) dns_missing: bool,
}

#[derive(Debug, Default)]
pub(crate) struct DraftListen {
    /// Those of `http`, then those of `https`.
    pub(crate) listeners: Vec<Placed<Listener>>,
    /// Not there at all, neither misspelt nor malformed.
    pub(crate) http_missing: bool,
    /// The same of `https`.
    pub(crate) https_missing: bool,
}

/// What a key says that may be left out.
#[derive(Debug)]
pub(crate) struct Keyed<T> {
    /// Of the key. Of what it stands in, when it is misspelt.
    pub(crate) span: Range<usize>,
    /// `None` where it could not be read: the problem is told already.
    pub(crate) value: Option<T>,
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
    pub(crate) tls: Option<Keyed<SiteTls>>,
    /// `None` also where the file says false.
    pub(crate) redirect_to_https: Option<Keyed<RedirectToHttps>>,
    /// `None` also where the file says false.
    pub(crate) hsts: Option<Keyed<Hsts>>,
    pub(crate) routes: Vec<DraftRoute>,
    /// Every service that a route names, also of routes that could not be read.
    pub(crate) services: Vec<Text>,
}

#[derive(Debug)]
pub(crate) struct DraftRoute {
    pub(crate) route: Route,
    pub(crate) path: Text,
    /// Of the key `upgrade`, where it is there.
    pub(crate) upgrade: Option<Range<usize>>,
}

impl Draft {
    /// Only for a draft without problems.
    pub(crate) fn into_config(self) -> Config {
        Config {
            listen: self.listen.listeners.into_iter().map(|listener| listener.value).collect(),
            tls: self.tls,
            acme: self.acme.and_then(|keyed| keyed.value).map(|draft| draft.acme),
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
            tls: self.tls.and_then(|keyed| keyed.value),
            redirect_to_https: self.redirect_to_https.and_then(|keyed| keyed.value),
            hsts: self.hsts.and_then(|keyed| keyed.value),
            routes: self.routes.into_iter().map(|draft| draft.route).collect(),
        }
    }
}
