//! `mizanctl promote` and `pause`: what a deploy under way is asked for.

use super::{Where, store};
use crate::console::print;
use crate::deploy::store::Wish;
use crate::deploy::who;
use crate::exit::Failure;
use clap::Args;

/// End the wait of the deploy under way: pass its gate, or what is left of its hold
#[derive(Debug, Args)]
pub(super) struct PromoteVerb {
    #[command(flatten)]
    place: Where,
    /// All waits, to the end
    #[arg(long)]
    full: bool,
}

/// Hold the deploy under way where it is, until `mizanctl resume`
#[derive(Debug, Args)]
pub(super) struct PauseVerb {
    #[command(flatten)]
    place: Where,
}

impl PromoteVerb {
    pub(super) fn run(self) -> Result<(), Failure> {
        let by = who();
        leave(&self.place, &Wish::Promote { by, full: self.full }, "promoted")
    }
}

impl PauseVerb {
    pub(super) fn run(self) -> Result<(), Failure> {
        leave(&self.place, &Wish::Pause { by: who() }, "paused")
    }
}

fn leave(place: &Where, wish: &Wish, done: &str) -> Result<(), Failure> {
    let place = place.find()?;
    let store = store(&place)?;
    let name = &place.service.name;
    let Some(who) = store.locked_by() else {
        let open = store.last()?.is_some_and(|last| last.state.ended().is_none());
        let why = if open {
            format!("the last deploy of {name} was left open: `mizanctl resume {name}` carries on")
        } else {
            format!("no deploy of {name} is under way")
        };
        return Err(Failure::Failed(why));
    };
    store.leave_wish(wish)?;
    print(&format!("{done}: {who}\n"))
}
