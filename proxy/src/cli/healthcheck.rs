//! `mizan healthcheck`: asks a running mizan, as a container's health check does.

use super::fail;
use bytes::Bytes;
use clap::Args;
use http::{Request, StatusCode, header};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use mizan_certs::ClientTls;
use mizan_config::model::{HostPattern, ListenAddress, ListenProtocol, Probes, Site};
use rustls::pki_types::ServerName;
use std::fmt::{Display, Formatter};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::runtime::Builder;
use tokio_rustls::TlsConnector;

/// From the connect to the answer's head.
const DEADLINE: Duration = Duration::from_secs(2);

/// Ask the mizan that runs with this file whether it serves. Exit code 0: it does, 1: it does not, with the reason.
///
/// The question goes to the file's first listener (one for plain HTTP where there is one), over loopback where that listens
/// on every address, for the path `probes.health`. Over TLS the certificate is not verified: whether the process serves is
/// asked, not whether clients trust it.
#[derive(Debug, Args)]
pub(super) struct Healthcheck {
    /// The file that the running mizan was started with
    #[arg(short, long, value_name = "FILE", default_value = "mizan.yml")]
    config: PathBuf,
}

/// Where to ask.
#[derive(Debug, PartialEq, Eq)]
enum Target {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// Why it is not known to be well.
#[derive(Debug, thiserror::Error)]
enum HealthcheckError {
    #[error("`probes.health` is turned off: there is nothing to ask")]
    NoProbe,
    #[error("the first listener's port is chosen by the system: give it one")]
    NoPort,
    #[error("cannot connect: {0}")]
    Connect(io::Error),
    #[error("TLS failed: {0}")]
    Tls(io::Error),
    #[error("no answer within {} s", DEADLINE.as_secs())]
    Time,
    #[error("answered {0}")]
    Status(StatusCode),
    #[error("the answer broke off or is no HTTP: {0}")]
    Http(#[from] hyper::Error),
    #[error("the request cannot be made: {0}")]
    Request(#[from] http::Error),
    #[error("cannot start: {0}")]
    Start(io::Error),
}

impl Healthcheck {
    pub(super) fn run(self) -> ExitCode {
        let config = match mizan_config::load(&self.config) {
            Ok(config) => config,
            Err(problems) => {
                let first = problems.lines().next().unwrap_or_default();
                return fail(format_args!("where to ask is not known: {first}"));
            }
        };
        let listener = &config.listen[0];
        let target = match target(&listener.address) {
            Ok(target) => target,
            Err(error) => return fail(error),
        };
        let tls = (listener.protocol == ListenProtocol::Https).then(|| name_for_tls(&config.sites));
        match check(&target, tls.as_deref(), &config.probes) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(format_args!("{target}: {error}")),
        }
    }
}

/// The name of a site that has a certificate and asks for none, if there is one; else any: a site for all takes it.
fn name_for_tls(sites: &[Site]) -> String {
    let asks = |site: &&Site| {
        site.tls.as_ref().is_some_and(|tls| tls.client_auth.as_ref().is_some_and(|auth| auth.required))
    };
    let with_certificate = || sites.iter().filter(|site| site.tls.is_some());
    let site = with_certificate().find(|site| !asks(site)).or_else(|| with_certificate().next());
    let name = site.and_then(|site| site.hosts.first()).map(|host| match host {
        HostPattern::Exact(name) => name.clone(),
        HostPattern::Wildcard(domain) => format!("health.{domain}"),
        HostPattern::Any => "localhost".to_owned(),
    });
    name.unwrap_or_else(|| "localhost".to_owned())
}

/// `tls`: the name to ask for.
fn check(target: &Target, tls: Option<&str>, probes: &Probes) -> Result<(), HealthcheckError> {
    let path = probes.health.as_deref().ok_or(HealthcheckError::NoProbe)?;
    let runtime = Builder::new_current_thread().enable_all().build().map_err(HealthcheckError::Start)?;
    let asked = async { tokio::time::timeout(DEADLINE, ask(target, tls, path)).await };
    match runtime.block_on(asked).map_err(|_| HealthcheckError::Time)?? {
        StatusCode::OK => Ok(()),
        status => Err(HealthcheckError::Status(status)),
    }
}

fn target(listener: &ListenAddress) -> Result<Target, HealthcheckError> {
    let address = match listener {
        ListenAddress::AnyAddress(port) => SocketAddr::from((Ipv4Addr::LOCALHOST, *port)),
        ListenAddress::Tcp(address) => match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => (Ipv4Addr::LOCALHOST, address.port()).into(),
            IpAddr::V6(ip) if ip.is_unspecified() => (Ipv6Addr::LOCALHOST, address.port()).into(),
            IpAddr::V4(_) | IpAddr::V6(_) => *address,
        },
        ListenAddress::Unix(path) => return Ok(Target::Unix(path.clone())),
    };
    if address.port() == 0 { Err(HealthcheckError::NoPort) } else { Ok(Target::Tcp(address)) }
}

async fn ask(target: &Target, tls: Option<&str>, path: &str) -> Result<StatusCode, HealthcheckError> {
    match target {
        Target::Tcp(address) => {
            over(TcpStream::connect(address).await.map_err(HealthcheckError::Connect)?, tls, path).await
        }
        Target::Unix(socket) => {
            over(UnixStream::connect(socket).await.map_err(HealthcheckError::Connect)?, tls, path).await
        }
    }
}

async fn over<S>(stream: S, tls: Option<&str>, path: &str) -> Result<StatusCode, HealthcheckError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Some(name) = tls else { return status(stream, path).await };
    let name = ServerName::try_from(name.to_owned())
        .map_err(|error| HealthcheckError::Tls(io::Error::other(error)))?;
    let connector = TlsConnector::from(ClientTls::unverified().config(&[b"http/1.1"]));
    status(connector.connect(name, stream).await.map_err(HealthcheckError::Tls)?, path).await
}

async fn status<S>(stream: S, path: &str) -> Result<StatusCode, HealthcheckError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let request = Request::get(path)
        .header(header::HOST, "localhost")
        .header(header::USER_AGENT, concat!("mizan/", env!("CARGO_PKG_VERSION"), " (healthcheck)"))
        .header(header::CONNECTION, "close")
        .body(Empty::<Bytes>::new())?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // It ends with the process at the latest; what goes wrong in it the answer says as well.
    tokio::spawn(connection);
    Ok(sender.send_request(request).await?.status())
}

impl Display for Target {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_listener_is_asked_over_loopback() {
        let asked = |listener| target(&listener).expect("it has a port").to_string();
        assert_eq!(asked(ListenAddress::AnyAddress(80)), "127.0.0.1:80");
        for (written, wanted) in [
            ("0.0.0.0:80", "127.0.0.1:80"),
            ("[::]:80", "[::1]:80"),
            ("10.0.0.2:80", "10.0.0.2:80"),
            ("[fd00::1]:80", "[fd00::1]:80"),
        ] {
            assert_eq!(asked(ListenAddress::Tcp(written.parse().expect("an address"))), wanted);
        }
        assert_eq!(asked(ListenAddress::Unix("/run/http.sock".into())), "unix:/run/http.sock");
    }

    #[test]
    fn a_port_that_the_system_chooses_cannot_be_asked() {
        assert!(matches!(target(&ListenAddress::AnyAddress(0)), Err(HealthcheckError::NoPort)));
    }
}
