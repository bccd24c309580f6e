//! Nothing is under way on a track any more, and nothing new comes.

use super::tools::{Outcome, Tools};
use crate::deploy::fault::Fault;
use crate::deploy::lease::{changed, shown};
use crate::deploy::place::ms;
use crate::deploy::progress::Progress;
use mizan_api::{ClientError, DrainChange, DrainStatus, ProblemKind, ServiceStatus, Weights};
use mizan_rollout::Plan;
use std::time::Duration;
use tokio::time::Instant;

const LOOK_EVERY: Duration = Duration::from_millis(100);

pub(super) async fn drain(tools: &Tools, plan: &Plan, track: &str) -> Result<Outcome, Fault> {
    has_no_share(tools, plan, track).await?;
    let change = DrainChange { track: Some(track.to_owned()), ..DrainChange::default() };
    let begun = match tools.proxy.drain(&change).await {
        Ok(status) => status,
        // mizan.yml does not have it any more: nothing can be under way.
        Err(ClientError::Refused(problem)) if problem.kind == ProblemKind::NotFound => {
            return Ok(Outcome::default());
        }
        Err(error) => return Err(error.into()),
    };
    let under_way = |service: &ServiceStatus| {
        let track = service.tracks.iter().find(|one| one.name == track);
        let Some(track) = track else { return Some(0) };
        track.drained.then(|| track.endpoints.iter().map(|endpoint| endpoint.in_flight).sum())
    };
    wait(tools, track, &begun, under_way, &change).await
}

/// A track with a share of the requests is not taken away: somebody has given it back meanwhile. Of a first version that
/// does not get well nobody else is there.
pub(super) async fn has_no_share(tools: &Tools, plan: &Plan, track: &str) -> Result<(), Fault> {
    if plan.stable.is_none() || track.is_empty() {
        return Ok(());
    }
    let split = tools.proxy.split().await?;
    let share = |weights: &Weights| weights.get(track).is_some_and(|weight| *weight > 0);
    if share(&split.weights) || (share(&split.committed) && split.lease.is_none()) {
        return Err(changed(&shown(&split)));
    }
    Ok(())
}

/// Waits until `under_way` is nothing, or the time for it is over. `None`: it is not drained any more, and is drained
/// `again`.
pub(super) async fn wait(
    tools: &Tools,
    what: &str,
    first: &DrainStatus,
    under_way: impl Fn(&ServiceStatus) -> Option<u64>,
    again: &DrainChange,
) -> Result<Outcome, Fault> {
    let (begin, limit) = (Instant::now(), tools.place.service.drain);
    let mut left = first.in_flight;
    while left > 0 {
        if begin.elapsed() >= limit {
            let note = format!(
                "{left} requests of {what} were still under way after {}",
                crate::view::short(ms(limit))
            );
            tools.say(Progress::Note { text: note.clone() });
            return Ok(Outcome { notes: vec![note], ..Outcome::default() });
        }
        tools.say(Progress::Wait {
            what: format!("{left} requests under way"),
            elapsed_ms: ms(begin.elapsed()),
            total_ms: Some(ms(limit)),
            tracks: Vec::new(),
        });
        tokio::time::sleep(LOOK_EVERY).await;
        left = match under_way(&tools.proxy.service().await?) {
            Some(left) => left,
            // A proxy that was started anew does not know of it.
            None => tools.proxy.drain(again).await?.in_flight.max(1),
        };
    }
    Ok(Outcome::default())
}
