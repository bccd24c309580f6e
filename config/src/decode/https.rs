//! `redirect_to_https` and `hsts`: from plain HTTP to TLS, once and for good.

use super::fields::{Fields, Switch};
use super::{Context, Keyed, Text};
use crate::keys::{HSTS, REDIRECT_TO_HTTPS};
use crate::model::{Hsts, RedirectToHttps};
use crate::tree::Kind;
use std::time::Duration;

const PERMANENT: RedirectToHttps = RedirectToHttps { status: 308, port: None };

pub(super) fn redirect(site: &Fields<'_>, context: &mut Context<'_>) -> Option<Keyed<RedirectToHttps>> {
    const KEY: &str = "redirect_to_https";
    let node = site.get(KEY)?;
    let value = match &node.kind {
        Kind::Bool(false) => return None,
        Kind::Bool(true) => Some(PERMANENT),
        Kind::Map(_) => redirect_section(site, context),
        Kind::Number(_) | Kind::Text(_) => match context.text(KEY, node) {
            None => None,
            Some(text) if text.value == "false" && !text.is_literal() => return None,
            Some(text) if text.value == "true" && !text.is_literal() => Some(PERMANENT),
            Some(text) => status(KEY, &text, context).map(|status| RedirectToHttps { status, ..PERMANENT }),
        },
        Kind::Null | Kind::List(_) => context.wrong(KEY, "true, false, 308, 301 or a mapping", node),
    };
    Some(Keyed { span: site.span_of(KEY), value })
}

fn redirect_section(site: &Fields<'_>, context: &mut Context<'_>) -> Option<RedirectToHttps> {
    let fields = site.section(context, "redirect_to_https", &REDIRECT_TO_HTTPS)?;
    let port = fields.get("port").map(|_| fields.integer(context, "port", 443) as u16);
    let status = match fields.get("status") {
        None => PERMANENT.status,
        Some(node) => context.text("status", node).and_then(|text| status("status", &text, context))?,
    };
    Some(RedirectToHttps { status, port })
}

fn status(key: &str, text: &Text, context: &mut Context<'_>) -> Option<u16> {
    match text.value.as_str() {
        "308" => Some(308),
        "301" => Some(301),
        "302" | "303" | "307" => {
            context
                .problem(&text.span, format!("`{key}` must be 308 or 301, not {}", text.shown()))
                .hint("a redirect to https is for good; for another one write a route with `respond`");
            None
        }
        _ => {
            context
                .problem(&text.span, format!("`{key}` must be 308 or 301, not {}", text.shown()))
                .hint("308 keeps the method; 301 is for clients that are older than that");
            None
        }
    }
}

pub(super) fn hsts(site: &Fields<'_>, context: &mut Context<'_>) -> Option<Keyed<Hsts>> {
    site.get("hsts")?;
    let value = match site.switch(context, "hsts") {
        Some(Switch::Off) => return None,
        Some(Switch::On) => Some(Hsts::default()),
        Some(Switch::Map) => hsts_section(site, context),
        None => None,
    };
    Some(Keyed { span: site.span_of("hsts"), value })
}

fn hsts_section(site: &Fields<'_>, context: &mut Context<'_>) -> Option<Hsts> {
    let default = Hsts::default();
    let day = Duration::from_hours(24);
    let fields = site.section(context, "hsts", &HSTS)?;
    let hsts = Hsts {
        max_age: fields.duration(context, "max_age", default.max_age, &(Duration::ZERO..=3650 * day)),
        include_subdomains: fields.boolean(context, "include_subdomains", default.include_subdomains),
        preload: fields.boolean(context, "preload", default.preload),
    };
    if hsts.preload && !(hsts.include_subdomains && hsts.max_age >= 365 * day) {
        context
            .warning(&fields.span_of("preload"), "`preload` alone puts no host into the browsers' lists")
            .hint("they want `include_subdomains: true` and a `max_age` of 365d or more (hstspreload.org)");
    }
    Some(hsts)
}
