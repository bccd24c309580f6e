//! Deploys that have not ended, as the proxy was told of them.

use super::page::{Page, Span, Style};
use super::units::{since, uptime};
use mizan_api::{Deploy, DeployKind, DeployStatus};

/// A controller that works says so more often.
const SILENT_MS: u64 = 60_000;

/// A line each, and one below where a person is needed.
pub(super) fn under_way(page: &mut Page, deploys: &[Deploy], now_unix_ms: u64) {
    for deploy in deploys {
        let mut pieces =
            vec![(Style::Bold, format!("deploy {} of {}", deploy.number, deploy.service)), state(deploy)];
        pieces.push((Style::Plain, change(deploy)));
        pieces.push((Style::Plain, deploy.environment.clone()));
        if let Some(step) = step(deploy) {
            pieces.push((Style::Plain, step));
        }
        pieces.push((Style::Dim, format!("began {} ago", since(now_unix_ms, deploy.started_unix_ms))));
        page.flow(0, pieces);
        if let Some((style, text)) = attention(deploy, now_unix_ms) {
            page.words(2, style, &text);
        }
    }
}

/// One line, for those who watch.
pub(super) fn event(deploy: &Deploy) -> Span {
    let (style, state) = state(deploy);
    let step = if deploy.status.has_ended() { None } else { step(deploy) };
    let rest: String = step
        .into_iter()
        .chain((!deploy.why.is_empty()).then(|| deploy.why.clone()))
        .fold(String::new(), |rest, part| rest + ": " + &part);
    (style, format!("{} deploy {} {state}, {}{rest}", deploy.service, deploy.number, change(deploy)))
}

fn state(deploy: &Deploy) -> Span {
    let style = match deploy.status {
        DeployStatus::Running | DeployStatus::Deployed => Style::Good,
        DeployStatus::Waiting | DeployStatus::RollingBack | DeployStatus::RolledBack => Style::Warn,
        DeployStatus::Interrupted | DeployStatus::Halted | DeployStatus::Failed => Style::Bad,
    };
    (style, deploy.status.as_str().replace('_', " "))
}

/// `canary of registry/api:v2 to green`.
fn change(deploy: &Deploy) -> String {
    let strategy = match deploy.kind {
        DeployKind::Deploy => deploy.strategy.replace('_', "-"),
        DeployKind::Rollback => "rollback".to_owned(),
    };
    let to = if deploy.track.is_empty() { String::new() } else { format!(" to {}", deploy.track) };
    format!("{strategy} of {}{to}", deploy.image)
}

/// `step 3 of 9: hold 25 %`.
fn step(deploy: &Deploy) -> Option<String> {
    let words = if deploy.step.is_empty() { String::new() } else { format!(": {}", deploy.step) };
    let now = deploy.steps_done.saturating_add(1).min(deploy.steps);
    (deploy.steps > 0).then(|| format!("step {now} of {}{words}", deploy.steps))
}

/// What a person must know, or do.
fn attention(deploy: &Deploy, now_unix_ms: u64) -> Option<Span> {
    let service = &deploy.service;
    let why = if deploy.why.is_empty() { String::new() } else { format!("{}; ", deploy.why) };
    let silent_ms = now_unix_ms.saturating_sub(deploy.updated_unix_ms);
    let carry_on = format!("`mizanctl resume {service}` or `mizanctl rollback {service}` carries on");
    match deploy.status {
        DeployStatus::Interrupted => {
            Some((Style::Bad, format!("{why}its controller ended in the middle: {carry_on}")))
        }
        DeployStatus::Halted => Some((Style::Bad, format!("{why}it stopped half way: {carry_on}"))),
        DeployStatus::Running | DeployStatus::RollingBack if silent_ms > SILENT_MS => Some((
            Style::Warn,
            format!("no word from its controller for {}: where it is gone, {carry_on}", uptime(silent_ms)),
        )),
        DeployStatus::Waiting => Some((
            Style::Warn,
            format!(
                "{why}it waits for a person: `mizanctl promote {service}` goes on, `mizanctl rollback {service}` turns back"
            ),
        )),
        DeployStatus::RollingBack if !deploy.why.is_empty() => Some((Style::Warn, deploy.why.clone())),
        DeployStatus::Running
        | DeployStatus::RollingBack
        | DeployStatus::Deployed
        | DeployStatus::RolledBack
        | DeployStatus::Failed => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::sample::{NOW, deploy};

    fn shown(deploy: Deploy, width: usize) -> String {
        let mut page = Page::new(width, false);
        under_way(&mut page, &[deploy], NOW);
        page.into_text()
    }

    #[test]
    fn a_deploy_under_way_is_a_line() {
        assert_eq!(
            shown(deploy(), 160),
            "deploy 12 of api  running  canary of registry.test/api:v2 to green  production  step 3 of 9: hold 25 %  began 12m ago\n"
        );
        let rollback = Deploy { kind: DeployKind::Rollback, track: String::new(), steps: 0, ..deploy() };
        assert_eq!(
            shown(rollback, 160),
            "deploy 12 of api  running  rollback of registry.test/api:v2  production  began 12m ago\n"
        );
        let last = Deploy { steps_done: 9, step: String::new(), ..deploy() };
        assert!(shown(last, 160).contains("  step 9 of 9  "));
    }

    #[test]
    fn one_that_needs_a_person_says_what_carries_on() {
        let second = |deploy| shown(deploy, 160).lines().nth(1).map(str::to_owned);
        let carry_on = "`mizanctl resume api` or `mizanctl rollback api` carries on";
        let interrupted = Deploy { status: DeployStatus::Interrupted, ..deploy() };
        assert_eq!(second(interrupted), Some(format!("  its controller ended in the middle: {carry_on}")));
        let silent = Deploy { updated_unix_ms: NOW - 200_000, ..deploy() };
        assert_eq!(
            second(silent.clone()),
            Some(format!("  no word from its controller for 3m 20s: where it is gone, {carry_on}"))
        );
        // Nobody expects a word of one that waits.
        let waiting = second(Deploy { status: DeployStatus::Waiting, ..silent }).unwrap();
        assert!(
            waiting.contains("`mizanctl promote api` goes on") && !waiting.contains("no word"),
            "{waiting}"
        );
        assert_eq!(second(Deploy { updated_unix_ms: NOW - 60_000, ..deploy() }), None);
    }

    #[test]
    fn no_line_is_wider_than_the_terminal_and_nothing_steers_it() {
        let why = "a \x1b[2J reason ".repeat(20);
        let text = shown(Deploy { status: DeployStatus::Halted, why, ..deploy() }, 60);
        assert!(text.lines().all(|line| line.chars().count() <= 60) && !text.contains('\x1b'), "{text}");
    }

    #[test]
    fn an_event_is_a_line() {
        assert_eq!(
            event(&deploy()),
            (
                Style::Good,
                "api deploy 12 running, canary of registry.test/api:v2 to green: step 3 of 9: hold 25 %"
                    .to_owned()
            )
        );
        let why = "5 of 100 requests failed".to_owned();
        let ended = Deploy { status: DeployStatus::RolledBack, why, ended_unix_ms: Some(NOW), ..deploy() };
        assert_eq!(
            event(&ended),
            (
                Style::Warn,
                "api deploy 12 rolled back, canary of registry.test/api:v2 to green: 5 of 100 requests failed".to_owned()
            )
        );
    }
}
