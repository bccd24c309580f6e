//! Back, at once: all requests go to one track, for good.

use super::tools::{Outcome, Tools};
use crate::deploy::fault::Fault;
use crate::deploy::progress::Progress;
use crate::deploy::proxy::{sole, whole};
use mizan_api::{ClientError, DrainChange, ProblemKind, SplitChange};
use std::time::Duration;
use tokio::time::Instant;

/// The longest that a lease may be.
const A_DAY: Duration = Duration::from_secs(86_400);

pub(in crate::deploy) async fn traffic(tools: &Tools, track: &str) -> Result<Outcome, Fault> {
    let begin = Instant::now();
    let mut outcome = Outcome::default();
    // Mostly this is all there is to do.
    tools.lease.release().await?;
    // A drained track takes nothing, whatever its weight.
    let change = DrainChange { track: Some(track.to_owned()), ..DrainChange::default() };
    tools.proxy.undrain(&change).await?;
    let split = tools.proxy.split().await?;
    if sole(&split.committed) != Some(track) || split.lease.is_some() {
        let change = SplitChange { weights: whole(track), force: true, ..SplitChange::default() };
        match tools.proxy.set_split(&change).await {
            Err(ClientError::Refused(problem))
                if matches!(problem.kind, ProblemKind::CannotWrite | ProblemKind::NoState) =>
            {
                // The bad version may have filled the disk: a lease needs none.
                let lease_seconds = Some(A_DAY.as_secs_f64());
                tools.proxy.set_split(&SplitChange { lease_seconds, ..change }).await?;
                let note = format!(
                    "mizan cannot write its state ({}): the requests are back for a day only; then `mizanctl split {} \
                     {track}=100`",
                    problem.detail,
                    tools.proxy.service_name()
                );
                tools.say(Progress::Note { text: note.clone() });
                outcome.notes.push(note);
            }
            set => {
                set?;
            }
        }
    }
    tools.say(Progress::TrafficBack { took_ms: begin.elapsed().as_millis() as u64 });
    Ok(outcome)
}
