//! One HTTP/1.1 exchange over the socket.

use crate::{ClientError, Problem};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde::de::{DeserializeOwned, Error};
use std::path::Path;
use tokio::net::UnixStream;
use tokio::task::JoinHandle;

/// A whole answer.
pub(super) struct Reply {
    status: u16,
    /// Of the proxy that gave it.
    version: Option<String>,
    body: Bytes,
}

/// Runs a connection, and closes it when dropped.
#[derive(Debug)]
pub(super) struct Driver(JoinHandle<Result<(), hyper::Error>>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

pub(super) async fn exchange(
    socket: &Path,
    method: &str,
    path: &str,
    body: Option<Vec<u8>>,
) -> Result<Reply, ClientError> {
    let mut request = Request::builder().method(method).uri(path).header("host", "mizan");
    if body.is_some() {
        request = request.header("content-type", "application/json");
    }
    let request = request.body(Full::from(body.unwrap_or_default()));
    let (reply, _driver) =
        begin(socket, request.expect("methods are constants, and paths are encoded")).await?;
    Reply::read(reply).await
}

pub(super) async fn begin_events(
    socket: &Path,
    last_id: Option<u64>,
) -> Result<(Response<Incoming>, Driver), ClientError> {
    let mut request = Request::builder()
        .method("GET")
        .uri("/v1/events")
        .header("host", "mizan")
        .header("accept", "text/event-stream");
    if let Some(id) = last_id {
        request = request.header("last-event-id", id);
    }
    begin(socket, request.body(Full::default()).expect("the path is a constant")).await
}

async fn begin(
    socket: &Path,
    request: Request<Full<Bytes>>,
) -> Result<(Response<Incoming>, Driver), ClientError> {
    let stream = UnixStream::connect(socket)
        .await
        .map_err(|source| ClientError::Connect { socket: socket.to_owned(), source })?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let driver = Driver(tokio::spawn(connection));
    Ok((sender.send_request(request).await?, driver))
}

impl Reply {
    pub(super) async fn read(reply: Response<Incoming>) -> Result<Self, ClientError> {
        let server = reply.headers().get("server").and_then(|server| server.to_str().ok());
        let version = server.and_then(|server| server.strip_prefix("mizan/")).map(str::to_owned);
        let status = reply.status().as_u16();
        Ok(Self { status, version, body: reply.into_body().collect().await?.to_bytes() })
    }

    pub(super) fn understood<T: DeserializeOwned>(self) -> Result<T, ClientError> {
        self.read_by(|body| serde_json::from_slice(body))
    }

    /// An answer that is not JSON.
    pub(super) fn text(self) -> Result<String, ClientError> {
        self.read_by(|body| String::from_utf8(body.to_vec()).map_err(serde_json::Error::custom))
    }

    fn read_by<T>(self, read: impl FnOnce(&[u8]) -> serde_json::Result<T>) -> Result<T, ClientError> {
        let error = if self.status == 200 {
            match read(&self.body) {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            }
        } else {
            match serde_json::from_slice::<Problem>(&self.body) {
                Ok(problem) => return Err(ClientError::Refused(Box::new(problem))),
                Err(_) => {
                    serde_json::Error::custom(format!("status {} without a problem document", self.status))
                }
            }
        };
        let ours = env!("CARGO_PKG_VERSION");
        Err(match self.version {
            Some(theirs) if theirs != ours => ClientError::Version { theirs, ours: ours.to_owned() },
            _ => ClientError::Decode(error),
        })
    }
}
