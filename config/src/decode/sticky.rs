//! `sticky`: a cookie that keeps a client on its track.

use super::Context;
use super::fields::{Fields, Switch};
use crate::keys::STICKY;
use crate::model::{Force, Sticky};
use std::time::Duration;

pub(super) fn decode(
    service: &Fields<'_>,
    force: Option<&Force>,
    context: &mut Context<'_>,
) -> Option<Sticky> {
    let sticky = value(service, context)?;
    let span = service.span_of("sticky");
    if service.is_missing("tracks") {
        context.problem(&span, "`sticky` without `tracks`").hint(
            "it keeps a client on one of several tracks: remove it, or write `tracks` instead of `endpoints`",
        );
    }
    if force.is_some_and(|force| force.cookie.as_ref() == Some(&sticky.cookie)) {
        context
            .problem(&span, "`force` and `sticky` have the same cookie")
            .hint("give one of the two another name: the answer to a tester would replace the one they set");
    }
    Some(sticky)
}

fn value(service: &Fields<'_>, context: &mut Context<'_>) -> Option<Sticky> {
    match service.switch(context, "sticky")? {
        Switch::Off => None,
        Switch::On => Some(Sticky::default()),
        Switch::Map => section(service, context),
    }
}

fn section(service: &Fields<'_>, context: &mut Context<'_>) -> Option<Sticky> {
    let default = Sticky::default();
    let fields = service.section(context, "sticky", &STICKY)?;
    let cookie = fields.text(context, "cookie").and_then(|name| context.cookie_name(&name));
    // Browsers cut a longer age to 400 days.
    let range = Duration::from_mins(1)..=Duration::from_hours(400 * 24);
    Some(Sticky {
        cookie: cookie.unwrap_or(default.cookie),
        max_age: fields.duration(context, "max_age", default.max_age, &range),
    })
}
