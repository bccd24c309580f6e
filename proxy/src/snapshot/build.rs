//! The next snapshot from the last: what did not change is taken over with its connections, health and counts.

use super::{Action, AskedFor, ForwardAction, Site, Snapshot};
use crate::discover::{Names, NamesError};
use crate::state::State;
use crate::upstream::{Ground, GroundError, Service};
use http::HeaderValue;
use mizan_certs::ClientTls;
use mizan_config::model::{self, Config};
use mizan_policy::forwarded::TrustedProxies;
use mizan_policy::head::HeadLimits;
use mizan_policy::route::{
    BuildError as RouterError, HeaderTest, HostSpec, PathSpec, RewriteSpec, RouteSpec, Router, RuleFault,
    SiteSpec,
};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

#[derive(Debug, thiserror::Error)]
pub(crate) enum BuildError {
    #[error("the route at line {line}: {fault}")]
    Route { line: usize, fault: RuleFault },
    #[error("{0}")]
    Router(RouterError),
    #[error("names cannot be resolved: {0}")]
    Resolver(#[from] NamesError),
    #[error(transparent)]
    Ground(#[from] GroundError),
}

/// A snapshot and what it stands on.
pub(crate) struct Next {
    pub(crate) snapshot: Snapshot,
    pub(crate) ground: Ground,
}

impl Next {
    /// The first one of a process. `upstream_tls`: by service, what the files hold that its `tls` names.
    pub(crate) fn first(
        config: Config,
        upstream_tls: &HashMap<String, ClientTls>,
        state: Option<Arc<State>>,
        draining: Arc<AtomicBool>,
    ) -> Result<Self, BuildError> {
        let names = Names::new(&config.resolver)?;
        Self::build(config, upstream_tls, Ground { names, state }, 1, &[], draining)
    }

    /// The one after `last`. Services that are the same to the letter stay the same objects.
    pub(crate) fn after(
        last: &Snapshot,
        ground: &Ground,
        config: Config,
        upstream_tls: &HashMap<String, ClientTls>,
    ) -> Result<Self, BuildError> {
        let mut ground = ground.clone();
        if config.resolver != last.config.resolver {
            ground.names = Names::new(&config.resolver)?;
        }
        Self::build(config, upstream_tls, ground, last.generation + 1, &last.services, last.draining.clone())
    }

    fn build(
        config: Config,
        upstream_tls: &HashMap<String, ClientTls>,
        ground: Ground,
        generation: u64,
        last: &[Arc<Service>],
        draining: Arc<AtomicBool>,
    ) -> Result<Self, BuildError> {
        let router = router(&config)?;
        let known: HashMap<&str, &Arc<Service>> =
            last.iter().map(|service| (service.name.as_str(), service)).collect();
        let services: Vec<Arc<Service>> = config
            .services
            .iter()
            .map(|wanted| {
                let last = known.get(wanted.name.as_str()).copied();
                Service::next(wanted, last, &ground, upstream_tls.get(&wanted.name))
            })
            .collect::<Result<_, _>>()?;
        let by_name: HashMap<&str, &Arc<Service>> =
            services.iter().map(|service| (service.name.as_str(), service)).collect();
        let sites = config.sites.iter().map(|site| self::site(site, &by_name)).collect();
        let limits = config.limits.clone();
        let snapshot = Snapshot {
            generation,
            router,
            sites,
            head_limits: HeadLimits {
                size: limits.head_size,
                fields: limits.head_fields,
                target: limits.target_size,
            },
            limits,
            trusted: TrustedProxies::from(config.trusted_proxies.clone()),
            forwarded: config.forwarded,
            probes: config.probes.clone(),
            unknown_host: config.unknown_host,
            services,
            config: Arc::new(config),
            draining,
        };
        Ok(Self { snapshot, ground })
    }
}

/// The routes of a checked configuration; what only the router can see is told here.
pub(crate) fn router(config: &Config) -> Result<Router, BuildError> {
    let specs: Vec<SiteSpec> = config.sites.iter().map(site_spec).collect();
    Router::build(&specs).map_err(|error| match error {
        RouterError::Rule { site, route, fault } => {
            BuildError::Route { line: config.sites[site].routes[route].line, fault }
        }
        RouterError::DuplicateHost { .. } => BuildError::Router(error),
    })
}

fn site(site: &model::Site, services: &HashMap<&str, &Arc<Service>>) -> Site {
    let client_auth = site.tls.as_ref().and_then(|tls| tls.client_auth.as_ref());
    Site {
        routes: site.routes.iter().map(|route| action(route, services)).collect(),
        redirect: site.redirect_to_https,
        hsts: site.hsts.map(hsts),
        client_auth: client_auth.map(|auth| AskedFor { required: auth.required }),
    }
}

/// RFC 6797, 6.1.
fn hsts(hsts: model::Hsts) -> HeaderValue {
    let mut text = format!("max-age={}", hsts.max_age.as_secs());
    text.push_str(if hsts.include_subdomains { "; includeSubDomains" } else { "" });
    text.push_str(if hsts.preload { "; preload" } else { "" });
    HeaderValue::from_maybe_shared(bytes::Bytes::from(text)).expect("digits and words are visible ASCII")
}

fn action(route: &model::Route, services: &HashMap<&str, &Arc<Service>>) -> Action {
    match &route.action {
        model::Action::Respond(respond) => Action::Respond(Arc::new(respond.clone())),
        model::Action::Service(forward) => {
            let service =
                services.get(forward.service.as_str()).expect("a checked route names a service that exists");
            Action::Forward(Arc::new(ForwardAction {
                service: Arc::clone(service),
                host: forward.host.clone(),
                upgrade: forward.upgrade.clone(),
                rewrite: rewrite_spec(&forward.rewrite),
                forward_reduced_path: forward.forward_reduced_path,
            }))
        }
    }
}

fn rewrite_spec(rewrite: &model::Rewrite) -> RewriteSpec {
    match rewrite {
        model::Rewrite::Keep => RewriteSpec::Keep,
        model::Rewrite::StripPrefix(prefix) => RewriteSpec::StripPrefix(prefix.clone()),
        model::Rewrite::ReplacePrefix(from, to) => RewriteSpec::ReplacePrefix(from.clone(), to.clone()),
    }
}

fn site_spec(site: &model::Site) -> SiteSpec {
    SiteSpec {
        hosts: site.hosts.iter().map(host_spec).collect(),
        routes: site.routes.iter().map(route_spec).collect(),
    }
}

fn host_spec(host: &model::HostPattern) -> HostSpec {
    match host {
        model::HostPattern::Exact(name) => HostSpec::Exact(name.clone()),
        model::HostPattern::Wildcard(name) => HostSpec::Wildcard(name.clone()),
        model::HostPattern::Any => HostSpec::Any,
    }
}

fn route_spec(route: &model::Route) -> RouteSpec {
    let merge_slashes = matches!(&route.action, model::Action::Service(forward) if forward.merge_slashes);
    RouteSpec {
        path: path_spec(&route.path),
        methods: route.methods.clone(),
        headers: route
            .headers
            .iter()
            .map(|condition| (condition.name.clone(), header_test(&condition.test)))
            .collect(),
        merge_slashes,
    }
}

fn path_spec(path: &model::PathPattern) -> PathSpec {
    match path.clone() {
        model::PathPattern::Exact(path) => PathSpec::Exact(path),
        model::PathPattern::Prefix { prefix, whole_segment, before_patterns } => {
            PathSpec::Prefix { prefix, whole_segment, before_patterns }
        }
        model::PathPattern::Regex { pattern, ignore_case } => PathSpec::Regex { pattern, ignore_case },
        model::PathPattern::Suffixes(suffixes) => PathSpec::Suffixes(suffixes),
    }
}

fn header_test(test: &model::HeaderTest) -> HeaderTest {
    match test.clone() {
        model::HeaderTest::Present => HeaderTest::Present,
        model::HeaderTest::Absent => HeaderTest::Absent,
        model::HeaderTest::Equals(value) => HeaderTest::Equals(value),
        model::HeaderTest::Regex(pattern) => HeaderTest::Regex(pattern),
    }
}
