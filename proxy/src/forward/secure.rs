//! TLS as a request meets it: redirects, client certificates, Strict-Transport-Security.

use super::context::Context;
use crate::runtime::Runtime;
use crate::snapshot::Site;
use http::header::STRICT_TRANSPORT_SECURITY;
use http::{HeaderMap, HeaderValue};
use mizan_policy::forwarded::Scheme;
use mizan_policy::redirect::https_location;
use mizan_policy::secure::{Came, Passage, Rules, passage};
use pingora_core::Result;
use pingora_http::{RequestHeader, ResponseHeader};

/// How the request came, as a trusted proxy or else the connection tells it.
pub(super) fn scheme(headers: &HeaderMap, context: &Context) -> Scheme {
    let own = if context.over_tls() { Scheme::Https } else { Scheme::Http };
    context.origin.forwarded_proto(headers.get("x-forwarded-proto").map(HeaderValue::as_bytes), own)
}

/// Whether a request may go on to the site that its host names; notes whether its client's certificate counts there.
pub(super) fn check(
    request: &RequestHeader,
    host: Option<&str>,
    path: &str,
    site: &Site,
    context: &mut Context,
    runtime: &Runtime,
) -> Passage {
    if site.redirect.is_none() && site.client_auth.is_none() {
        return Passage::Pass;
    }
    let https = scheme(&request.headers, context) == Scheme::Https;
    let asked = site.client_auth.is_some() && asked_for_certificate(host, context, runtime);
    context.identified = asked;
    let came = Came { https, asked_for_certificate: asked };
    // Nobody is sent where a browser would warn of the certificate.
    let redirect = site.redirect.filter(|_| https || !shows_stand_in(host, runtime));
    let rules = Rules {
        redirect: redirect.map(|redirect| redirect.status),
        certificate_required: site.client_auth.is_some_and(|auth| auth.required),
    };
    passage(came, rules, path)
}

/// The handshake asked by the authorities that the host's site has now: sites may share them, and files may have changed
/// since.
fn asked_for_certificate(host: Option<&str>, context: &Context, runtime: &Runtime) -> bool {
    let Some(tls) = context.client.as_ref().and_then(|client| client.tls.as_ref()) else { return false };
    let in_force = runtime.server_tls();
    let wanted = in_force.as_ref().and_then(|in_force| in_force.find(host)?.client_auth);
    wanted.is_some() && tls.client_auth == wanted
}

/// Whether the host's certificate is not there yet.
fn shows_stand_in(host: Option<&str>, runtime: &Runtime) -> bool {
    let in_force = runtime.server_tls();
    in_force.as_ref().and_then(|in_force| in_force.find(host)).is_some_and(|site| site.stand_in)
}

/// Where a redirected request finds the same over HTTPS.
pub(super) fn location(host: &str, target: &str, site: &Site, runtime: &Runtime) -> String {
    let port = site.redirect.and_then(|redirect| redirect.port).unwrap_or_else(|| runtime.https_port());
    https_location(host, port, target)
}

/// RFC 6797, 7.2: the field is said over secure transport alone; and not by what no browser trusts.
pub(super) fn add_hsts(response: &mut ResponseHeader, context: &Context) -> Result<()> {
    match context.site().and_then(|site| site.hsts.as_ref()) {
        Some(hsts) if context.over_tls() && !context.shown_stand_in() => {
            response.insert_header(STRICT_TRANSPORT_SECURITY, hsts.clone())
        }
        _ => Ok(()),
    }
}

/// The fields that say who the client proved to be. What it sent under their names was taken out.
pub(super) fn tell_identity(request: &mut RequestHeader, context: &Context) -> Result<()> {
    if context.site().is_none_or(|site| site.client_auth.is_none()) {
        return Ok(());
    }
    let tls = context.client.as_ref().and_then(|client| client.tls.as_ref());
    let Some(identity) = tls.filter(|_| context.identified).and_then(|tls| tls.identity.as_ref()) else {
        return request.insert_header("X-SSL-Client-Verify", HeaderValue::from_static("NONE"));
    };
    request.insert_header("X-SSL-Client-Verify", HeaderValue::from_static("SUCCESS"))?;
    request.insert_header("X-SSL-Client-S-DN", identity.subject.clone())?;
    request.insert_header("X-SSL-Client-Fingerprint", identity.fingerprint.clone())?;
    request.insert_header("X-SSL-Client-Serial", identity.serial.clone())
}
