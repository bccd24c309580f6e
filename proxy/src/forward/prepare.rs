//! What the endpoint gets to see of a request.

use super::context::Context;
use super::secure;
use super::view::fields;
use http::header::{HOST, HeaderValue};
use mizan_policy::head;
use pingora_core::{Error, ErrorType, Result};
use pingora_http::RequestHeader;
use pingora_proxy::Session;

/// The request as the endpoint gets it.
pub(super) fn request(
    session: &mut Session,
    request: &mut RequestHeader,
    context: &mut Context,
) -> Result<()> {
    let came_by = session.req_header().version;
    if let Some(upstream) = context.upstream.as_mut() {
        // To HTTP/2 the engine says nothing of a body that is not there.
        upstream.body.ended |= session.as_mut().is_body_empty();
    }
    let Some(upstream) = context.upstream.as_ref() else {
        return Err(Error::explain(ErrorType::InternalError, "no upstream was chosen"));
    };
    let removals = head::request_removals(fields(&request.headers), upstream.upgrade);
    if !removals.is_empty() {
        for name in removals.iter().map(str::to_owned).collect::<Vec<_>>() {
            request.remove_header(name.as_str());
        }
    }
    name_host(request)?;
    let goes_by_h2 = request.version == http::Version::HTTP_2;
    if came_by == http::Version::HTTP_2 && !goes_by_h2 {
        join_cookies(request)?;
    }
    if upstream.upgrade {
        request.insert_header(http::header::CONNECTION, "upgrade")?;
    }
    if let Some(target) = &upstream.target {
        request.set_raw_path(target.as_bytes())?;
    }
    tell_origin(request, context)?;
    secure::tell_identity(request, context)?;
    request.insert_header("X-Request-Id", context.request_id.as_str())?;
    match (&upstream.action.host, request.headers.contains_key(HOST)) {
        (Some(host), _) => request.insert_header(HOST, host.as_str())?,
        (None, false) => {
            let endpoint = upstream.lease.as_ref().map_or("localhost", |lease| lease.endpoint().host());
            request.insert_header(HOST, endpoint)?;
        }
        (None, true) => {}
    }
    if upstream.service.keepalive == 0 && !upstream.upgrade && !goes_by_h2 {
        request.insert_header(http::header::CONNECTION, "close")?;
    }
    Ok(())
}

/// From HTTP/2 to HTTP/2 the host is in `:authority` alone. What follows goes by Host, and so does the engine, which turns
/// that into `:authority` again.
fn name_host(request: &mut RequestHeader) -> Result<()> {
    if request.headers.contains_key(HOST) {
        return Ok(());
    }
    match request.uri.authority().map(|authority| authority.as_str().to_owned()) {
        Some(authority) => request.insert_header(HOST, authority),
        None => Ok(()),
    }
}

/// HTTP/2 may send a cookie in crumbs; HTTP/1 knows one field (RFC 9113, 8.2.3).
fn join_cookies(request: &mut RequestHeader) -> Result<()> {
    let crumbs: Vec<&[u8]> =
        request.headers.get_all(http::header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if crumbs.len() < 2 {
        return Ok(());
    }
    let joined = crumbs.join(&b"; "[..]);
    request.insert_header(http::header::COOKIE, joined.as_slice())
}

/// Who the client is and how it came: what was sent about it is believed from trusted proxies only.
fn tell_origin(request: &mut RequestHeader, context: &Context) -> Result<()> {
    let origin = &context.origin;
    let scheme = secure::scheme(&request.headers, context);
    let host = request.headers.get(HOST).cloned();
    let authority = host.as_ref().and_then(|host| host.to_str().ok());
    let told_host = match request.headers.get("x-forwarded-host") {
        Some(sent) => origin
            .forwarded_host(Some(sent.as_bytes()), authority)
            .and_then(|host| HeaderValue::from_str(host).ok()),
        None => host.clone(),
    };
    let sent = |name: &str| -> Vec<HeaderValue> { request.headers.get_all(name).iter().cloned().collect() };
    let chain = sent("x-forwarded-for");
    let (forwarded_for, real_ip) = if chain.is_empty() || !origin.peer_trusted {
        // As nearly always: nothing is believed, and both fields are the connection's other end.
        let peer = context.client.as_ref().map(|client| client.peer_text.clone());
        (peer.clone(), peer)
    } else {
        let mut text = String::new();
        origin.write_forwarded_for(chain.iter().map(HeaderValue::as_bytes), &mut text);
        (HeaderValue::from_str(&text).ok(), HeaderValue::from_str(origin.real_ip().as_str()).ok())
    };
    let forwarded = context.snapshot.forwarded.then(|| {
        let mut text = String::new();
        let sent = sent("forwarded");
        origin.write_forwarded(sent.iter().map(HeaderValue::as_bytes), scheme, authority, &mut text);
        text
    });
    set(request, "X-Forwarded-For", forwarded_for)?;
    set(request, "X-Real-IP", real_ip)?;
    set(request, "X-Forwarded-Proto", Some(HeaderValue::from_static(scheme.as_str())))?;
    set(request, "X-Forwarded-Host", told_host)?;
    set(request, "Forwarded", forwarded.and_then(|text| HeaderValue::from_str(&text).ok()))
}

/// Sets the field, or takes it away.
fn set(request: &mut RequestHeader, name: &'static str, value: Option<HeaderValue>) -> Result<()> {
    match value {
        Some(value) => request.insert_header(name, value),
        None => {
            request.remove_header(name);
            Ok(())
        }
    }
}
