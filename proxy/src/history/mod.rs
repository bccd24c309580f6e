//! What the deploy controller reports: kept as history, counted as metrics, told as events.

mod book;
#[cfg(test)]
pub(crate) mod sample;
mod sound;

pub(crate) use book::MOST;
pub(crate) use sound::{name, sound};

use crate::observe::events;
use crate::observe::metrics::Metrics;
use crate::state::State;
use book::{Book, Taken};
use mizan_api::{Deploy, Happening};
use std::sync::{Arc, Mutex, MutexGuard};

pub(crate) struct History {
    book: Mutex<Book>,
    /// Held by one who writes, so that reports go to the disk in their order. Who reads does not wait for it.
    disk: Mutex<Disk>,
    /// `None`: in memory only.
    state: Option<Arc<State>>,
    metrics: Arc<Metrics>,
}

#[derive(Default)]
struct Disk {
    /// The last try failed: it has less than the book.
    behind: bool,
}

/// The deploy has ended, and not as it was reported; here is what is kept.
#[derive(Debug)]
pub(crate) struct HasEnded(pub(crate) Box<Deploy>);

impl History {
    /// Reads what was kept, and counts it.
    pub(crate) fn open(state: Option<Arc<State>>, metrics: Arc<Metrics>) -> Self {
        let book = Book::of(state.as_deref().map(State::deploys).unwrap_or_default());
        book.ended().for_each(|deploy| metrics.deploy_ended(deploy));
        Self { book: Mutex::new(book), disk: Mutex::default(), state, metrics }
    }

    /// Takes a sound report; gives what is kept after it. It is on the disk then, unless the disk does not take it: a
    /// deploy does not fail over its history. Never to be called on a thread of the data plane.
    pub(crate) fn report(&self, deploy: Deploy) -> Result<Deploy, HasEnded> {
        let mut disk = self.disk.lock().expect("nothing panics while it holds the lock");
        let taken = self.book().take(deploy.clone());
        let write = match taken {
            Taken::Known(kept) => return Ok(*kept),
            Taken::Refused(kept) => return Err(HasEnded(kept)),
            // Not worth a write by itself.
            Taken::Alive => disk.behind,
            Taken::Changed { telling } => {
                if telling {
                    events::publish(Happening::Deploy { deploy: Box::new(deploy.clone()) });
                }
                if deploy.status.has_ended() {
                    self.metrics.deploy_ended(&deploy);
                }
                true
            }
        };
        if write {
            self.write(&mut disk);
        }
        Ok(deploy)
    }

    fn write(&self, disk: &mut Disk) {
        let Some(state) = &self.state else { return };
        let deploys = self.book().all().to_vec();
        let kept = state.keep_deploys(&deploys);
        // Told when it changes, not with each report.
        match (&kept, disk.behind) {
            (Ok(()), true) => tracing::info!("the history of deploys is on the disk again"),
            (Err(error), false) => {
                tracing::warn!("{error}. The history of deploys is in memory only, until the disk takes it");
            }
            (Ok(()), false) | (Err(_), true) => {}
        }
        disk.behind = kept.is_err();
    }

    pub(crate) fn get(&self, id: &str) -> Option<Deploy> {
        self.book().get(id).cloned()
    }

    /// Those that are wanted, the newest first.
    pub(crate) fn newest(&self, wanted: impl Fn(&Deploy) -> bool, limit: usize) -> Vec<Deploy> {
        self.book().newest().filter(|deploy| wanted(deploy)).take(limit).cloned().collect()
    }

    /// Those that have not ended, the newest first.
    pub(crate) fn under_way(&self) -> Vec<Deploy> {
        self.newest(|deploy| !deploy.status.has_ended(), MOST)
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().expect("nothing panics while it holds the lock")
    }
}
