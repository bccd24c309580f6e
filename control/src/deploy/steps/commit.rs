//! All requests go to the new track, for good.

use super::shift::own_leases;
use super::tools::{Outcome, Tools};
use crate::deploy::fault::Fault;
use crate::deploy::lease::{Standing, changed, shown};
use crate::deploy::proxy::{sole, whole};
use mizan_api::{ClientError, ProblemKind, SplitChange};
use mizan_rollout::Plan;

pub(super) async fn commit(tools: &Tools, plan: &Plan, track: &str) -> Result<Outcome, Fault> {
    let split = tools.proxy.split().await?;
    if split.lease.is_none() && sole(&split.committed) == Some(track) {
        tools.lease.forget();
        return Ok(Outcome::default());
    }
    if let Some(stable) = &plan.stable {
        let theirs = match tools.lease.check(stable).await? {
            Standing::Changed(_) => true,
            Standing::Ours(_) | Standing::Forgotten => false,
            // Of a process that is gone.
            Standing::Nothing => split.lease.is_some() && !own_leases(plan, stable).contains(&split.weights),
        };
        if theirs || sole(&split.committed) != Some(stable) {
            return Err(changed(&shown(&split)));
        }
    }
    // Nobody may have changed it since this was looked at.
    let change = SplitChange {
        weights: whole(track),
        revision: Some(split.revision),
        lease_seconds: None,
        force: false,
    };
    match tools.proxy.set_split(&change).await {
        Ok(_) => {
            tools.lease.forget();
            Ok(Outcome::default())
        }
        Err(ClientError::Refused(problem)) if problem.kind == ProblemKind::StaleRevision => {
            // An answer that was lost on its way: the change may be there.
            let split = tools.proxy.split().await?;
            if split.lease.is_none() && sole(&split.committed) == Some(track) {
                tools.lease.forget();
                return Ok(Outcome::default());
            }
            Err(changed(&shown(&split)))
        }
        Err(error) => Err(error.into()),
    }
}
