//! `mizanctl history`: what was deployed, and all that is known of one deploy.

use super::{Where, store};
use crate::console::{Console, now_unix_ms};
use crate::deploy::store::Kept;
use crate::exit::Failure;
use crate::view::deploy::{history, story};
use clap::Args;
use mizan_rollout::{Kind, Status};

/// Show the deploys of a service, or one of them with every step
#[derive(Debug, Args)]
pub(super) struct HistoryVerb {
    #[command(flatten)]
    place: Where,
    /// Only the deploy with this number, with every step
    #[arg(value_name = "N")]
    number: Option<u64>,
    /// So many, the newest first
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    /// Exit with 0 if this image was deployed well, else with 1
    #[arg(long, value_name = "IMAGE", conflicts_with = "number")]
    deployed: Option<String>,
}

impl HistoryVerb {
    pub(super) fn run(mut self, console: Console) -> Result<(), Failure> {
        // `mizanctl history 17`, where there is one service.
        let alone = self.number.is_none().then(|| self.place.take_number()).flatten();
        let number = self.number.or(alone);
        let place = self.place.find()?;
        let store = store(&place)?;
        let name = &place.service.name;
        if let Some(number) = number {
            let kept = store.read(number)?;
            let kept = kept.ok_or_else(|| Failure::Failed(format!("{name} has no deploy {number}")))?;
            return console.show(&kept.entries, |width, colour| story(&kept, width, colour));
        }
        let mut numbers = store.numbers()?;
        numbers.reverse();
        let mut all = Vec::new();
        for number in numbers {
            all.extend(store.read(number)?);
            if self.deployed.is_none() && all.len() >= self.limit {
                break;
            }
        }
        if let Some(image) = &self.deployed {
            let undone: Vec<u64> = all.iter().filter_map(taken_back).collect();
            all.retain(|kept| {
                let plan = kept.state.plan();
                let good =
                    matches!(kept.state.ended(), Some((Status::Deployed, _))) && plan.kind == Kind::Deploy;
                let good = good && !undone.contains(&plan.number);
                good && (plan.image.reference == *image || plan.image.id.as_ref() == Some(image))
            });
            if all.is_empty() {
                let environment = &place.environment.name;
                return Err(Failure::Failed(format!(
                    "{image} was never deployed well as {name} in {environment}"
                )));
            }
        }
        let entries: Vec<_> = all.iter().map(|kept| &kept.entries).collect();
        console.show(&entries, |width, colour| history(&all, now_unix_ms(), width, colour))
    }
}

/// The deploy that this one took back.
fn taken_back(kept: &Kept) -> Option<u64> {
    match (kept.state.plan().kind, kept.state.ended()) {
        (Kind::Rollback { of }, Some((Status::RolledBack, _))) => Some(of),
        _ => None,
    }
}
