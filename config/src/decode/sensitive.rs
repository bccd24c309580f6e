//! Which parts of the source may hold a secret and are masked wherever a source line is drawn.

use crate::tree::{Kind, Node};
use std::ops::Range;

/// The value of a key whose name says so, anywhere; every value of a mapping within `health` (its headers); what is in
/// `external_account` and `tsig`, but for names; a private key that stands where the path of its file should; and a URL
/// with a user name.
pub(super) fn values(node: &Node, secrets: &mut Vec<Range<usize>>) {
    match &node.kind {
        Kind::List(items) => items.iter().for_each(|item| values(item, secrets)),
        Kind::Map(entries) => {
            for (key, value) in entries {
                if is_text(key, "health") {
                    health(value, secrets);
                }
                if is_text(key, "external_account") || is_text(key, "tsig") {
                    all_but(&["key_id", "name", "algorithm"], value, secrets);
                }
                if is_text(key, "force") || is_text(key, "sticky") {
                    cookie_names(value, secrets);
                } else if is_sensitive_key(key) {
                    hide(value, secrets);
                } else {
                    values(value, secrets);
                }
            }
        }
        Kind::Text(text) if text.contains(PRIVATE_KEY) || has_user(text) => secrets.push(node.span.clone()),
        _ => {}
    }
}

/// Of a text that does not parse: what follows such a key or one of `others` on its line, and the lines indented below it.
pub(super) fn lines(text: &str, others: &[&str], secrets: &mut Vec<Range<usize>>) {
    let mut start = 0;
    let mut hidden_below: Option<usize> = None;
    for line in text.split_inclusive('\n') {
        let content = line.trim_start();
        let indent = line.len() - content.len();
        let is_below = hidden_below.is_some_and(|outer| indent > outer || content.is_empty());
        if is_below {
            secrets.push(start + indent..start + line.trim_end().len().max(indent));
        } else if let Some(value) = value_start(line, others) {
            hidden_below = Some(indent);
            secrets.push(start + value..start + line.trim_end().len().max(value));
        } else {
            hidden_below = None;
        }
        start += line.len();
    }
}

/// Where on a line of YAML a value begins that may be a secret.
fn value_start(line: &str, others: &[&str]) -> Option<usize> {
    let lower = line.to_ascii_lowercase();
    let key_end = WORDS.iter().chain(others).filter_map(|word| Some(lower.find(word)? + word.len())).min()?;
    Some(line[key_end..].find(':').map_or(key_end, |colon| key_end + colon + 1))
}

/// In the first line of every such PEM.
const PRIVATE_KEY: &str = "PRIVATE KEY-----";

const WORDS: [&str; 8] =
    ["authorization", "cookie", "token", "password", "passwd", "secret", "api-key", "hmac"];

fn health(node: &Node, secrets: &mut Vec<Range<usize>>) {
    let Kind::Map(entries) = &node.kind else { return };
    for (_, value) in entries {
        if let Kind::Map(headers) = &value.kind {
            for (_, value) in headers {
                hide(value, secrets);
            }
        }
    }
}

/// A misspelt key may have the secret, too.
pub(super) fn all_but(known: &[&str], node: &Node, secrets: &mut Vec<Range<usize>>) {
    let Kind::Map(entries) = &node.kind else { return hide(node, secrets) };
    let others = entries.iter().filter(|(key, _)| !known.iter().any(|known| is_text(key, known)));
    others.for_each(|(_, value)| hide(value, secrets));
}

/// What `cookie` says in `force` and `sticky` is a name, and so no secret.
fn cookie_names(node: &Node, secrets: &mut Vec<Range<usize>>) {
    let Kind::Map(entries) = &node.kind else { return values(node, secrets) };
    for (key, value) in entries.iter().filter(|(key, _)| !is_text(key, "cookie")) {
        if is_sensitive_key(key) { hide(value, secrets) } else { values(value, secrets) }
    }
}

/// `https://user:password@example.com/`.
fn has_user(text: &str) -> bool {
    let (_, after) = text.split_once("://").unwrap_or_default();
    after.split(['/', '?', '#']).next().is_some_and(|authority| authority.contains('@'))
}

/// The path in `{ file: PATH }` is no secret.
fn hide(node: &Node, secrets: &mut Vec<Range<usize>>) {
    match &node.kind {
        Kind::Bool(_) => {}
        // `!!null x` is empty, but its source is not.
        Kind::Null | Kind::Number(_) | Kind::Text(_) => secrets.push(node.span.clone()),
        Kind::List(items) => items.iter().for_each(|item| hide(item, secrets)),
        Kind::Map(entries) => {
            entries
                .iter()
                .filter(|(key, _)| !is_text(key, "file"))
                .for_each(|(_, value)| hide(value, secrets));
        }
    }
}

fn is_sensitive_key(key: &Node) -> bool {
    matches!(&key.kind, Kind::Text(name) if is_sensitive(name))
}

/// Whether a name says that its value is a secret.
pub(crate) fn is_sensitive(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    WORDS.iter().any(|word| name.contains(word))
}

fn is_text(node: &Node, expected: &str) -> bool {
    matches!(&node.kind, Kind::Text(text) if text == expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_name_a_secret_are_hidden_even_where_nothing_parses() {
        let text = "a: 1\n  Authorization: \"Bearer x\n\n    y\nb: 2\nc: {headers: {X: y\nd: 3\n";
        let mut secrets = Vec::new();
        lines(text, &["headers"], &mut secrets);
        let hidden: Vec<_> = secrets.into_iter().map(|range| text[range].trim_end()).collect();
        assert_eq!(hidden, [" \"Bearer x", "", "y", " {X: y"]);
    }
}
