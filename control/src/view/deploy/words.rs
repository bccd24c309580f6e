//! Deploys, their steps and their ends in words.

use crate::deploy::progress::{Progress, Traffic, Verdict};
use crate::view::page::Style;
use crate::view::units::{latency, percent, rate, short, took};
use mizan_rollout::{Kind, Plan, Status, Step, Version};

/// What a deploy is about; for a rollback `image` is the version that it goes back to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct About {
    pub(super) number: u64,
    pub(super) environment: String,
    pub(super) service: String,
    pub(super) rollback: bool,
    pub(super) strategy: String,
    pub(super) image: String,
    pub(super) previous: Option<String>,
    pub(super) target: String,
    pub(super) stable: Option<String>,
}

impl About {
    pub(super) fn plan(plan: &Plan) -> Self {
        Self {
            number: plan.number,
            environment: plan.environment.clone(),
            service: plan.service.clone(),
            rollback: matches!(plan.kind, Kind::Rollback { .. }),
            strategy: plan.strategy.name().to_owned(),
            image: plan.image.reference.clone(),
            previous: plan.previous.as_ref().map(|image| image.reference.clone()),
            target: plan.target.clone(),
            stable: plan.stable.clone(),
        }
    }

    /// `None`: it is not the beginning.
    pub(super) fn begun(progress: &Progress) -> Option<Self> {
        let Progress::Begun {
            number,
            environment,
            service,
            kind,
            strategy,
            image,
            previous,
            target,
            stable,
            steps: _,
        } = progress
        else {
            return None;
        };
        Some(Self {
            number: *number,
            environment: environment.clone(),
            service: service.clone(),
            rollback: kind.starts_with("rollback"),
            strategy: strategy.clone(),
            image: image.clone(),
            previous: previous.clone(),
            target: target.clone(),
            stable: stable.clone(),
        })
    }

    /// `deploy 17`, `rollback 18`.
    pub(super) fn title(&self) -> String {
        format!("{} {}", if self.rollback { "rollback" } else { "deploy" }, self.number)
    }

    /// `deploy 17 of registry/api:v2 to api in production: canary, green, while blue serves registry/api:v1`.
    pub(super) fn sentence(&self) -> String {
        let Self { service, environment, image, strategy, .. } = self;
        let title = self.title();
        let what = if self.rollback {
            format!("{service} in {environment} to {image}")
        } else {
            format!("{image} to {service} in {environment}")
        };
        let track = if self.target.is_empty() { String::new() } else { format!(", {}", self.target) };
        let before = match (&self.previous, self.stable.as_deref()) {
            (Some(previous), Some(stable)) if !stable.is_empty() && stable != self.target => {
                format!("while {stable} serves {previous}")
            }
            (Some(previous), _) => format!("in place of {previous}"),
            (None, _) => "the first one".to_owned(),
        };
        format!("{title} of {what}: {strategy}{track}, {before}")
    }

    /// What users get once it has ended.
    pub(super) fn serves(&self, status: Status) -> String {
        let Self { service, environment, .. } = self;
        let new = match status {
            Status::Deployed => true,
            Status::RolledBack => self.rollback,
            Status::Failed => false,
        };
        let (image, track) = match &self.previous {
            _ if new => (&self.image, Some(&self.target)),
            Some(previous) => (previous, self.stable.as_ref()),
            None => return format!("{service} in {environment} has no version that serves"),
        };
        let track = track.filter(|track| !track.is_empty());
        let on = track.map(|track| format!(" on {track}")).unwrap_or_default();
        let still = if status == Status::Failed { ", as before" } else { "" };
        format!("{service} in {environment} serves {image}{on}{still}")
    }

    /// The lines that a deploy closes with, once it has ended: what came of it, what serves, what mizanctl's caller sees,
    /// and what to do. `failed`: steps that failed without being in the way.
    pub(super) fn closing(
        &self,
        status: Status,
        why: &str,
        took_ms: u64,
        failed: &[String],
    ) -> Vec<(Style, String)> {
        let (style, word) = status_word(status);
        let title = self.title();
        let time = took(took_ms);
        let mut lines = vec![match status {
            Status::Failed => (style, format!("{title} failed after {time}; it changed nothing that serves")),
            Status::RolledBack if !self.rollback => (style, format!("{title} was rolled back after {time}")),
            Status::Deployed | Status::RolledBack => (Style::Good, format!("{title}: {word} in {time}")),
        }];
        if !why.is_empty() {
            lines.push((Style::Plain, format!("why: {why}")));
        }
        lines.push((Style::Bold, self.serves(status)));
        lines.extend(failed.iter().map(|failed| (Style::Bad, format!("but this failed: {failed}"))));
        lines.push((Style::Plain, format!("exit code {}", exit_code(self.rollback, status))));
        if exit_code(self.rollback, status) != 0 {
            let again = format!("`mizanctl history {} {}` tells the whole story", self.service, self.number);
            lines.push((Style::Dim, again));
        }
        lines
    }
}

/// With which code mizanctl ends once a deploy has ended: 0 where what was asked for is what serves.
pub(super) fn exit_code(rollback: bool, status: Status) -> u8 {
    match status {
        Status::Deployed => 0,
        Status::RolledBack if rollback => 0,
        Status::RolledBack => 7,
        Status::Failed => 6,
    }
}

/// The lines for one that stopped and is open.
pub(super) fn stopped(
    title: &str,
    why: &str,
    serves: &str,
    todo: &str,
    took_ms: u64,
) -> Vec<(Style, String)> {
    let mut lines =
        vec![(Style::Warn, format!("{title} is not finished; it stopped after {}", took(took_ms)))];
    if !why.is_empty() {
        lines.push((Style::Plain, format!("why: {why}")));
    }
    if !serves.is_empty() {
        lines.push((Style::Bold, serves.to_owned()));
    }
    if !todo.is_empty() {
        lines.push((Style::Bold, format!("what to do: {todo}")));
    }
    lines
}

/// A step in words: `10 % to green for 5m`.
pub(crate) fn step(step: &Step, plan: &Plan) -> String {
    let name = |track: &str| if track.is_empty() { plan.service.clone() } else { track.to_owned() };
    let image = |version: Version| match version {
        Version::New => Some(&plan.image.reference),
        Version::Previous => plan.previous.as_ref().map(|image| &image.reference),
    };
    match step {
        Step::Pull => format!("pull {}", plan.image.reference),
        Step::Hook { hook } => format!("hook {}", hook.name()),
        Step::Start { track, version, replicas } => {
            let instances = if *replicas == 1 { "instance" } else { "instances" };
            let with = match (version, image(*version)) {
                (Version::Previous, Some(image)) => format!(" with {image}"),
                _ => String::new(),
            };
            format!("start {replicas} {instances} of {}{with}", name(track))
        }
        Step::Healthy { track, ready } if *ready < plan.replicas => {
            format!("wait until {ready} of {} instances of {} are healthy", plan.replicas, name(track))
        }
        Step::Healthy { track, .. } => format!("wait until {} is healthy", name(track)),
        Step::Shift { percent, hold_ms, gate } => {
            let share = if *percent == 100 { "all requests".to_owned() } else { format!("{percent} %") };
            let to = name(&plan.target);
            let hold = if *hold_ms > 0 { format!(" for {}", took(*hold_ms)) } else { String::new() };
            let trial = if *percent == 100 { ", on trial" } else { "" };
            let gate = if *gate { ", until promoted" } else { "" };
            format!("{share} to {to}{hold}{trial}{gate}")
        }
        Step::Replace { nth, of, version: Version::New } => format!("instance {nth} of {of}"),
        Step::Replace { nth, of, version: Version::Previous } => {
            let to = image(Version::Previous).map(|image| format!(" to {image}")).unwrap_or_default();
            format!("instance {nth} of {of} back{to}")
        }
        Step::Commit { track } => format!("all requests to {}, for good", name(track)),
        Step::Keep { ms } => {
            let stable = name(plan.stable.as_deref().unwrap_or_default());
            format!("keep {stable} for {}, for an instant way back", took(*ms))
        }
        Step::Drain { track } => format!("let {} finish what it has", name(track)),
        Step::Stop { track } => format!("stop {}", name(track)),
        Step::Traffic { track } => format!("all requests back to {}", name(track)),
        Step::FinalHealth { track } => format!("look at {}'s health", name(track)),
    }
}

/// `green 10% 2/2 up 12.3/s 0% failed p95 12ms`.
pub(super) fn traffic(track: &Traffic, service: &str) -> String {
    format!(
        "{} {} {}/{} up {}/s {} failed p95 {}",
        track_name(track, service),
        percent(track.percent, 100.0),
        track.up,
        track.endpoints,
        rate(track.rate),
        percent(track.failed_share, 1.0),
        latency(track.p95_ms)
    )
}

pub(super) fn track_name<'a>(track: &'a Traffic, service: &'a str) -> &'a str {
    match track.track.as_str() {
        "" if service.is_empty() => "-",
        "" => service,
        name => name,
    }
}

/// `12s of 5m`, `12s`.
pub(super) fn how_long(elapsed_ms: u64, total_ms: Option<u64>) -> String {
    let elapsed = short_seconds(elapsed_ms);
    total_ms.map_or_else(|| elapsed.clone(), |total| format!("{elapsed} of {}", took(total)))
}

/// As `took`, in whole seconds: for clocks that are watched.
pub(super) fn short_seconds(ms: u64) -> String {
    if ms < 60_000 { short(ms / 1000 * 1000) } else { took(ms) }
}

pub(super) fn status_word(status: Status) -> (Style, &'static str) {
    match status {
        Status::Deployed => (Style::Good, "deployed"),
        Status::RolledBack => (Style::Warn, "rolled back"),
        Status::Failed => (Style::Bad, "failed"),
    }
}

pub(super) fn verdict(verdict: Verdict) -> (Style, &'static str) {
    match verdict {
        Verdict::Good => (Style::Good, "✓"),
        Verdict::Warning => (Style::Warn, "!"),
        Verdict::Bad => (Style::Bad, "✗"),
        Verdict::Skipped => (Style::Dim, "·"),
    }
}

/// One line of the checklist, behind its mark.
pub(super) fn check(what: &str, detail: &str) -> String {
    if detail.is_empty() { what.to_owned() } else { format!("{what}: {detail}") }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn steps_are_words() {
        let plan = sample::canary();
        let words: Vec<_> = plan.steps.iter().map(|one| step(one, &plan)).collect();
        assert_eq!(
            words,
            [
                "pull registry/api:v2",
                "hook migrate",
                "start 2 instances of green",
                "wait until green is healthy",
                "10 % to green for 5m",
                "50 % to green for 1m, until promoted",
                "all requests to green for 30s, on trial",
                "all requests to green, for good",
                "keep blue for 5m, for an instant way back",
                "let blue finish what it has",
                "stop blue",
                "hook after_deploy",
            ]
        );
        let blue = || "blue".to_owned();
        for (one, words) in [
            (
                Step::Start { track: blue(), version: Version::Previous, replicas: 1 },
                "start 1 instance of blue with registry/api:v1",
            ),
            (Step::Healthy { track: blue(), ready: 1 }, "wait until 1 of 2 instances of blue are healthy"),
            (Step::Shift { percent: 10, hold_ms: 0, gate: true }, "10 % to green, until promoted"),
            (Step::Replace { nth: 2, of: 4, version: Version::New }, "instance 2 of 4"),
            (
                Step::Replace { nth: 2, of: 4, version: Version::Previous },
                "instance 2 of 4 back to registry/api:v1",
            ),
            (Step::Traffic { track: blue() }, "all requests back to blue"),
            (Step::FinalHealth { track: blue() }, "look at blue's health"),
        ] {
            assert_eq!(step(&one, &plan), words);
        }
    }

    #[test]
    fn what_it_is_about_is_a_sentence() {
        let sentence = |plan: &Plan| About::plan(plan).sentence();
        assert_eq!(
            sentence(&sample::canary()),
            "deploy 17 of registry/api:v2 to api in production: canary, green, while blue serves registry/api:v1"
        );
        assert_eq!(
            sentence(&sample::rollback()),
            "rollback 18 of api in production to registry/api:v1: canary, blue, while green serves registry/api:v2"
        );
        assert_eq!(
            sentence(&sample::rolling()),
            "deploy 3 of registry/jobs:v9 to jobs in production: rolling, in place of registry/jobs:v8"
        );
        assert_eq!(
            sentence(&Plan { previous: None, stable: None, ..sample::canary() }),
            "deploy 17 of registry/api:v2 to api in production: canary, green, the first one"
        );
        for plan in [sample::canary(), sample::rollback(), sample::rolling()] {
            assert_eq!(About::begun(&sample::begun(&plan)), Some(About::plan(&plan)));
        }
    }

    #[test]
    fn what_serves_at_the_end_follows_from_how_it_ended() {
        let (v1, v2) = (
            "api in production serves registry/api:v1 on blue",
            "api in production serves registry/api:v2 on green",
        );
        let ends = [Status::Deployed, Status::RolledBack, Status::Failed];
        let about = About::plan(&sample::canary());
        assert_eq!(
            ends.map(|end| about.serves(end)),
            [v2.to_owned(), v1.to_owned(), format!("{v1}, as before")]
        );
        assert_eq!(ends.map(|end| exit_code(false, end)), [0, 7, 6]);
        let about = About::plan(&sample::rollback());
        assert_eq!(about.serves(Status::RolledBack), v1);
        assert_eq!(about.serves(Status::Failed), format!("{v2}, as before"));
        assert_eq!(ends.map(|end| exit_code(true, end)), [0, 0, 6]);
        let about = About::plan(&Plan { previous: None, stable: None, ..sample::canary() });
        assert_eq!(about.serves(Status::Failed), "api in production has no version that serves");
        let about = About::plan(&sample::rolling());
        assert_eq!(about.serves(Status::Deployed), "jobs in production serves registry/jobs:v9");
    }
}
