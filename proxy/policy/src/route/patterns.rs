//! Patterns: regular expressions and suffixes of the last segment, asked in file order.

use regex::bytes::{Regex, RegexBuilder};

use super::fault::RuleFault;

/// Bytes a compiled expression, and the automaton it grows while it runs, may each take.
const REGEX_SIZE: usize = 1 << 20;

#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) route: u32,
    test: Test,
}

#[derive(Debug)]
enum Test {
    Regex(Regex),
    Suffixes(Box<[Box<[u8]>]>),
}

impl Pattern {
    pub(super) fn regex(route: u32, pattern: &str, ignore_case: bool) -> Result<Self, RuleFault> {
        Ok(Self { route, test: Test::Regex(compile(pattern, ignore_case)?) })
    }

    pub(super) fn suffixes(route: u32, suffixes: &[String]) -> Self {
        let suffixes = suffixes.iter().map(|suffix| suffix.as_bytes().into()).collect();
        Self { route, test: Test::Suffixes(suffixes) }
    }

    pub(super) fn matches(&self, path: &[u8]) -> bool {
        match &self.test {
            Test::Regex(regex) => regex.is_match(path),
            Test::Suffixes(suffixes) => {
                let start = memchr::memrchr(b'/', path).map_or(0, |slash| slash + 1);
                let last = &path[start..];
                suffixes.iter().any(|suffix| ends_with_in_any_case(last, suffix))
            }
        }
    }
}

/// Over bytes, as nginx does it: `.` is any byte, newlines and broken UTF-8 too, so that neither slips past a rule.
/// What can only be said in Unicode (`\p{Greek}`, `[а-я]`) is read as Unicode.
pub(super) fn compile(pattern: &str, ignore_case: bool) -> Result<Regex, RuleFault> {
    let mut builder = RegexBuilder::new(pattern);
    builder
        .unicode(false)
        .dot_matches_new_line(true)
        .case_insensitive(ignore_case)
        .size_limit(REGEX_SIZE)
        .dfa_size_limit(REGEX_SIZE);
    let bytes = builder.build();
    let bytes_or_unicode = if pattern.is_ascii() && !pattern.contains("\\p") && !pattern.contains("\\P") {
        bytes
    } else {
        bytes.or_else(|_| builder.unicode(true).build())
    };
    bytes_or_unicode.map_err(|error| RuleFault::Regex { pattern: pattern.into(), why: error.to_string() })
}

fn ends_with_in_any_case(text: &[u8], suffix: &[u8]) -> bool {
    text.len().checked_sub(suffix.len()).is_some_and(|start| text[start..].eq_ignore_ascii_case(suffix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suffix_is_of_the_last_segment_and_in_any_case() {
        let pattern = Pattern::suffixes(0, &[".js".into(), ".tar.gz".into()]);
        for path in ["/a.js", "/x/a.JS", "/.js", "/a.tar.gz"] {
            assert!(pattern.matches(path.as_bytes()), "{path}");
        }
        for path in ["/a.js/", "/a.js/x", "/ajs", "/a.gz", "/"] {
            assert!(!pattern.matches(path.as_bytes()), "{path}");
        }
    }

    #[test]
    fn a_regex_is_not_anchored_and_knows_case_unless_told() {
        assert!(compile("/api/", false).unwrap().is_match(b"/x/api/y"));
        assert!(!compile(r"\.php$", false).unwrap().is_match(b"/a.PHP"));
        assert!(compile(r"\.php$", true).unwrap().is_match(b"/a.PHP"));
    }

    #[test]
    fn neither_a_newline_nor_broken_utf8_slips_past_a_dot() {
        let guard = compile(r"^/private/.*\.php$", false).unwrap();
        assert!(guard.is_match(b"/private/\n.php"));
        assert!(guard.is_match(b"/private/\xff.php"));
    }

    #[test]
    fn letters_beyond_ascii_can_be_named() {
        assert!(compile("^/файл", false).unwrap().is_match("/файлы".as_bytes()));
        assert!(compile("^/[а-я]+$", false).unwrap().is_match("/файлы".as_bytes()));
        assert!(compile(r"^/\p{Greek}+$", false).unwrap().is_match("/αβγ".as_bytes()));
    }

    #[test]
    fn an_expression_that_would_take_too_much_memory_is_refused() {
        let error = compile("(?:a{1000}){1000}", false).unwrap_err();
        assert!(error.to_string().contains("size limit"), "{error}");
    }
}
