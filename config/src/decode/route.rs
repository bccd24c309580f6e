//! An entry of `routes`.

use super::fields::Fields;
use super::http::is_token;
use super::regex::Case;
use super::route_path::GoesOn;
use super::{Context, DraftRoute, Text};
use crate::keys::{RESPOND, REWRITE, ROUTE};
use crate::model::{Action, Forward, HeaderCondition, HeaderTest, PathPattern, Respond, Rewrite, Route};
use crate::tree::{Kind, Node};

/// Keys that shape what is forwarded, and so mean nothing beside `respond`.
const FORWARD_KEYS: [&str; 5] = ["rewrite", "host", "upgrade", "merge_slashes", "forward_reduced_path"];

/// Adds the service it names to `services`, even when the rest of the route cannot be read.
pub(super) fn decode(node: &Node, services: &mut Vec<Text>, context: &mut Context<'_>) -> Option<DraftRoute> {
    let fields = context.fields(node, &ROUTE, &node.span)?;
    let path = fields.text(context, "path");
    let pattern = path.as_ref().and_then(|path| context.path_pattern(path));
    let methods = fields.get("methods").map_or_else(Vec::new, |node| methods(node, context));
    let headers = fields.get("headers").map_or_else(Vec::new, |node| conditions(node, context));
    let service = fields.text(context, "service");
    let action = action(&fields, service.as_ref(), pattern.as_ref(), context);
    services.extend(service);
    let route = Route { path: pattern?, methods, headers, action: action?, line: node.line };
    let upgrade = fields.get("upgrade").map(|_| fields.span_of("upgrade"));
    Some(DraftRoute { route, path: path?, upgrade })
}

fn methods(node: &Node, context: &mut Context<'_>) -> Vec<String> {
    let mut methods = Vec::new();
    for node in context.one_or_some("methods", node) {
        if let Some(method) = context.text("methods", node).and_then(|text| context.method(&text))
            && !methods.contains(&method)
        {
            methods.push(method);
        }
    }
    methods
}

fn conditions(node: &Node, context: &mut Context<'_>) -> Vec<HeaderCondition> {
    let mut conditions: Vec<HeaderCondition> = Vec::new();
    for (name, node) in context.named("headers", node) {
        let Some(field) = context.field_name(&name) else { continue };
        let field = field.to_ascii_lowercase();
        if conditions.iter().any(|condition| condition.name == field) {
            context
                .problem(&name.span, format!("{} is here twice", name.shown()))
                .hint("keep one of the two: a field name has no upper or lower case");
        }
        if let Some(test) = test(&name.value, node, context) {
            conditions.push(HeaderCondition { name: field, test });
        }
    }
    conditions
}

fn test(name: &str, node: &Node, context: &mut Context<'_>) -> Option<HeaderTest> {
    if let Kind::Bool(there) = node.kind {
        return Some(if there { HeaderTest::Present } else { HeaderTest::Absent });
    }
    let text = context.text(name, node)?;
    if let Some(pattern) = text.value.strip_prefix('~') {
        return context.regex(&text, pattern.trim_start(), Case::Kept).map(HeaderTest::Regex);
    }
    context.field_value(name, &text.value, &text.span)?;
    Some(HeaderTest::Equals(text.value))
}

fn action(
    fields: &Fields<'_>,
    service: Option<&Text>,
    pattern: Option<&PathPattern>,
    context: &mut Context<'_>,
) -> Option<Action> {
    match (fields.get("service"), fields.get("respond")) {
        (Some(_), Some(_)) => {
            context
                .problem(&fields.span_of("respond"), "a route has either `service` or `respond`, not both")
                .hint("remove one of the two");
            None
        }
        (None, None) => {
            if fields.is_missing("service") && fields.is_missing("respond") {
                context
                    .problem(&fields.span_of("path"), "the route does nothing: it has neither `service` nor `respond`")
                    .hint("say where it goes, as in `service: api`, or what it answers: `respond: { status: 404 }`");
            }
            None
        }
        (Some(_), None) => Some(Action::Service(forward(fields, service, pattern, context))),
        (None, Some(_)) => respond(fields, context).map(Action::Respond),
    }
}

fn forward(
    fields: &Fields<'_>,
    service: Option<&Text>,
    pattern: Option<&PathPattern>,
    context: &mut Context<'_>,
) -> Forward {
    Forward {
        service: service.map_or_else(String::new, |service| service.value.clone()),
        rewrite: rewrite(fields, pattern, context).unwrap_or_default(),
        host: fields.text(context, "host").and_then(|host| context.host_field("host", host)),
        upgrade: fields
            .get("upgrade")
            .map_or_else(|| vec!["websocket".into()], |node| upgrade(node, context)),
        merge_slashes: fields.boolean(context, "merge_slashes", false),
        forward_reduced_path: fields.boolean(context, "forward_reduced_path", false),
    }
}

fn rewrite(fields: &Fields<'_>, pattern: Option<&PathPattern>, context: &mut Context<'_>) -> Option<Rewrite> {
    let rewrite = fields.section(context, "rewrite", &REWRITE)?;
    let strip = rewrite.text(context, "strip_prefix");
    let replace = rewrite.text(context, "replace_prefix");
    if rewrite.get("strip_prefix").is_some() == rewrite.get("replace_prefix").is_some() {
        context
            .problem(&rewrite.span, "`rewrite` has exactly one of `strip_prefix` and `replace_prefix`")
            .hint("as in { strip_prefix: /api } or { replace_prefix: /v1 }");
        return None;
    }
    let pattern = pattern?;
    let PathPattern::Prefix { prefix, .. } = pattern else {
        context
            .problem(&rewrite.span, "`rewrite` needs a path that is a prefix")
            .hint("this route's path is exact or a pattern: there is no prefix to strip or replace");
        return None;
    };
    if let Some(replace) = replace {
        context.plain_path(&replace, &replace.value)?;
        return Some(Rewrite::ReplacePrefix(prefix.clone(), replace.value));
    }
    let written = strip?;
    let strip = context.route_path(&written, &written.value, GoesOn::WithSegments)?;
    if !is_within(prefix, &strip) {
        context
            .problem(&written.span, format!("no path of this route begins with {}", written.shown()))
            .hint("strip the route's own prefix, or whole segments of its beginning");
        return None;
    }
    Some(Rewrite::StripPrefix(strip))
}

/// Whether every path below `prefix` begins with the whole segments of `beginning`.
fn is_within(prefix: &str, beginning: &str) -> bool {
    match prefix.strip_prefix(beginning) {
        Some(rest) => rest.is_empty() || rest.starts_with('/') || beginning.ends_with('/'),
        None => false,
    }
}

fn upgrade(node: &Node, context: &mut Context<'_>) -> Vec<String> {
    let nodes = if matches!(node.kind, Kind::List(_)) {
        context.list("upgrade", node)
    } else {
        context.one_or_some("upgrade", node)
    };
    let mut protocols = Vec::new();
    for node in nodes {
        let Some(text) = context.text("upgrade", node) else { continue };
        if !text.value.split('/').all(is_token) || text.value.matches('/').count() > 1 {
            context
                .problem(&text.span, format!("{} is no protocol", text.shown()))
                .hint("as in websocket; [] for none");
            continue;
        }
        protocols.push(text.value.to_ascii_lowercase());
    }
    protocols
}

fn respond(route: &Fields<'_>, context: &mut Context<'_>) -> Option<Respond> {
    for key in FORWARD_KEYS.into_iter().filter(|key| route.get(key).is_some()) {
        context
            .problem(&route.span_of(key), format!("`{key}` has no effect on a route with `respond`"))
            .hint("remove it: it shapes what is sent to a service");
    }
    let fields = route.section(context, "respond", &RESPOND)?;
    let status = fields.integer(context, "status", 200) as u16;
    let body = fields.text(context, "body").map_or_else(String::new, |body| body.value);
    if matches!(status, 204 | 304) && !body.is_empty() {
        context
            .problem(&fields.span_of("body"), format!("an answer with status {status} has no body"))
            .hint("remove `body` (RFC 9110, 6.4.1)");
    }
    let mut headers: Vec<(String, String)> = Vec::new();
    let nodes = fields.get("headers").map_or_else(Vec::new, |node| context.named("headers", node));
    for (name, node) in nodes {
        let Some(field) = context.settable_field_name(&name) else { continue };
        let Some(value) = context.text(&field, node) else { continue };
        if context.field_value(&field, &value.value, &value.span).is_some() {
            headers.push((field, value.value));
        }
    }
    Some(Respond { status, body, headers })
}
