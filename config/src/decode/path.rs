//! The `path` of a route, and paths of the proxy's own.

use super::regex::Case;
use super::route_path::GoesOn;
use super::{Context, Text};
use crate::model::PathPattern;

impl Context<'_> {
    pub(crate) fn path_pattern(&mut self, text: &Text) -> Option<PathPattern> {
        let value = text.value.as_str();
        if let Some(pattern) = value.strip_prefix("~*") {
            return self.path_regex(text, pattern, Case::Ignored);
        }
        if let Some(pattern) = value.strip_prefix('~') {
            return self.path_regex(text, pattern, Case::Kept);
        }
        if let Some(path) = value.strip_prefix('=') {
            return self.route_path(text, path.trim_start(), GoesOn::WithSegments).map(PathPattern::Exact);
        }
        if let Some(prefix) = value.strip_prefix("^~") {
            return self.prefix(text, prefix.trim_start(), Order::BeforePatterns);
        }
        if value.starts_with("*.") {
            return self.suffixes(text);
        }
        self.prefix(text, value, Order::AfterPatterns)
    }

    /// A path of the proxy's own: begins with `/`, without query.
    pub(crate) fn plain_path(&mut self, text: &Text, path: &str) -> Option<()> {
        let (what, hint) = if !path.starts_with('/') {
            ("does not begin with /", "begin it with /")
        } else if path.contains(['?', '#']) {
            ("holds a query or fragment", "a path ends before ? and #")
        } else if !path.bytes().all(|byte| byte.is_ascii_graphic()) {
            ("holds what a request line cannot", "letters, digits and punctuation of ASCII")
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
        let (prefix, goes_on) = match written.strip_suffix('*') {
            Some(prefix) => (prefix, GoesOn::WithinSegment),
            None => (written, GoesOn::WithSegments),
        };
        let prefix = self.route_path(text, prefix, goes_on)?;
        if prefix.contains('*') {
            self.problem(&text.span, format!("in {} a `*` stands before the end", text.shown()))
                .hint("write a regex, as in \"~ ^/v[^/]+/x\"");
            return None;
        }
        let whole_segment = goes_on == GoesOn::WithSegments;
        Some(PathPattern::Prefix { prefix, whole_segment, before_patterns: order == Order::BeforePatterns })
    }

    fn path_regex(&mut self, text: &Text, pattern: &str, case: Case) -> Option<PathPattern> {
        let pattern = self.regex(text, pattern.trim_start(), case)?;
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

/// `.js`, `.tar.gz`.
fn is_suffix(suffix: &str) -> bool {
    suffix.len() > 1
        && suffix.starts_with('.')
        && suffix.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}
