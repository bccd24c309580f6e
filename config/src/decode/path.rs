//! The `path` of a route, and regular expressions.

use super::{Context, Text};
use crate::model::PathPattern;
use crate::problems::printable;
use regex::RegexBuilder;

/// Compiled, in bytes. A regex that needs more is refused; build with the same limit.
pub const REGEX_SIZE_LIMIT: usize = 1 << 20;

impl Context<'_> {
    pub(crate) fn path_pattern(&mut self, text: &Text) -> Option<PathPattern> {
        let value = text.value.as_str();
        if let Some(pattern) = value.strip_prefix("~*") {
            return self.path_regex(text, pattern.trim_start(), Case::Ignored);
        }
        if let Some(pattern) = value.strip_prefix('~') {
            return self.path_regex(text, pattern.trim_start(), Case::Kept);
        }
        if let Some(path) = value.strip_prefix('=') {
            let path = path.trim_start();
            return self.plain_path(text, path).map(|()| PathPattern::Exact(path.into()));
        }
        if let Some(prefix) = value.strip_prefix("^~") {
            return self.prefix(text, prefix.trim_start(), Order::BeforePatterns);
        }
        if value.starts_with("*.") {
            return self.suffixes(text);
        }
        self.prefix(text, value, Order::AfterPatterns)
    }

    /// The pattern, when it compiles within [`REGEX_SIZE_LIMIT`].
    pub(crate) fn regex(&mut self, text: &Text, pattern: &str) -> Option<String> {
        let Err(error) = RegexBuilder::new(pattern).size_limit(REGEX_SIZE_LIMIT).build() else {
            return Some(pattern.to_owned());
        };
        let hint = match error {
            regex::Error::CompiledTooBig(_) => {
                "it would compile to more than 1 MiB: use smaller repetitions".into()
            }
            // The library draws the pattern; its last line is the reason.
            regex::Error::Syntax(drawn) if text.is_literal() => {
                printable(drawn.lines().last().unwrap_or_default().trim_start_matches("error: "))
            }
            _ => "look at the variable's value".into(),
        };
        self.problem(&text.span, format!("{} is no regular expression", text.shown())).hint(hint);
        None
    }

    /// A path of the proxy's own: begins with `/`, without query.
    pub(crate) fn plain_path(&mut self, text: &Text, path: &str) -> Option<()> {
        let (what, hint) = if !path.starts_with('/') {
            ("does not begin with /", "begin it with /; a regex begins with ~ and an ending with *.")
        } else if path.contains(['?', '#']) {
            ("holds a query or fragment", "a path ends before ? and #")
        } else if path.chars().any(|c| c.is_whitespace() || c.is_control()) {
            ("holds a blank or control character", "write it as clients send it, as in %20")
        } else {
            return Some(());
        };
        self.problem(&text.span, format!("the path {} {what}", text.shown())).hint(hint);
        None
    }

    /// A path with or without a query, as a request line can hold it.
    pub(crate) fn request_target(&mut self, text: &Text) -> Option<()> {
        let value = text.value.as_str();
        let (what, hint) = if !value.starts_with('/') {
            ("does not begin with /", "begin it with /")
        } else if !value.bytes().all(|byte| byte.is_ascii_graphic()) || value.contains('#') {
            (
                "holds what a request line cannot",
                "escape blanks and anything beyond ASCII, as in %20; drop a #fragment",
            )
        } else {
            return Some(());
        };
        self.problem(&text.span, format!("the path {} {what}", text.shown())).hint(hint);
        None
    }

    fn prefix(&mut self, text: &Text, written: &str, order: Order) -> Option<PathPattern> {
        let (prefix, whole_segment) = match written.strip_suffix('*') {
            Some(prefix) => (prefix, false),
            None => (written, true),
        };
        self.plain_path(text, prefix)?;
        if prefix.contains('*') {
            self.problem(&text.span, format!("in {} a `*` stands before the end", text.shown()))
                .hint("write a regex, as in \"~ ^/v[^/]+/x\"");
            return None;
        }
        let before_patterns = order == Order::BeforePatterns;
        Some(PathPattern::Prefix { prefix: prefix.into(), whole_segment, before_patterns })
    }

    fn path_regex(&mut self, text: &Text, pattern: &str, case: Case) -> Option<PathPattern> {
        if pattern.is_empty() {
            self.problem(&text.span, "`~` without a regular expression").hint("as in \"~ ^/v[0-9]+/\"");
            return None;
        }
        let pattern = self.regex(text, pattern)?;
        Some(PathPattern::Regex { pattern, ignore_case: case == Case::Ignored })
    }

    fn suffixes(&mut self, text: &Text) -> Option<PathPattern> {
        let mut suffixes = Vec::new();
        for part in text.value.split(',').map(str::trim) {
            let suffix = part.strip_prefix('*').filter(|suffix| is_suffix(suffix));
            let Some(suffix) = suffix else {
                self.problem(&text.span, format!("in {} not every part is an ending", text.shown()))
                    .hint("each is *.name, with commas between: \"*.js,*.css\"");
                return None;
            };
            if !suffixes.contains(&suffix.to_ascii_lowercase()) {
                suffixes.push(suffix.to_ascii_lowercase());
            }
        }
        Some(PathPattern::Suffixes(suffixes))
    }
}

/// Whether patterns are asked when this prefix is the longest.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    BeforePatterns,
    AfterPatterns,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Case {
    Kept,
    Ignored,
}

/// `.js`, `.tar.gz`.
fn is_suffix(suffix: &str) -> bool {
    suffix.len() > 1
        && suffix.starts_with('.')
        && suffix.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}
