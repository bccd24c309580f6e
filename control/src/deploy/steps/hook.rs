//! A command of the user's.

use super::tools::{Attempt, Outcome, Tools};
use crate::deploy::fault::Fault;
use crate::deploy::place;
use crate::deploy::progress::Progress;
use crate::hooks::{self, Ran};
use mizan_rollout::{Hook, Kind, Plan, Reason};
use std::path::Path;

pub(super) async fn step(
    tools: &Tools,
    plan: &Plan,
    hook: Hook,
    attempt: Attempt<'_>,
) -> Result<Outcome, Fault> {
    let Some(ran) = run(tools, plan, hook, attempt).await? else {
        let note = format!("deploy.yml has no hook `{}` any more: nothing was run", hook.name());
        return Ok(Outcome { notes: vec![note], ..Outcome::default() });
    };
    match ran.failed {
        None => Ok(Outcome { output: ran.output, ..Outcome::default() }),
        Some(why) => {
            let why = format!("the hook {}: {why}", hook.name());
            Err(Fault { output: ran.output, ..Fault::new(Reason::Hook, why) })
        }
    }
}

/// `None`: deploy.yml has no such hook.
pub(in crate::deploy) async fn run(
    tools: &Tools,
    plan: &Plan,
    hook: Hook,
    attempt: Attempt<'_>,
) -> Result<Option<Ran>, Fault> {
    let found = tools.place.service.hooks.iter().find(|(name, _)| place::hook(*name) == hook);
    let Some((_, command)) = found else { return Ok(None) };
    let env = environment(tools, plan, hook, attempt).await;
    let told = |line: &str| tools.say(Progress::Output { line: line.to_owned() });
    Ok(Some(hooks::run(command, &tools.place.folder, &env, (tools.hook_lock)(), told).await))
}

async fn environment(tools: &Tools, plan: &Plan, hook: Hook, attempt: Attempt<'_>) -> Vec<(String, String)> {
    let place = &tools.place;
    // Hooks also run while the proxy is away.
    let forced = tools.proxy.configured().await.unwrap_or_default().forced;
    // A migration is reverted by the version that brought it.
    let reverts = hook == Hook::RevertMigration && plan.kind != Kind::Deploy;
    let (target, other) = match &plan.stable {
        Some(stable) if reverts => (stable.clone(), Some(plan.target.clone())),
        stable => (plan.target.clone(), stable.clone()),
    };
    let (image, previous) = match &plan.previous {
        Some(image) if reverts => (image, Some(&plan.image)),
        previous => (&plan.image, previous.as_ref()),
    };
    // By names that mean these very images.
    let image = tools.reference(image).await.unwrap_or_else(|_| image.reference.clone());
    let previous = match previous {
        Some(previous) => tools.reference(previous).await.unwrap_or_else(|_| previous.reference.clone()),
        None => String::new(),
    };
    let track = place.track(&target);
    let absolute =
        |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string();
    let mut env = vec![
        ("MIZAN_HOOK", hook.name().to_owned()),
        ("MIZAN_ENVIRONMENT", plan.environment.clone()),
        ("MIZAN_SERVICE", plan.service.clone()),
        ("MIZAN_DEPLOY", plan.number.to_string()),
        ("MIZAN_KIND", if plan.kind == Kind::Deploy { "deploy" } else { "rollback" }.to_owned()),
        ("MIZAN_STRATEGY", plan.strategy.name().to_owned()),
        ("MIZAN_IMAGE", image.clone()),
        ("MIZAN_PREVIOUS_IMAGE", previous.clone()),
        ("MIZAN_TRACK", target.clone()),
        ("MIZAN_PREVIOUS_TRACK", other.unwrap_or_default()),
        ("MIZAN_COMPOSE_SERVICE", track.map(|track| track.compose_service.clone()).unwrap_or_default()),
        ("MIZAN_PROJECT", tools.driver.project().to_owned()),
        ("MIZAN_COMPOSE", tools.driver.words().join(" ")),
        ("MIZAN_URL", place.environment.url.clone().unwrap_or_default()),
        ("MIZAN_SOCKET", absolute(&place.environment.socket)),
        // `$MIZAN_COMPOSE` means the same engine as the deploy.
        ("DOCKER_HOST", format!("unix://{}", absolute(&place.environment.compose.engine))),
        ("DOCKER_CONTEXT", String::new()),
        ("MIZAN_FORCE_HEADER", forced.header.unwrap_or_default()),
        ("MIZAN_FORCE_COOKIE", forced.cookie.unwrap_or_default()),
        ("MIZAN_REPLICAS", plan.replicas.to_string()),
        ("MIZAN_ATTEMPT", if attempt.again { "2" } else { "1" }.to_owned()),
        ("MIZAN_REASON", attempt.why.unwrap_or_default().to_owned()),
    ];
    for track in &place.service.tracks {
        let image = if track.name == target { &image } else { &previous };
        env.push((&track.image_variable, image.clone()));
    }
    env.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
