//! What is wrong with a file, where, and what to do about it.

mod mask;
mod render;
mod source;

pub use self::source::{Fault, Source};

use std::fmt;
use std::ops::Range;

/// One problem. Everything in it may be printed: secrets are masked before it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// From 1. 0 when the problem is the file as a whole.
    pub line: usize,
    /// In characters, from 1. 0 when the problem is the file as a whole.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
    /// The source line, or the part of it around the mark.
    pub source: String,
    /// Where in `source` the problem is, in bytes.
    pub mark: Range<usize>,
}

/// Every problem of a file, sorted by position. `Display` draws them all and a count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    file: String,
    list: Vec<Problem>,
}

/// Safe for a terminal: control characters and what turns the direction of text are escaped.
pub(crate) fn printable(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '\'' | '\\' => safe.push(c),
            _ => safe.extend(c.escape_debug()),
        }
    }
    safe
}

/// How problems are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    Plain,
    /// With ANSI colours, for a terminal.
    Coloured,
}

/// A problem while the file is being read: its place is still a range of bytes.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) span: Range<usize>,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl Finding {
    pub(crate) fn hint(&mut self, hint: impl Into<String>) {
        self.hint = Some(hint.into());
    }
}

impl Problem {
    /// A problem of the file as a whole.
    pub(crate) fn of_file(message: String) -> Self {
        Self { line: 0, column: 0, message, hint: None, source: String::new(), mark: 0..0 }
    }

    pub(crate) fn with_hint(mut self, hint: &str) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl Problems {
    pub(crate) fn of_file(file: &str, problem: Problem) -> Self {
        Self { file: file.into(), list: vec![problem] }
    }

    fn sorted(file: String, mut list: Vec<Problem>) -> Self {
        list.sort_by_key(|problem| (problem.line, problem.column));
        list.dedup();
        Self { file, list }
    }

    /// Those of both, of one and the same file.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        Self::sorted(self.file, [self.list, other.list].concat())
    }

    /// The file's name as it was given.
    pub fn file(&self) -> &str {
        &self.file
    }

    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.list.iter()
    }

    pub fn len(&self) -> usize {
        self.list.len()
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// One line a problem, for logs: `file:line:column: message (hint)`.
    pub fn lines(&self) -> impl Iterator<Item = String> + '_ {
        self.list.iter().map(|problem| render::line(&self.file, problem))
    }

    /// As errors: each with its source line, and a count at the end.
    pub fn render(&self, style: Style) -> String {
        render::errors(self, style)
    }

    /// As warnings.
    pub fn render_warnings(&self, style: Style) -> String {
        render::warnings(self, style)
    }
}

impl<'a> IntoIterator for &'a Problems {
    type Item = &'a Problem;
    type IntoIter = std::slice::Iter<'a, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(Style::Plain))
    }
}

impl std::error::Error for Problems {}
