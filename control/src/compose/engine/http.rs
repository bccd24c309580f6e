//! One HTTP/1.1 exchange with the engine, with a limit on its time and on the size of its answer.

use super::super::{DockerError, printable};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::error::Error;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::task::JoinHandle;

/// A greater answer is given up.
const LARGEST: usize = 16 * 1024 * 1024;

/// A whole answer, and what is needed to say what was wrong with it.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Bytes,
    call: String,
}

/// Runs a connection, and closes it when dropped.
struct Connection(JoinHandle<Result<(), hyper::Error>>);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// `path` is without a version: engines refuse versions that are too old for them, and too new ones.
pub(super) async fn exchange(
    socket: &Path,
    method: &str,
    path: &str,
    limit: Duration,
) -> Result<Answer, DockerError> {
    // Filters say nothing to a person.
    let call = format!("{method} {}", path.split('?').next().unwrap_or(path));
    match tokio::time::timeout(limit, whole(socket, method, path, &call)).await {
        Ok(answer) => answer,
        Err(_) => Err(DockerError::Deadline(format!(
            "the Docker engine ({}) did not answer {call} within {} s. Does `docker info` answer? Else look at the \
             engine's log: `journalctl -u docker`",
            socket.display(),
            limit.as_secs()
        ))),
    }
}

async fn whole(socket: &Path, method: &str, path: &str, call: &str) -> Result<Answer, DockerError> {
    let stream = UnixStream::connect(socket).await.map_err(|error| unreached(socket, &error))?;
    let broke_off = |error: hyper::Error| broken(socket, call, &error);
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broke_off)?;
    let _connection = Connection(tokio::spawn(connection));
    let request = Request::builder().method(method).uri(path).header("host", "docker");
    let request = request.body(Empty::<Bytes>::new()).expect("methods are constants, and paths are encoded");
    let reply = sender.send_request(request).await.map_err(broke_off)?;
    let status = reply.status().as_u16();
    let body = Limited::new(reply.into_body(), LARGEST).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            let mib = LARGEST / 1024 / 1024;
            return DockerError::Refused(format!("the Docker engine's answer to {call} is over {mib} MiB"));
        }
        broken(socket, call, error.as_ref())
    })?;
    Ok(Answer { status, body: body.to_bytes(), call: call.to_owned() })
}

impl Answer {
    pub(super) fn understood<T: DeserializeOwned>(&self) -> Result<T, DockerError> {
        serde_json::from_slice(&self.body).map_err(|error| {
            DockerError::Refused(format!(
                "the Docker engine's answer to {} is not what is known: {error}",
                self.call
            ))
        })
    }

    /// In the engine's own words. `what`: "stop container api_1".
    pub(super) fn refusal(&self, what: &str) -> DockerError {
        DockerError::Refused(format!("the Docker engine did not {what}: {}", self.message()))
    }

    pub(super) fn message(&self) -> String {
        #[derive(Deserialize)]
        struct Refusal {
            message: String,
        }
        match serde_json::from_slice::<Refusal>(&self.body) {
            Ok(refusal) => printable(refusal.message.trim()),
            Err(_) => format!("status {} to {}, without a reason", self.status, self.call),
        }
    }
}

fn broken(socket: &Path, call: &str, error: &dyn Error) -> DockerError {
    let error = error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}"));
    DockerError::Unreachable(format!(
        "the answer of {} to {call} broke off: {error}. Is it Docker's socket, and is the engine running?",
        socket.display()
    ))
}

pub(super) fn unreached(socket: &Path, error: &std::io::Error) -> DockerError {
    let path = socket.display();
    DockerError::Unreachable(match error.kind() {
        ErrorKind::NotFound => format!(
            "there is no Docker engine at {path}. Is it running (`systemctl status docker`)? If its socket is another \
             one, name it in `compose.engine` of deploy.yml or in DOCKER_HOST"
        ),
        ErrorKind::PermissionDenied => format!(
            "no permission to use the Docker engine at {path}. Join the group `docker` (`usermod -aG docker USER`, \
             then log in again), or use sudo"
        ),
        ErrorKind::ConnectionRefused => format!(
            "nobody answers at {path}: the Docker engine is not running. Start it: `systemctl start docker`"
        ),
        _ => format!("cannot reach the Docker engine at {path}: {error}"),
    })
}

/// For one part of a path, or a value of a query.
pub(super) fn encoded(text: &str) -> String {
    use std::fmt::Write;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(byte.into());
        } else {
            write!(out, "%{byte:02X}").expect("a string can be written to");
        }
    }
    out
}
