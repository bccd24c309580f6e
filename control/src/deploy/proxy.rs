//! The admin socket, as a deploy uses it: a proxy that starts anew is waited for.

use mizan_api::{
    Client, ClientError, DrainChange, DrainStatus, EndpointState, ProblemKind, ServiceStats, ServiceStatus,
    SplitChange, SplitStatus, Weights,
};
use mizan_rollout::Reason;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::time::Instant;

/// A proxy that does not answer is asked again for so long.
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(100);
const NO_ENDPOINT_PATIENCE: Duration = Duration::from_secs(5);

/// One service of the proxy.
#[derive(Debug, Clone)]
pub(crate) struct Proxy {
    client: Client,
    service: String,
}

/// How a request names its track.
#[derive(Debug, Clone, Default)]
pub(crate) struct Forced {
    pub(crate) header: Option<String>,
    pub(crate) cookie: Option<String>,
}

/// What mizan.yml says of the service that a deploy has to know.
#[derive(Debug, Clone, Default)]
pub(crate) struct Configured {
    pub(crate) health: bool,
    pub(crate) forced: Forced,
}

impl Proxy {
    pub(crate) fn new(client: Client, service: &str) -> Self {
        Self { client, service: service.to_owned() }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn service_name(&self) -> &str {
        &self.service
    }

    pub(crate) async fn service(&self) -> Result<ServiceStatus, ClientError> {
        patient(|| self.client.service(&self.service)).await
    }

    pub(crate) async fn split(&self) -> Result<SplitStatus, ClientError> {
        patient(|| self.client.split(&self.service)).await
    }

    pub(crate) async fn stats(&self) -> Result<ServiceStats, ClientError> {
        patient(|| self.client.stats(&self.service, None, None)).await
    }

    /// A proxy that was started anew has to ask its endpoints first: it is given a moment.
    pub(crate) async fn set_split(&self, change: &SplitChange) -> Result<SplitStatus, ClientError> {
        let end = Instant::now() + NO_ENDPOINT_PATIENCE;
        loop {
            match patient(|| self.client.set_split(&self.service, change)).await {
                Err(ClientError::Refused(problem))
                    if problem.kind == ProblemKind::NoEndpoint && Instant::now() < end =>
                {
                    tokio::time::sleep(PAUSE).await;
                }
                outcome => return outcome,
            }
        }
    }

    pub(crate) async fn release_lease(&self) -> Result<(), ClientError> {
        match patient(|| self.client.release_lease(&self.service, None)).await {
            Ok(_) => Ok(()),
            Err(ClientError::Refused(problem)) if problem.kind == ProblemKind::NoLease => Ok(()),
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn drain(&self, change: &DrainChange) -> Result<DrainStatus, ClientError> {
        patient(|| self.client.drain(&self.service, change)).await
    }

    /// What is not there needs no undraining.
    pub(crate) async fn undrain(&self, change: &DrainChange) -> Result<(), ClientError> {
        match patient(|| self.client.undrain(&self.service, change)).await {
            Ok(_) => Ok(()),
            Err(ClientError::Refused(problem)) if problem.kind == ProblemKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Looks names up at once; an answer that does not come is no trouble.
    pub(crate) async fn resolve(&self) {
        let _ = tokio::time::timeout(Duration::from_secs(2), self.client.resolve(Some(&self.service))).await;
    }

    /// Another number after each start of the proxy.
    pub(crate) async fn process(&self) -> Result<u64, ClientError> {
        Ok(patient(|| self.client.status()).await?.started_unix_ms)
    }

    pub(crate) async fn configured(&self) -> Result<Configured, ClientError> {
        let config = patient(|| self.client.config()).await?;
        let service = &config["services"][&self.service];
        let name = |key: &str| service["force"][key].as_str().map(str::to_owned);
        Ok(Configured {
            health: service["health"].is_object(),
            forced: Forced { header: name("header"), cookie: name("cookie") },
        })
    }
}

/// Asks again while nobody answers.
async fn patient<T, F>(call: impl Fn() -> F) -> Result<T, ClientError>
where
    F: Future<Output = Result<T, ClientError>>,
{
    let end = Instant::now() + PATIENCE;
    loop {
        match call().await {
            Err(error) if passing(&error) && Instant::now() < end => tokio::time::sleep(PAUSE).await,
            outcome => return outcome,
        }
    }
}

fn passing(error: &ClientError) -> bool {
    matches!(error, ClientError::Connect { source, .. } if source.kind() != std::io::ErrorKind::PermissionDenied)
        || matches!(error, ClientError::Deadline { .. } | ClientError::Http(_))
}

/// Why a call failed, as a deploy's journal has it.
pub(crate) fn reason(error: &ClientError) -> Reason {
    match error {
        ClientError::Refused(problem) => match problem.kind {
            ProblemKind::StaleRevision => Reason::SplitChanged,
            ProblemKind::NoEndpoint => Reason::Unhealthy,
            ProblemKind::CannotWrite | ProblemKind::NoState => Reason::Disk,
            _ => Reason::Proxy,
        },
        _ => Reason::Proxy,
    }
}

/// All requests to one track.
pub(crate) fn whole(track: &str) -> Weights {
    [(track.to_owned(), 100)].into()
}

/// The track that has all weight; `None`: several have, or none.
pub(crate) fn sole(weights: &Weights) -> Option<&str> {
    let mut with_weight = weights.iter().filter(|(_, weight)| **weight > 0);
    match (with_weight.next(), with_weight.next()) {
        (Some((track, _)), None) => Some(track),
        _ => None,
    }
}

/// Of an endpoint; a Unix socket has none.
pub(crate) fn ip(address: &str) -> Option<IpAddr> {
    address.parse::<SocketAddr>().ok().map(|address| address.ip().to_canonical())
}

/// The endpoints of a track that take requests.
pub(crate) fn up(service: &ServiceStatus, track: &str) -> u32 {
    let track = service.tracks.iter().find(|one| one.name == track);
    let up = |track: &mizan_api::TrackStatus| {
        track.endpoints.iter().filter(|endpoint| endpoint.state == EndpointState::Up).count()
    };
    track.map_or(0, up) as u32
}
