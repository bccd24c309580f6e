//! Field names, field values, methods and tokens (RFC 9110).

use super::{Context, Text};
use std::ops::Range;

/// Fields that frame a message or belong to one connection; the proxy sets them itself (RFC 9110, 7.6.1).
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "content-length",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "host",
];

impl Context<'_> {
    pub(crate) fn field_name(&mut self, name: &Text) -> Option<String> {
        if is_token(&name.value) {
            return Some(name.value.clone());
        }
        self.problem(&name.span, format!("{} is no name of a header field", name.shown()))
            .hint("letters, digits and `-`, as in X-Request-Id");
        None
    }

    pub(crate) fn cookie_name(&mut self, name: &Text) -> Option<String> {
        if is_token(&name.value) {
            return Some(name.value.clone());
        }
        self.problem(&name.span, format!("{} is no name of a cookie", name.shown()))
            .hint("letters, digits, `-` and `_`, as in shop_track");
        None
    }

    /// A field that may be set in a message of our own.
    pub(crate) fn settable_field_name(&mut self, name: &Text) -> Option<String> {
        let valid = self.field_name(name)?;
        if HOP_BY_HOP.contains(&valid.to_ascii_lowercase().as_str()) {
            self.problem(&name.span, format!("{} is set by the proxy itself", name.shown()))
                .hint("remove it");
            return None;
        }
        Some(valid)
    }

    /// The message never holds the value: it may be a secret.
    pub(crate) fn field_value(&mut self, name: &str, value: &str, span: &Range<usize>) -> Option<()> {
        if value.contains(['\r', '\n']) {
            self.problem(span, format!("the value of `{name}` has a line break"))
                .hint("a header field is one line; a break would let it forge further fields");
            return None;
        }
        if value.chars().any(|c| c.is_control() && c != '\t') {
            self.problem(span, format!("the value of `{name}` has a control character")).hint("remove it");
            return None;
        }
        if value.trim_matches([' ', '\t']) != value {
            self.problem(span, format!("the value of `{name}` begins or ends with a blank"))
                .hint("remove the blank");
            return None;
        }
        Some(())
    }

    pub(crate) fn method(&mut self, text: &Text) -> Option<String> {
        if !is_token(&text.value) {
            self.problem(&text.span, format!("{} is no method", text.shown())).hint("GET, POST, ...");
            return None;
        }
        let upper = text.value.to_ascii_uppercase();
        if upper != text.value && STANDARD_METHODS.contains(&upper.as_str()) {
            self.problem(
                &text.span,
                format!("{} would never match: methods are in upper case", text.shown()),
            )
            .hint(format!("write {upper}"));
            return None;
        }
        Some(text.value.clone())
    }
}

const STANDARD_METHODS: [&str; 9] =
    ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

/// RFC 9110, 5.6.2.
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::is_token;

    #[test]
    fn tokens_have_no_blanks_colons_or_line_breaks() {
        assert!(is_token("X-Request-Id"));
        for wrong in ["", "a b", "a:", "a\r\nb", "é", "a/b"] {
            assert!(!is_token(wrong), "{wrong:?}");
        }
    }
}
