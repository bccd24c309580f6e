//! What is in force: one immutable value, swapped whole. A request loads it once.

mod build;

pub(crate) use build::{BuildError, Next, router};

use crate::upstream::Service;
use http::HeaderValue;
use mizan_config::model::{Config, Limits, Probes, RedirectToHttps, Respond, UnknownHost};
use mizan_policy::forwarded::TrustedProxies;
use mizan_policy::head::HeadLimits;
use mizan_policy::route::{PathFault, RewriteSpec, Router, reduced_target, rewrite};
use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub(crate) struct Snapshot {
    /// Counts the configurations of this process from 1.
    pub(crate) generation: u64,
    pub(crate) router: Router,
    /// As the router numbers them.
    pub(crate) sites: Vec<Site>,
    pub(crate) services: Vec<Arc<Service>>,
    pub(crate) limits: Limits,
    pub(crate) head_limits: HeadLimits,
    pub(crate) trusted: TrustedProxies,
    pub(crate) forwarded: bool,
    pub(crate) probes: Probes,
    pub(crate) unknown_host: UnknownHost,
    /// What it was built from, to be compared with what comes next.
    pub(crate) config: Arc<Config>,
    draining: Arc<AtomicBool>,
}

/// What a site says beside its routes.
pub(crate) struct Site {
    pub(crate) routes: Vec<Action>,
    pub(crate) redirect: Option<RedirectToHttps>,
    /// Strict-Transport-Security.
    pub(crate) hsts: Option<HeaderValue>,
    pub(crate) client_auth: Option<AskedFor>,
}

/// Clients are asked for certificates.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AskedFor {
    /// And not let in without one.
    pub(crate) required: bool,
}

pub(crate) enum Action {
    Forward(Arc<ForwardAction>),
    Respond(Arc<Respond>),
}

/// A route to a service.
pub(crate) struct ForwardAction {
    pub(crate) service: Arc<Service>,
    /// Sent instead of the client's Host.
    pub(crate) host: Option<String>,
    /// Protocols that a client may switch to, lower-cased.
    pub(crate) upgrade: Vec<String>,
    rewrite: RewriteSpec,
    forward_reduced_path: bool,
}

impl Snapshot {
    pub(crate) fn draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// The services that discovery has not answered for yet.
    pub(crate) fn not_ready(&self) -> Vec<&str> {
        self.services.iter().filter(|service| !service.ready()).map(|service| service.name.as_str()).collect()
    }
}

impl ForwardAction {
    /// Path and query to send upstream; `None` when they go on as they came.
    pub(crate) fn target(&self, path: &str, query: Option<&str>) -> Result<Option<String>, PathFault> {
        if matches!(self.rewrite, RewriteSpec::Keep) && !self.forward_reduced_path {
            return Ok(None);
        }
        let path = if self.forward_reduced_path { reduced_target(path)? } else { Cow::Borrowed(path) };
        let mut target = path.into_owned();
        if let Some(query) = query {
            target.push('?');
            target.push_str(query);
        }
        Ok(Some(rewrite(&target, &self.rewrite).into_owned()))
    }
}
