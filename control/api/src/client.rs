//! The client's side of the admin socket: one connection a call.

mod error;
mod events;
#[cfg(test)]
mod tests;
mod transport;

pub use error::ClientError;
pub use events::Events;

use crate::{
    Certificate, Certificates, CheckReply, Deploy, Deploys, Diagnosis, DrainChange, DrainStatus,
    LeaseRenewal, Mark, ReloadReply, RenewRequest, ResolveReply, ServiceStats, ServiceStatus, Services,
    SplitChange, SplitStatus, Status,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A call takes no longer than this.
const DEADLINE: Duration = Duration::from_secs(10);

/// As above, where files are read and names are looked up.
const LONG_DEADLINE: Duration = Duration::from_secs(30);

#[derive(Debug, Clone)]
pub struct Client {
    socket: PathBuf,
}

impl Client {
    pub fn new(socket: impl Into<PathBuf>) -> Self {
        Self { socket: socket.into() }
    }

    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// `GET /v1/status`.
    pub async fn status(&self) -> Result<Status, ClientError> {
        self.get("/v1/status").await
    }

    /// `GET /v1/services`.
    pub async fn services(&self) -> Result<Services, ClientError> {
        self.get("/v1/services").await
    }

    /// `GET /v1/services/{service}`.
    pub async fn service(&self, service: &str) -> Result<ServiceStatus, ClientError> {
        self.get(&of(service, "")).await
    }

    /// `GET /v1/services/{service}/split`.
    pub async fn split(&self, service: &str) -> Result<SplitStatus, ClientError> {
        self.get(&of(service, "/split")).await
    }

    /// `PUT /v1/services/{service}/split`.
    pub async fn set_split(&self, service: &str, change: &SplitChange) -> Result<SplitStatus, ClientError> {
        self.send("PUT", &of(service, "/split"), change).await
    }

    /// `POST /v1/services/{service}/split/renew`.
    pub async fn renew_lease(
        &self,
        service: &str,
        renewal: &LeaseRenewal,
    ) -> Result<SplitStatus, ClientError> {
        self.send("POST", &of(service, "/split/renew"), renewal).await
    }

    /// `DELETE /v1/services/{service}/split/lease`: the committed split is in force again.
    pub async fn release_lease(
        &self,
        service: &str,
        revision: Option<u64>,
    ) -> Result<SplitStatus, ClientError> {
        self.call("DELETE", &of(service, &based_on("/split/lease", revision)), DEADLINE).await
    }

    /// `DELETE /v1/services/{service}/split`: the split of mizan.yml is in force again.
    pub async fn split_to_file(
        &self,
        service: &str,
        revision: Option<u64>,
    ) -> Result<SplitStatus, ClientError> {
        self.call("DELETE", &of(service, &based_on("/split", revision)), DEADLINE).await
    }

    /// `GET /v1/services/{service}/stats`.
    pub async fn stats(
        &self,
        service: &str,
        mark: Option<&str>,
        older_than_s: Option<u32>,
    ) -> Result<ServiceStats, ClientError> {
        let query: Vec<String> = [
            mark.map(|mark| format!("mark={}", encoded(mark))),
            older_than_s.map(|seconds| format!("older_than={seconds}")),
        ]
        .into_iter()
        .flatten()
        .collect();
        let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
        self.get(&of(service, &format!("/stats{query}"))).await
    }

    /// `PUT /v1/services/{service}/marks/{mark}`.
    pub async fn set_mark(&self, service: &str, mark: &str) -> Result<Mark, ClientError> {
        self.call("PUT", &of(service, &format!("/marks/{}", encoded(mark))), DEADLINE).await
    }

    /// `POST /v1/services/{service}/drain`.
    pub async fn drain(&self, service: &str, change: &DrainChange) -> Result<DrainStatus, ClientError> {
        self.send("POST", &of(service, "/drain"), change).await
    }

    /// `POST /v1/services/{service}/undrain`.
    pub async fn undrain(&self, service: &str, change: &DrainChange) -> Result<DrainStatus, ClientError> {
        self.send("POST", &of(service, "/undrain"), change).await
    }

    /// `POST /v1/check`.
    pub async fn check(&self) -> Result<CheckReply, ClientError> {
        self.call("POST", "/v1/check", DEADLINE).await
    }

    /// `POST /v1/reload`.
    pub async fn reload(&self) -> Result<ReloadReply, ClientError> {
        self.call("POST", "/v1/reload", LONG_DEADLINE).await
    }

    /// `POST /v1/resolve`, or one service's.
    pub async fn resolve(&self, service: Option<&str>) -> Result<ResolveReply, ClientError> {
        let path = service.map_or_else(|| "/v1/resolve".to_owned(), |service| of(service, "/resolve"));
        self.call("POST", &path, LONG_DEADLINE).await
    }

    /// `GET /v1/certificates`.
    pub async fn certificates(&self) -> Result<Certificates, ClientError> {
        self.get("/v1/certificates").await
    }

    /// `POST /v1/certificates/{name}/renew`: the certificate of the site that has this host.
    pub async fn renew_certificate(
        &self,
        name: &str,
        request: &RenewRequest,
    ) -> Result<Certificate, ClientError> {
        self.send("POST", &of_certificate(name, "/renew"), request).await
    }

    /// `POST /v1/certificates/{name}/doctor`.
    pub async fn diagnose_certificate(&self, name: &str) -> Result<Diagnosis, ClientError> {
        self.call("POST", &of_certificate(name, "/doctor"), LONG_DEADLINE).await
    }

    /// `PUT /v1/deploys/{id}`: begins it, says how far it is, or ends it. Words that are too long are cut.
    pub async fn report_deploy(&self, deploy: &Deploy) -> Result<Deploy, ClientError> {
        self.send("PUT", &of_deploy(&deploy.id), &deploy.clone().fitted()).await
    }

    /// `GET /v1/deploys/{id}`.
    pub async fn deploy(&self, id: &str) -> Result<Deploy, ClientError> {
        self.get(&of_deploy(id)).await
    }

    /// `GET /v1/deploys`, of one service or of all.
    pub async fn deploys(&self, service: Option<&str>) -> Result<Deploys, ClientError> {
        let query = service.map(|service| format!("?service={}", encoded(service))).unwrap_or_default();
        self.get(&format!("/v1/deploys{query}")).await
    }

    /// `GET /v1/metrics`, as Prometheus reads them.
    pub async fn metrics(&self) -> Result<String, ClientError> {
        self.within(DEADLINE, transport::exchange(&self.socket, "GET", "/v1/metrics", None)).await?.text()
    }

    /// `GET /v1/config`: what is in force, secrets masked.
    pub async fn config(&self) -> Result<serde_json::Value, ClientError> {
        self.get("/v1/config").await
    }

    /// `GET /v1/events`, from behind the event `last_id` on as far as it is still known.
    pub async fn events(&self, last_id: Option<u64>) -> Result<Events, ClientError> {
        let events = async { Events::begin(transport::begin_events(&self.socket, last_id).await?).await };
        self.within(DEADLINE, events).await
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.call("GET", path, DEADLINE).await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: &str,
        path: &str,
        within: Duration,
    ) -> Result<T, ClientError> {
        self.within(within, transport::exchange(&self.socket, method, path, None)).await?.understood()
    }

    async fn send<T: DeserializeOwned>(
        &self,
        method: &str,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        let body = serde_json::to_vec(body)?;
        self.within(DEADLINE, transport::exchange(&self.socket, method, path, Some(body))).await?.understood()
    }

    async fn within<T>(
        &self,
        limit: Duration,
        call: impl Future<Output = Result<T, ClientError>>,
    ) -> Result<T, ClientError> {
        tokio::time::timeout(limit, call)
            .await
            .map_err(|_| ClientError::Deadline { socket: self.socket.clone(), seconds: limit.as_secs() })?
    }
}

fn of(service: &str, rest: &str) -> String {
    format!("/v1/services/{}{rest}", encoded(service))
}

/// `*` of a wildcard is encoded as well.
fn of_certificate(name: &str, rest: &str) -> String {
    format!("/v1/certificates/{}{rest}", encoded(name))
}

fn of_deploy(id: &str) -> String {
    format!("/v1/deploys/{}", encoded(id))
}

fn based_on(path: &str, revision: Option<u64>) -> String {
    revision.map_or_else(|| path.to_owned(), |revision| format!("{path}?revision={revision}"))
}

/// One segment of a path, or one value of a query, percent-encoded.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut coded, byte| {
        if byte.is_ascii_alphanumeric()
            || b"-_~".contains(&byte)
            || (byte == b'.' && !text.trim_matches('.').is_empty())
        {
            coded.push(char::from(byte));
        } else {
            let _ = write!(coded, "%{byte:02X}");
        }
        coded
    })
}
