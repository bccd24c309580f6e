//! A deploy in lines, for files, pipes and CI: each with the time of day.

use super::words::{self, About, check, how_long, stopped, traffic, verdict};
use crate::deploy::progress::{Progress, Traffic};
use crate::view::page::Style;
use crate::view::units::{time_of_day, took};

/// A wait is told again after so long, if nothing else happens to it.
const AGAIN: u64 = 10_000;

#[derive(Debug, Default)]
pub(super) struct Plain {
    about: Option<About>,
    begun_unix_ms: u64,
    /// The step that runs.
    step: String,
    /// Steps that failed, since the last decision to turn back.
    failed: Vec<String>,
    /// The gate that was told in this step.
    gate: Option<u8>,
    told: Option<Told>,
    /// The last wait, where it was not told.
    withheld: Option<String>,
}

/// The wait that was told last.
#[derive(Debug)]
struct Told {
    at_unix_ms: u64,
    notable: Notable,
}

/// What is told at once when it changes.
#[derive(Debug, PartialEq, Eq)]
struct Notable {
    /// Without digits: a count that runs is no news.
    what: String,
    /// Endpoints that are up, all of them, and whether a request failed.
    tracks: Vec<(u32, u32, bool)>,
}

impl Plain {
    /// Lines, each with its end.
    pub(super) fn tell(&mut self, progress: &Progress, now_unix_ms: u64) -> String {
        let time = time_of_day(now_unix_ms);
        let line = |line: String| {
            Style::Plain.paint(format!("{time} {}", line.replace('\n', " ")).trim_end(), false) + "\n"
        };
        self.lines(progress, now_unix_ms).into_iter().map(line).collect()
    }

    fn lines(&mut self, progress: &Progress, now_unix_ms: u64) -> Vec<String> {
        match progress {
            Progress::Checked { what, verdict: is, detail } => {
                vec![format!("{} {}", verdict(*is).1, check(what, detail))]
            }
            Progress::Begun { steps, .. } => {
                let about = About::begun(progress).expect("it is the beginning");
                let lines = vec![about.sentence(), format!("{} steps", steps.len())];
                self.about = Some(about);
                self.begun_unix_ms = now_unix_ms;
                lines
            }
            Progress::Resumed { by, done } => vec![format!("{by} carries on; {done} steps were done before")],
            Progress::Step { step, of, back, what } => {
                self.forget();
                self.step.clone_from(what);
                let way = if *back { "back " } else { "" };
                vec![format!("[{way}{step}/{of}] {what}")]
            }
            Progress::Output { line } => vec![format!("    | {}", line.replace('\t', "    "))],
            Progress::Wait { what, elapsed_ms, total_ms, tracks } => {
                let text = self.wait(what, &how_long(*elapsed_ms, *total_ms), tracks);
                self.unless_told(text, Notable::new(what, tracks), now_unix_ms).into_iter().collect()
            }
            Progress::Done { took_ms, .. } => {
                let mut lines = self.forget();
                lines.push(format!("      done in {}", took(*took_ms)));
                lines
            }
            Progress::Failed { reason, why, .. } => {
                let mut lines = self.forget();
                lines.push(format!("      failed ({}): {why}", reason.as_str()));
                self.failed.push(format!("{}: {why}", self.step));
                lines
            }
            Progress::TurnBack { reason, why, steps } => {
                let mut lines = self.forget();
                self.failed.clear();
                lines.push(format!("going back ({}): {why}", reason.as_str()));
                if !steps.is_empty() {
                    lines.push(format!("the way back: {}", steps.join("; ")));
                }
                lines
            }
            Progress::TrafficBack { took_ms } => {
                vec![format!(
                    "      requests are back where they were, {} after the decision",
                    took(*took_ms)
                )]
            }
            Progress::Gate { percent } if self.gate == Some(*percent) => Vec::new(),
            Progress::Gate { percent } => {
                self.gate = Some(*percent);
                vec![format!("      at {percent} %: it waits for `mizanctl promote {}`", self.service())]
            }
            Progress::Paused { by } => vec![format!("paused by {by}")],
            Progress::Unpaused { by } => vec![format!("{by} lets it go on")],
            Progress::Note { text } => vec![format!("note: {text}")],
            Progress::Stopped { why, serves, todo } => {
                let mut lines = self.forget();
                let begun = self.about.as_ref().map(|_| self.begun_unix_ms);
                let ran = now_unix_ms.saturating_sub(begun.unwrap_or(now_unix_ms));
                let title = self.about.as_ref().map_or_else(|| "the deploy".to_owned(), About::title);
                lines.extend(block(stopped(&title, why, serves, todo, ran)));
                lines
            }
            Progress::Ended { status, why, took_ms } => {
                let mut lines = self.forget();
                if let Some(about) = &self.about {
                    lines.extend(block(about.closing(*status, why, *took_ms, &self.failed)));
                } else {
                    lines.push(format!("{}: {why}", words::status_word(*status).1));
                }
                lines
            }
        }
    }

    fn wait(&self, what: &str, long: &str, tracks: &[Traffic]) -> String {
        let tracks: Vec<_> = tracks.iter().map(|track| traffic(track, self.service())).collect();
        let tracks = if tracks.is_empty() { String::new() } else { format!(": {}", tracks.join("; ")) };
        format!("      {what}, {long}{tracks}")
    }

    fn unless_told(&mut self, text: String, notable: Notable, now_unix_ms: u64) -> Option<String> {
        let fresh = |told: &Told| now_unix_ms < told.at_unix_ms + AGAIN && told.notable == notable;
        if self.told.as_ref().is_some_and(fresh) {
            self.withheld = Some(text);
            return None;
        }
        self.told = Some(Told { at_unix_ms: now_unix_ms, notable });
        self.withheld = None;
        Some(text)
    }

    /// The wait is over. What was withheld of it is how it ended.
    fn forget(&mut self) -> Vec<String> {
        self.told = None;
        self.gate = None;
        self.withheld.take().into_iter().collect()
    }

    fn service(&self) -> &str {
        self.about.as_ref().map_or("", |about| &about.service)
    }
}

impl Notable {
    fn new(what: &str, tracks: &[Traffic]) -> Self {
        Self {
            what: what.chars().filter(|one| !one.is_ascii_digit()).collect(),
            tracks: tracks.iter().map(|track| (track.up, track.endpoints, track.failed > 0)).collect(),
        }
    }
}

fn block(lines: Vec<(Style, String)>) -> Vec<String> {
    let indent = |at: usize| if at == 0 { "" } else { "  " };
    lines.into_iter().enumerate().map(|(at, (_, line))| format!("{}{line}", indent(at))).collect()
}
