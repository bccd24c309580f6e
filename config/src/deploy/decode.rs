//! The tree of deploy.yml into the model, with every problem on the way.
//!
//! As for mizan.yml: after a problem a stand-in value is used, so that one run finds everything; what has problems never
//! leaves [`decoded`](crate::load::decoded).

mod backup;
mod canary;
mod compose;
mod environment;
mod hooks;
mod notify;
mod path;
mod project;
mod service;
mod tracks;
mod value;

use super::keys::TOP;
use super::model::{DeployFile, DeployService};
use crate::decode::{Context, Fields};
use crate::tree::{Kind, Node};

/// Shown when there is nothing to correct.
const MINIMAL: &str = "a small deploy.yml:\n\n\
    services:\n  api:\n    tracks:\n\
    \x20     blue: { compose_service: api-blue, image_variable: API_BLUE_IMAGE }\n\
    \x20     green: { compose_service: api-green, image_variable: API_GREEN_IMAGE }\n";

pub(super) fn decode(root: &Node, context: &mut Context<'_>) -> DeployFile {
    context.hide_sensitive(root);
    notify::hide(root, context);
    hooks::hide(root, context);
    if matches!(root.kind, Kind::Null) {
        context.problem(&root.span, "the file is empty").hint(MINIMAL);
        return DeployFile::default();
    }
    match context.fields(root, &TOP, &(0..0)) {
        Some(fields) => top(&fields, context),
        None => DeployFile::default(),
    }
}

fn top(fields: &Fields<'_>, context: &mut Context<'_>) -> DeployFile {
    let state = path::file(fields, "state", context);
    DeployFile {
        state: state.unwrap_or_else(|| context.resolve(".mizan")),
        environments: environment::all(fields, context),
        services: services(fields, context),
        notify: notify::decode(fields, context),
    }
}

fn services(top: &Fields<'_>, context: &mut Context<'_>) -> Vec<DeployService> {
    let Some(node) = top.get("services") else { return Vec::new() };
    if matches!(&node.kind, Kind::Map(entries) if entries.is_empty()) {
        context.problem(&top.span_of("services"), "`services` is empty").hint(MINIMAL);
    }
    let named = value::named("service", "services", node, context);
    named.into_iter().filter_map(|(name, node)| service::decode(&name, node, context)).collect()
}
