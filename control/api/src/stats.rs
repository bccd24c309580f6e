//! `GET /v1/services/{service}/stats`: what an analysis of two versions needs, without a Prometheus server.
//!
//! A request belongs to the track and to the step it was routed in. A step begins whenever the weights in force change.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ServiceStats {
    pub service: String,
    pub sticky: bool,
    /// The split's revision when the step began.
    pub step: u64,
    /// How old the step is.
    pub step_ms: u64,
    /// Upper bounds of all but the last bucket of every `latency`, in milliseconds: 0.5 times 2^(k/4).
    pub latency_bounds_ms: Vec<f64>,
    /// In file order.
    pub tracks: Vec<TrackStats>,
}

#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TrackStats {
    /// Empty for a service without tracks.
    pub track: String,
    pub weight: u32,
    /// Since the process began; only grows.
    pub total: Tally,
    /// Since the step began.
    pub step: StepStats,
    pub last_10s: Tally,
    pub last_1m: Tally,
    pub last_5m: Tally,
    /// Since the mark that was asked for (`?mark=NAME`).
    pub since_mark: Option<Tally>,
}

/// What the step alone knows.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StepStats {
    pub tally: Tally,
    /// Requests of this step under way; tunnels (101) and forced ones left out.
    pub active: u64,
    /// Those of them that are older than `?older_than` seconds (1 to 120, default 10).
    pub active_old: u64,
    /// Clients whose failures in this step reached 1, 4 and 16. Not sticky, or without a cookie: every failed request is a
    /// client of its own.
    pub clients_failed: ClientsFailed,
    /// As `tally.latency`, but of each sticky client's first request in this step only.
    pub first_latency: Vec<u64>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq, Eq, Default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ClientsFailed {
    pub once: u64,
    pub four_times: u64,
    pub sixteen_times: u64,
}

/// Counts over one stretch of time.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Tally {
    /// How long the stretch is.
    pub ms: u64,
    /// Finished requests. Probes, forced testers, and clients that left before they were answered are not among them.
    pub requests: u64,
    /// What clients were answered.
    pub status: StatusClasses,
    /// Requests that failed: a status of 500 or more, an answer that broke off, or saved by another track after a failed try
    /// on this one.
    pub failed: u64,
    /// Failed tries at endpoints of this track; a request may have several.
    pub tries_failed: TriesFailed,
    /// Tries beyond a request's first.
    pub retries: u64,
    /// Requests that another track took because this one had no endpoint for them.
    pub fallbacks: u64,
    /// Clients that left before they were answered.
    pub client_aborts: u64,
    /// Requests of testers who asked for this track by header or cookie, and how many of them failed.
    pub forced: u64,
    pub forced_failed: u64,
    /// Time to the head of the answer: requests by bucket, one more than `latency_bounds_ms`.
    pub latency: Vec<u64>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq, Eq, Default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StatusClasses {
    #[serde(rename = "1xx")]
    pub informational: u64,
    #[serde(rename = "2xx")]
    pub successful: u64,
    #[serde(rename = "3xx")]
    pub redirection: u64,
    #[serde(rename = "4xx")]
    pub client_error: u64,
    #[serde(rename = "5xx")]
    pub server_error: u64,
}

/// Failed tries, by kind.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq, Eq, Default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TriesFailed {
    /// The connection was refused.
    pub connect: u64,
    /// No connection within its time.
    pub connect_timeout: u64,
    /// There is no way to the address.
    pub unreachable: u64,
    /// The endpoint left the service before it was dialled.
    pub left: u64,
    /// A kept connection turned out to be closed.
    pub stale_connection: u64,
    /// No answer within its time.
    pub answer_timeout: u64,
    /// The answer breaks HTTP.
    pub bad_answer: u64,
    /// Closed before the first byte of an answer.
    pub closed: u64,
    /// The answer broke off.
    pub broken: u64,
    /// The endpoint's TLS failed: its certificate cannot be verified, or it speaks none.
    #[serde(default)]
    pub tls: u64,
    /// The endpoint refused the request before it did anything with it (HTTP/2: GOAWAY, REFUSED_STREAM).
    #[serde(default)]
    pub refused: u64,
}

/// `PUT /v1/services/{service}/marks/{mark}`: a point in time to count from. A service keeps the last 16.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Mark {
    pub mark: String,
    pub set_unix_ms: u64,
}

impl Tally {
    /// The latency that a share `of` (0 to 1) of the requests stays below, in milliseconds: the upper bound of its
    /// bucket. `None` without requests, infinity in the last bucket.
    pub fn quantile(&self, bounds_ms: &[f64], of: f64) -> Option<f64> {
        let total: u64 = self.latency.iter().sum();
        let wanted = (total as f64 * of).ceil().max(1.0) as u64;
        let mut seen = 0;
        let bucket = self.latency.iter().position(|count| {
            seen += count;
            seen >= wanted
        })?;
        Some(bounds_ms.get(bucket).copied().unwrap_or(f64::INFINITY))
    }

    /// Requests a second.
    pub fn rate(&self) -> f64 {
        if self.ms == 0 { 0.0 } else { self.requests as f64 * 1000.0 / self.ms as f64 }
    }

    /// Failed requests as a share of all, 0 to 1.
    pub fn failed_share(&self) -> f64 {
        if self.requests == 0 { 0.0 } else { self.failed as f64 / self.requests as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_the_upper_bound_of_its_bucket() {
        let bounds = [1.0, 2.0];
        let tally = Tally { latency: vec![90, 9, 1], ..Tally::default() };
        assert_eq!(tally.quantile(&bounds, 0.5), Some(1.0));
        assert_eq!(tally.quantile(&bounds, 0.95), Some(2.0));
        assert_eq!(tally.quantile(&bounds, 1.0), Some(f64::INFINITY));
        assert_eq!(Tally::default().quantile(&bounds, 0.5), None);
    }
}
