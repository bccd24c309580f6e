//! When a version that takes requests is taken back, without any statistics: hard limits.

use crate::record::Reason;

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Failed requests as a share of all, 0 to 1: at this share the version is taken back.
    pub error_rate: f64,
    /// Fewer requests say nothing.
    pub min_requests: u64,
}

/// What the proxy counted of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sample {
    pub requests: u64,
    pub failed: u64,
    /// Endpoints that take requests.
    pub up: u32,
    /// So many are wanted.
    pub ready: u32,
    /// Some were not asked yet: the proxy, or they, have just begun.
    pub starting: bool,
}

/// Why the track is taken back, if it is. `unhealthy_ms`: for so long fewer endpoints than wanted have taken requests;
/// `patience_ms`: that may last so long, but with no endpoint at all, and none that is starting, nothing is waited for.
pub fn judge(
    limits: Limits,
    sample: Sample,
    unhealthy_ms: u64,
    patience_ms: u64,
) -> Option<(Reason, String)> {
    if sample.up == 0 && sample.ready > 0 && !sample.starting {
        return Some((Reason::Unhealthy, "none of its instances takes requests any more".to_owned()));
    }
    if sample.up < sample.ready && unhealthy_ms >= patience_ms {
        let why = format!("only {} of {} instances take requests", sample.up, sample.ready);
        return Some((Reason::Unhealthy, why));
    }
    let share = sample.failed as f64 / sample.requests.max(1) as f64;
    if sample.requests >= limits.min_requests && sample.failed > 0 && share >= limits.error_rate {
        let why = format!(
            "{} of {} requests failed: {:.1} %, the limit is {:.1} %",
            sample.failed,
            sample.requests,
            share * 100.0,
            limits.error_rate * 100.0
        );
        return Some((Reason::ErrorRate, why));
    }
    None
}
