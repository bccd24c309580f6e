//! `force`: how a tester chooses the track.

use super::Context;
use super::fields::Fields;
use crate::keys::FORCE;
use crate::model::Force;

pub(super) fn decode(service: &Fields<'_>, context: &mut Context<'_>) -> Option<Force> {
    let fields = service.section(context, "force", &FORCE)?;
    if service.is_missing("tracks") {
        context
            .problem(&service.span_of("force"), "`force` without `tracks`")
            .hint("it chooses one of several tracks: remove it, or write `tracks` instead of `endpoints`");
    }
    if fields.is_missing("header") && fields.is_missing("cookie") {
        context
            .problem(&fields.span, "`force` has neither `header` nor `cookie`")
            .hint("say where a request names its track, as in `header: X-Track`");
    }
    let header = fields.text(context, "header").and_then(|name| context.field_name(&name));
    let cookie = fields.text(context, "cookie").and_then(|name| context.cookie_name(&name));
    let mut from = Vec::new();
    if let Some(node) = fields.get("from") {
        for node in context.one_or_some("from", node) {
            let Some(text) = context.text("from", node) else { continue };
            from.extend(context.network(&text));
        }
    }
    Some(Force { header: header.map(|name| name.to_ascii_lowercase()), cookie, from })
}
