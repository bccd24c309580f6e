//! What tells the files apart that are read here, beside their tables of keys.

use crate::keys;

/// One kind of file.
pub(crate) struct Dialect {
    /// As messages call it: `mizan.yml`.
    pub(crate) file: &'static str,
    /// Who reads it.
    pub(crate) program: &'static str,
    /// Where a secret may stand, for who writes `{ file: PATH }` elsewhere.
    pub(crate) secrets: &'static str,
    /// What a secret may follow on a line of a text that is not YAML, beside what says so in every file.
    pub(crate) before_secrets: &'static [&'static str],
    /// What a key is called here that has another name elsewhere: the candidates, best first.
    pub(crate) also_called: fn(&str) -> &'static [&'static str],
    /// What to say of a key that is not known, because people will try it.
    pub(crate) not_yet: fn(&str) -> Option<&'static str>,
    /// What to do about a variable that is not set.
    pub(crate) unset: fn(&str) -> String,
}

pub(crate) static MIZAN: Dialect = Dialect {
    file: "mizan.yml",
    program: "mizan",
    secrets: "the headers of a health check, `hmac_key` and `secret`",
    before_secrets: &["headers"],
    also_called: keys::also_called,
    not_yet: keys::not_yet,
    unset,
};

pub(crate) fn unset(name: &str) -> String {
    format!("set it, or write a default: ${{{name}:-default}}")
}
