//! Which endpoint takes the request, and whether another one may try what one failed at.
#![expect(clippy::unnecessary_box_returns, reason = "the engine hands errors around boxed")]

use super::context::{Context, Upstream};
use super::errors::Verdict;
use super::grpc;
use crate::clock;
use crate::random::random;
use crate::stats::Routed;
use crate::upstream::{Failure, InFlight, Lane, Picked};
use mizan_policy::balance::Draw;
use mizan_policy::retry::{self, Body, Decision, Method, Tried};
use pingora_core::upstreams::peer::HttpPeer;
use pingora_core::{Error, ErrorSource, ErrorType, Result};
use pingora_proxy::Session;
use std::time::{Duration, Instant};

/// A wait of no time at all would be none for the engine.
const SHORTEST_WAIT: Duration = Duration::from_millis(1);

/// Where a try failed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stage {
    Connecting,
    Exchanging {
        /// Over a kept connection.
        reused: bool,
    },
}

/// The endpoint for the next try, as the engine wants it described.
pub(super) fn peer(context: &mut Context) -> Result<Box<HttpPeer>> {
    let deadline = grpc::time_left(context);
    let Some(upstream) = context.upstream.as_mut() else {
        return Err(Error::explain(ErrorType::InternalError, "no service was chosen"));
    };
    if let Some(last) = upstream.lease.take() {
        upstream.tried.push(last.endpoint().clone());
    }
    let service = upstream.service.clone();
    let Some((picked, lane)) = next(upstream) else {
        return Err(nobody(upstream));
    };
    upstream.tries += 1;
    upstream.at = picked.track;
    upstream.try_began = Instant::now();
    if upstream.tries > 1 {
        upstream.place.record.retried();
    }
    if picked.track != upstream.place.track {
        upstream.place.record.fell_back();
    }
    let connect = if picked.others && upstream.tries < service.tries {
        service.timeouts.first_try.min(service.timeouts.connect)
    } else {
        service.timeouts.connect
    };
    let mut peer = picked.endpoint.peer(&service.timeouts, connect, service.keepalive, lane);
    if let Some(left) = deadline {
        // Nobody waits longer for an answer than its client does.
        peer.options.read_timeout = Some(left.clamp(SHORTEST_WAIT, service.timeouts.read.max(SHORTEST_WAIT)));
    }
    upstream.lease = Some(InFlight::new(picked.endpoint));
    Ok(Box::new(peer))
}

/// Who is asked next, and over which connection: another endpoint of the track; the last one again over a new
/// connection, where a kept one had been closed or took no more requests, which says nothing of the endpoint itself;
/// another track's, unless a tester asked for this one.
fn next(upstream: &mut Upstream) -> Option<(Picked, Lane)> {
    let service = upstream.service.clone();
    let track = upstream.place.track;
    let draw = Draw { random: random(), hash: upstream.hash };
    let lane = if upstream.upgrade { Lane::Tunnel } else { Lane::Kept };
    if let Some(picked) = service.pick(track, draw, &upstream.tried) {
        return Some((picked, lane));
    }
    if matches!(upstream.failure, Some(Failure::StaleConnection | Failure::Refused)) {
        upstream.tried.pop();
        if let Some(picked) = service.pick(track, draw, &upstream.tried) {
            return Some((picked, Lane::Fresh));
        }
    }
    if upstream.place.routed == Routed::Forced {
        return None;
    }
    service.pick_elsewhere(track, draw, &upstream.tried).map(|picked| (picked, lane))
}

/// No endpoint is left: 503, or what the last one that was tried failed with.
fn nobody(upstream: &Upstream) -> Box<Error> {
    let status = upstream.failure.map_or(503, Failure::status);
    let mut error = Error::explain(ErrorType::HTTPStatus(status), "no endpoint can take the request");
    error.esource = ErrorSource::Internal;
    error.set_retry(false);
    error
}

/// Books a failed try, and says whether it may be repeated elsewhere.
pub(super) fn failed(
    session: &Session,
    context: &mut Context,
    mut error: Box<Error>,
    stage: Stage,
) -> Box<Error> {
    let call = context.grpc.is_some();
    let too_late = grpc::time_left(context).is_some_and(|left| left.is_zero());
    let Some(upstream) = context.upstream.as_mut().filter(|_| *error.esource() == ErrorSource::Upstream)
    else {
        // The client's fault, or ours: the endpoint is not to blame.
        error.set_retry(false);
        return error;
    };
    let (connecting, reused) = match stage {
        Stage::Connecting => (true, false),
        Stage::Exchanging { reused } => (false, reused),
    };
    let failure = upstream
        .failure
        .filter(|known| *known == Failure::BadAnswer && !connecting)
        .unwrap_or_else(|| Failure::of(&error, connecting, reused, upstream.answered));
    error.set_retry(false);
    upstream.failure = Some(failure);
    let silent = failure == Failure::AnswerTime;
    let client_s_turn = silent && !upstream.body.ended;
    if client_s_turn && !call {
        // The endpoint waits for the client as we do.
        context.refuse_for(408, "body-timeout", "the request's body did not end in time");
        return error;
    }
    // Tunnels and streams may have nothing to say, and a client may have no patience: no endpoint is out for that.
    let silent_stream = silent && upstream.answered && (upstream.upgrade || call);
    let impatient = silent && too_late;
    if !silent_stream && !client_s_turn && !impatient {
        book(upstream, failure);
    }
    let tried = Tried {
        failure: match failure {
            Failure::Connect | Failure::ConnectTime | Failure::Unreachable | Failure::Tls | Failure::Left => {
                retry::Failure::Connect
            }
            Failure::Refused => retry::Failure::Refused,
            Failure::StaleConnection | Failure::Closed => retry::Failure::Closed,
            Failure::AnswerTime => retry::Failure::Timeout,
            Failure::BadAnswer | Failure::Broken => retry::Failure::Answer,
        },
        method: Method::of(session.req_header().method.as_str()),
        body: match upstream.body.sent {
            false => Body::Unsent,
            true if session.as_ref().retry_buffer_truncated() => Body::Begun,
            true => Body::Kept,
        },
        tries: upstream.tries,
        most: upstream.service.tries,
    };
    error.set_retry(retry::may_retry(tried, &upstream.service.retries, clock::now()) == Decision::Retry);
    error
}

fn book(upstream: &mut Upstream, failure: Failure) {
    let Some(lease) = &upstream.lease else { return };
    if upstream.at == upstream.place.track {
        upstream.place.record.try_failed(failure);
    } else {
        upstream.service.steering.in_force().steps[upstream.at].counters.try_failed(failure.kind());
    }
    let endpoint = lease.endpoint();
    let ejected = endpoint.failed(failure, &upstream.service.passive);
    if ejected {
        tracing::warn!(
            service = upstream.service.name,
            endpoint = endpoint.name(),
            from = endpoint.from,
            "endpoint ejected after {} failures: {}",
            upstream.service.passive.max_fails,
            failure.explain()
        );
    }
}

/// An endpoint's answer has begun.
pub(super) fn answered(upstream: &mut Upstream, status: u16) {
    upstream.place.record.answered(status);
    if let Some(lease) = &upstream.lease {
        lease.endpoint().answered(&upstream.service.passive, upstream.try_began.elapsed());
    }
}

/// The request failed: how it is counted. `begun`: the client had part of the answer.
pub(super) fn count_failure(context: &mut Context, verdict: &Verdict, begun: bool) {
    let Some(upstream) = context.upstream.as_mut() else { return };
    if verdict.tell {
        upstream.place.record.ended(verdict.status, begun);
    } else {
        upstream.place.record.client_left();
    }
}

/// The request is over; what it held is given back.
pub(super) fn finished(context: &mut Context, error: Option<&Error>) {
    if let Some(mut upstream) = context.upstream.take()
        && error.is_none()
    {
        upstream.place.record.ended(context.status, false);
    }
}
