//! Values that several sections have.

use crate::decode::{Context, Fields, Text, check_name};
use crate::tree::Node;
use std::collections::HashSet;

/// The entries of a mapping whose names are folders, labels and arguments later.
pub(super) fn named<'n>(
    what: &str,
    key: &str,
    node: &'n Node,
    context: &mut Context<'_>,
) -> Vec<(Text, &'n Node)> {
    let entries = context.named(key, node);
    let mut seen = HashSet::new();
    for (name, _) in &entries {
        check_name(what, name, context);
        // `1` and `"1"` are two keys of YAML.
        if !seen.insert(name.value.as_str()) {
            context
                .problem(&name.span, format!("the {what} {} is here twice", name.shown()))
                .hint("keep one of the two");
        }
    }
    entries
}

/// One of the words, with what it stands for.
pub(super) fn choice<T: Copy>(
    text: &Text,
    key: &str,
    words: &[(&'static str, T)],
    context: &mut Context<'_>,
) -> Option<T> {
    if let Some((_, value)) = words.iter().find(|(word, _)| *word == text.value) {
        return Some(*value);
    }
    let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    let written = text.value.replace(['-', ' '], "_");
    let nearest = context.suggest(&written, known.iter().copied()).filter(|_| text.is_literal());
    let hint = match nearest {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => format!("it is one of {}", known.join(", ")),
    };
    let (last, others) = known.split_last()?;
    let message = format!("`{key}` must be {} or {last}, not {}", others.join(", "), text.shown());
    context.problem(&text.span, message).hint(hint);
    None
}

/// The name of a service in a Compose file.
pub(super) fn compose_service(fields: &Fields<'_>, context: &mut Context<'_>) -> Option<Text> {
    let text = fields.text(context, "compose_service")?;
    let sound = !text.value.is_empty()
        && !text.value.starts_with('-')
        && text.value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    if sound {
        return Some(text);
    }
    context
        .problem(&text.span, format!("{} is no name of a Compose service", text.shown()))
        .hint("letters, digits, `-`, `_` and `.`, as it stands under `services` of the Compose file");
    None
}

/// The name of an environment variable.
pub(super) fn variable(key: &str, node: &Node, context: &mut Context<'_>) -> Option<Text> {
    // `${API_IMAGE}` would be what the variable holds.
    let source = context.source(&node.span).trim_matches(['"', '\'']);
    let inside = source.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    if let Some(inside) = inside {
        let name = inside.split(':').next().unwrap_or_default();
        let finding = context.problem(&node.span, format!("`{key}` is a variable's name, not what it holds"));
        if is_variable(name) {
            finding.hint(format!("write {name}"));
        }
        return None;
    }
    let text = context.text(key, node)?;
    if is_variable(&text.value) {
        return Some(text);
    }
    let hint = match text.value.strip_prefix('$') {
        Some(name) if is_variable(name) && text.is_literal() => {
            format!("write {name}, without the dollar sign")
        }
        _ => "letters, digits and `_`, not beginning with a digit, as in API_IMAGE".into(),
    };
    context.problem(&text.span, format!("{} is no name of a variable", text.shown())).hint(hint);
    None
}

fn is_variable(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && name.bytes().next().is_some_and(|first| !first.is_ascii_digit())
}
