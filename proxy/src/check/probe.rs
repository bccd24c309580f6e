//! One check.

use super::Target;
use crate::upstream::Address;
use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use mizan_config::model::{HealthCheck, UpstreamProtocol};
use rustls::pki_types::ServerName;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

/// An answer's head beyond this size is a failure; its body is not read at all.
const HEAD_SIZE: usize = 64 * 1024;

/// Why a check failed, in words for the operator.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProbeError {
    #[error("cannot connect: {0}")]
    Connect(io::Error),
    #[error("TLS failed: {0}")]
    Tls(io::Error),
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
        match &target.address {
            Address::Tcp(address) => {
                open(check, target, TcpStream::connect(address).await.map_err(ProbeError::Connect)?, host)
                    .await
            }
            Address::Unix(path) => {
                open(check, target, UnixStream::connect(path).await.map_err(ProbeError::Connect)?, host).await
            }
        }
    };
    tokio::time::timeout(check.timeout, asking).await.map_err(|_| ProbeError::Time(check.timeout))?
}

/// The protocol is the one that requests are forwarded by.
async fn open<S>(check: &HealthCheck, target: &Target, stream: S, host: &str) -> Result<(), ProbeError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Some((config, name)) = &target.tls else {
        return match target.protocol {
            UpstreamProtocol::H2 => ask_h2(check, stream, "http", host).await,
            UpstreamProtocol::Http1 | UpstreamProtocol::Auto => ask(check, stream, host).await,
        };
    };
    let name =
        ServerName::try_from(name.clone()).map_err(|error| ProbeError::Tls(io::Error::other(error)))?;
    let stream = TlsConnector::from(config.clone()).connect(name, stream).await.map_err(ProbeError::Tls)?;
    let chosen = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    match target.protocol {
        UpstreamProtocol::Http1 => ask(check, stream, host).await,
        UpstreamProtocol::Auto if !chosen => ask(check, stream, host).await,
        UpstreamProtocol::H2 | UpstreamProtocol::Auto => ask_h2(check, stream, "https", host).await,
    }
}

async fn ask<S>(check: &HealthCheck, stream: S, host: &str) -> Result<(), ProbeError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let request = request(check, Request::get(&check.path).header(header::HOST, host))?;
    let (mut sender, connection) =
        http1::Builder::new().max_buf_size(HEAD_SIZE).handshake(TokioIo::new(stream)).await?;
    let answer = sender.send_request(request);
    judge(check, answered(answer, connection).await?.status())
}

async fn ask_h2<S>(check: &HealthCheck, stream: S, scheme: &str, host: &str) -> Result<(), ProbeError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let target = http::Uri::builder().scheme(scheme).authority(host).path_and_query(check.path.as_str());
    let request = request(check, Request::get(target.build()?).version(http::Version::HTTP_2))?;
    let (mut sender, connection) = http2::Builder::new(TokioExecutor::new())
        .max_header_list_size(HEAD_SIZE as u32)
        .handshake(TokioIo::new(stream))
        .await?;
    let answer = sender.send_request(request);
    judge(check, answered(answer, connection).await?.status())
}

fn request(
    check: &HealthCheck,
    mut request: http::request::Builder,
) -> Result<Request<Empty<Bytes>>, ProbeError> {
    request =
        request.header(header::USER_AGENT, concat!("mizan/", env!("CARGO_PKG_VERSION"), " (health check)"));
    if request.version_ref() != Some(&http::Version::HTTP_2) {
        request = request.header(header::CONNECTION, "close");
    }
    for (name, value) in &check.headers {
        request = request.header(name, value.expose());
    }
    Ok(request.body(Empty::<Bytes>::new())?)
}

/// Drives the connection until the answer's head is there.
async fn answered(
    answer: impl Future<Output = hyper::Result<Response<Incoming>>>,
    connection: impl Future<Output = hyper::Result<()>>,
) -> Result<Response<Incoming>, ProbeError> {
    let mut connection = std::pin::pin!(connection);
    let mut answer = std::pin::pin!(answer);
    tokio::select! {
        response = &mut answer => Ok(response?),
        // The connection may end with the answer; what there is of it is in the sender by then.
        ended = &mut connection => match ended {
            Ok(()) => Ok(answer.await?),
            Err(error) => Err(error.into()),
        },
    }
}

fn judge(check: &HealthCheck, got: http::StatusCode) -> Result<(), ProbeError> {
    let got = got.as_u16();
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

    fn target(address: std::net::SocketAddr) -> Target {
        Target { address: Address::Tcp(address), tls: None, protocol: UpstreamProtocol::Http1 }
    }

    /// Answers one connection; hands back the request it got.
    async fn server(answer: &'static str) -> (Target, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let target = target(listener.local_addr().expect("bound"));
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
        let target = target(listener.local_addr().expect("bound"));
        let error = probe(&check(), &target, "api").await.expect_err("nobody answers");
        assert_eq!(error.to_string(), "no answer within 500 ms");
    }

    #[tokio::test]
    async fn an_answer_that_is_no_http_fails() {
        let (target, _served) = server("SSH-2.0-OpenSSH\r\n").await;
        assert!(matches!(probe(&check(), &target, "api").await, Err(ProbeError::Http(_))));
    }
}
