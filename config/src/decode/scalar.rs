//! Single values: text, numbers, durations, sizes, yes and no.

use super::Context;
use crate::expand::{self, Failure};
use crate::problems::printable;
use crate::tree::{Kind, Node};
use crate::units;
use std::ops::{Range, RangeInclusive};
use std::time::Duration;

/// A text with its variables filled in.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    pub(crate) value: String,
    pub(crate) span: Range<usize>,
    /// As the file has it, for messages: what a variable holds is not printed.
    written: String,
}

impl Text {
    /// Without variables.
    pub(crate) fn plain(text: &str, span: &Range<usize>) -> Self {
        Self { value: text.to_owned(), span: span.clone(), written: text.to_owned() }
    }

    /// In back quotes, as written in the file.
    pub(crate) fn shown(&self) -> String {
        show(&self.written)
    }

    /// Whether a message may say more about the value than the file does.
    pub(crate) fn is_literal(&self) -> bool {
        self.value == self.written
    }
}

/// In back quotes, cut when long, safe for a terminal.
pub(crate) fn show(text: &str) -> String {
    const LONGEST: usize = 60;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("`{}…`", printable(&text[..end])),
        None => format!("`{}`", printable(text)),
    }
}

impl Context<'_> {
    /// Any text; a number stands for itself as written.
    pub(crate) fn text(&mut self, key: &str, node: &Node) -> Option<Text> {
        match &node.kind {
            Kind::Text(written) | Kind::Number(written) => self.expanded(node, written),
            Kind::Bool(value) => {
                self.problem(&node.span, format!("`{key}` must be text, not {}", node.described()))
                    .hint(format!("write \"{value}\" in quotes if that is the text"));
                None
            }
            Kind::Null | Kind::List(_) | Kind::Map(_) => self.wrong(key, "text", node),
        }
    }

    pub(crate) fn integer(&mut self, key: &str, node: &Node, range: RangeInclusive<u64>) -> Option<u64> {
        let number = match &node.kind {
            Kind::Number(written) => units::number(written),
            Kind::Text(written) if expand::has_variable(written) => {
                units::number(&self.expanded(node, written)?.value)
            }
            Kind::Text(written) if units::number(written).is_some() => {
                self.problem(&node.span, format!("`{key}` must be a whole number, not text"))
                    .hint("write it without quotes");
                return None;
            }
            _ => return self.wrong(key, "a whole number", node),
        };
        let shown = show(self.source(&node.span));
        let (from, to) = (range.start(), range.end());
        match number {
            Some(number) if range.contains(&number) => Some(number),
            Some(_) => {
                self.problem(&node.span, format!("`{key}` must be {from} to {to}, not {shown}"));
                None
            }
            None => {
                self.problem(
                    &node.span,
                    format!("`{key}` must be a whole number from {from} to {to}, not {shown}"),
                );
                None
            }
        }
    }

    pub(crate) fn boolean(&mut self, key: &str, node: &Node) -> Option<bool> {
        match &node.kind {
            Kind::Bool(value) => Some(*value),
            Kind::Text(written) if expand::has_variable(written) => {
                match self.expanded(node, written)?.value.as_str() {
                    "true" => Some(true),
                    "false" => Some(false),
                    _ => {
                        let message = format!("{} must expand to true or false for `{key}`", show(written));
                        self.problem(&node.span, message);
                        None
                    }
                }
            }
            _ => {
                let message = format!("`{key}` must be true or false, not {}", node.described());
                self.problem(&node.span, message).hint("write true or false, without quotes");
                None
            }
        }
    }

    pub(crate) fn duration(
        &mut self,
        key: &str,
        node: &Node,
        range: &RangeInclusive<Duration>,
    ) -> Option<Duration> {
        const FORM: &str = "a duration such as 30s, 1m30s or 250ms";
        let text = self.scalar(key, FORM, node)?;
        let Some(duration) = units::duration(&text.value) else {
            let message = format!("`{key}` must be {FORM}, not {}", text.shown());
            let finding = self.problem(&node.span, message);
            if let Some(number) = units::number(&text.value).filter(|_| text.is_literal()) {
                finding.hint(format!("add the unit: {number}s"));
            } else {
                finding.hint("whole numbers with the units d, h, m, s and ms, the largest first");
            }
            return None;
        };
        if range.contains(&duration) {
            return Some(duration);
        }
        let (from, to) = (units::show_duration(*range.start()), units::show_duration(*range.end()));
        self.problem(&node.span, format!("`{key}` must be {from} to {to}, not {}", text.shown()));
        None
    }

    pub(crate) fn size(&mut self, key: &str, node: &Node, range: RangeInclusive<u64>) -> Option<u64> {
        const FORM: &str = "a size such as 16k or 1m";
        let text = self.scalar(key, FORM, node)?;
        match units::size(&text.value) {
            Some(size) if range.contains(&size) => Some(size),
            Some(_) => {
                let (from, to) = (range.start(), range.end());
                let message = format!("`{key}` must be {from} to {to} bytes, not {}", text.shown());
                self.problem(&node.span, message);
                None
            }
            None => {
                self.problem(&node.span, format!("`{key}` must be {FORM}, not {}", text.shown()))
                    .hint("bytes, or a whole number with k, m or g (powers of 1024)");
                None
            }
        }
    }

    pub(crate) fn percent(&mut self, key: &str, node: &Node, range: RangeInclusive<u64>) -> Option<u64> {
        let text = self.scalar(key, "a percentage such as 20%", node)?;
        let (from, to) = (range.start(), range.end());
        if let Some(percent) = units::percent(&text.value).filter(|percent| range.contains(percent)) {
            return Some(percent);
        }
        self.problem(&node.span, format!("`{key}` must be {from}% to {to}%, not {}", text.shown()))
            .hint("a whole number and a percent sign");
        None
    }

    /// `key` must be `expected`, and is something else altogether.
    pub(crate) fn wrong<T>(&mut self, key: &str, expected: &str, node: &Node) -> Option<T> {
        let secrets = self.dialect().secrets;
        let finding =
            self.problem(&node.span, format!("`{key}` must be {expected}, not {}", node.described()));
        if matches!(node.kind, Kind::Null) {
            finding.message = format!("`{key}` has no value");
            finding.hint(format!("give it {expected}, or remove the line"));
        } else if matches!(&node.kind, Kind::Map(entries) if is_file_reference(entries)) {
            finding.hint(format!("{{ file: PATH }} is accepted only where a secret is: {secrets}"));
        }
        None
    }

    pub(crate) fn expanded(&mut self, node: &Node, written: &str) -> Option<Text> {
        match expand::expand(written, self.env()) {
            Ok(value) => Some(Text { value, span: node.span.clone(), written: written.to_owned() }),
            Err(Failure::Unset(name)) => {
                let hint = (self.dialect().unset)(&name);
                self.problem(&node.span, format!("the environment variable `{name}` is not set")).hint(hint);
                None
            }
            Err(Failure::Open) => {
                self.problem(&node.span, "`${` without its `}`").hint("write $$ for a dollar sign");
                None
            }
            Err(Failure::BadName) => {
                self.problem(&node.span, "between `${` and `}` is no name of a variable")
                    .hint("a name has letters, digits and _; write $$ for a dollar sign");
                None
            }
        }
    }

    fn scalar(&mut self, key: &str, form: &str, node: &Node) -> Option<Text> {
        match &node.kind {
            Kind::Text(written) | Kind::Number(written) => self.expanded(node, written),
            _ => self.wrong(key, form, node),
        }
    }
}

/// Whether it is text of one line that can be shown and sent.
pub(crate) fn printable_line(text: &str) -> bool {
    !text.trim().is_empty() && !text.contains(char::is_control)
}

fn is_file_reference(entries: &[(Node, Node)]) -> bool {
    matches!(entries, [(Node { kind: Kind::Text(key), .. }, _)] if key == "file")
}
