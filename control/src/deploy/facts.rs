//! What is said of a deploy to others: to the proxy, and to those who are notified.

use super::progress::Progress;
use super::store::Kept;
use crate::notify::Facts;
use crate::view;
use mizan_api::{Deploy, DeployKind, DeployStatus};
use mizan_rollout::{Kind, Mark, Next, Plan, Record, State, Status};

/// Whom a deploy belongs to.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    /// mizan.yml's name of the service.
    pub(crate) proxy_service: String,
    pub(crate) by: String,
    pub(crate) began_unix_ms: u64,
}

impl Identity {
    pub(crate) fn of(kept: &Kept, proxy_service: &str) -> Self {
        let first = kept.entries.first();
        let by = match first.map(|entry| &entry.record) {
            Some(Record::Begin { by, .. }) => by.clone(),
            _ => String::new(),
        };
        let began_unix_ms = first.map_or(0, |entry| entry.at_unix_ms);
        Self { proxy_service: proxy_service.to_owned(), by, began_unix_ms }
    }
}

/// For the proxy. `left`: the process is about to end with the deploy open.
pub(crate) fn report(
    state: &State,
    identity: &Identity,
    now_unix_ms: u64,
    left: bool,
    waiting: bool,
) -> Deploy {
    let plan = state.plan();
    let back = state.back().is_some();
    let next = state.next();
    let status = match (state.ended(), &next) {
        (Some((Status::Deployed, _)), _) => DeployStatus::Deployed,
        (Some((Status::RolledBack, _)), _) => DeployStatus::RolledBack,
        (Some((Status::Failed, _)), _) => DeployStatus::Failed,
        (None, Next::Halt { .. }) => DeployStatus::Halted,
        (None, _) if left => DeployStatus::Interrupted,
        (None, _) if back => DeployStatus::RollingBack,
        (None, _) if waiting || state.paused() => DeployStatus::Waiting,
        (None, _) => DeployStatus::Running,
    };
    let step = match &next {
        Next::Do { what, .. } => view::deploy::step(what, plan),
        _ => String::new(),
    };
    let done =
        state.marks(back).iter().filter(|mark| !matches!(mark, Mark::Waiting | Mark::Begun(_))).count();
    let way_back = state.back();
    let ended = state.ended();
    Deploy {
        id: format!(
            "{}-{}-{}-{}",
            plan.environment,
            plan.service,
            plan.number,
            identity.began_unix_ms / 1000
        ),
        number: plan.number,
        environment: plan.environment.clone(),
        service: identity.proxy_service.clone(),
        kind: if plan.kind == Kind::Deploy { DeployKind::Deploy } else { DeployKind::Rollback },
        strategy: plan.strategy.name().to_owned(),
        image: plan.image.reference.clone(),
        previous_image: plan.previous.as_ref().map(|image| image.reference.clone()),
        track: plan.target.clone(),
        by: identity.by.clone(),
        status,
        step,
        steps_done: done as u32,
        steps: state.steps(back).len() as u32,
        why: way_back
            .map(|back| back.why.clone())
            .or(ended.map(|(_, why)| why.to_owned()))
            .unwrap_or_default(),
        reason: way_back.map(|back| back.reason.as_str().to_owned()),
        started_unix_ms: identity.began_unix_ms,
        updated_unix_ms: now_unix_ms,
        ended_unix_ms: ended.map(|_| now_unix_ms),
    }
}

/// The end of a deploy, as its journal has it.
pub(crate) fn last_word(kept: &Kept, proxy_service: &str) -> Deploy {
    let at = kept.entries.last().map_or(0, |entry| entry.at_unix_ms);
    report(&kept.state, &Identity::of(kept, proxy_service), at, false, false)
}

/// For webhooks.
pub(crate) fn facts(plan: &Plan, identity: &Identity, status: &str, why: &str, now_unix_ms: u64) -> Facts {
    Facts {
        environment: plan.environment.clone(),
        service: plan.service.clone(),
        number: plan.number,
        kind: if plan.kind == Kind::Deploy { "deploy" } else { "rollback" }.to_owned(),
        strategy: plan.strategy.name().to_owned(),
        image: plan.image.reference.clone(),
        previous: plan.previous.as_ref().map(|image| image.reference.clone()).unwrap_or_default(),
        track: plan.target.clone(),
        status: status.to_owned(),
        why: why.to_owned(),
        by: identity.by.clone(),
        duration_ms: now_unix_ms.saturating_sub(identity.began_unix_ms),
    }
}

/// For the screen: what is going to be done.
pub(crate) fn begun(plan: &Plan) -> Progress {
    Progress::Begun {
        number: plan.number,
        environment: plan.environment.clone(),
        service: plan.service.clone(),
        kind: if plan.kind == Kind::Deploy { "deploy" } else { "rollback" }.to_owned(),
        strategy: plan.strategy.name().to_owned(),
        image: plan.image.reference.clone(),
        previous: plan.previous.as_ref().map(|image| image.reference.clone()),
        target: plan.target.clone(),
        stable: plan.stable.clone(),
        steps: plan.steps.iter().map(|step| view::deploy::step(step, plan)).collect(),
    }
}
