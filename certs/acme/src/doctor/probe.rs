//! The request that an authority would make, and who answers it.

use super::Token;
use super::seen::Outcome;
use bytes::Bytes;
use http::{Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use mizan_certs::ClientTls;
use rustls::pki_types::ServerName;
use std::io::ErrorKind;
use std::net::IpAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

const CONNECT: Duration = Duration::from_secs(3);

/// From the connect's end to the answer's.
const ANSWER: Duration = Duration::from_secs(3);

/// Let's Encrypt follows ten; whoever needs more than this has a loop.
const REDIRECTS: usize = 5;

/// A key authorization has about 90 bytes.
const BODY: usize = 4096;

/// A `Server` field is told up to here.
const SERVER: usize = 40;

/// A redirect's target is told up to here.
const LOCATION: usize = 120;

/// Whom is asked, and where.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// The name, or the address without brackets.
    pub(super) host: String,
    pub(super) address: IpAddr,
    pub(super) http_port: u16,
    pub(super) https_port: u16,
}

/// What came back.
struct Reply {
    status: StatusCode,
    server: Option<String>,
    location: Option<String>,
    /// `None`: too long, or it broke off.
    body: Option<Bytes>,
}

impl Asked {
    /// `tls`: begins at the TLS port, and believes any certificate, as authorities do (RFC 8555, 8.3).
    pub(super) async fn probe(&self, mut tls: bool, token: &Token) -> Outcome {
        let mut path = format!("/.well-known/acme-challenge/{}", token.token);
        let mut redirects = 0;
        loop {
            let reply = match self.get(tls, &path).await {
                Ok(reply) => reply,
                Err(outcome) => return outcome,
            };
            let status = reply.status.as_u16();
            if reply.status == StatusCode::OK {
                // RFC 8555, 8.3: white space behind it is ignored.
                let is_ours = reply
                    .body
                    .is_some_and(|body| body.trim_ascii_end() == token.key_authorization.as_bytes());
                return if is_ours {
                    Outcome::Answered { redirects }
                } else {
                    Outcome::Stranger { status, server: reply.server }
                };
            }
            let Some(location) = reply.location.filter(|_| reply.status.is_redirection()) else {
                return Outcome::Stranger { status, server: reply.server };
            };
            match self.follow(&location, tls) {
                Some(next) if redirects < REDIRECTS => {
                    (tls, path) = next;
                    redirects += 1;
                }
                _ => return Outcome::Elsewhere { status, location, server: reply.server },
            }
        }
    }

    /// Whether TLS is spoken there, and the path. `None`: another host, or a port that authorities do not go to.
    fn follow(&self, location: &str, tls: bool) -> Option<(bool, String)> {
        if location.starts_with('/') && !location.starts_with("//") {
            return Some((tls, location.to_owned()));
        }
        let uri: Uri = location.parse().ok()?;
        let tls = match uri.scheme_str()? {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        let host = uri.host()?.trim_start_matches('[').trim_end_matches(']');
        let port = self.port(tls);
        let usual = if tls { 443 } else { 80 };
        // Where the authority's ports are not the usual ones it still takes a URL without a port for one with them.
        let same_port = uri.port_u16().is_none_or(|named| named == port || named == usual);
        let path = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str).to_owned();
        (host.eq_ignore_ascii_case(&self.host) && same_port).then_some((tls, path))
    }

    fn port(&self, tls: bool) -> u16 {
        if tls { self.https_port } else { self.http_port }
    }

    async fn get(&self, tls: bool, path: &str) -> Result<Reply, Outcome> {
        let connect = TcpStream::connect((self.address, self.port(tls)));
        let stream = match tokio::time::timeout(CONNECT, connect).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                return Err(match error.kind() {
                    ErrorKind::ConnectionRefused => Outcome::Refused,
                    ErrorKind::TimedOut => Outcome::Silent,
                    ErrorKind::NetworkUnreachable
                    | ErrorKind::HostUnreachable
                    | ErrorKind::AddrNotAvailable => Outcome::NoRoute,
                    _ => Outcome::Failed(error.to_string()),
                });
            }
            Err(_) => return Err(Outcome::Silent),
        };
        let answer = async {
            if !tls {
                return self.exchange(stream, tls, path).await;
            }
            let name =
                ServerName::try_from(self.host.clone()).map_err(|error| Outcome::Tls(error.to_string()))?;
            let connector = TlsConnector::from(ClientTls::unverified().config(&[b"http/1.1"]));
            let stream =
                connector.connect(name, stream).await.map_err(|error| Outcome::Tls(error.to_string()))?;
            self.exchange(stream, tls, path).await
        };
        tokio::time::timeout(ANSWER, answer).await.unwrap_or(Err(Outcome::Silent))
    }

    async fn exchange<S>(&self, stream: S, tls: bool, path: &str) -> Result<Reply, Outcome>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let request = Request::get(path)
            .header(header::HOST, self.host_field(tls))
            .header(header::USER_AGENT, concat!("mizan/", env!("CARGO_PKG_VERSION"), " (doctor)"))
            .header(header::ACCEPT, "*/*")
            .header(header::CONNECTION, "close")
            .body(Empty::<Bytes>::new())
            .map_err(|error| Outcome::Failed(error.to_string()))?;
        let failed = |error: hyper::Error| Outcome::Failed(error.to_string());
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
        // Ended with this call, whatever the other side does; what goes wrong in it the answer says as well.
        let mut driver = tokio::task::JoinSet::new();
        driver.spawn(connection);
        let reply = sender.send_request(request).await.map_err(failed)?;
        let (head, body) = reply.into_parts();
        let field = |name, most| {
            let value: Option<&http::HeaderValue> = head.headers.get(name);
            value.map(|value| printable(&String::from_utf8_lossy(value.as_bytes()), most))
        };
        Ok(Reply {
            status: head.status,
            server: field(header::SERVER, SERVER),
            location: field(header::LOCATION, LOCATION),
            body: Limited::new(body, BODY).collect().await.ok().map(http_body_util::Collected::to_bytes),
        })
    }

    fn host_field(&self, tls: bool) -> String {
        let host = match self.host.parse::<IpAddr>() {
            Ok(IpAddr::V6(address)) => format!("[{address}]"),
            _ => self.host.clone(),
        };
        match (tls, self.port(tls)) {
            (false, 80) | (true, 443) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }
}

/// What others wrote, for one line of text.
fn printable(text: &str, most: usize) -> String {
    let clean = text.chars().map(|one| if one.is_control() { '\u{fffd}' } else { one });
    let mut shown: String = clean.clone().take(most).collect();
    if clean.count() > most {
        shown.push('…');
    }
    shown
}
