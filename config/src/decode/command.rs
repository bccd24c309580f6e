//! Commands: a program and its arguments.

use super::{Context, Text};
use crate::tree::Node;

impl Context<'_> {
    /// One word, or a list of them that is not empty; the first is not empty either.
    pub(crate) fn words(&mut self, key: &str, node: &Node) -> Option<Vec<Text>> {
        let nodes = self.one_or_some(key, node);
        let mut words = Vec::new();
        for node in nodes {
            let Some(text) = self.text(key, node) else { continue };
            if text.value.contains('\0') {
                self.problem(&text.span, "a command cannot hold a NUL byte");
                continue;
            }
            words.push(text);
        }
        if words.is_empty() || words.len() != nodes.len() {
            return None;
        }
        let program = &words[0];
        if program.value.trim().is_empty() {
            self.problem(
                &program.span,
                format!("`{key}` begins with the name of a program, which is empty here"),
            )
            .hint(format!("as in `{key}: [./{key}]`"));
            return None;
        }
        Some(words)
    }

    /// Values alone. A program with a slash is relative to the file's folder.
    pub(crate) fn program(&self, words: Vec<Text>) -> Vec<String> {
        let mut words: Vec<String> = words.into_iter().map(|word| word.value).collect();
        if let Some(program) = words.first_mut().filter(|program| program.contains('/')) {
            *program = self.resolve(program).to_string_lossy().into_owned();
        }
        words
    }
}
