//! What failed, and the status it becomes. The one place that maps errors to answers.

use super::context::Context;
use crate::upstream::Failure;
use pingora_core::{Error, ErrorSource, ErrorType};

/// The log's status for a client that left before it was answered (nginx's convention).
pub(super) const CLIENT_CLOSED_REQUEST: u16 = 499;

/// What the client is told, and what the log says.
pub(super) struct Verdict {
    pub(super) status: u16,
    pub(super) why: &'static str,
    /// False when nobody is there to be told.
    pub(super) tell: bool,
}

pub(super) fn verdict(error: &Error, context: &Context) -> Verdict {
    if let Some(refused) = context.refused {
        return Verdict { status: refused.status, why: refused.why, tell: true };
    }
    if let Some((status, rule)) = context.client.as_ref().and_then(|client| client.body_refusal()) {
        return Verdict { status, why: rule.explain(), tell: true };
    }
    let stalled = |client: &std::sync::Arc<crate::listen::ClientInfo>| {
        client.upload_stalled.load(std::sync::atomic::Ordering::Relaxed)
    };
    match error.esource() {
        ErrorSource::Downstream if context.client.as_ref().is_some_and(stalled) => {
            Verdict { status: 408, why: "the request's body came too slowly", tell: true }
        }
        ErrorSource::Downstream => match error.etype() {
            ErrorType::InvalidHTTPHeader => {
                Verdict { status: 400, why: "the request's body breaks HTTP", tell: true }
            }
            _ => Verdict { status: CLIENT_CLOSED_REQUEST, why: "the client left", tell: false },
        },
        ErrorSource::Upstream => {
            let failure = context.upstream.as_ref().and_then(|upstream| upstream.failure);
            let failure = failure.unwrap_or_else(|| Failure::of(error, false, false, true));
            Verdict { status: failure.status(), why: failure.explain(), tell: true }
        }
        ErrorSource::Internal | ErrorSource::Unset => match error.etype() {
            ErrorType::HTTPStatus(status) => {
                // Where endpoints were tried, what the last one failed with says more than that none is left.
                let failure = context.upstream.as_ref().and_then(|upstream| upstream.failure);
                let why = failure.map_or("no endpoint of the service can take the request", Failure::explain);
                Verdict { status: *status, why, tell: true }
            }
            _ => Verdict { status: 500, why: "an internal error", tell: true },
        },
    }
}

/// The reason phrase of a status (RFC 9110, 15), for HTTP/1.1's status line and plain bodies.
pub(crate) fn reason(status: u16) -> &'static str {
    http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("Error")
}
