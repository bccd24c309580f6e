//! An entry of `sites`.

use super::{Context, DraftSite, Placed, https, route, site_tls};
use crate::keys::SITE;
use crate::tree::Node;

pub(super) fn decode(node: &Node, context: &mut Context<'_>) -> Option<DraftSite> {
    let fields = context.fields(node, &SITE, &node.span)?;
    let mut site = DraftSite {
        hosts: Vec::new(),
        tls: site_tls::decode(&fields, context),
        redirect_to_https: https::redirect(&fields, context),
        hsts: https::hsts(&fields, context),
        routes: Vec::new(),
        services: Vec::new(),
    };
    if let Some(node) = fields.get("hosts") {
        for node in context.one_or_some("hosts", node) {
            let Some(text) = context.text("hosts", node) else { continue };
            if let Some(value) = context.host_pattern(&text) {
                site.hosts.push(Placed { value, text });
            }
        }
    }
    if let Some(node) = fields.get("routes") {
        for node in context.some("routes", node) {
            site.routes.extend(route::decode(node, &mut site.services, context));
        }
    }
    Some(site)
}
