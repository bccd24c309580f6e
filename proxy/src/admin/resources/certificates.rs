//! `/v1/certificates`.

use crate::admin::call::{Call, Reply};
use crate::clock;
use mizan_acme::RenewError;
use mizan_api::{Certificates, Problem, ProblemKind, RenewRequest};
use mizan_certs::SiteCertificate;

#[expect(clippy::unnecessary_wraps, reason = "one of the table's functions")]
pub(in crate::admin) fn all(call: &Call) -> Result<Reply, Problem> {
    let acme = &call.admin.runtime.acme;
    let overview = with_sites(call, |sites| acme.overview(sites, now()));
    Ok(Reply::json(&overview.unwrap_or(Certificates { certificates: Vec::new() })))
}

pub(in crate::admin) fn renew(call: &Call) -> Result<Reply, Problem> {
    let change: RenewRequest = call.json()?;
    let (acme, name) = (&call.admin.runtime.acme, call.parameter(0));
    acme.renew(name, change.force).map_err(|error| match error {
        RenewError::Unknown(_) => Problem::new(ProblemKind::NotFound, error.to_string()),
        RenewError::NotNow(_) => Problem::new(ProblemKind::NotNow, error.to_string()),
    })?;
    let certificate = with_sites(call, |sites| acme.certificate_of(name, sites, now())).flatten();
    certificate.map(|certificate| Reply::json(&certificate)).ok_or_else(|| unknown(name))
}

pub(in crate::admin) fn doctor(
    call: Call,
) -> std::pin::Pin<Box<dyn Future<Output = Result<Reply, Problem>> + Send>> {
    Box::pin(async move {
        let name = call.parameter(0);
        let diagnosis = call.admin.runtime.acme.diagnose(name).await;
        diagnosis.map(|diagnosis| Reply::json(&diagnosis)).ok_or_else(|| unknown(name))
    })
}

fn unknown(name: &str) -> Problem {
    Problem::new(ProblemKind::NotFound, format!("no site with `tls: acme` has the host {name}"))
}

/// `None`: there are no certificates at all.
fn with_sites<T>(call: &Call, look: impl FnOnce(&[SiteCertificate]) -> T) -> Option<T> {
    let tls = call.admin.runtime.server_tls();
    tls.as_ref().map(|tls| look(tls.sites()))
}

fn now() -> i64 {
    clock::unix_seconds().cast_signed()
}
