//! What a run of the decoder knows and collects.

use super::sensitive;
use crate::dialect::Dialect;
use crate::problems::Finding;
use crate::tree::Node;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Looking for a name like the one written is quadratic; a file full of slips needs only the first few answers.
const MAX_SUGGESTIONS: usize = 100;

pub(crate) struct Context<'a> {
    dialect: &'static Dialect,
    text: &'a str,
    folder: &'a Path,
    env: &'a dyn Fn(&str) -> Option<String>,
    problems: Vec<Finding>,
    warnings: Vec<Finding>,
    /// Ranges of the source that are never shown.
    secrets: Vec<Range<usize>>,
    suggestions: usize,
}

/// Problems, warnings, and the ranges of the source to mask in both.
pub(crate) type Findings = (Vec<Finding>, Vec<Finding>, Vec<Range<usize>>);

impl<'a> Context<'a> {
    pub(crate) fn new(
        dialect: &'static Dialect,
        text: &'a str,
        folder: &'a Path,
        env: &'a dyn Fn(&str) -> Option<String>,
    ) -> Self {
        Self {
            dialect,
            text,
            folder,
            env,
            problems: Vec::new(),
            warnings: Vec::new(),
            secrets: Vec::new(),
            suggestions: 0,
        }
    }

    pub(crate) fn into_findings(self) -> Findings {
        (self.problems, self.warnings, self.secrets)
    }

    pub(crate) fn problem(&mut self, span: &Range<usize>, message: impl Into<String>) -> &mut Finding {
        push(&mut self.problems, span, message.into())
    }

    pub(crate) fn warning(&mut self, span: &Range<usize>, message: impl Into<String>) -> &mut Finding {
        push(&mut self.warnings, span, message.into())
    }

    /// Of the file that is read.
    pub(crate) fn dialect(&self) -> &'static Dialect {
        self.dialect
    }

    pub(crate) fn env(&self) -> &'a dyn Fn(&str) -> Option<String> {
        self.env
    }

    /// As the file writes it.
    pub(crate) fn source(&self, span: &Range<usize>) -> &'a str {
        self.text.get(span.clone()).unwrap_or_default()
    }

    /// A path in the file is relative to the file's folder.
    pub(crate) fn resolve(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }

    /// Masks every value that may be a secret.
    pub(crate) fn hide_sensitive(&mut self, root: &Node) {
        sensitive::values(root, &mut self.secrets);
    }

    /// Masks all in it but the values of these keys.
    pub(crate) fn hide_all_but(&mut self, known: &[&str], node: &Node) {
        sensitive::all_but(known, node, &mut self.secrets);
    }

    /// As [`hide_sensitive`](Self::hide_sensitive) for a text that is not YAML, by its lines.
    pub(crate) fn hide_sensitive_lines(&mut self) {
        sensitive::lines(self.text, self.dialect.before_secrets, &mut self.secrets);
    }

    pub(crate) fn suggest<'k>(
        &mut self,
        written: &str,
        known: impl IntoIterator<Item = &'k str>,
    ) -> Option<&'k str> {
        self.suggestions += 1;
        if self.suggestions > MAX_SUGGESTIONS { None } else { crate::suggest::nearest(written, known) }
    }
}

fn push<'f>(list: &'f mut Vec<Finding>, span: &Range<usize>, message: String) -> &'f mut Finding {
    list.push(Finding { span: span.clone(), message, hint: None });
    let end = list.len() - 1;
    &mut list[end]
}
