//! Which parts of the source may hold a secret and are masked wherever a source line is drawn.

use crate::tree::{Kind, Node};
use std::ops::Range;

/// The value of a key whose name says so, anywhere; and every value of a mapping within `health` (its headers).
pub(super) fn values(node: &Node, secrets: &mut Vec<Range<usize>>) {
    match &node.kind {
        Kind::List(items) => items.iter().for_each(|item| values(item, secrets)),
        Kind::Map(entries) => {
            for (key, value) in entries {
                if is_text(key, "health") {
                    health(value, secrets);
                }
                if is_sensitive_key(key) { hide(value, secrets) } else { values(value, secrets) }
            }
        }
        _ => {}
    }
}

/// Of a text that does not parse: what follows such a key, up to the end of its line.
pub(super) fn lines(text: &str, secrets: &mut Vec<Range<usize>>) {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let lower = line.to_ascii_lowercase();
        let first = WORDS.iter().filter_map(|word| lower.find(word).map(|at| at + word.len())).min();
        let value = first.and_then(|end| line.get(end..)?.find(':').map(|colon| end + colon + 1));
        let headers = lower.find("headers").map(|at| at + "headers".len());
        if let Some(value) = value.into_iter().chain(headers).min() {
            secrets.push(start + value..start + line.trim_end().len().max(value));
        }
        start += line.len();
    }
}

const WORDS: [&str; 7] = ["authorization", "cookie", "token", "password", "passwd", "secret", "api-key"];

fn health(node: &Node, secrets: &mut Vec<Range<usize>>) {
    let Kind::Map(entries) = &node.kind else { return };
    for (_, value) in entries {
        if let Kind::Map(headers) = &value.kind {
            headers.iter().for_each(|(_, value)| hide(value, secrets));
        }
    }
}

/// The path in `{ file: PATH }` is no secret.
fn hide(node: &Node, secrets: &mut Vec<Range<usize>>) {
    match &node.kind {
        Kind::Null | Kind::Bool(_) => {}
        Kind::Number(_) | Kind::Text(_) => secrets.push(node.span.clone()),
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
    matches!(&key.kind, Kind::Text(name) if WORDS.iter().any(|word| name.to_ascii_lowercase().contains(word)))
}

fn is_text(node: &Node, expected: &str) -> bool {
    matches!(&node.kind, Kind::Text(text) if text == expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_name_a_secret_are_hidden_even_where_nothing_parses() {
        let text = "a: 1\n  Authorization: \"Bearer x\nheaders: {X: y\n";
        let mut secrets = Vec::new();
        lines(text, &mut secrets);
        let hidden: Vec<_> = secrets.into_iter().map(|range| &text[range]).collect();
        assert_eq!(hidden, [" \"Bearer x", ": {X: y"]);
    }
}
