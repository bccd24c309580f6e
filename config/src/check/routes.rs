//! Every route can be reached.

use crate::decode::{Context, Draft, DraftRoute, DraftSite};
use crate::model::{HeaderCondition, HeaderTest, PathPattern};
use std::collections::HashMap;

/// Of routes with the same path the first whose conditions hold is taken: one without conditions hides those that
/// follow, and so does one with the same conditions.
pub(super) fn reachable(site: &DraftSite, context: &mut Context<'_>) {
    let mut earlier: HashMap<String, Vec<&DraftRoute>> = HashMap::new();
    for later in &site.routes {
        let same_path = earlier.entry(path_key(&later.route.path)).or_default();
        if let Some(first) = same_path.iter().find(|first| hides(first, later)) {
            let line = first.route.line;
            let (message, hint) = if is_unconditional(first) && !is_unconditional(later) {
                (
                    format!(
                        "this route is never reached: the one on line {line} takes every request to {}",
                        later.path.shown()
                    ),
                    "put the route with conditions first",
                )
            } else {
                (
                    format!("{} has a route already, on line {line}", later.path.shown()),
                    "remove one of the two",
                )
            };
            context.problem(&later.path.span, message).hint(hint);
        }
        same_path.push(later);
    }
}

/// The proxy's own answers come before any route.
pub(super) fn behind_probes(draft: &Draft, context: &mut Context<'_>) {
    let probes = [&draft.probes.health, &draft.probes.ready];
    for route in draft.sites.iter().flat_map(|site| &site.routes) {
        if let PathPattern::Exact(path) = &route.route.path
            && probes.into_iter().flatten().any(|probe| probe == path)
        {
            context
                .warning(
                    &route.path.span,
                    format!("the probe {} answers before this route", route.path.shown()),
                )
                .hint("remove the route, or give the probe another path in `probes`");
        }
    }
}

fn hides(first: &DraftRoute, later: &DraftRoute) -> bool {
    is_unconditional(first)
        || (sorted_methods(first) == sorted_methods(later) && sorted_headers(first) == sorted_headers(later))
}

fn is_unconditional(draft: &DraftRoute) -> bool {
    draft.route.methods.is_empty() && draft.route.headers.is_empty()
}

fn sorted_methods(draft: &DraftRoute) -> Vec<&str> {
    let mut methods: Vec<_> = draft.route.methods.iter().map(String::as_str).collect();
    // GET stands for HEAD, too.
    if methods.contains(&"GET") && !methods.contains(&"HEAD") {
        methods.push("HEAD");
    }
    methods.sort_unstable();
    methods
}

fn sorted_headers(draft: &DraftRoute) -> Vec<(&String, &HeaderTest)> {
    let mut headers: Vec<_> =
        draft.route.headers.iter().map(|HeaderCondition { name, test }| (name, test)).collect();
    headers.sort_by_key(|(name, _)| *name);
    headers
}

/// Equal for patterns that match the same paths, as far as that can be seen.
fn path_key(path: &PathPattern) -> String {
    match path {
        PathPattern::Exact(path) => format!("= {path}"),
        PathPattern::Prefix { prefix, whole_segment: true, .. } if !prefix.ends_with('/') => {
            format!("prefix {prefix}")
        }
        PathPattern::Prefix { prefix, .. } => format!("beginning {prefix}"),
        PathPattern::Regex { pattern, ignore_case: false } => format!("~ {pattern}"),
        PathPattern::Regex { pattern, ignore_case: true } => format!("~* {pattern}"),
        PathPattern::Suffixes(suffixes) => {
            let mut suffixes = suffixes.clone();
            suffixes.sort();
            format!("*{}", suffixes.join(","))
        }
    }
}
