//! No host belongs to two sites.

use crate::decode::{Context, Draft};
use crate::model::HostPattern;
use std::collections::HashMap;

pub(super) fn unique(draft: &Draft, context: &mut Context<'_>) {
    let mut owners: HashMap<&HostPattern, usize> = HashMap::new();
    for (index, site) in draft.sites.iter().enumerate() {
        for host in &site.hosts {
            let Some(owner) = owners.insert(&host.value, index) else { continue };
            let (message, hint) = if owner == index {
                (format!("the host {} is here twice", host.text.shown()), "keep one of the two")
            } else {
                (
                    format!("the host {} already belongs to another site", host.text.shown()),
                    "a host has one site: move its routes there",
                )
            };
            context.problem(&host.text.span, message).hint(hint);
        }
    }
}
