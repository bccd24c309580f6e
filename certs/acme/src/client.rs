//! The HTTP client that talks to an authority: with limits on time and size, and with a memory for what the authority says
//! beside its JSON.

mod answer;

pub(crate) use answer::NOT_ACME;

use crate::clock::unix_now;
use crate::resolver;
use answer::{date_of, in_acmes_words, retry_after};
use bytes::Bytes;
use http::header::{DATE, HOST, USER_AGENT};
use http::{HeaderValue, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// How long a connection may take, with its handshake.
const CONNECT: Duration = Duration::from_secs(5);
/// How long one request may take, with its connection.
const REQUEST: Duration = Duration::from_secs(30);
/// The largest answer that is read. A chain of certificates has a hundredth of it.
const LARGEST: usize = 1024 * 1024;
/// How an authority that has never met us sees who calls (RFC 8555, 6.1).
const AGENT: HeaderValue = HeaderValue::from_static(concat!("mizan/", env!("CARGO_PKG_VERSION")));

/// What an authority said beside its JSON.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Aside {
    /// Unix seconds: `Retry-After` of the last answer that was an error.
    pub(crate) retry_after: Option<i64>,
    /// By how many seconds its clock is before ours.
    pub(crate) skew: Option<i64>,
}

/// Keeps one connection to each host of an authority.
#[derive(Clone)]
pub(crate) struct Client {
    inner: Arc<Inner>,
    /// Of one attempt: several go on at once.
    aside: Arc<Mutex<Aside>>,
}

struct Inner {
    resolvers: Vec<SocketAddr>,
    /// Or why TLS cannot be spoken: no reason not to serve what is there.
    tls: Result<TlsConnector, String>,
    idle: Mutex<HashMap<String, SendRequest<Full<Bytes>>>>,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    #[error("cannot read the authority's own root, {file}: {why}")]
    Root { file: String, why: String },
    #[error("this system trusts no authority at all; install ca-certificates, or name a root with `ca`")]
    NoRoots,
    #[error("TLS cannot be spoken: {0}")]
    Tls(#[from] rustls::Error),
    #[error("{0} is no URL of an authority")]
    Url(String),
    #[error("{host} cannot be reached: {why}")]
    Unreachable { host: String, why: String },
    #[error("{host} did not answer within {} s", REQUEST.as_secs())]
    Mute { host: String },
    #[error("{url} answered {status}{shown}")]
    Status { url: String, status: StatusCode, shown: String },
}

impl Client {
    /// `ca`: PEM of whom the authority's own certificate must come from; `None`: the system's roots.
    ///
    /// `resolvers`: DNS servers; empty: those of the system.
    pub(crate) fn new(ca: Option<&Path>, resolvers: &[SocketAddr]) -> Self {
        let tls = connector(ca).map_err(|error| error.to_string());
        let inner = Inner { resolvers: resolvers.to_vec(), tls, idle: Mutex::default() };
        Self { inner: Arc::new(inner), aside: Arc::default() }
    }

    /// For one attempt: over the same connections, with nothing said aside yet.
    pub(crate) fn fresh(&self) -> Self {
        Self { inner: self.inner.clone(), aside: Arc::default() }
    }

    pub(crate) fn aside(&self) -> Aside {
        *self.aside.lock().expect("nothing panics while it holds the lock")
    }

    async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, ClientError> {
        let (method, url) = (request.method().clone(), request.uri().clone());
        let answer = self.inner.exchange(request).await?;
        self.note(&answer);
        in_acmes_words(answer, &method, &url)
    }

    fn note(&self, answer: &Response<Bytes>) {
        let now = unix_now();
        let mut aside = self.aside.lock().expect("nothing panics while it holds the lock");
        if let Some(date) = answer.headers().get(DATE).and_then(date_of) {
            aside.skew = Some(date - now);
        }
        if !answer.status().is_success() {
            aside.retry_after = retry_after(answer.headers(), now);
        }
    }

    /// A resource that needs no account.
    pub(crate) async fn get(&self, url: &str) -> Result<Bytes, ClientError> {
        let request = Request::get(url).body(Bytes::new());
        let request = request.map_err(|_| ClientError::Url(url.to_owned()))?;
        Ok(self.exchange(request).await?.into_body())
    }
}

impl HttpClient for Client {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let client = self.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.map(http_body_util::Collected::to_bytes);
            let body = body.unwrap_or_else(|never| match never {});
            let answer = client.exchange(Request::from_parts(parts, body)).await;
            let answer = answer.map_err(|error| Error::Other(Box::new(error)))?;
            Ok(BytesResponse::from(answer.map(Full::new)))
        })
    }
}

impl Inner {
    async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, ClientError> {
        let host = request.uri().authority().map(ToString::to_string);
        let host = host.ok_or_else(|| ClientError::Url(request.uri().to_string()))?;
        match timeout(REQUEST, self.send(request, &host)).await {
            Ok(answer) => answer,
            Err(_) => Err(ClientError::Mute { host }),
        }
    }

    async fn send(&self, request: Request<Bytes>, host: &str) -> Result<Response<Bytes>, ClientError> {
        let unreachable = |why: &dyn std::fmt::Display| ClientError::Unreachable {
            host: host.to_owned(),
            why: why.to_string(),
        };
        let request = origin_form(request, host).map_err(|error| unreachable(&error))?;
        let kept = self.idle.lock().expect("nothing panics while it holds the lock").remove(host);
        let mut unsent = request;
        if let Some(mut kept) = kept
            && kept.ready().await.is_ok()
        {
            match kept.try_send_request(unsent).await {
                Ok(answer) => {
                    return self.receive(answer, kept, host).await.map_err(|error| unreachable(&error));
                }
                Err(mut error) => match error.take_message() {
                    // The authority closed it while it was idle; this request was never sent.
                    Some(request) => unsent = request,
                    None => return Err(unreachable(&chain(&error.into_error()))),
                },
            }
        }
        let mut fresh = self.connect(host).await?;
        let answer = fresh.send_request(unsent).await.map_err(|error| unreachable(&chain(&error)))?;
        self.receive(answer, fresh, host).await.map_err(|error| unreachable(&error))
    }

    /// Reads the answer whole, so that its connection can be used again.
    async fn receive(
        &self,
        answer: Response<hyper::body::Incoming>,
        sender: SendRequest<Full<Bytes>>,
        host: &str,
    ) -> Result<Response<Bytes>, String> {
        let (parts, body) = answer.into_parts();
        let body = Limited::new(body, LARGEST).collect().await.map_err(|error| error.to_string())?;
        self.idle.lock().expect("nothing panics while it holds the lock").insert(host.to_owned(), sender);
        Ok(Response::from_parts(parts, body.to_bytes()))
    }

    async fn connect(&self, host: &str) -> Result<SendRequest<Full<Bytes>>, ClientError> {
        let unreachable = |why: String| ClientError::Unreachable { host: host.to_owned(), why };
        let dial = async {
            let authority: http::uri::Authority = host.parse().map_err(|_| "it is no host".to_owned())?;
            let name = authority.host().trim_matches(['[', ']']).to_owned();
            let port = authority.port_u16().unwrap_or(443);
            let addresses = resolver::addresses(&self.resolvers, &name).await?;
            let addresses: Vec<SocketAddr> =
                addresses.into_iter().map(|address| SocketAddr::new(address, port)).collect();
            let stream = first_of(&addresses).await?;
            // Small requests that wait for an answer each: Nagle's algorithm costs 40 ms a step.
            stream.set_nodelay(true).map_err(|error| error.to_string())?;
            let server = ServerName::try_from(name).map_err(|error| error.to_string())?;
            let tls = self.tls.as_ref().map_err(Clone::clone)?;
            tls.connect(server, stream).await.map_err(|error| error.to_string())
        };
        let stream = match timeout(CONNECT, dial).await {
            Ok(stream) => stream.map_err(unreachable)?,
            Err(_) => return Err(unreachable(format!("no connection within {} s", CONNECT.as_secs()))),
        };
        let (sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| unreachable(error.to_string()))?;
        tokio::spawn(async move {
            // Whoever waits for an answer is told of an error; nobody else cares.
            let _ = connection.await;
        });
        Ok(sender)
    }
}

fn connector(ca: Option<&Path>) -> Result<TlsConnector, ClientError> {
    let roots = match ca {
        Some(file) => roots_of(file)?,
        None => {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if roots.is_empty() {
                return Err(ClientError::NoRoots);
            }
            roots
        }
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config).into())
}

/// The first address that takes a connection: each has its part of the time, so that one that hangs is not the end.
async fn first_of(addresses: &[SocketAddr]) -> Result<TcpStream, String> {
    let share = CONNECT / u32::try_from(addresses.len() + 1).unwrap_or(u32::MAX);
    let mut last = "it has no address".to_owned();
    for address in addresses {
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = format!("{error} ({address})"),
            Err(_) => last = format!("no connection in time ({address})"),
        }
    }
    Err(last)
}

fn origin_form(request: Request<Bytes>, host: &str) -> Result<Request<Full<Bytes>>, http::Error> {
    let (mut parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    parts.uri = path.parse::<Uri>()?;
    parts.headers.insert(HOST, HeaderValue::from_str(host)?);
    parts.headers.insert(USER_AGENT, AGENT);
    Ok(Request::from_parts(parts, Full::new(body)))
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn roots_of(file: &Path) -> Result<RootCertStore, ClientError> {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;
    let failed = |why: String| ClientError::Root { file: file.display().to_string(), why };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).map_err(|error| failed(error.to_string()))? {
        let certificate = certificate.map_err(|error| failed(error.to_string()))?;
        roots.add(certificate).map_err(|error| failed(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(failed("it holds no certificate".into()));
    }
    Ok(roots)
}
