//! How long deploys took, and how they ended.

use super::labels::{LabelSets, OTHER};
use mizan_api::{Deploy, DeployKind, DeployStatus};
use prometheus::core::Collector;
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry};

/// Upper bounds, in seconds.
const BOUNDS: [f64; 11] = [5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0, 7200.0];
/// The reason of a rollback that has none: somebody asked for it.
const COMMAND: &str = "command";

pub(super) struct DeployMetrics {
    duration: HistogramVec,
    durations: LabelSets,
    success: IntCounterVec,
    successes: LabelSets,
    rollback: IntCounterVec,
    rollbacks: LabelSets,
}

impl DeployMetrics {
    pub(super) fn within(registry: &Registry) -> Self {
        let duration = HistogramOpts::new("deployment_duration_seconds", "From a deploy's begin to its end.");
        let duration =
            HistogramVec::new(duration.buckets(BOUNDS.into()), &["environment", "service", "status"]);
        let success = Opts::new("deployment_success_total", "Deploys whose new version serves.");
        let success = IntCounterVec::new(success, &["environment", "service"]);
        let rollback =
            Opts::new("rollback_total", "Returns to the version before, by themselves or by command.");
        let rollback = IntCounterVec::new(rollback, &["environment", "service", "reason"]);
        Self {
            duration: registered(registry, duration),
            durations: LabelSets::default(),
            success: registered(registry, success),
            successes: LabelSets::default(),
            rollback: registered(registry, rollback),
            rollbacks: LabelSets::default(),
        }
    }

    pub(super) fn ended(&self, deploy: &Deploy) {
        let (environment, service) = (deploy.environment.as_str(), deploy.service.as_str());
        if let (DeployKind::Deploy, Some(ended)) = (deploy.kind, deploy.ended_unix_ms) {
            let status = deploy.status.as_str();
            let labels = self.durations.fit([environment, service, status], [OTHER, OTHER, status]);
            let seconds = ended.saturating_sub(deploy.started_unix_ms) as f64 / 1000.0;
            self.duration.with_label_values(&labels).observe(seconds);
        }
        match (deploy.kind, deploy.status) {
            (DeployKind::Deploy, DeployStatus::Deployed) => {
                let labels = self.successes.fit([environment, service], [OTHER, OTHER]);
                self.success.with_label_values(&labels).inc();
            }
            (DeployKind::Deploy | DeployKind::Rollback, DeployStatus::RolledBack) => {
                let reason = deploy.reason.as_deref().unwrap_or(COMMAND);
                let labels = self.rollbacks.fit([environment, service, reason], [OTHER, OTHER, OTHER]);
                self.rollback.with_label_values(&labels).inc();
            }
            // A rollback that turned back, or changed nothing, is neither.
            (DeployKind::Rollback, DeployStatus::Deployed)
            | (
                _,
                DeployStatus::Failed
                | DeployStatus::Running
                | DeployStatus::Waiting
                | DeployStatus::RollingBack
                | DeployStatus::Interrupted
                | DeployStatus::Halted,
            ) => {}
        }
    }
}

fn registered<T: Collector + Clone + 'static>(registry: &Registry, family: prometheus::Result<T>) -> T {
    let family = family.expect("its name and the names of its labels are sound constants");
    registry.register(Box::new(family.clone())).expect("each name is registered once");
    family
}

#[cfg(test)]
mod tests {
    use crate::history::sample::deploy;
    use crate::observe::metrics::Metrics;
    use mizan_api::{Deploy, DeployKind, DeployStatus};

    fn ended(kind: DeployKind, status: DeployStatus, seconds: u64) -> Deploy {
        let running = deploy("a");
        let ended_unix_ms = Some(running.started_unix_ms + seconds * 1000);
        Deploy { kind, status, ended_unix_ms, ..running }
    }

    #[test]
    fn each_end_is_counted_in_the_families_it_belongs_to() {
        let metrics = Metrics::new();
        assert_eq!(metrics.text(), "");
        metrics.deploy_ended(&ended(DeployKind::Deploy, DeployStatus::Deployed, 45));
        metrics.deploy_ended(&ended(DeployKind::Deploy, DeployStatus::Failed, 2));
        let why = Some("error_rate".to_owned());
        metrics
            .deploy_ended(&Deploy { reason: why, ..ended(DeployKind::Deploy, DeployStatus::RolledBack, 7) });
        metrics.deploy_ended(&ended(DeployKind::Rollback, DeployStatus::RolledBack, 9));
        metrics.deploy_ended(&ended(DeployKind::Rollback, DeployStatus::Failed, 9));
        let text = metrics.text();
        let samples: Vec<&str> = text
            .lines()
            .filter(|line| !line.starts_with('#') && !line.contains("_bucket") && !line.contains("_sum"))
            .collect();
        assert_eq!(
            samples,
            [
                "deployment_duration_seconds_count{environment=\"production\",service=\"api\",status=\"deployed\"} 1",
                "deployment_duration_seconds_count{environment=\"production\",service=\"api\",status=\"failed\"} 1",
                "deployment_duration_seconds_count{environment=\"production\",service=\"api\",status=\"rolled_back\"} 1",
                "deployment_success_total{environment=\"production\",service=\"api\"} 1",
                "rollback_total{environment=\"production\",reason=\"command\",service=\"api\"} 1",
                "rollback_total{environment=\"production\",reason=\"error_rate\",service=\"api\"} 1",
            ]
        );
        let bucket = |bound: &str, count: u32| {
            text.contains(&format!("status=\"deployed\",le=\"{bound}\"}} {count}\n"))
        };
        assert!(bucket("30", 0) && bucket("60", 1) && bucket("7200", 1) && bucket("+Inf", 1), "{text}");
    }

    #[test]
    fn services_and_environments_without_number_do_not_grow_without_bound() {
        let metrics = Metrics::new();
        for number in 0..1000 {
            let ended = ended(DeployKind::Deploy, DeployStatus::RolledBack, 1);
            let (service, environment) = (format!("api-{number}"), format!("env-{}", number % 7));
            metrics.deploy_ended(&Deploy { service, environment, ..ended });
        }
        let text = metrics.text();
        let of = |family: &str| text.lines().filter(|line| line.starts_with(family)).count();
        assert_eq!((of("rollback_total{"), of("deployment_duration_seconds_count{")), (201, 201));
        assert!(
            text.contains("rollback_total{environment=\"other\",reason=\"other\",service=\"other\"} 800"),
            "{text}"
        );
    }
}
