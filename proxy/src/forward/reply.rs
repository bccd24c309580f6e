//! Answers that are made here: probes, fixed responses, errors.

use super::context::{Context, Refused};
use super::errors::reason;
use super::{grpc, secure};
use bytes::Bytes;
use pingora_core::Result;
use pingora_http::ResponseHeader;
use pingora_proxy::Session;

const PLAIN: &str = "text/plain; charset=utf-8";

/// A request's body up to this size is read and thrown away before an answer that is made here, so that the connection
/// goes on behind it; with a larger one the connection is closed.
const DISCARD: u64 = 64 * 1024;

/// A small plain answer.
pub(super) async fn plain(
    session: &mut Session,
    context: &mut Context,
    status: u16,
    body: Bytes,
) -> Result<()> {
    let mut head = ResponseHeader::build(status, Some(4))?;
    head.insert_header(http::header::CONTENT_TYPE, PLAIN)?;
    send(session, context, head, body).await
}

/// An error: its status, its name and the request's id, and not a word about what is behind.
pub(super) async fn error(session: &mut Session, context: &mut Context, status: u16) -> Result<()> {
    if context.grpc.is_some() {
        return grpc::error(session, context, status).await;
    }
    let body = format!("{status} {}\nrequest id {}\n", reason(status), context.request_id);
    let mut head = ResponseHeader::build(status, Some(5))?;
    head.insert_header(http::header::CONTENT_TYPE, PLAIN)?;
    head.insert_header("x-request-id", context.request_id.as_str())?;
    if status == 503 {
        head.insert_header(http::header::RETRY_AFTER, "1")?;
    }
    send(session, context, head, body.into()).await
}

/// What a client is told of a request that failed; `begun`: it has part of an answer already.
pub(super) async fn failure(
    session: &mut Session,
    context: &mut Context,
    status: u16,
    begun: bool,
) -> Result<()> {
    match begun {
        false => error(session, context, status).await,
        true if context.grpc.is_some() => grpc::break_off(session, context, status).await,
        // An answer that is cut off must not look whole: the engine ends the stream or the connection.
        true => Ok(()),
    }
}

/// The same request, elsewhere.
pub(super) async fn redirect(
    session: &mut Session,
    context: &mut Context,
    status: u16,
    location: &str,
) -> Result<()> {
    let mut head = ResponseHeader::build(status, Some(5))?;
    head.insert_header(http::header::CONTENT_TYPE, PLAIN)?;
    head.insert_header(http::header::LOCATION, location)?;
    send(session, context, head, Bytes::from(format!("{status} {}\n", reason(status)))).await
}

/// A refusal: an error after which the connection is closed.
pub(super) async fn refusal(session: &mut Session, context: &mut Context, refused: Refused) -> Result<()> {
    session.set_keepalive(None);
    error(session, context, refused.status).await
}

/// A whole answer; a HEAD request gets its head alone.
pub(super) async fn send(
    session: &mut Session,
    context: &mut Context,
    mut head: ResponseHeader,
    body: Bytes,
) -> Result<()> {
    context.status = head.status.as_u16();
    secure::add_hsts(&mut head, context)?;
    let bodiless = matches!(context.status, 204 | 304);
    if !bodiless {
        head.insert_header(http::header::CONTENT_LENGTH, body.len())?;
    }
    if session.is_process_shutting_down() || context.snapshot.draining() {
        session.set_keepalive(None);
    }
    discard_body(session).await?;
    let head_alone = bodiless || body.is_empty() || session.req_header().method == http::Method::HEAD;
    session.write_response_header(Box::new(head), head_alone).await?;
    if head_alone {
        return session.as_downstream_mut().finish_body().await;
    }
    session.write_response_body(Some(body), true).await
}

async fn discard_body(session: &mut Session) -> Result<()> {
    let request = session.req_header();
    let length = request.headers.get(http::header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()).and_then(|length| length.parse::<u64>().ok());
    // Who expects 100 (Continue) has not sent the body and need not any more.
    let waits = request.headers.contains_key(http::header::EXPECT);
    let goes_on = session.get_keepalive().is_some() && !waits;
    if goes_on && length.is_some_and(|length| length > 0 && length <= DISCARD) && !session.is_body_done() {
        session.drain_request_body().await?;
    }
    Ok(())
}
