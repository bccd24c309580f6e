//! Checks that need more than one part of the file.

mod acme;
mod hosts;
mod https;
mod listeners;
mod routes;
mod services;

use crate::decode::{Context, Draft};

pub(crate) fn whole(draft: &Draft, context: &mut Context<'_>) {
    listeners::overlap(draft, context);
    hosts::unique(draft, context);
    https::whole(draft, context);
    acme::whole(draft, context);
    for site in &draft.sites {
        routes::reachable(site, context);
    }
    routes::behind_probes(draft, context);
    services::exist(draft, context);
    services::are_used(draft, context);
    services::sticky_have_state(draft, context);
    services::tracks_apart(draft, context);
    services::can_upgrade(draft, context);
}
