//! Writes on a thread of its own. A terminal that takes nothing any more (Ctrl-S, a connection that hangs) must not hold
//! up a deploy: its lease would run out.

use std::collections::VecDeque;
use std::io::Write;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// So much waits to be written; what comes then is lost.
const BOUND: usize = 1 << 20;
/// At its end the program waits so long for what is not written yet.
const PATIENCE: Duration = Duration::from_secs(3);

#[derive(Debug)]
pub(super) struct Writer {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    pieces: VecDeque<Piece>,
    bytes: usize,
    /// A piece is on its way.
    writing: bool,
    /// Nothing more comes, or nobody takes anything.
    over: bool,
}

#[derive(Debug)]
enum Piece {
    Text(String),
    /// One that was not written yet is not needed once there is a newer one.
    Frame(String),
}

impl Writer {
    pub(super) fn new(to: impl Write + Send + 'static) -> Self {
        let shared = Arc::new(Shared::default());
        let of_thread = Arc::clone(&shared);
        std::thread::spawn(move || of_thread.write(to));
        Self { shared }
    }

    pub(super) fn text(&self, text: String) {
        self.shared.push(Piece::Text(text));
    }

    pub(super) fn frame(&self, frame: String) {
        self.shared.push(Piece::Frame(frame));
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let queue = self.shared.lock();
        let busy = |queue: &mut Queue| !queue.over && (queue.writing || !queue.pieces.is_empty());
        let waited = self.shared.changed.wait_timeout_while(queue, PATIENCE, busy);
        waited.unwrap_or_else(PoisonError::into_inner).0.over = true;
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, piece: Piece) {
        let mut queue = self.lock();
        if let (Piece::Frame(_), Some(Piece::Frame(_))) = (&piece, queue.pieces.back())
            && let Some(old) = queue.pieces.pop_back()
        {
            queue.bytes -= old.text().len();
        }
        if !queue.over && queue.bytes + piece.text().len() <= BOUND {
            queue.bytes += piece.text().len();
            queue.pieces.push_back(piece);
            self.changed.notify_all();
        }
    }

    fn write(&self, mut to: impl Write) {
        let mut queue = self.lock();
        loop {
            let idle = |queue: &mut Queue| queue.pieces.is_empty() && !queue.over;
            queue = self.changed.wait_while(queue, idle).unwrap_or_else(PoisonError::into_inner);
            let Some(piece) = queue.pieces.pop_front().filter(|_| !queue.over) else { return };
            queue.bytes -= piece.text().len();
            queue.writing = true;
            drop(queue);
            let written = to.write_all(piece.text().as_bytes()).and_then(|()| to.flush());
            queue = self.lock();
            queue.writing = false;
            queue.over |= written.is_err();
            self.changed.notify_all();
        }
    }
}

impl Piece {
    fn text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Frame(text) => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, Sender, channel};

    /// Takes each piece when the test says so.
    struct Slow {
        began: Sender<()>,
        go: Receiver<()>,
        taken: Sender<String>,
    }

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let closed = |_| std::io::ErrorKind::BrokenPipe;
            self.began.send(()).map_err(|_| std::io::ErrorKind::BrokenPipe)?;
            self.go.recv().map_err(closed)?;
            let text = String::from_utf8_lossy(bytes).into_owned();
            self.taken.send(text).map_err(|_| std::io::ErrorKind::BrokenPipe)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn slow() -> (Slow, Receiver<()>, Sender<()>, Receiver<String>) {
        let (began, begins) = channel();
        let (leave, go) = channel();
        let (taken, pieces) = channel();
        (Slow { began, go, taken }, begins, leave, pieces)
    }

    #[test]
    fn nobody_waits_for_a_terminal_and_frames_that_are_late_are_left_out() {
        let (to, begins, goes, takes) = slow();
        let writer = Writer::new(to);
        writer.text("a".to_owned());
        begins.recv().unwrap();
        // It hangs there, and nobody minds.
        for number in 1..=1000 {
            writer.frame(format!("frame {number}"));
        }
        writer.text("end".to_owned());
        (0..3).for_each(|_| goes.send(()).unwrap());
        drop(writer);
        assert_eq!(takes.iter().collect::<Vec<_>>(), ["a", "frame 1000", "end"]);
    }

    #[test]
    fn what_waits_is_bounded() {
        let (to, begins, goes, takes) = slow();
        let writer = Writer::new(to);
        writer.text("a".to_owned());
        begins.recv().unwrap();
        for _ in 0..100 {
            writer.text("x".repeat(BOUND / 10));
        }
        assert!(writer.shared.lock().bytes <= BOUND);
        (0..11).for_each(|_| goes.send(()).unwrap());
        drop(writer);
        assert_eq!(takes.iter().count(), 11);
    }

    #[test]
    fn a_reader_that_left_ends_the_wait() {
        let (to, begins, goes, _) = slow();
        let writer = Writer::new(to);
        drop(goes);
        writer.text("a".to_owned());
        begins.recv().unwrap();
        let begun = std::time::Instant::now();
        drop(writer);
        assert!(begun.elapsed() < PATIENCE);
    }
}
