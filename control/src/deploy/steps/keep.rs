//! The track that was left stays for a time; the new one is watched on.

use super::tools::{Outcome, Tools};
use super::watch::{LONGEST_LOOK, LOOK_EVERY, Watch};
use crate::deploy::fault::Fault;
use crate::deploy::lease::{changed, shown};
use crate::deploy::proxy::sole;
use mizan_rollout::Plan;
use std::time::Duration;
use tokio::time::Instant;

pub(super) async fn keep(tools: &Tools, plan: &Plan, keep: Duration) -> Result<Outcome, Fault> {
    let stable = plan.stable.as_deref().unwrap_or_default();
    let promoted_before = tools.controls.borrow().promoted;
    let mut watch = Watch::new(tools, plan);
    let (mut kept, mut last) = (Duration::ZERO, Instant::now());
    loop {
        let split = tools.proxy.split().await?;
        if sole(&split.committed) != Some(&plan.target) || split.lease.is_some() {
            return Err(changed(&shown(&split)));
        }
        let tracks = watch.look().await?;
        let controls = *tools.controls.borrow();
        if !controls.paused {
            kept += last.elapsed().min(LONGEST_LOOK);
        }
        last = Instant::now();
        if controls.to_the_end || controls.promoted > promoted_before || (kept >= keep && !controls.paused) {
            return Ok(Outcome::default());
        }
        let what = format!("{stable} is kept: `mizanctl rollback {}` brings it back at once", plan.service);
        watch.say(&what, kept, Some(keep), tracks);
        tokio::time::sleep(LOOK_EVERY.min(keep.saturating_sub(kept).max(Duration::from_millis(20)))).await;
    }
}
