//! `mizanctl resume`: carry on with a deploy that was interrupted, or that waits because of `mizanctl pause`.

use super::place::busy;
use super::{Where, store};
use crate::console::{Console, print};
use crate::deploy::begun;
use crate::deploy::runner::Runner;
use crate::deploy::store::{StoreError, Wish};
use crate::deploy::{Workshop, who};
use crate::exit::Failure;
use crate::view::deploy::Screen;
use clap::Args;
use mizan_rollout::Record;

/// Carry on with a deploy that was paused, interrupted, or killed
#[derive(Debug, Args)]
pub(super) struct ResumeVerb {
    #[command(flatten)]
    place: Where,
}

impl ResumeVerb {
    pub(super) async fn run(self, console: Console) -> Result<(), Failure> {
        let place = self.place.find()?;
        let store = store(&place)?;
        let lock = match store.lock(&format!("the resumed deploy of {}", place.service.name), &who()) {
            Ok(lock) => lock,
            Err(StoreError::Busy(_)) => {
                store.leave_wish(&Wish::Unpause { by: who() })?;
                return print(&format!(
                    "the deploy of {} that is under way is told to go on\n",
                    place.service.name
                ));
            }
            Err(error) => return Err(busy(error)),
        };
        super::no_hook_runs(&store)?;
        let Some(last) = store.last()?.filter(|last| last.state.ended().is_none()) else {
            return Err(Failure::Failed(format!("no deploy of {} was left open", place.service.name)));
        };
        let proxy = super::proxy(&place);
        let driver = super::driver(&place).await?;
        let workshop = Workshop::new(place, proxy, driver);
        let mut screen = Screen::new(console);
        let journal = store.append_to(last.state.plan().number)?;
        let record = Record::Resumed { by: who() };
        screen.tell(&begun(last.state.plan()));
        let runner = Runner::resume(workshop, store, lock, journal, last, screen);
        Box::pin(runner.carry_on(&record)).await.outcome()
    }
}
