//! Serves the admin API. A client that is stuck harms nobody: everything is bounded in time, size and number.

use super::Admin;
use super::bind::AdminSocket;
use super::call::{Body, Call, Reply, bad, problem};
use super::operations::{self, Found, Run};
use crate::clock;
use bytes::Bytes;
use http::{Method, Request, Response, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use mizan_api::{Problem, ProblemKind};
use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::net::unix::UCred;
use tokio::sync::Semaphore;

/// Admin connections served at a time; further ones wait in the kernel's queue.
const CONNECTIONS: usize = 256;
/// From a connection's start to the end of its answer; streams of events aside.
const CONNECTION_TIME: Duration = Duration::from_secs(40);
const HEAD_TIME: Duration = Duration::from_secs(5);
const BODY_TIME: Duration = Duration::from_secs(5);
const BODY_SIZE: usize = 64 * 1024;
/// A reader of events that takes nothing for so long is stuck: comments come more often than that.
const STUCK_MS: u64 = 60_000;
/// The pause after a failed accept (no descriptors), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until aborted.
pub(crate) async fn serve(socket: AdminSocket, admin: Arc<Admin>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = room.clone().acquire_owned().await else { return };
        match socket.listener.accept().await {
            Ok((stream, _)) => {
                let admin = admin.clone();
                tokio::spawn(async move {
                    converse(stream, admin).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!("cannot accept on the admin socket: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn converse(stream: UnixStream, admin: Arc<Admin>) {
    let peer = stream.peer_cred().ok();
    // Set once the answer is a stream of events: when its reader last took something.
    let streaming: Arc<OnceLock<Arc<AtomicU64>>> = Arc::default();
    let service = service_fn(|request| {
        let (admin, streaming) = (admin.clone(), streaming.clone());
        async move { Ok::<_, Infallible>(answer(request, admin, peer, &streaming).await) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(16 * 1024)
        .serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        ended = connection => if let Err(error) = ended {
            tracing::debug!("an admin connection ended early: {error}");
        },
        () = overdue(&streaming) => tracing::debug!("an admin connection took too long"),
    }
}

async fn overdue(streaming: &OnceLock<Arc<AtomicU64>>) {
    tokio::time::sleep(CONNECTION_TIME).await;
    while let Some(taken_ms) = streaming.get() {
        if clock::now().saturating_sub(taken_ms.load(Ordering::Relaxed)) > STUCK_MS {
            return;
        }
        tokio::time::sleep(Duration::from_secs(10)).await;
    }
}

async fn answer(
    request: Request<Incoming>,
    admin: Arc<Admin>,
    peer: Option<UCred>,
    streaming: &OnceLock<Arc<AtomicU64>>,
) -> Response<Body> {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let mut allow = None;
    let outcome = respond(request, admin, &mut allow).await;
    let response = match outcome {
        Ok(reply) => {
            if let Reply::Events(events) = &reply {
                let _ = streaming.set(events.taken());
            }
            reply.into_response()
        }
        Err(refused) => problem(&refused, allow.as_deref()),
    };
    log(&method, &path, peer, response.status().as_u16());
    response
}

/// Who changes something is told in the log; who only looks, with MIZAN_LOG=debug.
fn log(method: &Method, path: &str, peer: Option<UCred>, status: u16) {
    let (uid, gid) = peer.map_or((None, None), |peer| (Some(peer.uid()), Some(peer.gid())));
    let pid = peer.and_then(|peer| peer.pid());
    if method == Method::GET {
        tracing::debug!(target: "mizan::admin", uid, gid, pid, status, "{method} {path}");
    } else {
        tracing::info!(target: "mizan::admin", uid, gid, pid, status, "{method} {path}");
    }
}

async fn respond(
    request: Request<Incoming>,
    admin: Arc<Admin>,
    allow: &mut Option<String>,
) -> Result<Reply, Problem> {
    let (operation, path) = match operations::find(request.method(), request.uri().path()) {
        Found::Operation(operation, path) => (operation, path),
        Found::OtherMethods(methods) => {
            let detail = format!("this resource has {methods}");
            *allow = Some(methods);
            return Err(Problem::new(ProblemKind::MethodNotAllowed, detail));
        }
        Found::Nothing => {
            let detail = "there is no such resource; /v1/openapi.json describes all there are";
            return Err(Problem::new(ProblemKind::NotFound, detail));
        }
    };
    let query = query(request.uri().query().unwrap_or_default(), operation.query)?;
    let last_event = request.headers().get("last-event-id");
    let last_event = last_event.and_then(|id| id.to_str().ok()).and_then(|id| id.parse().ok());
    if operation.body.is_some() && !is_json(&request) {
        let detail = "send `Content-Type: application/json`";
        return Err(Problem::new(ProblemKind::UnsupportedMediaType, detail));
    }
    let body = body(request.into_body()).await?;
    let call = Call { admin, path, query, body, last_event };
    match operation.run {
        Run::Now(run) => run(&call),
        Run::Blocking(run) => match tokio::task::spawn_blocking(move || run(&call)).await {
            Ok(reply) => reply,
            Err(_panicked) => Err(Problem::new(ProblemKind::Internal, "the log may say more")),
        },
        Run::Later(run) => run(call).await,
    }
}

fn is_json(request: &Request<Incoming>) -> bool {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| {
        kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
    })
}

async fn body(body: Incoming) -> Result<Bytes, Problem> {
    let read = Limited::new(body, BODY_SIZE).collect();
    match tokio::time::timeout(BODY_TIME, read).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            Err(Problem::new(ProblemKind::TooLarge, format!("a body may have {BODY_SIZE} bytes")))
        }
        Ok(Err(error)) => Err(bad(format!("the body broke off: {error}"))),
        Err(_) => Err(bad(format!("the body did not come within {} s", BODY_TIME.as_secs()))),
    }
}

/// Names that the operation does not have, and names that come twice, are refused: they were meant to do something.
fn query(text: &str, known: &[operations::Parameter]) -> Result<Vec<(String, String)>, Problem> {
    let mut found: Vec<(String, String)> = Vec::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if known.iter().all(|parameter| parameter.name != name) {
            return Err(bad(format!("there is no parameter `{name}` here")));
        }
        if found.iter().any(|(before, _)| before == name) {
            return Err(bad(format!("`{name}` is here twice")));
        }
        found.push((name.to_owned(), value.to_owned()));
    }
    Ok(found)
}
