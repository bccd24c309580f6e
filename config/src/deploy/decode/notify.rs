//! `notify`: who is told of deploys.

use super::value;
use crate::decode::{Context, Fields, Text, Url, printable_line, secret};
use crate::deploy::keys::WEBHOOK;
use crate::deploy::model::{NotifyOn, Webhook, WebhookFormat};
use crate::expand;
use crate::secret::Secret;
use crate::tree::{Kind, Node};
use std::time::Duration;

/// What may stand in braces in `text`.
const PLACEHOLDERS: [&str; 11] = [
    "service",
    "environment",
    "image",
    "previous",
    "status",
    "why",
    "strategy",
    "duration",
    "number",
    "by",
    "track",
];

/// Masks URLs, also under a key that is misspelt.
pub(super) fn hide(root: &Node, context: &mut Context<'_>) {
    let Kind::Map(entries) = &root.kind else { return };
    for (key, value) in entries {
        if matches!(&key.kind, Kind::Text(name) if ["state", "environments", "services"].contains(&name.as_str()))
        {
            continue;
        }
        match &value.kind {
            Kind::List(items) => items.iter().for_each(|item| hide_one(item, context)),
            _ => hide_one(value, context),
        }
    }
}

fn hide_one(node: &Node, context: &mut Context<'_>) {
    context.hide_all_but(&["format", "on", "text", "timeout"], node);
}

pub(super) fn decode(top: &Fields<'_>, context: &mut Context<'_>) -> Vec<Webhook> {
    let Some(node) = top.get("notify") else { return Vec::new() };
    context.list("notify", node).iter().filter_map(|node| webhook(node, context)).collect()
}

fn webhook(node: &Node, context: &mut Context<'_>) -> Option<Webhook> {
    let fields = context.fields(node, &WEBHOOK, &node.span)?;
    let seconds = Duration::from_secs;
    let url = fields.get("url").and_then(|node| url(node, context));
    Some(Webhook {
        format: format(&fields, context),
        on: on(&fields, context),
        text: fields.text(context, "text").and_then(|text| template(text, context)),
        timeout: fields.duration(context, "timeout", seconds(5), &(seconds(1)..=seconds(60))),
        url: url.unwrap_or_else(|| Secret::new(String::new())),
    })
}

/// No message has it, nor a part of it.
fn url(node: &Node, context: &mut Context<'_>) -> Option<Secret> {
    let secret = secret("url", node, context)?;
    let Some(url) = Url::parse(secret.expose()) else {
        context
            .problem(&node.span, "`url` is no URL of http or https")
            .hint("http:// or https://, a host, no user name and no #, as in https://hooks.example.com/x");
        return None;
    };
    if url.is_local() {
        return Some(secret);
    }
    if !url.is_tls {
        context
            .warning(&node.span, "whoever stands between can read this `url` and what is sent there")
            .hint("write https://");
    }
    if matches!(&node.kind, Kind::Text(written) if !expand::has_variable(written)) {
        context
            .warning(&node.span, "the value of `url` stands in the file for all who may read it")
            .hint("write { file: slack.url }, or take it from a variable: ${NAME}");
    }
    Some(secret)
}

fn format(fields: &Fields<'_>, context: &mut Context<'_>) -> WebhookFormat {
    let words = [("slack", WebhookFormat::Slack), ("json", WebhookFormat::Json)];
    let text = fields.text(context, "format");
    text.and_then(|text| value::choice(&text, "format", &words, context)).unwrap_or(WebhookFormat::Slack)
}

fn on(fields: &Fields<'_>, context: &mut Context<'_>) -> Vec<NotifyOn> {
    let words = [
        ("started", NotifyOn::Started),
        ("deployed", NotifyOn::Deployed),
        ("rolled_back", NotifyOn::RolledBack),
        ("failed", NotifyOn::Failed),
        ("waiting", NotifyOn::Waiting),
    ];
    let Some(node) = fields.get("on") else {
        return vec![NotifyOn::Deployed, NotifyOn::RolledBack, NotifyOn::Failed];
    };
    let mut chosen = Vec::new();
    for node in context.one_or_some("on", node) {
        let Some(text) = context.text("on", node) else { continue };
        let Some(on) = value::choice(&text, "on", &words, context) else { continue };
        if chosen.contains(&on) {
            context
                .problem(&text.span, format!("{} is here twice", text.shown()))
                .hint("keep one of the two");
        }
        chosen.push(on);
    }
    chosen
}

/// Braces around anything but a word stand for themselves: a text may be JSON.
fn template(text: Text, context: &mut Context<'_>) -> Option<String> {
    if !text.value.contains('\n') && !printable_line(&text.value) {
        context
            .problem(&text.span, "`text` has nothing in it that can be read")
            .hint("as in \"{service} {image}: {status}\", or remove it for a sentence");
        return None;
    }
    for name in placeholders(&text.value).filter(|name| !PLACEHOLDERS.contains(name)) {
        // What a variable holds is not shown.
        let shown = if text.is_literal() { format!("{{{name}}}") } else { "such".into() };
        let nearest = context.suggest(name, PLACEHOLDERS).filter(|_| text.is_literal());
        let all = PLACEHOLDERS.map(|name| format!("{{{name}}}")).join(", ");
        let hint = match nearest {
            Some(nearest) => format!("did you mean {{{nearest}}}? There are {all}"),
            None => format!("there are {all}"),
        };
        context.problem(&text.span, format!("there is no placeholder {shown}")).hint(hint);
    }
    Some(text.value)
}

/// The words in braces.
fn placeholders(text: &str) -> impl Iterator<Item = &str> {
    let word = |name: &&str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name).filter(word)
}
