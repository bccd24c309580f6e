//! One client connection from its first byte to its last: heads are found and checked here, requests are the engine's.
//!
//! The engine is handed a head that is complete and keeps every rule, and a connection that yields that request's body
//! and nothing else. Between two requests the engine holds nothing: an idle connection is a socket and a task.

use super::connection::{Connection, RequestBody};
use super::{Edge, refuse};
use crate::forward::RequestId;
use crate::snapshot::Snapshot;
use bytes::BytesMut;
use mizan_policy::head::{self, Body, ChunkScanner, Found, HeadFinder, HeadLimits, Refusal};
use pingora_core::apps::{HttpServerApp, ServerApp};
use pingora_core::protocols::http::ServerSession;
use pingora_core::server::ShutdownWatch;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::Instant;

/// What an HTTP/2 client with prior knowledge sends first (RFC 9113, 3.4).
const H2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What a connection may begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opening {
    /// HTTP/1, or HTTP/2 with prior knowledge.
    Plain,
    /// HTTP/1 alone: HTTP/2 was not chosen by ALPN.
    TlsHttp1,
    /// HTTP/2 alone: ALPN chose it.
    TlsH2,
}

/// Serves a connection until it ends.
pub(super) async fn serve(
    mut connection: Box<Connection>,
    opening: Opening,
    edge: Arc<Edge>,
    shutdown: ShutdownWatch,
) {
    let mut opening = Some(opening);
    loop {
        let waiting = Arrival::new(&connection, &edge.runtime.snapshot(), opening);
        let over_tls = connection.client().tls.is_some();
        let arrived = tokio::select! {
            biased;
            arrived = waiting.head(&mut connection) => arrived,
            // The end of the process closes every socket; only over TLS there is a word to be said before.
            () = end_of_process(&edge, shutdown.clone()), if over_tls => Arrived::Nothing,
        };
        let (skip, end) = match arrived {
            Arrived::Head { skip, end } => (skip, end),
            Arrived::Preface => return serve_h2(connection, &edge, &shutdown).await,
            Arrived::Tls => return refuse_tls(connection).await,
            Arrived::Nothing => return connection.close().await,
            Arrived::Refused(refusal) => return refuse_head(connection, refusal).await,
            Arrived::TooSlow => return refuse_slow_head(connection).await,
        };
        opening = None;
        let head = match take_head(&mut connection, skip, end, &edge.runtime.snapshot()) {
            Ok(head) => head,
            Err(refusal) => return refuse_head(connection, refusal).await,
        };
        let mut session = ServerSession::new_http1(connection);
        // The prefix is one whole head; the connection holds back what follows the request.
        session.set_pipelining_enabled(true);
        session.set_pipelined_prefix(head);
        let Some(reusable) = edge.engine.process_new_http(session, &shutdown).await else { return };
        let (stream, _) = reusable.consume();
        match stream.into_any().downcast::<Connection>() {
            Ok(next) if next.at_request_boundary() => connection = next,
            _ => return,
        }
    }
}

/// The process drains, and what it leaves idle connections for a last request is over.
async fn end_of_process(edge: &Edge, mut shutdown: ShutdownWatch) {
    let told = shutdown.wait_for(|told| *told).await.is_ok();
    if !told || !edge.runtime.draining() {
        // A listener that a reload took away leaves its connections alone.
        return std::future::pending().await;
    }
    let grace = edge.runtime.snapshot().config.drain.idle_grace;
    tokio::time::sleep(grace).await;
}

/// HTTP/2 goes to the engine whole; it multiplexes, and calls the same decisions for every stream.
async fn serve_h2(mut connection: Box<Connection>, edge: &Arc<Edge>, shutdown: &ShutdownWatch) {
    let (head, idle) = {
        let limits = &edge.runtime.snapshot().limits;
        (limits.head_timeout, limits.idle_timeout)
    };
    connection.become_h2(head, idle);
    edge.engine.process_new(connection, shutdown).await;
}

/// Cuts the head out of what has arrived, holds it against the rules, and tells the connection where the body ends.
fn take_head(
    connection: &mut Connection,
    skip: usize,
    end: usize,
    snapshot: &Snapshot,
) -> Result<BytesMut, Refusal> {
    let limits = &snapshot.head_limits;
    let mut head = if connection.incoming.len() == end {
        std::mem::take(&mut connection.incoming)
    } else {
        connection.incoming.split_to(end)
    };
    if skip > 0 {
        head = head.split_off(skip);
    }
    let parsed = head::check_request(&head, limits)?;
    let body = match parsed.body {
        Body::None | Body::Length(0) => RequestBody::Ended,
        Body::Length(length) => RequestBody::Length(length),
        Body::Chunked => RequestBody::Chunked(Box::new(ChunkScanner::new())),
    };
    let client = connection.client();
    client.last_request.store(!parsed.keep_alive, Ordering::Relaxed);
    client.wants_upgrade.store(parsed.upgrade.is_some(), Ordering::Relaxed);
    if let Some(rewritten) = head::normalise(&head, &parsed) {
        head = BytesMut::from(rewritten.as_slice());
    }
    connection.begin_request(body);
    Ok(head)
}

/// What came on a connection that was waiting for a request.
enum Arrived {
    /// `incoming[skip..end]` is a complete head.
    Head {
        skip: usize,
        end: usize,
    },
    Preface,
    /// A TLS handshake, where none is expected.
    Tls,
    /// The client left, or was idle for too long.
    Nothing,
    Refused(Refusal),
    /// A head was begun and not ended in time.
    TooSlow,
}

/// The wait for a head.
///
/// It copies what it needs: an idle connection must not keep an old snapshot, and all that it holds, alive.
struct Arrival {
    finder: HeadFinder,
    limits: HeadLimits,
    head_timeout: Duration,
    idle_deadline: Instant,
    /// When the head's first byte came.
    begun: Option<Instant>,
    /// What is left open of what the connection may begin with; `None`: a head.
    opening: Option<Opening>,
}

impl Arrival {
    fn new(connection: &Connection, snapshot: &Snapshot, opening: Option<Opening>) -> Self {
        let now = Instant::now();
        // A connection that never sends anything is given no longer than a head.
        let idle = snapshot.limits.idle_timeout;
        let idle = if opening.is_some() { idle.min(snapshot.limits.head_timeout) } else { idle };
        Self {
            finder: HeadFinder::default(),
            limits: snapshot.head_limits,
            head_timeout: snapshot.limits.head_timeout,
            idle_deadline: now + idle,
            begun: (!connection.incoming.is_empty()).then_some(now),
            opening,
        }
    }

    async fn head(mut self, connection: &mut Connection) -> Arrived {
        poll_fn(|cx| self.poll(connection, cx)).await
    }

    fn poll(&mut self, connection: &mut Connection, cx: &mut Context<'_>) -> Poll<Arrived> {
        loop {
            if let Some(arrived) = self.examine(&connection.incoming) {
                return Poll::Ready(arrived);
            }
            match connection.poll_fill(cx) {
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(Arrived::Nothing),
                Poll::Ready(Ok(_)) => {
                    self.begun.get_or_insert_with(Instant::now);
                }
                Poll::Pending => {
                    connection.rest();
                    let deadline = self.begun.map_or(self.idle_deadline, |begun| begun + self.head_timeout);
                    ready!(connection.timer.poll_until(cx, deadline));
                    let arrived = if self.begun.is_some() { Arrived::TooSlow } else { Arrived::Nothing };
                    return Poll::Ready(arrived);
                }
            }
        }
    }

    /// `None`: more is needed.
    fn examine(&mut self, incoming: &[u8]) -> Option<Arrived> {
        if incoming.is_empty() {
            return None;
        }
        if let Some(opening) = self.opening {
            let seen = incoming.len().min(H2_PREFACE.len());
            if opening != Opening::TlsHttp1 && incoming[..seen] == H2_PREFACE[..seen] {
                return (seen == H2_PREFACE.len()).then_some(Arrived::Preface);
            }
            match (opening, head::first_bytes(incoming)) {
                // Whoever chose HTTP/2 and speaks something else is not to be answered in either.
                (Opening::TlsH2, _) => return Some(Arrived::Nothing),
                (Opening::Plain, head::Opening::Tls) => return Some(Arrived::Tls),
                (Opening::Plain, head::Opening::Partial) => return None,
                _ => self.opening = None,
            }
        }
        match self.finder.find(incoming, &self.limits) {
            Found::Partial => None,
            Found::Complete { skip, end } => Some(Arrived::Head { skip, end }),
            Found::Refused(refusal) => Some(Arrived::Refused(refusal)),
        }
    }
}

async fn refuse_head(connection: Box<Connection>, refusal: Refusal) {
    refuse(connection, refusal.status, refusal.rule.name(), refusal.rule.explain(), "").await;
}

async fn refuse_slow_head(connection: Box<Connection>) {
    refuse(connection, 408, "head-timeout", "its head did not end in time", "").await;
}

/// The client cannot read this as TLS; who looks into what was sent back can.
async fn refuse_tls(connection: Box<Connection>) {
    let advice = "This port speaks plain HTTP: use http://, or the port for https://";
    refuse(connection, 400, "tls-on-plain-port", "TLS came to a port that speaks plain HTTP", advice).await;
}

async fn refuse(
    connection: Box<Connection>,
    status: u16,
    rule: &'static str,
    why: &'static str,
    advice: &'static str,
) {
    let request_id = RequestId::next();
    let client = connection.client().peer;
    tracing::info!(target: "mizan::refused", %client, status, rule, %request_id, "request refused: {why}");
    connection.refuse(refuse::answer(status, advice, &request_id)).await;
}
