//! Routes, a line each, and a path on the last line: nothing panics, a path that goes on leads where its reduced form
//! leads, what is named of it is part of it, and a rewrite makes a path and keeps the query.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mizan_policy::route::{
    HostSpec, Outcome, PathSpec, RewriteSpec, RouteMatch, RouteRequest, RouteSpec, Router, SiteSpec, reduce,
    reduced_target, rewrite,
};

fuzz_target!(|text: &str| {
    let (table, path) = text.rsplit_once('\n').unwrap_or(("/", text));
    let _ = reduce(path);
    if !path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'?' && byte != b'#') {
        return;
    }
    let routes: Vec<RouteSpec> = table.lines().take(16).map(route).collect();
    let Ok(router) = Router::build(&[SiteSpec { hosts: vec![HostSpec::Any], routes: routes.clone() }]) else {
        return;
    };
    let outcome = find(&router, path);
    if let Outcome::Route(found) = outcome {
        assert!(path.is_char_boundary(found.matched) && found.matched <= path.len());
        let same = same_when_reduced(&router, path, found.route);
        assert!(same || routes.iter().any(|route| matches!(route.path, PathSpec::Regex { .. })));
        rewritten(path, &routes[found.route]);
    }
});

/// As mizan.yml has it; an odd number of bytes merges slashes.
fn route(written: &str) -> RouteSpec {
    let regex = |pattern: &str| PathSpec::Regex { pattern: pattern.into(), ignore_case: true };
    let path = match written.split_at_checked(1) {
        Some(("=", path)) => PathSpec::Exact(path.into()),
        Some(("~", pattern)) => regex(pattern),
        Some(("*", suffixes)) => PathSpec::Suffixes(suffixes.split(',').map(String::from).collect()),
        Some(("^", prefix)) => {
            PathSpec::Prefix { prefix: prefix.into(), whole_segment: false, before_patterns: true }
        }
        _ => PathSpec::prefix(written),
    };
    RouteSpec { merge_slashes: written.len() % 2 == 1, ..RouteSpec::new(path) }
}

fn same_when_reduced(router: &Router, path: &str, route: usize) -> bool {
    let target = reduced_target(path).expect("a path that goes on can be reduced");
    // With an escape it is a spelling of its own, which may be refused.
    target.contains('%')
        || matches!(find(router, &target), Outcome::Route(RouteMatch { route: other, .. }) if other == route)
}

fn rewritten(path: &str, route: &RouteSpec) {
    let PathSpec::Prefix { prefix, .. } = &route.path else { return };
    let target = format!("{path}?q=/%2f");
    for spec in [
        RewriteSpec::StripPrefix(prefix.clone()),
        RewriteSpec::ReplacePrefix(prefix.clone(), "/v1".into()),
        RewriteSpec::ReplacePrefix(prefix.clone(), "/".into()),
    ] {
        let result = rewrite(&target, &spec);
        assert!(result.starts_with('/') && result.ends_with("?q=/%2f"));
        let (path, _) = result.split_once('?').expect("it has a query");
        assert!(reduce(path).is_ok(), "a rewrite leads above the root: {result}");
    }
}

fn find(router: &Router, path: &str) -> Outcome {
    router.find(&RouteRequest { host: None, path, method: "GET", headers: &() })
}
