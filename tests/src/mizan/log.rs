//! What a process writes on stderr, line by line, as it comes.

use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

/// Lines so far; grows while the process lives.
#[derive(Debug, Clone)]
pub struct Log {
    lines: Arc<Mutex<Vec<String>>>,
    /// Bumped with each line; closed at the end of the stream.
    news: watch::Receiver<usize>,
}

impl Log {
    pub fn follow(stream: impl AsyncRead + Unpin + Send + 'static) -> Self {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (bump, news) = watch::channel(0);
        let kept = lines.clone();
        tokio::spawn(async move {
            let mut reader = BufReader::new(stream);
            let mut line = Vec::new();
            while reader.read_until(b'\n', &mut line).await.is_ok_and(|n| n > 0) {
                let text = without_colours(String::from_utf8_lossy(&line).trim_end());
                line.clear();
                kept.lock().expect("no panic holds it").push(text);
                bump.send_modify(|n| *n += 1);
            }
        });
        Self { lines, news }
    }

    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().expect("no panic holds it").clone()
    }

    pub fn text(&self) -> String {
        self.lines().join("\n")
    }

    /// Where the log stands now, for [`wait_after`](Self::wait_after).
    pub fn mark(&self) -> usize {
        self.lines.lock().expect("no panic holds it").len()
    }

    pub fn has(&self, pattern: &str) -> bool {
        self.lines().iter().any(|line| line.contains(pattern))
    }

    /// The first line that has the pattern.
    ///
    /// # Panics
    /// When none comes within so long.
    pub async fn wait_for(&self, pattern: &str, within: Duration) -> String {
        match self.wait_after(0, |line| line.contains(pattern), within).await {
            Some(line) => line,
            None => panic!("no line with `{pattern}` within {within:?}; the log:\n{}", self.text()),
        }
    }

    /// The first line that has all of these.
    ///
    /// # Panics
    /// When none comes within five seconds.
    pub async fn wait_for_all(&self, patterns: &[&str]) -> String {
        let all = |line: &str| patterns.iter().all(|p| line.contains(p));
        match self.wait_after(0, all, Duration::from_secs(5)).await {
            Some(line) => line,
            None => panic!("no line with all of {patterns:?}; the log:\n{}", self.text()),
        }
    }

    /// The first line from `mark` on for which `is` holds.
    pub async fn wait_after(
        &self,
        mark: usize,
        is: impl Fn(&str) -> bool,
        within: Duration,
    ) -> Option<String> {
        self.wait(within, |lines| lines.iter().skip(mark).find(|line| is(line)).cloned()).await
    }

    /// The first `count` lines that have the pattern.
    pub async fn wait_for_count(&self, pattern: &str, count: usize, within: Duration) -> Option<Vec<String>> {
        self.wait(within, |lines| {
            let found: Vec<String> =
                lines.iter().filter(|l| l.contains(pattern)).take(count).cloned().collect();
            (found.len() == count).then_some(found)
        })
        .await
    }

    async fn wait<T>(&self, within: Duration, look: impl Fn(&[String]) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + within;
        let mut news = self.news.clone();
        loop {
            news.borrow_and_update();
            if let Some(found) = look(&self.lines.lock().expect("no panic holds it")) {
                return Some(found);
            }
            // Late, or the process has closed its stderr: nothing more comes.
            if !matches!(timeout_at(deadline, news.changed()).await, Ok(Ok(()))) {
                return look(&self.lines.lock().expect("no panic holds it"));
            }
        }
    }
}

/// Drops terminal escapes.
fn without_colours(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("\x1b[") {
        text.push_str(before);
        rest = after.split_once('m').map_or("", |(_, after)| after);
    }
    text + rest
}

#[cfg(test)]
mod tests {
    #[test]
    fn colours_are_dropped() {
        assert_eq!(super::without_colours("\x1b[2mnow\x1b[0m \x1b[32m INFO\x1b[0m up"), "now  INFO up");
    }
}
