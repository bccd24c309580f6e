//! Serves the admin API. A client that is stuck harms nobody: heads and connections are bounded in time and number.

use super::bind::AdminSocket;
use super::status;
use crate::lifecycle::Changer;
use crate::runtime::Runtime;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::sync::Semaphore;

/// Admin connections served at a time; further ones wait in the kernel's queue.
const CONNECTIONS: usize = 32;
/// From a connection's start to the end of its last answer.
const CONNECTION_TIME: Duration = Duration::from_secs(30);
const HEAD_TIME: Duration = Duration::from_secs(5);
/// The pause after a failed accept (no descriptors), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until aborted.
pub(crate) async fn serve(socket: AdminSocket, changer: Arc<Changer>, runtime: Arc<Runtime>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = room.clone().acquire_owned().await else { return };
        match socket.listener.accept().await {
            Ok((stream, _)) => {
                let (changer, runtime) = (changer.clone(), runtime.clone());
                tokio::spawn(async move {
                    converse(stream, changer, runtime).await;
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

async fn converse(stream: UnixStream, changer: Arc<Changer>, runtime: Arc<Runtime>) {
    let service = service_fn(move |request| {
        let reply = answer(&request, &changer, &runtime);
        async move { Ok::<_, Infallible>(reply) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(16 * 1024)
        .serve_connection(TokioIo::new(stream), service);
    match tokio::time::timeout(CONNECTION_TIME, connection).await {
        Ok(Ok(())) | Err(_) => {}
        Ok(Err(error)) => tracing::debug!("an admin connection ended early: {error}"),
    }
}

fn answer(request: &Request<Incoming>, changer: &Changer, runtime: &Runtime) -> Response<Full<Bytes>> {
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/v1/status") => {
            json(StatusCode::OK, "application/json", &status::of(changer, runtime))
        }
        (_, "/v1/status") => problem(StatusCode::METHOD_NOT_ALLOWED, "this resource is read with GET"),
        _ => problem(StatusCode::NOT_FOUND, "there is no such resource; /v1/status is one"),
    }
}

/// An RFC 9457 problem document.
fn problem(status: StatusCode, detail: &str) -> Response<Full<Bytes>> {
    let document = serde_json::json!({
        "type": "about:blank",
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "detail": detail,
    });
    json(status, "application/problem+json", &document)
}

fn json(status: StatusCode, kind: &'static str, value: &impl serde::Serialize) -> Response<Full<Bytes>> {
    let body = serde_json::to_vec(value).expect("the API's types have string keys only");
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    response
}
