//! `hooks`: commands of the user's.

use super::path;
use crate::decode::{Context, Fields, is_sensitive};
use crate::deploy::keys::{HOOK, HOOKS};
use crate::deploy::model::{HookCommand, HookName};
use crate::tree::{Kind, Node};
use std::ops::Range;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_mins(10);

const NAMES: [(&str, HookName); 9] = [
    ("preflight", HookName::Preflight),
    ("before_deploy", HookName::BeforeDeploy),
    ("migrate", HookName::Migrate),
    ("smoke", HookName::Smoke),
    ("after_deploy", HookName::AfterDeploy),
    ("revert_migration", HookName::RevertMigration),
    ("check_data", HookName::CheckData),
    ("check_metrics", HookName::CheckMetrics),
    ("after_rollback", HookName::AfterRollback),
];

/// Masks the words of commands that look as if they had a secret in them: `PASSWORD=...`.
pub(super) fn hide(root: &Node, context: &mut Context<'_>) {
    match &root.kind {
        Kind::Map(entries) => entries.iter().for_each(|(_, value)| hide(value, context)),
        Kind::List(items) => items.iter().for_each(|item| hide(item, context)),
        Kind::Text(text) if text.contains(['=', ':', ' ']) && is_sensitive(text) => {
            context.hide_all_but(&[], root);
        }
        _ => {}
    }
}

pub(super) fn decode(service: &Fields<'_>, context: &mut Context<'_>) -> Vec<(HookName, HookCommand)> {
    let Some(fields) = service.section(context, "hooks", &HOOKS) else { return Vec::new() };
    let mut there: Vec<_> = NAMES
        .into_iter()
        .filter_map(|(key, name)| Some((fields.span_of(key), key, name, fields.get(key)?)))
        .collect();
    there.sort_by_key(|(span, ..)| span.start);
    if fields.get("revert_migration").is_some() && fields.is_missing("migrate") {
        context
            .warning(&fields.span_of("revert_migration"), "`revert_migration` without `migrate` never runs")
            .hint("it reverts what `migrate` did: add that, or remove this");
    }
    let command = |(span, key, name, node): (Range<usize>, &str, HookName, &Node)| {
        Some((name, command(key, node, &span, context)?))
    };
    there.into_iter().filter_map(command).collect()
}

fn command(key: &str, node: &Node, span: &Range<usize>, context: &mut Context<'_>) -> Option<HookCommand> {
    if !matches!(node.kind, Kind::Map(_)) {
        return Some(HookCommand { words: words(key, node, context)?, timeout: TIMEOUT });
    }
    let fields = context.fields(node, &HOOK, span)?;
    let range = Duration::from_secs(1)..=Duration::from_hours(24);
    let timeout = fields.duration(context, "timeout", TIMEOUT, &range);
    Some(HookCommand { words: words("run", fields.get("run")?, context)?, timeout })
}

/// A text is for a shell; a list is run as it is.
fn words(key: &str, node: &Node, context: &mut Context<'_>) -> Option<Vec<String>> {
    let words = context.words(key, node)?;
    if matches!(node.kind, Kind::List(_)) {
        return Some(path::command(words, context));
    }
    let shell = ["sh", "-c"].map(str::to_owned);
    Some(shell.into_iter().chain(words.into_iter().map(|word| word.value)).collect())
}
