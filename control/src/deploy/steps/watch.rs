//! Looking at a version while it has requests.

use super::tools::Tools;
use crate::deploy::fault::Fault;
use crate::deploy::progress::{Progress, Traffic};
use crate::deploy::proxy::up;
use mizan_api::{EndpointState, ServiceStats, ServiceStatus};
use mizan_rollout::limits::{Limits, Sample, judge};
use mizan_rollout::{Plan, Step};
use std::time::Duration;
use tokio::time::Instant;

pub(super) const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Fewer instances than wanted are borne with for so long: one may be starting anew.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two looks no more time is counted as watched.
pub(super) const LONGEST_LOOK: Duration = Duration::from_secs(2);

/// Watches a track; remembers since when it has had too few instances.
pub(super) struct Watch<'t> {
    tools: &'t Tools,
    track: String,
    ready: u32,
    short_since: Option<Instant>,
}

impl<'t> Watch<'t> {
    pub(super) fn new(tools: &'t Tools, plan: &Plan) -> Self {
        let ready = plan.steps.iter().find_map(|step| match step {
            Step::Healthy { ready, .. } => Some(*ready),
            _ => None,
        });
        Self { tools, track: plan.target.clone(), ready: ready.unwrap_or(1), short_since: None }
    }

    /// One look. A failure says that the version is to be taken back.
    pub(super) async fn look(&mut self) -> Result<Vec<Traffic>, Fault> {
        let (service, stats) = (self.tools.proxy.service().await?, self.tools.proxy.stats().await?);
        let counted = stats.tracks.iter().find(|one| one.track == self.track);
        let sample = Sample {
            requests: 0,
            failed: 0,
            up: up(&service, &self.track),
            ready: self.ready,
            starting: is_starting(&service, &self.track),
        };
        let is_short = sample.up < sample.ready;
        self.short_since = is_short.then(|| self.short_since.unwrap_or_else(Instant::now));
        let short_ms = self.short_since.map_or(0, |since| since.elapsed().as_millis() as u64);
        let limits = &self.tools.place.service.limits;
        let limits = Limits { error_rate: limits.error_rate, min_requests: limits.min_requests };
        // A version that was good for hours may be bad for a minute.
        for tally in counted.map_or(Vec::new(), |track| vec![&track.step.tally, &track.last_10s]) {
            let sample = Sample { requests: tally.requests, failed: tally.failed, ..sample };
            if let Some((reason, why)) = judge(limits, sample, short_ms, PATIENCE.as_millis() as u64) {
                return Err(Fault::new(reason, format!("{}: {why}", self.name())));
            }
        }
        Ok(traffic(&service, &stats))
    }

    pub(super) fn say(&self, what: &str, begin: Duration, total: Option<Duration>, tracks: Vec<Traffic>) {
        self.tools.say(Progress::Wait {
            what: what.to_owned(),
            elapsed_ms: begin.as_millis() as u64,
            total_ms: total.map(|total| total.as_millis() as u64),
            tracks,
        });
    }

    fn name(&self) -> &str {
        if self.track.is_empty() { self.tools.proxy.service_name() } else { &self.track }
    }
}

/// After a start of the proxy it has asked nobody yet.
fn is_starting(service: &ServiceStatus, track: &str) -> bool {
    let track = service.tracks.iter().find(|one| one.name == track);
    let starting = |track: &mizan_api::TrackStatus| {
        track.endpoints.iter().any(|endpoint| endpoint.state == EndpointState::Starting)
    };
    !service.ready || track.is_some_and(starting)
}

pub(super) fn traffic(service: &ServiceStatus, stats: &ServiceStats) -> Vec<Traffic> {
    let sum: u32 = service.tracks.iter().map(|track| track.weight).sum();
    let tracks = service.tracks.iter().filter_map(|track| {
        let counted = stats.tracks.iter().find(|one| one.track == track.name)?;
        let (recent, step) = (&counted.last_10s, &counted.step.tally);
        Some(Traffic {
            track: track.name.clone(),
            percent: f64::from(track.weight) * 100.0 / f64::from(sum.max(1)),
            up: up(service, &track.name),
            endpoints: track.endpoints.len() as u32,
            rate: recent.rate(),
            failed_share: recent.failed_share(),
            p50_ms: recent.quantile(&stats.latency_bounds_ms, 0.5),
            p95_ms: recent.quantile(&stats.latency_bounds_ms, 0.95),
            requests: step.requests,
            failed: step.failed,
        })
    });
    tracks.collect()
}
