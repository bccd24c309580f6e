//! Files that mizan.yml names. They are not opened here: whoever uses them reads them, and says what is wrong with them
//! at the place that is kept.

use super::fields::Fields;
use super::{Context, Text};
use crate::model::{CertificateFiles, Place};
use crate::tree::Kind;
use std::path::PathBuf;

/// A path and the place of its text.
pub(super) struct FilePath {
    pub(super) path: PathBuf,
    pub(super) place: Place,
}

/// `certificate` and `key`; one without the other is told.
pub(super) fn pair(fields: &Fields<'_>, context: &mut Context<'_>) -> Option<CertificateFiles> {
    for (there, missing) in [("certificate", "key"), ("key", "certificate")] {
        if fields.get(there).is_some() && fields.is_missing(missing) {
            context.problem(&fields.span_of(there), format!("`{there}` without `{missing}`")).hint(
                "a certificate and its private key go together: name both files; one file that has both is named twice",
            );
        }
    }
    files(fields, context)
}

/// The same, where a problem of what is missing is told elsewhere.
pub(super) fn files(fields: &Fields<'_>, context: &mut Context<'_>) -> Option<CertificateFiles> {
    let certificate = file(fields, "certificate", context);
    let key = file(fields, "key", context)?.path;
    let FilePath { path: certificate, place } = certificate?;
    Some(CertificateFiles { certificate, key, ocsp: None, place })
}

pub(super) fn file(fields: &Fields<'_>, key: &str, context: &mut Context<'_>) -> Option<FilePath> {
    let node = fields.get(key)?;
    if matches!(node.kind, Kind::Map(_)) {
        context
            .problem(&node.span, format!("`{key}` must be the path of a file, not a mapping"))
            .hint(format!("write the path alone, as in `{key}: /run/secrets/{key}`"));
        return None;
    }
    let text = context.text(key, node)?;
    let path = path(key, &text, context)?;
    Some(FilePath { path, place: Place(text.span) })
}

fn path(key: &str, text: &Text, context: &mut Context<'_>) -> Option<PathBuf> {
    // The text is not shown: it may be a private key.
    if text.value.contains(['\n', '\r']) || text.value.contains("-----BEGIN") {
        context
            .problem(&text.span, format!("`{key}` must be the path of a file, not what is in it"))
            .hint("put it into a file that only mizan may read, and name that");
        return None;
    }
    if text.value.is_empty() || text.value.contains('\0') {
        context.problem(&text.span, format!("{} is no path of a file", text.shown())).hint(format!(
            "as in `{key}: /etc/mizan/{key}.pem`; a relative path begins at mizan.yml's folder"
        ));
        return None;
    }
    Some(context.resolve(&text.value))
}
