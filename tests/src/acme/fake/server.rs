//! The fake authority's HTTP: it keeps each request, then answers by the script.

use super::answer::{Answer, Endpoint, Say, well};
use super::book::{Book, Request};
use crate::Authority;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Response, header};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Instant, SystemTime};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

pub(super) async fn serve(addr: SocketAddr, authority: &Authority, book: Arc<Mutex<Book>>) -> JoinHandle<()> {
    let acceptor = crate::tls::acceptor(&authority.server(&["localhost", "127.0.0.1"]), &["http/1.1"]);
    let listener = TcpListener::bind(addr).await.unwrap_or_else(|e| panic!("bind {addr}: {e}"));
    tokio::spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            let Ok((stream, _)) = listener.accept().await else { continue };
            connections.spawn(connection(stream, acceptor.clone(), book.clone()));
            while connections.try_join_next().is_some() {}
        }
    })
}

async fn connection(stream: TcpStream, acceptor: TlsAcceptor, book: Arc<Mutex<Book>>) {
    let _ = stream.set_nodelay(true);
    let Ok(stream) = acceptor.accept(stream).await else { return };
    let answer = service_fn(move |request| answer(request, book.clone()));
    // Its end, good or bad, is the client's business.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
}

async fn answer(
    request: hyper::Request<Incoming>,
    book: Arc<Mutex<Book>>,
) -> io::Result<Response<Full<Bytes>>> {
    let path = request.uri().path().to_owned();
    let body = request.into_body().collect().await.map_err(io::Error::other)?.to_bytes();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let decoded = |key: &str| -> Value {
        let bytes = body[key].as_str().and_then(|text| BASE64_URL_SAFE_NO_PAD.decode(text).ok());
        bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    };
    let request = Request {
        endpoint: Endpoint::of(&path),
        at: Instant::now(),
        payload: decoded("payload"),
        protected: decoded("protected"),
        path,
    };
    let say = {
        let mut book = book.lock().expect("no panic holds it");
        book.requests.push(request.clone());
        book.next_say(request.endpoint)
    };
    if let Say::When(gate) = &say {
        gate.pass().await;
    }
    let (answer, nonce, date) = {
        let mut book = book.lock().expect("no panic holds it");
        book.nonces += 1;
        let nonce = BASE64_URL_SAFE_NO_PAD.encode(format!("nonce {}", book.nonces));
        let answer = match say {
            Say::Well | Say::When(_) => Some(well(&mut book, &request)),
            Say::TooMany { retry_after } => Some(Answer::too_many(retry_after)),
            Say::Html(status) => Some(Answer::html(status)),
            Say::Problem { status, kind, detail } => Some(Answer::problem(status, kind, detail)),
            Say::Mute => None,
            Say::Lost => {
                well(&mut book, &request);
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
        };
        (answer, nonce, httpdate::fmt_http_date(SystemTime::now() - book.behind))
    };
    let Some(answer) = answer else { return std::future::pending().await };
    let mut response = Response::builder()
        .status(answer.status)
        .header("replay-nonce", nonce)
        .header(header::DATE, date)
        .header(header::CACHE_CONTROL, "no-store");
    for (name, value) in answer.fields {
        response = response.header(name, value);
    }
    response.body(Full::new(Bytes::from(answer.body))).map_err(io::Error::other)
}
