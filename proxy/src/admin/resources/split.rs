//! `/v1/services/{service}/split`.

use super::services::has_split;
use crate::admin::call::{Call, Reply, bad};
use crate::admin::named;
use crate::state::State;
use crate::upstream::{Service, Steer, SteerError};
use mizan_api::{LeaseRenewal, Problem, ProblemKind, SplitChange, Weights};
use mizan_policy::split::SplitFault;
use std::sync::Arc;
use std::time::Duration;

/// How long a lease may be, in seconds.
const LEASE: std::ops::RangeInclusive<f64> = 0.1..=86_400.0;

pub(in crate::admin) fn get(call: &Call) -> Result<Reply, Problem> {
    let service = call.admin.service(call.parameter(0))?;
    splittable(&service)?;
    Ok(Reply::json(&service.steering.status()))
}

pub(in crate::admin) fn put(call: &Call) -> Result<Reply, Problem> {
    let change: SplitChange = call.json()?;
    let hold = change.lease_seconds.map(hold).transpose()?;
    steer(call, |service| {
        let weights = weights(service, &change.weights)?;
        let expected = change.revision;
        if expected.is_none_or(|expected| expected == service.steering.status().revision) && !change.force {
            reaches_somebody(service, &weights)?;
        }
        Ok(match hold {
            Some(hold) => Steer::Lease { weights, expected, hold },
            None => Steer::Commit { weights, expected },
        })
    })
}

pub(in crate::admin) fn to_file(call: &Call) -> Result<Reply, Problem> {
    let expected = call.query("revision")?;
    steer(call, |service| Ok(Steer::ToFile { weights: service.file_split().to_vec(), expected }))
}

pub(in crate::admin) fn renew(call: &Call) -> Result<Reply, Problem> {
    let renewal: LeaseRenewal = call.json()?;
    let hold = hold(renewal.lease_seconds)?;
    steer(call, |_| Ok(Steer::Renew { expected: renewal.revision, hold }))
}

pub(in crate::admin) fn release(call: &Call) -> Result<Reply, Problem> {
    let expected = call.query("revision")?;
    steer(call, |_| Ok(Steer::Release { expected }))
}

/// Changes the split of the call's service while no reload replaces it.
fn steer(call: &Call, wanted: impl FnOnce(&Service) -> Result<Steer, Problem>) -> Result<Reply, Problem> {
    call.admin.changer.steer(|snapshot, state: Option<&State>| {
        let service: Arc<Service> = named(&snapshot.services, call.parameter(0))?;
        splittable(&service)?;
        let change = wanted(&service)?;
        let status = service.steering.steer(change, state).map_err(|error| refused(&service, error))?;
        Ok(Reply::json(&status))
    })
}

fn refused(service: &Service, error: SteerError) -> Problem {
    let split = Some(Box::new(service.steering.status()));
    match error {
        SteerError::Fault(SplitFault::Stale { revision }) => {
            let detail = format!(
                "somebody changed the split of `{}` in between: its revision is {revision} now",
                service.name
            );
            Problem { split, ..Problem::new(ProblemKind::StaleRevision, detail) }
        }
        SteerError::Fault(SplitFault::NoLease) => {
            let detail = format!("the split of `{}` is not leased (any more)", service.name);
            Problem { split, ..Problem::new(ProblemKind::NoLease, detail) }
        }
        SteerError::NoState => Problem::new(
            ProblemKind::NoState,
            "mizan.yml has no `state`, so the split would be lost at the next restart: add `state: /var/lib/mizan` and \
             restart, or lease the split",
        ),
        SteerError::State(error) => Problem::new(ProblemKind::CannotWrite, error.to_string()),
    }
}

fn splittable(service: &Service) -> Result<(), Problem> {
    if has_split(service) {
        return Ok(());
    }
    let detail = format!("the service `{}` has no `tracks`, so there is nothing to split", service.name);
    Err(Problem::new(ProblemKind::NotFound, detail))
}

fn weights(service: &Service, wanted: &Weights) -> Result<Vec<u32>, Problem> {
    let weights = service.steering.in_order(wanted).map_err(|stranger| {
        let tracks: Vec<&str> = service.tracks.iter().map(|track| track.name.as_str()).collect();
        let detail = format!(
            "the service `{}` has no track `{stranger}`; its tracks: {}",
            service.name,
            tracks.join(", ")
        );
        Problem::new(ProblemKind::NotFound, detail)
    })?;
    if weights.iter().all(|weight| *weight == 0) {
        return Err(bad("every track would have the weight 0: no request could be served"));
    }
    Ok(weights)
}

/// Every track with weight has an endpoint that would take requests.
fn reaches_somebody(service: &Service, weights: &[u32]) -> Result<(), Problem> {
    for (track, weight) in weights.iter().enumerate() {
        if *weight > 0 && !service.can_serve(track) {
            let detail = format!(
                "the track `{}` of `{}` has no endpoint that can take requests; `force` does it all the same",
                service.tracks[track].name, service.name
            );
            let split = Some(Box::new(service.steering.status()));
            return Err(Problem { split, ..Problem::new(ProblemKind::NoEndpoint, detail) });
        }
    }
    Ok(())
}

fn hold(seconds: f64) -> Result<Duration, Problem> {
    if LEASE.contains(&seconds) {
        return Ok(Duration::from_secs_f64(seconds));
    }
    Err(bad(format!("`lease_seconds` must be from {} to {}", LEASE.start(), LEASE.end())))
}
