//! Tests of the router as a whole, on sites written as a person writes them.

mod disguises;
mod docs;
mod laws;
mod order;
mod reference;

use super::{
    HeaderTest, HostSpec, Outcome, PathFault, PathSpec, RouteMatch, RouteRequest, RouteSpec, Router, SiteSpec,
};

/// `= /x`, `~ regex`, `~* regex`, `*.js,*.css`, `^~ /x`, `/api*`, `/api`: as in mizan.yml.
fn path(written: &str) -> PathSpec {
    if let Some(path) = written.strip_prefix("= ") {
        return PathSpec::Exact(path.into());
    }
    if let Some(pattern) = written.strip_prefix("~ ") {
        return PathSpec::Regex { pattern: pattern.into(), ignore_case: false };
    }
    if let Some(pattern) = written.strip_prefix("~* ") {
        return PathSpec::Regex { pattern: pattern.into(), ignore_case: true };
    }
    if written.starts_with('*') {
        return PathSpec::Suffixes(written.split(',').map(|suffix| suffix[1..].into()).collect());
    }
    let (before_patterns, prefix) = match written.strip_prefix("^~ ") {
        Some(prefix) => (true, prefix),
        None => (false, written),
    };
    let (whole_segment, prefix) = match prefix.strip_suffix('*') {
        Some(prefix) => (false, prefix),
        None => (true, prefix),
    };
    PathSpec::Prefix { prefix: prefix.into(), whole_segment, before_patterns }
}

fn route(written: &str) -> RouteSpec {
    RouteSpec::new(path(written))
}

fn site(routes: &[RouteSpec]) -> Router {
    Router::build(&[SiteSpec { hosts: vec![HostSpec::Any], routes: routes.to_vec() }]).unwrap()
}

fn paths(routes: &[&str]) -> Router {
    site(&routes.iter().map(|written| route(written)).collect::<Vec<_>>())
}

fn get(router: &Router, path: &str) -> Outcome {
    ask(router, "GET", path, &[])
}

fn ask(router: &Router, method: &str, path: &str, headers: &[(&str, &[u8])]) -> Outcome {
    router.find(&RouteRequest { host: Some("example.com"), path, method, headers })
}

/// The position of the route, if it came to one.
fn position(outcome: Outcome) -> Option<usize> {
    match outcome {
        Outcome::Route(RouteMatch { route, .. }) => Some(route),
        _ => None,
    }
}
