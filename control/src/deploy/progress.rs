//! What a deploy tells while it runs; `--json` prints these, one a line.

use mizan_rollout::{Reason, Status};
use serde::Serialize;

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Progress {
    /// One line of the checklist.
    Checked {
        what: String,
        verdict: Verdict,
        detail: String,
    },
    /// It begins: what is going to be done.
    Begun {
        number: u64,
        environment: String,
        service: String,
        /// `deploy`, or `rollback`: then `image` is the version that it goes back to.
        kind: String,
        strategy: String,
        image: String,
        previous: Option<String>,
        target: String,
        stable: Option<String>,
        steps: Vec<String>,
    },
    /// Another process carries on; the first `done` steps of the plan were done before. It comes after `Begun`, and after
    /// `TurnBack` where it was on its way back: the steps before the first `Step` that is told count as done.
    Resumed {
        by: String,
        done: usize,
    },
    /// A step begins. From 1, of so many; `back`: of the way back.
    Step {
        step: usize,
        of: usize,
        back: bool,
        what: String,
    },
    /// A line that a command printed.
    Output {
        line: String,
    },
    /// Within a step: something goes on. `left_ms`: at most so long.
    Wait {
        what: String,
        elapsed_ms: u64,
        total_ms: Option<u64>,
        tracks: Vec<Traffic>,
    },
    /// The step is done.
    Done {
        step: usize,
        back: bool,
        took_ms: u64,
    },
    Failed {
        step: usize,
        back: bool,
        reason: Reason,
        why: String,
    },
    /// The decision to go back.
    TurnBack {
        reason: Reason,
        why: String,
        steps: Vec<String>,
    },
    /// Traffic is back where it was, so long after the decision.
    TrafficBack {
        took_ms: u64,
    },
    /// A gate waits for `mizanctl promote`.
    Gate {
        percent: u8,
    },
    Paused {
        by: String,
    },
    Unpaused {
        by: String,
    },
    Note {
        text: String,
    },
    /// It stopped, open. `serves`: what users get now, a sentence; empty where nobody knows. `todo`: what a person can do.
    Stopped {
        why: String,
        #[serde(skip_serializing_if = "String::is_empty")]
        serves: String,
        todo: String,
    },
    Ended {
        status: Status,
        why: String,
        took_ms: u64,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    Good,
    /// It is told, and does not stand in the way.
    Warning,
    Bad,
    /// Not looked at, because something before it is bad.
    Skipped,
}

/// What a track does, over the last ten seconds and since the step began.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Traffic {
    pub(crate) track: String,
    pub(crate) percent: f64,
    pub(crate) up: u32,
    pub(crate) endpoints: u32,
    /// Requests a second.
    pub(crate) rate: f64,
    /// 0 to 1.
    pub(crate) failed_share: f64,
    pub(crate) p50_ms: Option<f64>,
    pub(crate) p95_ms: Option<f64>,
    /// Since the step began.
    pub(crate) requests: u64,
    pub(crate) failed: u64,
}
