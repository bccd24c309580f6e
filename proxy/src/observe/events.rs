//! What changed, for those who watch: the last events of this process, read over the admin socket.
//!
//! One list for the process, as the log is one. Publishing never waits: a reader that is too slow misses events, and is
//! told how many.

use crate::clock;
use mizan_api::{Event, Happening};
use std::collections::VecDeque;
use std::sync::{Arc, LazyLock, Mutex};
use tokio::sync::watch;

/// Events that are kept for readers.
const KEPT: usize = 1024;

static EVENTS: LazyLock<Events> = LazyLock::new(Events::default);

/// Tells everyone who watches.
pub(crate) fn publish(what: Happening) {
    EVENTS.publish(what);
}

/// Reads from now on; or on from the event with this number.
pub(crate) fn subscribe(last: Option<u64>) -> Reader {
    EVENTS.subscribe(last)
}

struct Events {
    kept: Mutex<VecDeque<Arc<Event>>>,
    /// The last event's number; 0 before the first.
    last: watch::Sender<u64>,
}

impl Default for Events {
    fn default() -> Self {
        Self { kept: Mutex::default(), last: watch::Sender::new(0) }
    }
}

/// One who watches.
pub(crate) struct Reader {
    next: u64,
    last: watch::Receiver<u64>,
    events: &'static Events,
}

impl Events {
    fn publish(&self, what: Happening) {
        let mut kept = self.kept.lock().expect("nothing panics while it holds the lock");
        let id = *self.last.borrow() + 1;
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(Arc::new(Event { id, at_unix_ms: clock::unix_ms(), what }));
        self.last.send_replace(id);
    }

    fn subscribe(&'static self, last: Option<u64>) -> Reader {
        let receiver = self.last.subscribe();
        let newest = *receiver.borrow();
        // A number from another process, or from the future: begin with what comes.
        let next = last.filter(|last| *last <= newest).unwrap_or(newest) + 1;
        Reader { next, last: receiver, events: self }
    }
}

impl Reader {
    /// The next event; waits for it.
    pub(crate) async fn next(&mut self) -> Arc<Event> {
        loop {
            if let Some(event) = self.take() {
                return event;
            }
            if self.last.changed().await.is_err() {
                // The list lives as long as the process.
                std::future::pending::<()>().await;
            }
        }
    }

    fn take(&mut self) -> Option<Arc<Event>> {
        self.last.borrow_and_update();
        let kept = self.events.kept.lock().expect("nothing panics while it holds the lock");
        let oldest = kept.front()?.id;
        if self.next < oldest {
            let count = oldest - self.next;
            self.next = oldest;
            let what = Happening::Missed { count };
            return Some(Arc::new(Event { id: oldest - 1, at_unix_ms: clock::unix_ms(), what }));
        }
        let event = kept.get((self.next - oldest) as usize)?.clone();
        self.next += 1;
        Some(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> &'static Events {
        Box::leak(Box::default())
    }

    #[tokio::test]
    async fn a_reader_gets_what_comes_after_it_in_order() {
        let events = own();
        events.publish(Happening::Reload { generation: 1 });
        let mut reader = events.subscribe(None);
        events.publish(Happening::Reload { generation: 2 });
        events.publish(Happening::Reload { generation: 3 });
        let (second, third) = (reader.next().await, reader.next().await);
        assert_eq!((second.id, &second.what), (2, &Happening::Reload { generation: 2 }));
        assert_eq!((third.id, &third.what), (3, &Happening::Reload { generation: 3 }));
        assert!(reader.take().is_none());
    }

    #[tokio::test]
    async fn who_comes_back_goes_on_where_it_was_and_is_told_what_is_lost() {
        let events = own();
        for generation in 1..=KEPT as u64 + 10 {
            events.publish(Happening::Reload { generation });
        }
        let mut reader = events.subscribe(Some(3));
        assert_eq!(reader.next().await.what, Happening::Missed { count: 7 });
        assert_eq!(reader.next().await.what, Happening::Reload { generation: 11 });
        let mut stranger = events.subscribe(Some(u64::MAX));
        assert!(stranger.take().is_none());
    }
}
