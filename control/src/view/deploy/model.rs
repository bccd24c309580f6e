//! What is known of a deploy while it runs: what a terminal shows is made of it.

use super::words::{About, stopped};
use crate::deploy::progress::{Progress, Traffic, Verdict};
use crate::view::page::Style;
use std::collections::VecDeque;

/// So many lines of a running command are remembered.
const OUTPUT: usize = 100;

#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) about: Option<About>,
    pub(super) begun_unix_ms: u64,
    pub(super) checks: Vec<(Verdict, String, String)>,
    pub(super) steps: Vec<Line>,
    pub(super) back: Option<Back>,
    pub(super) wait: Option<Wait>,
    /// The last lines of the running command.
    pub(super) output: VecDeque<String>,
    /// What is to be remembered.
    pub(super) notes: Vec<String>,
    pub(super) gate: Option<u8>,
    /// By whom.
    pub(super) paused: Option<String>,
    /// The block that it closes with, and when.
    pub(super) closing: Option<(u64, Vec<(Style, String)>)>,
}

/// A step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) what: String,
    pub(super) mark: Mark,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mark {
    Waiting,
    Running {
        since_unix_ms: u64,
    },
    /// `None`: by the process before this one.
    Done {
        took_ms: Option<u64>,
    },
    Failed {
        why: String,
    },
}

/// The way back.
#[derive(Debug)]
pub(super) struct Back {
    pub(super) why: String,
    pub(super) steps: Vec<Line>,
    /// Requests were where they had been, so long after the decision.
    pub(super) traffic_ms: Option<u64>,
}

#[derive(Debug)]
pub(super) struct Wait {
    pub(super) what: String,
    pub(super) elapsed_ms: u64,
    pub(super) total_ms: Option<u64>,
    pub(super) tracks: Vec<Traffic>,
}

impl Model {
    pub(super) fn apply(&mut self, progress: &Progress, now_unix_ms: u64) {
        match progress {
            Progress::Checked { what, verdict, detail } => {
                self.checks.push((*verdict, what.clone(), detail.clone()));
            }
            Progress::Begun { steps, .. } => {
                self.about = About::begun(progress);
                self.begun_unix_ms = now_unix_ms;
                self.steps = waiting(steps);
            }
            Progress::Resumed { by, done } => {
                self.notes.push(format!("{by} carries on"));
                done_before(&mut self.steps, *done);
            }
            Progress::Step { step, back, what, .. } => self.begin(*step, *back, what, now_unix_ms),
            Progress::Output { line } => {
                self.output.push_back(line.replace('\t', "    "));
                if self.output.len() > OUTPUT {
                    self.output.pop_front();
                }
            }
            Progress::Wait { what, elapsed_ms, total_ms, tracks } => {
                self.wait = Some(Wait {
                    what: what.clone(),
                    elapsed_ms: *elapsed_ms,
                    total_ms: *total_ms,
                    tracks: tracks.clone(),
                });
            }
            Progress::Done { step, back, took_ms } => {
                self.end(*step, *back, Mark::Done { took_ms: Some(*took_ms) });
                self.output.clear();
            }
            // What a command printed before it failed stays.
            Progress::Failed { step, back, why, .. } => {
                self.end(*step, *back, Mark::Failed { why: why.clone() });
            }
            Progress::TurnBack { why, steps, .. } => {
                self.over();
                self.back = Some(Back { why: why.clone(), steps: waiting(steps), traffic_ms: None });
            }
            Progress::TrafficBack { took_ms } => {
                if let Some(back) = &mut self.back {
                    back.traffic_ms = Some(*took_ms);
                }
            }
            Progress::Gate { percent } => self.gate = Some(*percent),
            Progress::Paused { by } => self.paused = Some(by.clone()),
            Progress::Unpaused { .. } => self.paused = None,
            Progress::Note { text } => self.notes.push(text.clone()),
            Progress::Stopped { why, serves, todo } => {
                self.over();
                let since = if self.about.is_some() { self.begun_unix_ms } else { now_unix_ms };
                let took_ms = now_unix_ms.saturating_sub(since);
                let title = self.about.as_ref().map_or_else(|| "the deploy".to_owned(), About::title);
                self.closing = Some((now_unix_ms, stopped(&title, why, serves, todo, took_ms)));
            }
            Progress::Ended { status, why, took_ms } => {
                self.over();
                let block = match &self.about {
                    Some(about) => about.closing(*status, why, *took_ms, &self.failed()),
                    None => vec![(Style::Bold, why.clone())],
                };
                self.closing = Some((now_unix_ms, block));
            }
        }
    }

    /// The step that was begun last, in one of the lists.
    pub(super) fn at(&self, back: bool) -> usize {
        self.lines(back).iter().rposition(|line| line.mark != Mark::Waiting).unwrap_or(0)
    }

    /// Steps that failed without being in the way.
    fn failed(&self) -> Vec<String> {
        let failed = |line: &Line| match &line.mark {
            Mark::Failed { why } => Some(format!("{}: {why}", line.what)),
            _ => None,
        };
        self.lines(self.back.is_some()).iter().filter_map(failed).collect()
    }

    pub(super) fn lines(&self, back: bool) -> &[Line] {
        match &self.back {
            Some(way) if back => &way.steps,
            _ if back => &[],
            _ => &self.steps,
        }
    }

    fn begin(&mut self, step: usize, back: bool, what: &str, now_unix_ms: u64) {
        self.over();
        self.output.clear();
        let Some(lines) = self.lines_mut(back) else { return };
        done_before(lines, step.saturating_sub(1));
        if let Some(line) = lines.get_mut(step.saturating_sub(1)) {
            *line = Line { what: what.to_owned(), mark: Mark::Running { since_unix_ms: now_unix_ms } };
        }
    }

    fn end(&mut self, step: usize, back: bool, mark: Mark) {
        self.over();
        let line = self.lines_mut(back).and_then(|lines| lines.get_mut(step.saturating_sub(1)));
        if let Some(line) = line {
            line.mark = mark;
        }
    }

    fn lines_mut(&mut self, back: bool) -> Option<&mut Vec<Line>> {
        if back { self.back.as_mut().map(|back| &mut back.steps) } else { Some(&mut self.steps) }
    }

    /// Nothing is waited for any more.
    fn over(&mut self) {
        self.wait = None;
        self.gate = None;
    }
}

fn waiting(steps: &[String]) -> Vec<Line> {
    steps.iter().map(|what| Line { what: what.clone(), mark: Mark::Waiting }).collect()
}

/// What nobody told of, and comes before what runs, was done by a process before.
fn done_before(lines: &mut [Line], number: usize) {
    for line in lines.iter_mut().take(number).filter(|line| line.mark == Mark::Waiting) {
        line.mark = Mark::Done { took_ms: None };
    }
}
