//! The body of `GET /v1/events`: server-sent events (WHATWG HTML, 9.2).

use crate::clock;
use crate::observe::events::Reader;
use bytes::Bytes;
use hyper::body::{Body, Frame};
use mizan_api::Event;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};
use std::time::Duration;

/// Readers at a time.
const MOST: usize = 32;
/// A comment goes out when nothing else did for so long: it finds readers that are gone.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

static OPEN: LazyLock<Arc<AtomicUsize>> = LazyLock::new(Arc::default);

pub(super) struct EventStream {
    next: Pin<Box<dyn Future<Output = Next> + Send>>,
    /// When the reader last took something, by the process's clock.
    taken_ms: Arc<AtomicU64>,
    _place: Place,
}

/// The reader, and its next event unless it is time for a comment.
type Next = (Reader, Option<Arc<Event>>);

/// Given back by Drop.
struct Place;

impl Drop for Place {
    fn drop(&mut self) {
        OPEN.fetch_sub(1, Ordering::Relaxed);
    }
}

impl EventStream {
    /// `None`: too many read already.
    pub(super) fn open(reader: Reader) -> Option<Self> {
        let place = Place;
        if OPEN.fetch_add(1, Ordering::Relaxed) >= MOST {
            drop(place);
            return None;
        }
        let taken_ms = Arc::new(AtomicU64::new(clock::now()));
        Some(Self { next: Box::pin(wait(reader)), taken_ms, _place: place })
    }

    /// Watched from outside: a reader that takes nothing any more is closed.
    pub(super) fn taken(&self) -> Arc<AtomicU64> {
        self.taken_ms.clone()
    }
}

async fn wait(mut reader: Reader) -> Next {
    let event = tokio::time::timeout(KEEP_ALIVE, reader.next()).await.ok();
    (reader, event)
}

impl Body for EventStream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.taken_ms.store(clock::now(), Ordering::Relaxed);
        let Poll::Ready((reader, event)) = self.next.as_mut().poll(context) else { return Poll::Pending };
        self.next = Box::pin(wait(reader));
        let text = match event {
            Some(event) => {
                let json = serde_json::to_string(&*event).expect("the API's types have string keys only");
                format!("id: {}\ndata: {json}\n\n", event.id)
            }
            None => ":\n\n".to_owned(),
        };
        Poll::Ready(Some(Ok(Frame::data(text.into()))))
    }
}
