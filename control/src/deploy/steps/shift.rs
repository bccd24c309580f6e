//! A share of the requests, on a lease, for a time.

use super::tools::{Outcome, Tools};
use super::watch::{LONGEST_LOOK, LOOK_EVERY, Watch};
use crate::deploy::fault::Fault;
use crate::deploy::lease::{Standing, changed};
use crate::deploy::progress::Progress;
use mizan_api::Weights;
use mizan_rollout::{Plan, Step};
use std::time::Duration;
use tokio::time::Instant;

pub(super) async fn shift(
    tools: &Tools,
    plan: &Plan,
    percent: u8,
    hold: Duration,
    gate: bool,
) -> Result<Outcome, Fault> {
    let stable = plan.stable.as_deref().unwrap_or_default();
    let weights = weights(plan, stable, percent);
    let mut outcome = Outcome::default();
    let promoted_before = tools.controls.borrow().promoted;
    let own = own_leases(plan, stable);
    tools.lease.take(weights.clone(), stable, &own).await?;
    let mut watch = Watch::new(tools, plan);
    let (mut so_far, mut last) = (Duration::ZERO, Instant::now());
    let mut at_the_gate = false;
    loop {
        match tools.lease.check(stable).await? {
            Standing::Ours(_) => {}
            Standing::Nothing | Standing::Forgotten => {
                let note =
                    "the proxy does not know the lease any more, it was started anew: taken again".to_owned();
                tools.say(Progress::Note { text: note.clone() });
                outcome.notes.push(note);
                tools.lease.take(weights.clone(), stable, &own).await?;
                (so_far, last) = (Duration::ZERO, Instant::now());
            }
            Standing::Changed(now) => return Err(changed(&now)),
        }
        let tracks = watch.look().await?;
        let controls = *tools.controls.borrow();
        if !controls.paused {
            // A process that was asleep has watched nothing.
            so_far += last.elapsed().min(LONGEST_LOOK);
        }
        last = Instant::now();
        if controls.to_the_end || controls.promoted > promoted_before {
            return Ok(outcome);
        }
        if so_far >= hold && !controls.paused {
            if !gate {
                return Ok(outcome);
            }
            if !at_the_gate {
                at_the_gate = true;
                tools.say(Progress::Gate { percent });
            }
        }
        let what = match (controls.paused, at_the_gate) {
            (true, _) => format!("paused at {percent} %"),
            (_, true) => format!("{percent} %: waiting for `mizanctl promote`"),
            _ => format!("{percent} % on trial"),
        };
        watch.say(&what, so_far, (!at_the_gate).then_some(hold), tracks);
        tokio::time::sleep(LOOK_EVERY.min(hold.saturating_sub(so_far).max(Duration::from_millis(20)))).await;
    }
}

fn weights(plan: &Plan, stable: &str, percent: u8) -> Weights {
    let rest = 100_u32.saturating_sub(u32::from(percent));
    [(plan.target.clone(), u32::from(percent)), (stable.to_owned(), rest)].into()
}

/// What this plan leases, at one step or another.
pub(super) fn own_leases(plan: &Plan, stable: &str) -> Vec<Weights> {
    let shifts = plan.steps.iter().filter_map(|step| match step {
        Step::Shift { percent, .. } => Some(weights(plan, stable, *percent)),
        _ => None,
    });
    shifts.collect()
}
