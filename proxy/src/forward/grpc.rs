//! gRPC as the edge speaks it: errors of its own, and the client's deadline.

use super::context::Context;
use super::errors::reason;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use mizan_policy::grpc;
use pingora_core::Result;
use pingora_core::protocols::http::HttpTask;
use pingora_http::{RequestHeader, ResponseHeader};
use pingora_proxy::Session;
use std::time::Duration;

/// A call, as far as the edge has to know it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    /// `grpc-timeout`, from when the call came in.
    pub(super) timeout: Option<Duration>,
}

impl Call {
    /// gRPC needs HTTP/2; what comes by HTTP/1 under its name is answered as HTTP/1.
    pub(super) fn of(request: &RequestHeader) -> Option<Self> {
        if request.version != http::Version::HTTP_2
            || !request.headers.get(CONTENT_TYPE).is_some_and(|kind| grpc::is_grpc(kind.as_bytes()))
        {
            return None;
        }
        let timeout = request.headers.get("grpc-timeout").and_then(|value| grpc::timeout(value.as_bytes()));
        Some(Self { timeout })
    }
}

/// What is left of the client's patience; `None`: it set no deadline.
pub(super) fn time_left(context: &Context) -> Option<Duration> {
    let timeout = context.grpc?.timeout?;
    Some(timeout.saturating_sub(context.started.elapsed()))
}

fn status(context: &Context, http_status: u16) -> grpc::GrpcStatus {
    if time_left(context).is_some_and(|left| left.is_zero()) {
        return grpc::deadline_exceeded();
    }
    grpc::status_for(http_status)
}

/// An answer that is trailers alone: for a gRPC client any HTTP status but 200 is a guess.
pub(super) async fn error(session: &mut Session, context: &mut Context, http_status: u16) -> Result<()> {
    let mut head = ResponseHeader::build(200, Some(6))?;
    head.insert_header(CONTENT_TYPE, "application/grpc")?;
    head.insert_header("x-request-id", context.request_id.as_str())?;
    for (name, value) in &trailers(context, http_status) {
        head.insert_header(name.clone(), value.clone())?;
    }
    super::secure::add_hsts(&mut head, context)?;
    context.status = http_status;
    // The engine's call for a head leaves the stream open, which a client takes for an answer without a status.
    session.write_response_tasks(vec![HttpTask::Header(Box::new(head), true)]).await.map(|_| ())
}

/// Ends an answer that had begun and cannot go on: with a status, so that its client need not guess.
pub(super) async fn break_off(session: &mut Session, context: &Context, http_status: u16) -> Result<()> {
    let trailers = HttpTask::Trailer(Some(Box::new(trailers(context, http_status))));
    session.write_response_tasks(vec![trailers]).await.map(|_| ())
}

fn trailers(context: &Context, http_status: u16) -> HeaderMap {
    let message = format!("{http_status} {}, request id {}", reason(http_status), context.request_id);
    let mut trailers = HeaderMap::with_capacity(2);
    trailers.insert("grpc-status", HeaderValue::from(u16::from(status(context, http_status).code())));
    if let Ok(message) = HeaderValue::from_maybe_shared(Bytes::from(grpc::encode_message(&message))) {
        trailers.insert("grpc-message", message);
    }
    trailers
}
