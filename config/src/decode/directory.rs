//! `directory`: the authority, by its name or by the URL of its ACME directory (RFC 8555, 7.1.1).

use super::fields::Fields;
use super::{Context, Text, Url};
use crate::keys::DIRECTORIES;

/// Let's Encrypt.
pub(super) const DEFAULT: &str = "https://acme-v02.api.letsencrypt.org/directory";

/// The URL of a name in [`DIRECTORIES`].
fn url(name: &str) -> Option<&'static str> {
    match name {
        "letsencrypt" => Some(DEFAULT),
        "letsencrypt-staging" => Some("https://acme-staging-v02.api.letsencrypt.org/directory"),
        "zerossl" => Some("https://acme.zerossl.com/v2/DV90"),
        "google" => Some("https://dv.acme-v02.api.pki.goog/directory"),
        _ => None,
    }
}

/// Whether it is one of those that have a name: they only give certificates for names of the public DNS.
pub(crate) fn is_public(directory: &str) -> bool {
    DIRECTORIES.iter().any(|name| url(name) == Some(directory))
}

/// After a problem something that is not public stands in, of which nothing more is said.
pub(super) fn decode(acme: &Fields<'_>, context: &mut Context<'_>) -> String {
    if acme.get("directory").is_none() {
        return if acme.is_missing("directory") { DEFAULT.into() } else { String::new() };
    }
    let Some(text) = acme.text(context, "directory") else { return String::new() };
    let Some(directory) = read(&text, context) else { return String::new() };
    let wants_account = ["zerossl", "google"].into_iter().find(|name| url(name) == Some(directory.as_str()));
    if let Some(name) = wants_account.filter(|_| acme.is_missing("external_account")) {
        context
            .warning(&text.span, format!("{name} takes no account that it does not know already"))
            .hint("add what it gives you: `external_account: { key_id: ..., hmac_key: { file: ... } }`");
    }
    directory
}

fn read(text: &Text, context: &mut Context<'_>) -> Option<String> {
    let value = text.value.as_str();
    if let Some(url) = url(value) {
        return Some(url.into());
    }
    if is_https(value) {
        return Some(text.value.clone());
    }
    let hint = match value.split_once("://") {
        _ if !text.is_literal() => "look at the variable's value".into(),
        Some(("http", rest)) => format!("ACME is spoken over TLS alone (RFC 8555, 6.1): https://{rest}"),
        Some(("https", rest)) if rest.split('/').next().is_some_and(|host| host.contains('@')) => {
            "drop the user name: an account is known by its key, or by `external_account`".into()
        }
        _ => match context.suggest(value, DIRECTORIES) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => format!("{}, or as in https://ca.example.com/acme/directory", DIRECTORIES.join(", ")),
        },
    };
    context.problem(&text.span, format!("{} is no ACME directory", text.shown())).hint(hint);
    None
}

/// An absolute https URL without user name and fragment.
fn is_https(url: &str) -> bool {
    Url::parse(url).is_some_and(|url| url.is_tls)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_in_the_schema_has_a_url() {
        for name in DIRECTORIES {
            assert!(url(name).is_some_and(is_https), "{name}");
        }
    }

    #[test]
    fn a_directory_is_an_https_url() {
        for right in [
            "https://ca.example.com",
            "https://ca.example.com:14000/dir",
            "https://[::1]:14000/dir?a=b",
            "https://127.0.0.1/acme/local/directory",
        ] {
            assert!(is_https(right), "{right}");
        }
        for wrong in [
            "",
            "https://",
            "https:///dir",
            "http://ca.example.com/dir",
            "ca.example.com/dir",
            "https://user@ca.example.com/dir",
            "https://ca.example.com:0/dir",
            "https://ca.example.com:x/dir",
            "https://ca.example.com:/dir",
            "https://ca.example.com/a b",
            "https://ca.example.com/#dir",
            "https://::1/dir",
            "https://ca_.-.com/",
        ] {
            assert!(!is_https(wrong), "{wrong}");
        }
    }
}
