//! A file for each step. A step brings about a state, whatever is there when it begins; hooks alone are what their authors
//! made them.

mod commit;
mod drain;
mod final_health;
mod healthy;
mod hook;
mod keep;
mod pull;
mod replace;
mod shift;
mod start;
mod stop;
mod tools;
mod traffic;
mod watch;

pub(super) use healthy::healthy;
pub(super) use hook::run as run_hook;
pub(crate) use tools::{Attempt, Controls, Outcome, Tools};
pub(super) use traffic::traffic;

use super::fault::Fault;
use mizan_rollout::{Plan, Step};
use std::time::Duration;

/// Does one step. `again`: it was begun before; `why`: of the way back.
pub(super) async fn perform(
    tools: &Tools,
    plan: &Plan,
    step: &Step,
    attempt: Attempt<'_>,
) -> Result<Outcome, Fault> {
    match step {
        Step::Pull => pull::pull(tools, plan).await,
        Step::Hook { hook } => hook::step(tools, plan, *hook, attempt).await,
        Step::Start { track, version, replicas } => {
            start::start(tools, plan, track, *version, *replicas).await
        }
        Step::Healthy { track, ready } => healthy(tools, track, *ready).await,
        Step::Shift { percent, hold_ms, gate } => {
            shift::shift(tools, plan, *percent, Duration::from_millis(*hold_ms), *gate).await
        }
        Step::Replace { nth, of, version } => replace::replace(tools, plan, *nth, *of, *version).await,
        Step::Commit { track } => commit::commit(tools, plan, track).await,
        Step::Keep { ms } => keep::keep(tools, plan, Duration::from_millis(*ms)).await,
        Step::Drain { track } => drain::drain(tools, plan, track).await,
        Step::Stop { track } => stop::stop(tools, plan, track).await,
        Step::Traffic { track } => traffic(tools, track).await,
        Step::FinalHealth { track } => final_health::look(tools, plan, track).await,
    }
}
