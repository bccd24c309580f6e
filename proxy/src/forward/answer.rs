//! The answer's way out: held against the rules, stripped of what is between two hops.

use super::context::Context;
use super::view::fields;
use super::{choose, secure};
use crate::upstream::Failure;
use mizan_policy::head::{self, Asked};
use pingora_core::{Error, ErrorSource, ErrorType, Result};
use pingora_http::ResponseHeader;
use pingora_proxy::Session;
use std::sync::atomic::Ordering;

/// An endpoint's answer has begun.
pub(super) fn receive(session: &Session, response: &mut ResponseHeader, context: &mut Context) -> Result<()> {
    let Some(upstream) = context.upstream.as_mut() else { return Ok(()) };
    let asked =
        Asked { head_method: session.req_header().method == http::Method::HEAD, upgrade: upstream.upgrade };
    let status = response.status.as_u16();
    let checked = head::check_answer(
        status,
        fields(&response.headers),
        asked,
        context.snapshot.limits.answer_head_size,
    );
    // RFC 9112, 6.1: HTTP/1.0 knows no chunks; who sends them there is not to be trusted with a length.
    let chunked_1_0 = response.version == http::Version::HTTP_10
        && response.headers.contains_key(http::header::TRANSFER_ENCODING);
    let fault = match checked {
        Err(fault) => Some(fault.explain()),
        Ok(()) if chunked_1_0 => Some("the upstream's HTTP/1.0 answer has a Transfer-Encoding"),
        Ok(()) => None,
    };
    if let Some(fault) = fault {
        upstream.failure = Some(Failure::BadAnswer);
        let mut error = Error::explain(ErrorType::InvalidHTTPHeader, fault);
        error.esource = ErrorSource::Upstream;
        error.set_retry(false);
        return Err(error);
    }
    if status >= 200 || status == 101 {
        upstream.answered = true;
        choose::answered(upstream, status);
    }
    let removals = head::answer_removals(fields(&response.headers), status == 101);
    if !removals.is_empty() {
        for name in removals.iter().map(str::to_owned).collect::<Vec<_>>() {
            response.remove_header(name.as_str());
        }
    }
    if status == 101 {
        response.insert_header(http::header::CONNECTION, "upgrade")?;
    }
    Ok(())
}

/// The answer as the client gets it.
pub(super) fn prepare(
    session: &mut Session,
    response: &mut ResponseHeader,
    context: &mut Context,
) -> Result<()> {
    context.status = response.status.as_u16();
    if context.status >= 200
        && let Some(cookie) = context.upstream.as_mut().and_then(|upstream| upstream.place.set_cookie.take())
    {
        response.append_header(http::header::SET_COOKIE, cookie)?;
    }
    if context.status >= 200 {
        secure::add_hsts(response, context)?;
    }
    if session.req_header().version == http::Version::HTTP_10 {
        // Chunks came with HTTP/1.1: here the end of the connection is the end of the body.
        response.remove_header(&http::header::TRANSFER_ENCODING);
        if !response.headers.contains_key(http::header::CONTENT_LENGTH) {
            session.set_keepalive(None);
        }
    }
    if context.status == 101 {
        if let Some(client) = &context.client {
            client.tunnel.store(true, Ordering::Relaxed);
        }
    } else if context.snapshot.draining() {
        // Said politely: this answer is whole, the next request takes another connection.
        session.set_keepalive(None);
    }
    Ok(())
}
