//! Regular expressions: checked here as the router compiles them.

use super::{Context, Text};
use crate::problems::printable;
use regex::bytes::RegexBuilder;

/// Bytes that a compiled regular expression, and the automaton it grows while it runs, may each take.
pub const REGEX_SIZE_LIMIT: usize = 1 << 20;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Case {
    Kept,
    Ignored,
}

impl Context<'_> {
    /// The pattern, when it compiles within [`REGEX_SIZE_LIMIT`].
    pub(crate) fn regex(&mut self, text: &Text, pattern: &str, case: Case) -> Option<String> {
        if pattern.is_empty() {
            self.problem(&text.span, "`~` without a regular expression").hint("as in \"~ ^/v[0-9]+/\"");
            return None;
        }
        let Err(error) = compile(pattern, case) else { return Some(pattern.to_owned()) };
        let hint = match error {
            regex::Error::CompiledTooBig(_) => {
                "it takes more than 1 MiB of memory: use smaller repetitions".into()
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
}

/// Over bytes, as nginx does it; what can only be said in Unicode (`\p{Greek}`) is read as Unicode. The same options as
/// in the crate mizan-policy, so that what is accepted here compiles there.
fn compile(pattern: &str, case: Case) -> Result<(), regex::Error> {
    let mut builder = RegexBuilder::new(pattern);
    builder
        .unicode(false)
        .dot_matches_new_line(true)
        .case_insensitive(case == Case::Ignored)
        .size_limit(REGEX_SIZE_LIMIT)
        .dfa_size_limit(REGEX_SIZE_LIMIT);
    let over_bytes = builder.build().map(|_| ());
    if pattern.is_ascii() && !pattern.contains("\\p") && !pattern.contains("\\P") {
        return over_bytes;
    }
    over_bytes.or_else(|_| builder.unicode(true).build().map(|_| ()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_unicode_compile_and_what_is_too_large_does_not() {
        for right in ["^/v[0-9]+/", r"\.php$", "^/файл", "^/[а-я]+$", r"^/\p{Greek}+$"] {
            assert!(compile(right, Case::Kept).is_ok(), "{right}");
        }
        for wrong in ["(", "(?:a{1000}){1000}", r"(\w{200}){400}", "(?=x)", r"(a)\1"] {
            assert!(compile(wrong, Case::Ignored).is_err(), "{wrong}");
        }
    }
}
