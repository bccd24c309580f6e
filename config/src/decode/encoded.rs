//! Secrets that are bytes, and so stand in the file as base64 (RFC 4648).

use super::Context;
use super::secret::secret;
use crate::secret::Secret;
use crate::tree::Node;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// base64url (RFC 4648, 5), with or without its padding; what is kept has none, and decodes.
pub(super) fn base64url(key: &str, node: &Node, context: &mut Context<'_>) -> Option<Secret> {
    let written = secret(key, node, context)?;
    let value = written.expose().trim_end_matches('=');
    if URL_SAFE_NO_PAD.decode(value).is_ok_and(|bytes| !bytes.is_empty()) {
        return Some(Secret::new(value.to_owned()));
    }
    let hint = if value.contains(['+', '/']) {
        "base64url has - and _ where base64 has + and /"
    } else {
        "copy it as the authority gives it: letters, digits, - and _, nothing else"
    };
    refused(key, "base64url", hint, value, node, context);
    None
}

/// base64 (RFC 4648, 4); what is kept decodes.
pub(super) fn base64(key: &str, node: &Node, context: &mut Context<'_>) -> Option<Secret> {
    let written = secret(key, node, context)?;
    let value = written.expose();
    if STANDARD.decode(value).is_ok_and(|bytes| !bytes.is_empty()) {
        return Some(written);
    }
    let hint = if value.contains(['-', '_']) {
        "base64 has + and / where base64url has - and _"
    } else {
        "copy it as tsig-keygen prints it, without the quotes and with the = at its end"
    };
    refused(key, "base64", hint, value, node, context);
    None
}

/// The value is in no message.
fn refused(key: &str, form: &str, hint: &str, value: &str, node: &Node, context: &mut Context<'_>) {
    let hint = match value {
        "***" => "that is what is printed in place of the secret: write the secret itself",
        _ => hint,
    };
    context.problem(&node.span, format!("`{key}` is not {form}")).hint(hint);
}
