//! One message to one webhook, tried a few times. Nothing here says more of the URL than its host.

use http::header::{CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};
use hyper_rustls::{ConfigBuilderExt, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use mizan_config::secret::Secret;
use rustls::ClientConfig;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// Of an answer, so much is read.
const LARGEST_ANSWER: usize = 64 * 1024;

/// The reason of a refusal is waited for so long; that it was refused is known without.
const WORD: Duration = Duration::from_secs(1);

/// A webhook may ask for a longer pause, but for no longer one than this.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Post {
    pub(super) url: Secret,
    pub(super) body: Vec<u8>,
    /// Of one try.
    pub(super) timeout: Duration,
    pub(super) tls: Result<ClientConfig, String>,
    pub(super) tries: Tries,
}

/// The pauses between tries: one try more than there are pauses.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tries {
    pub(super) pauses: [Duration; 2],
}

impl Default for Tries {
    fn default() -> Self {
        Self { pauses: [Duration::from_secs(1), Duration::from_secs(3)] }
    }
}

/// Why a try was none.
#[derive(Debug)]
struct Refusal {
    why: String,
    again: Again,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Again {
    /// The same would come of it.
    Never,
    /// `None`: as soon as we like.
    After(Option<Duration>),
}

/// What this machine trusts.
pub(super) fn tls() -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let builder = builder.with_native_roots().map_err(|error| {
        format!(
            "no certificate authority is known here ({error}): install ca-certificates, or set SSL_CERT_FILE"
        )
    })?;
    Ok(builder.with_no_client_auth())
}

/// All that may be said of a URL.
pub(super) fn host(url: &Secret) -> Option<String> {
    Some(url.expose().parse::<Uri>().ok()?.host()?.to_owned())
}

impl Post {
    pub(super) async fn send(self) -> Result<(), String> {
        // What the parser says would be safe as well, but nobody promises that.
        let uri: Uri = self.url.expose().parse().map_err(|_| "its `url` is not one".to_owned())?;
        let config = match (&self.tls, uri.scheme_str()) {
            (Ok(config), _) => config.clone(),
            (Err(why), Some("https")) => return Err(why.clone()),
            (Err(_), _) => bare()?,
        };
        let client = client(config);
        let mut pauses = self.tries.pauses.iter();
        let mut tries = 1;
        loop {
            let refusal = match timeout(self.timeout, self.attempt(&client, &uri)).await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(refusal)) => refusal,
                Err(_) => Refusal {
                    why: format!("it did not answer within {} s", self.timeout.as_secs_f64()),
                    again: Again::After(None),
                },
            };
            let (Again::After(asked), Some(pause)) = (refusal.again, pauses.next()) else {
                return Err(match tries {
                    1 => refusal.why,
                    _ => format!("{} ({tries} tries)", refusal.why),
                });
            };
            sleep(asked.unwrap_or_default().min(LONGEST_PAUSE).max(*pause)).await;
            tries += 1;
        }
    }

    async fn attempt(&self, client: &HttpsClient, uri: &Uri) -> Result<(), Refusal> {
        let request = Request::post(uri.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, concat!("mizanctl/", env!("CARGO_PKG_VERSION")))
            .body(Full::from(self.body.clone()))
            .map_err(|_| Refusal { why: "its `url` is not one".to_owned(), again: Again::Never })?;
        let answer = client.request(request).await.map_err(|error| self.unanswered(&error))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let again = again(status, answer.headers());
        let word = timeout(WORD, self.word(answer)).await.unwrap_or_default();
        let hint =
            if status.is_redirection() { "; redirects are not followed: correct its `url`" } else { "" };
        Err(Refusal { why: format!("it answered {status}{word}{hint}"), again })
    }

    fn unanswered(&self, error: &hyper_util::client::legacy::Error) -> Refusal {
        let why = self.without_url(&chain(error));
        match refused_certificate(error) {
            None => Refusal { why, again: Again::After(None) },
            Some(rustls::CertificateError::UnknownIssuer) => Refusal {
                why: format!("{why}: trust who signed it on this machine, or set SSL_CERT_FILE"),
                again: Again::Never,
            },
            Some(_) => Refusal { why, again: Again::Never },
        }
    }

    /// ` (no_service)`: a code that the other side gives. Anything longer may repeat what we sent, and with it the URL.
    async fn word(&self, answer: Response<Incoming>) -> String {
        let Ok(body) = Limited::new(answer.into_body(), LARGEST_ANSWER).collect().await else {
            return String::new();
        };
        let body = body.to_bytes();
        match std::str::from_utf8(&body).map(str::trim) {
            Ok(word)
                if (1..=40).contains(&word.len())
                    && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
                    && !self.url.expose().contains(word) =>
            {
                format!(" ({word})")
            }
            _ => String::new(),
        }
    }

    /// No error that we know has it; one of a later version might.
    fn without_url(&self, why: &str) -> String {
        let url = self.url.expose();
        let path =
            url.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map_or("", |(_, path)| path);
        if why.contains(url) || (!path.is_empty() && why.contains(path)) {
            "it could not be reached".to_owned()
        } else {
            why.to_owned()
        }
    }
}

type HttpsClient = Client<hyper_rustls::HttpsConnector<HttpConnector>, Full<Bytes>>;

fn client(config: ClientConfig) -> HttpsClient {
    let connector =
        HttpsConnectorBuilder::new().with_tls_config(config).https_or_http().enable_http1().build();
    // A connection that was kept may be gone after a pause; each try has its own.
    Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector)
}

/// For plain http alone: it trusts nobody.
fn bare() -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth())
}

/// A busy or broken server may be better in a moment; one that understood and refused will not.
fn again(status: StatusCode, headers: &HeaderMap) -> Again {
    if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() {
        let seconds = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        Again::After(seconds.map(Duration::from_secs))
    } else {
        Again::Never
    }
}

/// What rustls has against a certificate, however deep it is wrapped: an I/O error does not give its own as its source.
fn refused_certificate<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> Option<&'a rustls::CertificateError> {
    if let Some(rustls::Error::InvalidCertificate(why)) = error.downcast_ref() {
        return Some(why);
    }
    let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    let inner = inner.map(|inner| inner as &(dyn std::error::Error + 'static));
    refused_certificate(inner.or_else(|| error.source())?)
}

/// An error's causes: what the client says itself ("client error (Connect)") helps nobody.
fn chain(error: &dyn std::error::Error) -> String {
    let Some(mut error) = error.source() else { return error.to_string() };
    let mut texts = vec![error.to_string()];
    while let Some(cause) = error.source() {
        let text = cause.to_string();
        // Some repeat their cause.
        if texts.last().is_none_or(|last| !last.contains(&text)) {
            texts.push(text);
        }
        error = cause;
    }
    texts.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(after: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(RETRY_AFTER, after.parse().unwrap())])
    }

    #[test]
    fn what_may_pass_is_tried_again_and_nothing_else() {
        let none = HeaderMap::new();
        for status in [500, 502, 503, 504, 429] {
            assert_eq!(again(StatusCode::from_u16(status).unwrap(), &none), Again::After(None), "{status}");
        }
        for status in [301, 302, 307, 400, 401, 403, 404, 410] {
            assert_eq!(again(StatusCode::from_u16(status).unwrap(), &none), Again::Never, "{status}");
        }
        let busy = StatusCode::TOO_MANY_REQUESTS;
        assert_eq!(again(busy, &with("7")), Again::After(Some(Duration::from_secs(7))));
        assert_eq!(again(busy, &with("Wed, 21 Oct 2026 07:28:00 GMT")), Again::After(None));
    }

    #[test]
    fn only_the_host_is_said_of_a_url() {
        let host = |url: &str| host(&Secret::new(url.to_owned()));
        assert_eq!(host("https://user:word@hooks.test:8443/T0/B0?x=1").as_deref(), Some("hooks.test"));
        assert_eq!(host("not a url"), None);
        assert_eq!(host("/path"), None);
    }
}
