//! `tls` of a site: its certificates, and those of its clients.

use super::certificate::{self, FilePath};
use super::fields::Fields;
use super::{Context, Keyed, Text};
use crate::keys::{CERTIFICATE, CLIENT_AUTH, SITE_TLS};
use crate::model::{CertificateFiles, ClientAuth, Place, SiteCertificates, SiteTls};
use crate::tree::{Kind, Node};

/// What there is to write.
const FORMS: &str = "write `tls: acme` for a certificate that is got by itself, or name the files, as in \
                     `tls: { certificate: fullchain.pem, key: privkey.pem }`";

pub(super) fn decode(site: &Fields<'_>, context: &mut Context<'_>) -> Option<Keyed<SiteTls>> {
    if site.is_missing("tls") {
        return None;
    }
    Some(Keyed {
        span: site.span_of("tls"),
        value: site.get("tls").and_then(|node| tls(site, node, context)),
    })
}

fn tls(site: &Fields<'_>, node: &Node, context: &mut Context<'_>) -> Option<SiteTls> {
    match &node.kind {
        Kind::Bool(true) => {
            context
                .problem(&node.span, "`tls` of a site needs `certificate` and `key`, or `acme`")
                .hint(FORMS);
            return None;
        }
        Kind::Bool(false) => {
            context
                .problem(&node.span, "`tls` of a site must be `acme` or a mapping, not `true` or `false`")
                .hint("remove the line: a site without `tls` has none");
            return None;
        }
        Kind::Text(_) | Kind::Number(_) => {
            let text = context.text("tls", node)?;
            let certificates = word(&text, context)?;
            return Some(SiteTls { certificates, client_auth: None });
        }
        Kind::List(_) => {
            context
                .problem(&node.span, "`tls` of a site must be `acme` or a mapping, not a list")
                .hint("several certificates of a site stand in `certificates` of its `tls`");
            return None;
        }
        Kind::Null | Kind::Map(_) => {}
    }
    let fields = site.section(context, "tls", &SITE_TLS)?;
    let client_auth = fields.get("client_auth").map(|_| client_auth(&fields, context));
    let certificates = certificates(&fields, context)?;
    Some(SiteTls { certificates, client_auth: client_auth.map_or(Some(None), |read| read.map(Some))? })
}

/// `tls: acme`.
fn word(text: &Text, context: &mut Context<'_>) -> Option<SiteCertificates> {
    if text.value == "acme" {
        return Some(SiteCertificates::Acme(Place(text.span.clone())));
    }
    let lower = text.value.to_ascii_lowercase();
    let is_meant =
        ["auto", "letsencrypt", "lets-encrypt", "let's encrypt", "certbot", "zerossl", "google", "acme"]
            .iter()
            .any(|other| lower.starts_with(other));
    let hint = if text.is_literal() && (is_meant || context.suggest(&lower, ["acme"]).is_some()) {
        "did you mean `acme`? Which authority that is stands in `certificates`"
    } else {
        FORMS
    };
    context
        .problem(&text.span, format!("`tls` of a site must be `acme` or a mapping, not {}", text.shown()))
        .hint(hint);
    None
}

/// `acme: true`, or files: one of the two.
fn certificates(fields: &Fields<'_>, context: &mut Context<'_>) -> Option<SiteCertificates> {
    let is_acme = match fields.get("acme") {
        None => false,
        Some(node) => context.boolean("acme", node)?,
    };
    if !is_acme {
        return files(fields, context).map(SiteCertificates::Files);
    }
    let span = fields.span_of("acme");
    let beside =
        ["certificate", "key", "ocsp", "certificates"].into_iter().find(|key| fields.get(key).is_some());
    if let Some(key) = beside {
        context.problem(&span, format!("`tls` has both `acme` and `{key}`")).hint(
            "remove `acme` to serve the files, or the files to have a certificate that is got by itself",
        );
        return None;
    }
    Some(SiteCertificates::Acme(Place(span)))
}

/// `certificate` and `key`, or `certificates`: one of the two forms.
fn files(fields: &Fields<'_>, context: &mut Context<'_>) -> Option<Vec<CertificateFiles>> {
    let pair = ["certificate", "key"].into_iter().find(|key| fields.get(key).is_some());
    match (pair, fields.get("certificates")) {
        (Some(first), Some(_)) => {
            context
                .problem(
                    &fields.span_of("certificates"),
                    format!("`tls` has both `{first}` and `certificates`"),
                )
                .hint("keep `certificate` and `key` for one certificate, `certificates` for several");
            None
        }
        (Some(_), None) => {
            let ocsp = certificate::file(fields, "ocsp", context).map(|file| file.path);
            Some(vec![CertificateFiles { ocsp, ..certificate::pair(fields, context)? }])
        }
        (None, Some(node)) => {
            if fields.get("ocsp").is_some() {
                context
                    .problem(&fields.span_of("ocsp"), "`ocsp` beside `certificates`")
                    .hint("a response is of one certificate: move it into that one's entry");
            }
            list(node, context)
        }
        (None, None) => {
            no_certificate(fields, context);
            None
        }
    }
}

fn list(node: &Node, context: &mut Context<'_>) -> Option<Vec<CertificateFiles>> {
    let nodes = context.some("certificates", node);
    let mut list: Vec<CertificateFiles> = Vec::new();
    for node in nodes {
        let Some(fields) = context.fields(node, &CERTIFICATE, &node.span) else { continue };
        let ocsp = certificate::file(&fields, "ocsp", context).map(|file| file.path);
        let Some(files) = certificate::files(&fields, context) else { continue };
        if list.iter().any(|other| other.certificate == files.certificate) {
            context
                .problem(&files.place.0, "this certificate is here twice")
                .hint("keep one of the two: several are for keys of several kinds, as ECDSA and RSA");
        }
        list.push(CertificateFiles { ocsp, ..files });
    }
    (!list.is_empty()).then_some(list)
}

fn no_certificate(fields: &Fields<'_>, context: &mut Context<'_>) {
    // A slip in one of the keys is told already.
    let is_slip = |key: &str| fields.get(key).is_none() && !fields.is_missing(key);
    if ["certificate", "key", "certificates", "acme"].into_iter().any(is_slip) {
        return;
    }
    if fields.get("client_auth").is_some() {
        context
            .problem(&fields.span_of("client_auth"), "`client_auth` without a certificate of the site itself")
            .hint("add `certificate` and `key`, or `acme: true`: clients show theirs within TLS");
    } else {
        context.problem(&fields.span, "`tls` of a site needs `certificate` and `key`, or `acme`").hint(FORMS);
    }
}

fn client_auth(tls: &Fields<'_>, context: &mut Context<'_>) -> Option<ClientAuth> {
    let fields = tls.section(context, "client_auth", &CLIENT_AUTH)?;
    let required = match fields.get("mode") {
        None => true,
        Some(node) => mode(node, context)?,
    };
    let crl = certificate::file(&fields, "crl", context).map(|file| file.path);
    let FilePath { path: ca, place } = certificate::file(&fields, "ca", context)?;
    Some(ClientAuth { ca, required, crl, place })
}

fn mode(node: &Node, context: &mut Context<'_>) -> Option<bool> {
    let text = context.text("mode", node)?;
    match text.value.as_str() {
        "required" => Some(true),
        "optional" => Some(false),
        _ => {
            context
                .problem(&text.span, format!("`mode` must be required or optional, not {}", text.shown()))
                .hint("required refuses a client without a certificate; optional lets it in without one");
            None
        }
    }
}
