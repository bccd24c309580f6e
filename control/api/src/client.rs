//! The client's side of the admin socket: one connection a call.

use crate::Status;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::UnixStream;

/// A call to the admin socket takes no longer than this.
const DEADLINE: Duration = Duration::from_secs(10);

#[derive(Debug, Clone)]
pub struct Client {
    socket: PathBuf,
}

/// Why a call failed, in words for the person who made it.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error(
        "cannot reach the admin socket {socket}: {source}. Is mizan running, and may this user open the socket?"
    )]
    Connect { socket: PathBuf, source: std::io::Error },
    #[error("the admin socket {socket} did not answer within {} s", DEADLINE.as_secs())]
    Deadline { socket: PathBuf },
    #[error("the admin socket's answer broke off: {0}")]
    Http(#[from] hyper::Error),
    #[error("{status}: {body}")]
    Refused { status: u16, body: String },
    #[error("the answer is not what this version expects: {0}")]
    Decode(#[from] serde_json::Error),
}

impl Client {
    pub fn new(socket: impl Into<PathBuf>) -> Self {
        Self { socket: socket.into() }
    }

    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// `GET /v1/status`.
    pub async fn status(&self) -> Result<Status, ClientError> {
        Ok(serde_json::from_slice(&self.call("GET", "/v1/status").await?)?)
    }

    async fn call(&self, method: &str, path: &str) -> Result<Bytes, ClientError> {
        tokio::time::timeout(DEADLINE, self.exchange(method, path))
            .await
            .map_err(|_| ClientError::Deadline { socket: self.socket.clone() })?
    }

    async fn exchange(&self, method: &str, path: &str) -> Result<Bytes, ClientError> {
        let stream = UnixStream::connect(&self.socket)
            .await
            .map_err(|source| ClientError::Connect { socket: self.socket.clone(), source })?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let driver = tokio::spawn(connection);
        let request = hyper::Request::builder()
            .method(method)
            .uri(path)
            .header("host", "mizan")
            .body(Full::<Bytes>::default())
            .expect("method and path are constants of this crate");
        let reply = sender.send_request(request).await?;
        let status = reply.status().as_u16();
        let body = reply.into_body().collect().await?.to_bytes();
        driver.abort();
        if status == 200 {
            Ok(body)
        } else {
            Err(ClientError::Refused { status, body: String::from_utf8_lossy(&body).trim().to_owned() })
        }
    }
}
