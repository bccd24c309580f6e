//! The client's side of the admin socket: one connection a call.

use crate::{
    CheckReply, DrainChange, DrainStatus, Event, LeaseRenewal, Mark, Problem, ReloadReply, ResolveReply,
    ServiceStats, ServiceStatus, Services, SplitChange, SplitStatus, Status,
};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Response};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::task::AbortHandle;

/// A call to the admin socket takes no longer than this.
const DEADLINE: Duration = Duration::from_secs(10);
/// One that reads files or asks name servers.
const LONG_DEADLINE: Duration = Duration::from_secs(30);
/// An event has no longer line.
const LINE_SIZE: usize = 1024 * 1024;

#[derive(Debug, Clone)]
pub struct Client {
    socket: PathBuf,
}

/// Why a call failed, in words for the person who made it.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("{}", connect_words(socket, source))]
    Connect { socket: PathBuf, source: io::Error },
    #[error("the admin socket {socket} did not answer within {} s", within.as_secs())]
    Deadline { socket: PathBuf, within: Duration },
    #[error("the admin socket's answer broke off: {0}")]
    Http(#[from] hyper::Error),
    #[error("{}", problem_words(.0))]
    Refused(Box<Problem>),
    #[error("the proxy is mizan {theirs}, this is {ours}: use the mizanctl that came with it")]
    Version { theirs: String, ours: &'static str },
    #[error("the answer is not what this version expects: {0}")]
    Decode(String),
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

impl Client {
    pub fn new(socket: impl Into<PathBuf>) -> Self {
        Self { socket: socket.into() }
    }

    pub fn socket(&self) -> &Path {
        &self.socket
    }

    pub async fn status(&self) -> Result<Status, ClientError> {
        self.get("/v1/status").await
    }

    pub async fn services(&self) -> Result<Services, ClientError> {
        self.get("/v1/services").await
    }

    pub async fn service(&self, service: &str) -> Result<ServiceStatus, ClientError> {
        self.get(&at(service, "")).await
    }

    pub async fn split(&self, service: &str) -> Result<SplitStatus, ClientError> {
        self.get(&at(service, "/split")).await
    }

    /// Commits a split, or leases it.
    pub async fn set_split(&self, service: &str, change: &SplitChange) -> Result<SplitStatus, ClientError> {
        self.call(Method::PUT, &at(service, "/split"), Some(change), DEADLINE).await
    }

    pub async fn renew_lease(
        &self,
        service: &str,
        renewal: &LeaseRenewal,
    ) -> Result<SplitStatus, ClientError> {
        self.call(Method::POST, &at(service, "/split/renew"), Some(renewal), DEADLINE).await
    }

    /// The committed split is in force.
    pub async fn release_lease(
        &self,
        service: &str,
        revision: Option<u64>,
    ) -> Result<SplitStatus, ClientError> {
        self.delete(&at(service, "/split/lease"), revision).await
    }

    /// mizan.yml's split is in force again.
    pub async fn split_to_file(
        &self,
        service: &str,
        revision: Option<u64>,
    ) -> Result<SplitStatus, ClientError> {
        self.delete(&at(service, "/split"), revision).await
    }

    /// `mark`: also what came since it; `older_than_s`: what counts as an old request, 1 to 120 seconds.
    pub async fn stats(
        &self,
        service: &str,
        mark: Option<&str>,
        older_than_s: Option<u32>,
    ) -> Result<ServiceStats, ClientError> {
        let mark = mark.map(|mark| format!("mark={}", segment(mark)));
        let older_than = older_than_s.map(|seconds| format!("older_than={seconds}"));
        let query: Vec<String> = mark.into_iter().chain(older_than).collect();
        self.get(&format!("{}?{}", at(service, "/stats"), query.join("&"))).await
    }

    pub async fn set_mark(&self, service: &str, mark: &str) -> Result<Mark, ClientError> {
        let path = format!("{}/{}", at(service, "/marks"), segment(mark));
        self.call(Method::PUT, &path, None::<&()>, DEADLINE).await
    }

    pub async fn drain(&self, service: &str, what: &DrainChange) -> Result<DrainStatus, ClientError> {
        self.call(Method::POST, &at(service, "/drain"), Some(what), DEADLINE).await
    }

    pub async fn undrain(&self, service: &str, what: &DrainChange) -> Result<DrainStatus, ClientError> {
        self.call(Method::POST, &at(service, "/undrain"), Some(what), DEADLINE).await
    }

    pub async fn check(&self) -> Result<CheckReply, ClientError> {
        self.call(Method::POST, "/v1/check", None::<&()>, LONG_DEADLINE).await
    }

    pub async fn reload(&self) -> Result<ReloadReply, ClientError> {
        self.call(Method::POST, "/v1/reload", None::<&()>, LONG_DEADLINE).await
    }

    /// Looks the names of one service up, or all.
    pub async fn resolve(&self, service: Option<&str>) -> Result<ResolveReply, ClientError> {
        let path = service.map_or_else(|| "/v1/resolve".to_owned(), |service| at(service, "/resolve"));
        self.call(Method::POST, &path, None::<&()>, LONG_DEADLINE).await
    }

    /// The configuration in force, in mizan.yml's form.
    pub async fn config(&self) -> Result<serde_json::Value, ClientError> {
        self.get("/v1/config").await
    }

    /// Reads events from now on; or on from the one with this number.
    pub async fn events(&self, last: Option<u64>) -> Result<Events, ClientError> {
        let opening = async {
            let (response, driver) = self.send(Method::GET, "/v1/events", None::<&()>, last).await?;
            if response.status() == 200 {
                Ok(Events { body: response.into_body(), driver, buffer: Vec::new() })
            } else {
                Err(refusal(response).await)
            }
        };
        self.within(DEADLINE, opening).await
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.call(Method::GET, path, None::<&()>, DEADLINE).await
    }

    async fn delete(&self, path: &str, revision: Option<u64>) -> Result<SplitStatus, ClientError> {
        let query = revision.map(|revision| format!("?revision={revision}")).unwrap_or_default();
        self.call(Method::DELETE, &format!("{path}{query}"), None::<&()>, DEADLINE).await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
        within: Duration,
    ) -> Result<T, ClientError> {
        let exchange = async {
            let (response, _driver) = self.send(method, path, body, None).await?;
            if response.status() != 200 {
                return Err(refusal(response).await);
            }
            let theirs = server(&response);
            let body = response.into_body().collect().await?.to_bytes();
            serde_json::from_slice(&body).map_err(|error| not_understood(theirs, &error.to_string()))
        };
        self.within(within, exchange).await
    }

    async fn within<T>(
        &self,
        within: Duration,
        exchange: impl Future<Output = Result<T, ClientError>>,
    ) -> Result<T, ClientError> {
        tokio::time::timeout(within, exchange)
            .await
            .map_err(|_| ClientError::Deadline { socket: self.socket.clone(), within })?
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
        last_event: Option<u64>,
    ) -> Result<(Response<Incoming>, Driver), ClientError> {
        let stream = UnixStream::connect(&self.socket)
            .await
            .map_err(|source| ClientError::Connect { socket: self.socket.clone(), source })?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let driver = Driver(tokio::spawn(connection).abort_handle());
        let mut request = hyper::Request::builder().method(method).uri(path).header("host", "mizan");
        if let Some(last) = last_event {
            request = request.header("last-event-id", last);
        }
        let body = match body {
            Some(body) => {
                request = request.header("content-type", "application/json");
                serde_json::to_vec(body).expect("the API's types have string keys only")
            }
            None => Vec::new(),
        };
        let request = request.body(Full::<Bytes>::from(body)).expect("paths are made of escaped segments");
        Ok((sender.send_request(request).await?, driver))
    }
}

/// The task of a connection; it ends with the call.
#[derive(Debug)]
struct Driver(AbortHandle);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A stream of events.
#[derive(Debug)]
pub struct Events {
    body: Incoming,
    #[expect(dead_code, reason = "held, so that the connection lives as long as the stream")]
    driver: Driver,
    buffer: Vec<u8>,
}

impl Events {
    /// The next event; waits for it. `None`: the proxy has ended.
    pub async fn next(&mut self) -> Result<Option<Event>, ClientError> {
        loop {
            while let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                if let Some(json) = line.strip_prefix(b"data:") {
                    let event = serde_json::from_slice(json);
                    return event.map(Some).map_err(|error| ClientError::Decode(error.to_string()));
                }
            }
            if self.buffer.len() > LINE_SIZE {
                return Err(ClientError::Decode("an event without an end".to_owned()));
            }
            match self.body.frame().await {
                Some(frame) => {
                    if let Ok(data) = frame?.into_data() {
                        self.buffer.extend_from_slice(&data);
                    }
                }
                None => return Ok(None),
            }
        }
    }
}

fn at(service: &str, resource: &str) -> String {
    format!("/v1/services/{}{resource}", segment(service))
}

/// A path segment (RFC 3986, 3.3): what is not plain is escaped.
fn segment(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

async fn refusal(response: Response<Incoming>) -> ClientError {
    let (status, theirs) = (response.status(), server(&response));
    let body = match response.into_body().collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => return ClientError::Http(error),
    };
    match serde_json::from_slice(&body) {
        Ok(problem) => ClientError::Refused(Box::new(problem)),
        Err(_) => not_understood(theirs, &format!("{status}: {}", String::from_utf8_lossy(&body).trim())),
    }
}

/// The version that the answer's Server field names.
fn server(response: &Response<Incoming>) -> Option<String> {
    let server = response.headers().get("server")?.to_str().ok()?;
    Some(server.strip_prefix("mizan/")?.to_owned())
}

fn not_understood(theirs: Option<String>, why: &str) -> ClientError {
    match theirs {
        Some(theirs) if theirs != VERSION => ClientError::Version { theirs, ours: VERSION },
        _ => ClientError::Decode(why.to_owned()),
    }
}

fn problem_words(problem: &Problem) -> String {
    let mut words = problem.detail.clone();
    for problem in &problem.problems {
        let hint = problem.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
        let (file, line, column) = (&problem.file, problem.line, problem.column);
        let _ = write!(words, "\n{file}:{line}:{column}: {}{hint}", problem.message);
    }
    words
}

fn connect_words(socket: &Path, error: &io::Error) -> String {
    let socket = socket.display();
    match error.kind() {
        io::ErrorKind::NotFound => format!(
            "there is no admin socket {socket}. Is mizan running, and is this the path that `admin.socket` in mizan.yml \
             names? --socket or MIZAN_SOCKET names another one"
        ),
        io::ErrorKind::PermissionDenied => format!(
            "this user may not open the admin socket {socket}: its owner and its group may (`ls -l {socket}`). Join the \
             group, or use sudo"
        ),
        io::ErrorKind::ConnectionRefused => {
            format!("nobody answers on the admin socket {socket}: it is a leftover. Is mizan running?")
        }
        _ => format!("cannot reach the admin socket {socket}: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_plain_is_escaped_in_a_path() {
        assert_eq!(at("a/b ?%", "/split"), "/v1/services/a%2Fb%20%3F%25/split");
    }

    #[tokio::test]
    async fn no_socket_and_nobody_behind_it_say_what_to_do() {
        let folder = std::env::temp_dir().join(format!("mizan-client-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let socket = folder.join("admin.sock");
        let missing = Client::new(&socket).status().await.expect_err("nothing is there").to_string();
        assert!(
            missing.contains("there is no admin socket") && missing.contains("MIZAN_SOCKET"),
            "{missing}"
        );
        drop(std::os::unix::net::UnixListener::bind(&socket).expect("it can be bound"));
        let leftover = Client::new(&socket).status().await.expect_err("nobody answers").to_string();
        assert!(leftover.contains("leftover"), "{leftover}");
        std::fs::remove_dir_all(&folder).expect("it can be removed");
    }
}
