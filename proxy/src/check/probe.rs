//! One check.

use bytes::Bytes;
use http::{Request, header};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use mizan_config::model::HealthCheck;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

/// An answer's head beyond this size is a failure; its body is not read at all.
const HEAD_SIZE: usize = 64 * 1024;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// Why a check failed, in words for the operator.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProbeError {
    #[error("cannot connect: {0}")]
    Connect(io::Error),
    #[error("no answer within {} ms", .0.as_millis())]
    Time(Duration),
    #[error("answered {got}, wanted {wanted}")]
    Status { got: u16, wanted: String },
    #[error("the answer broke off or is no HTTP: {0}")]
    Http(#[from] hyper::Error),
    #[error("the check's request cannot be made: {0}")]
    Request(#[from] http::Error),
}

/// Asks once. Within `check.timeout`, connect included.
pub(super) async fn probe(check: &HealthCheck, target: &Target, host: &str) -> Result<(), ProbeError> {
    let asking = async {
        match target {
            Target::Tcp(address) => {
                ask(check, TcpStream::connect(address).await.map_err(ProbeError::Connect)?, host).await
            }
            Target::Unix(path) => {
                ask(check, UnixStream::connect(path).await.map_err(ProbeError::Connect)?, host).await
            }
        }
    };
    tokio::time::timeout(check.timeout, asking).await.map_err(|_| ProbeError::Time(check.timeout))?
}

async fn ask<S>(check: &HealthCheck, stream: S, host: &str) -> Result<(), ProbeError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut request = Request::get(&check.path)
        .header(header::HOST, host)
        .header(header::USER_AGENT, concat!("mizan/", env!("CARGO_PKG_VERSION"), " (health check)"))
        .header(header::CONNECTION, "close");
    for (name, value) in &check.headers {
        request = request.header(name, value.expose());
    }
    let request = request.body(Empty::<Bytes>::new())?;
    let (mut sender, connection) =
        http1::Builder::new().max_buf_size(HEAD_SIZE).handshake(TokioIo::new(stream)).await?;
    let mut connection = std::pin::pin!(connection);
    let mut answer = std::pin::pin!(sender.send_request(request));
    let response = tokio::select! {
        response = &mut answer => response?,
        // The connection may end with the answer; what there is of it is in the sender by then.
        ended = &mut connection => match ended {
            Ok(()) => answer.await?,
            Err(error) => return Err(error.into()),
        },
    };
    let got = response.status().as_u16();
    if check.status.iter().any(|(from, to)| (*from..=*to).contains(&got)) {
        return Ok(());
    }
    let wanted = check
        .status
        .iter()
        .map(|(from, to)| if from == to { from.to_string() } else { format!("{from}-{to}") });
    Err(ProbeError::Status { got, wanted: wanted.collect::<Vec<_>>().join(", ") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    fn check() -> HealthCheck {
        HealthCheck {
            path: "/health".into(),
            host: None,
            headers: vec![("authorization".into(), mizan_config::secret::Secret::new("hush".into()))],
            interval: Duration::from_secs(1),
            timeout: Duration::from_millis(500),
            healthy: 1,
            unhealthy: 1,
            status: vec![(200, 399)],
        }
    }

    /// Answers one connection; hands back the request it got.
    async fn server(answer: &'static str) -> (Target, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let target = Target::Tcp(listener.local_addr().expect("bound"));
        let served = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut request = vec![0; 4096];
            let read = stream.read(&mut request).await.expect("a request");
            stream.write_all(answer.as_bytes()).await.expect("the client is there");
            String::from_utf8_lossy(&request[..read]).into_owned()
        });
        (target, served)
    }

    #[tokio::test]
    async fn a_good_status_passes_and_the_request_carries_host_and_secret() {
        let (target, served) = server("HTTP/1.1 204 No Content\r\n\r\n").await;
        probe(&check(), &target, "api:3000").await.expect("204 is good");
        let request = served.await.expect("the server ends");
        assert!(request.starts_with("GET /health HTTP/1.1\r\n"), "{request}");
        assert!(
            request.contains("host: api:3000\r\n") && request.contains("authorization: hush\r\n"),
            "{request}"
        );
    }

    #[tokio::test]
    async fn a_bad_status_is_told_with_what_was_wanted() {
        let (target, _served) = server("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n").await;
        let error = probe(&check(), &target, "api").await.expect_err("503 is bad");
        assert_eq!(error.to_string(), "answered 503, wanted 200-399");
    }

    #[tokio::test]
    async fn silence_ends_at_the_timeout() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let target = Target::Tcp(listener.local_addr().expect("bound"));
        let error = probe(&check(), &target, "api").await.expect_err("nobody answers");
        assert_eq!(error.to_string(), "no answer within 500 ms");
    }

    #[tokio::test]
    async fn an_answer_that_is_no_http_fails() {
        let (target, _served) = server("SSH-2.0-OpenSSH\r\n").await;
        assert!(matches!(probe(&check(), &target, "api").await, Err(ProbeError::Http(_))));
    }
}
