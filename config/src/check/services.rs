//! Routes and services fit together.

use crate::decode::{Context, Draft};
use crate::model::{Action, EndpointAddress, UpstreamProtocol};
use std::collections::{HashMap, HashSet};

/// Every service that a route names is there.
pub(super) fn exist(draft: &Draft, context: &mut Context<'_>) {
    if draft.services_unread {
        return;
    }
    let names: HashSet<&str> = draft.services.iter().map(|draft| draft.service.name.as_str()).collect();
    for name in draft.sites.iter().flat_map(|site| &site.services) {
        if names.contains(name.value.as_str()) {
            continue;
        }
        let known = draft.services.iter().map(|draft| draft.service.name.as_str());
        let nearest = context.suggest(&name.value, known).filter(|_| name.is_literal());
        let hint = match nearest {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => "add it to `services`".into(),
        };
        context.problem(&name.span, format!("there is no service {}", name.shown())).hint(hint);
    }
}

/// A service that no route names is probably a slip.
pub(super) fn are_used(draft: &Draft, context: &mut Context<'_>) {
    let used: HashSet<&str> =
        draft.sites.iter().flat_map(|site| &site.services).map(|name| name.value.as_str()).collect();
    for service in draft.services.iter().filter(|draft| !used.contains(draft.service.name.as_str())) {
        context
            .warning(&service.span, format!("no route leads to the service `{}`", service.service.name))
            .hint("add a route, or remove the service");
    }
}

/// Without a folder the key of the cookies would be another one after each restart.
pub(super) fn sticky_have_state(draft: &Draft, context: &mut Context<'_>) {
    let mut sticky = draft.services.iter().filter(|draft| draft.service.sticky.is_some());
    // One line mends all of them.
    if let Some(first) = sticky.next().filter(|_| draft.state_missing) {
        context
            .problem(
                first.sticky.as_ref().unwrap_or(&first.span),
                "`sticky` needs `state`, where the key of its cookies is kept",
            )
            .hint("add `state: /var/lib/mizan`");
    }
}

/// Tracks that share an endpoint are not told apart by it.
pub(super) fn tracks_apart(draft: &Draft, context: &mut Context<'_>) {
    for draft in &draft.services {
        let mut owners: HashMap<&EndpointAddress, &str> = HashMap::new();
        for track in &draft.service.tracks {
            for endpoint in &track.endpoints {
                match owners.insert(&endpoint.address, &track.name) {
                    Some(other) if other != track.name => {
                        let message = format!("the tracks `{other}` and `{}` share an endpoint", track.name);
                        context
                            .warning(&draft.span, message)
                            .hint("a split between them changes nothing there");
                    }
                    _ => {}
                }
            }
        }
    }
}

/// Upgrades are HTTP/1.1's (RFC 9113, 8.6). Of the default nobody is told: it is for the services that can.
pub(super) fn can_upgrade(draft: &Draft, context: &mut Context<'_>) {
    let h2: HashSet<&str> = draft
        .services
        .iter()
        .filter(|draft| draft.service.protocol == UpstreamProtocol::H2)
        .map(|draft| draft.service.name.as_str())
        .collect();
    for route in draft.sites.iter().flat_map(|site| &site.routes) {
        if let (Action::Service(forward), Some(span)) = (&route.route.action, &route.upgrade)
            && !forward.upgrade.is_empty()
            && h2.contains(forward.service.as_str())
        {
            context
                .warning(span, format!("`upgrade` to the service `{}`, which speaks HTTP/2", forward.service))
                .hint("a connection of HTTP/2 does not upgrade: remove it, or write `protocol: http1`");
        }
    }
}
