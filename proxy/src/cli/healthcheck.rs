//! `mizan healthcheck`: asks a running mizan, as a container's health check does.

use super::fail;
use bytes::Bytes;
use clap::Args;
use http::{Request, StatusCode, header};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use mizan_config::model::{ListenAddress, Probes};
use std::fmt::{Display, Formatter};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::runtime::Builder;

/// From the connect to the answer's head.
const DEADLINE: Duration = Duration::from_secs(2);

/// Ask the mizan that runs with this file whether it serves. Exit code 0: it does, 1: it does not, with the reason.
///
/// The question goes to the file's first listener, over loopback where that listens on every address, for the path
/// `probes.health`.
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
        let target = match target(&config.listen[0].address) {
            Ok(target) => target,
            Err(error) => return fail(error),
        };
        match check(&target, &config.probes) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(format_args!("{target}: {error}")),
        }
    }
}

fn check(target: &Target, probes: &Probes) -> Result<(), HealthcheckError> {
    let path = probes.health.as_deref().ok_or(HealthcheckError::NoProbe)?;
    let runtime = Builder::new_current_thread().enable_all().build().map_err(HealthcheckError::Start)?;
    let asked = async { tokio::time::timeout(DEADLINE, ask(target, path)).await };
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

async fn ask(target: &Target, path: &str) -> Result<StatusCode, HealthcheckError> {
    match target {
        Target::Tcp(address) => {
            status(TcpStream::connect(address).await.map_err(HealthcheckError::Connect)?, path).await
        }
        Target::Unix(socket) => {
            status(UnixStream::connect(socket).await.map_err(HealthcheckError::Connect)?, path).await
        }
    }
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
