//! A deploy on a terminal: one frame, no wider and no higher than asked for.

use super::model::{Line, Mark, Model, Wait};
use super::words::{check, how_long, short_seconds, track_name, verdict};
use crate::deploy::progress::{Traffic, Verdict};
use crate::view::page::{Page, Span, Style};
use crate::view::table::{Column, Table};
use crate::view::units::{count, latency, many, percent, rate, took};

const NARROW: &[Column] = &[
    Column { title: "TRACK", right: false },
    Column { title: "", right: true },
    Column { title: "UP", right: true },
    Column { title: "REQ/S", right: true },
    Column { title: "FAILED", right: true },
];

const COLUMNS: &[Column] = &[
    Column { title: "TRACK", right: false },
    Column { title: "SHARE", right: false },
    Column { title: "", right: true },
    Column { title: "UP", right: true },
    Column { title: "REQ/S", right: true },
    Column { title: "FAILED", right: true },
    Column { title: "P50", right: true },
    Column { title: "P95", right: true },
    Column { title: "FAILED OF STEP", right: true },
];

/// How much of everything is shown.
#[derive(Debug)]
struct Detail {
    /// So many steps around the one that runs, in each list.
    steps: usize,
    output: usize,
    notes: usize,
    checks: bool,
    blanks: bool,
    keys: bool,
}

/// While it runs: what does not fit is left away, the least important first.
pub(super) fn frame(model: &Model, now_unix_ms: u64, size: (usize, usize), colour: bool) -> Vec<String> {
    let (width, height) = size;
    let mut detail =
        Detail { steps: usize::MAX, output: 5, notes: 3, checks: true, blanks: true, keys: true };
    let mut lines = drawn(model, now_unix_ms, &detail, width, colour);
    while lines.len() > height && detail.lessen(lines.len() - height, longest(model)) {
        lines = drawn(model, now_unix_ms, &detail, width, colour);
    }
    lines.truncate(height);
    lines
}

/// What stays when it has ended: everything, however long.
pub(super) fn last_frame(model: &Model, now_unix_ms: u64, width: usize, colour: bool) -> Vec<String> {
    let all = usize::MAX;
    let detail = Detail { steps: all, output: all, notes: all, checks: true, blanks: true, keys: false };
    drawn(model, now_unix_ms, &detail, width, colour)
}

fn longest(model: &Model) -> usize {
    model.lines(false).len().max(model.lines(true).len())
}

impl Detail {
    /// `false`: there is nothing left to leave away.
    fn lessen(&mut self, excess: usize, longest: usize) -> bool {
        const FEW: usize = 5;
        if self.notes > 1 {
            self.notes = 1;
        } else if self.output > 2 {
            self.output = 2;
        } else if self.blanks {
            self.blanks = false;
        } else if self.steps > FEW {
            self.steps = self.steps.min(longest).saturating_sub(excess + 2).max(FEW);
        } else if self.checks {
            self.checks = false;
        } else if self.notes > 0 {
            self.notes = 0;
        } else if self.steps > 1 {
            self.steps -= 1;
        } else if self.keys {
            self.keys = false;
        } else if self.output > 0 {
            self.output = 0;
        } else {
            return false;
        }
        true
    }
}

fn drawn(model: &Model, now_unix_ms: u64, detail: &Detail, width: usize, colour: bool) -> Vec<String> {
    let mut page = Page::new(width, colour);
    let blank = |page: &mut Page| {
        if detail.blanks {
            page.blank();
        }
    };
    let now_unix_ms = model.closing.as_ref().map_or(now_unix_ms, |(ended, _)| *ended);
    header(model, now_unix_ms, &mut page);
    if detail.checks && !model.checks.is_empty() {
        checks(model, &mut page);
    }
    if !model.steps.is_empty() {
        blank(&mut page);
        steps(model, false, now_unix_ms, detail, &mut page);
    }
    if let Some(back) = &model.back {
        blank(&mut page);
        page.words(0, Style::Warn, &format!("going back: {}", back.why));
        steps(model, true, now_unix_ms, detail, &mut page);
        if let Some(ms) = back.traffic_ms {
            let text = format!("requests were back where they had been {} after the decision", took(ms));
            page.words(3, Style::Good, &text);
        }
    }
    if let Some(wait) = &model.wait {
        blank(&mut page);
        show_wait(model, wait, &mut page);
    }
    if detail.output > 0 && !model.output.is_empty() {
        blank(&mut page);
        for line in model.output.iter().skip(model.output.len().saturating_sub(detail.output)) {
            page.line(&[(Style::Dim, "    | ".to_owned()), (Style::Plain, line.clone())]);
        }
    }
    if detail.notes > 0 && !model.notes.is_empty() {
        blank(&mut page);
        for note in model.notes.iter().skip(model.notes.len().saturating_sub(detail.notes)) {
            page.words(0, Style::Plain, &format!("note: {note}"));
        }
    }
    if let Some((_, block)) = &model.closing {
        blank(&mut page);
        for (at, (style, text)) in block.iter().enumerate() {
            page.words(if at == 0 { 0 } else { 2 }, *style, text);
        }
    } else if let (true, Some(about)) = (detail.keys, &model.about) {
        blank(&mut page);
        page.flow(0, keys(model, &about.service));
    }
    page.into_text().lines().map(str::to_owned).collect()
}

fn header(model: &Model, now_unix_ms: u64, page: &mut Page) {
    let Some(about) = &model.about else {
        page.line(&[(Style::Bold, "checklist".to_owned())]);
        return;
    };
    let ran = now_unix_ms.saturating_sub(model.begun_unix_ms);
    page.flow(
        0,
        vec![
            (Style::Bold, format!("{} of {} in {}", about.title(), about.service, about.environment)),
            (Style::Plain, about.strategy.clone()),
            (Style::Plain, short_seconds(ran)),
        ],
    );
    let on = |image: &str, track: &str| {
        if track.is_empty() { image.to_owned() } else { format!("{image} on {track}") }
    };
    let new = on(&about.image, &about.target);
    let text = match &about.previous {
        Some(previous) => format!("{} → {new}", on(previous, about.stable.as_deref().unwrap_or_default())),
        None => format!("→ {new}, the first version"),
    };
    page.words(0, Style::Plain, &text);
}

/// All of them until it begins; then only what is not good.
fn checks(model: &Model, page: &mut Page) {
    let begun = model.about.is_some();
    for (is, what, detail) in &model.checks {
        if !begun || *is != Verdict::Good {
            let (style, mark) = verdict(*is);
            let text = format!("{mark} {}", check(what, detail));
            page.words(1, if *is == Verdict::Good { Style::Plain } else { style }, &text);
        }
    }
    if begun && model.checks.iter().all(|(is, ..)| *is == Verdict::Good) {
        page.words(0, Style::Dim, &format!("checklist: {}, all good", many(model.checks.len(), "check")));
    }
}

/// The list, or so many lines of it around the one that runs.
fn steps(model: &Model, back: bool, now_unix_ms: u64, detail: &Detail, page: &mut Page) {
    let lines = model.lines(back);
    // On the way back the steps that were not come to are no matter any more.
    let gone = model.back.is_some() && !back;
    let at = model.at(back);
    let shown = detail.steps.min(lines.len());
    let from = at.saturating_sub(shown / 2).min(lines.len() - shown);
    let to = from + shown;
    let room = detail.steps > 2;
    if from > 0 && room {
        page.line(&[(Style::Dim, format!("   … {} before", many(from, "step")))]);
    }
    let digits = lines.len().to_string().len();
    let widest = lines.iter().map(|line| line.what.chars().count()).max().unwrap_or(0);
    for (nth, line) in lines.iter().enumerate().take(to).skip(from) {
        if gone && line.mark == Mark::Waiting {
            continue;
        }
        let (style, mark, time) = marked(line, now_unix_ms);
        let number = format!("{:>digits$}", nth + 1);
        // The times stand in one column, as far as the width allows.
        let time_at = (6 + digits + widest).min(page.width.saturating_sub(8));
        let head = format!(" {mark} {number}  ");
        let text = if matches!(line.mark, Mark::Waiting) { Style::Dim } else { Style::Plain };
        let text = if matches!(line.mark, Mark::Running { .. }) { Style::Bold } else { text };
        let room = time_at.saturating_sub(head.chars().count() + 1);
        let what = cut(&line.what, if time.is_empty() { usize::MAX } else { room });
        if time.is_empty() {
            page.line(&[(style, head), (text, what)]);
        } else {
            let gap = time_at.saturating_sub(head.chars().count() + what.chars().count());
            let gap = (Style::Plain, " ".repeat(gap));
            page.line(&[(style, head), (text, what), gap, (Style::Dim, format!("{time:>7}"))]);
        }
        // Why it turns back is said there.
        let told = |why: &str| model.back.as_ref().is_some_and(|back| back.why == why);
        if let Mark::Failed { why } = &line.mark
            && !told(why)
        {
            page.words(5 + digits, Style::Bad, why);
        }
    }
    if to < lines.len() && room && !gone {
        page.line(&[(Style::Dim, format!("   … {} more", many(lines.len() - to, "step")))]);
    }
}

fn marked(line: &Line, now_unix_ms: u64) -> (Style, &'static str, String) {
    match &line.mark {
        Mark::Waiting => (Style::Dim, "·", String::new()),
        Mark::Running { since_unix_ms } => {
            (Style::Warn, "▶", short_seconds(now_unix_ms.saturating_sub(*since_unix_ms)))
        }
        Mark::Done { took_ms: Some(ms) } => (Style::Good, "✓", took(*ms)),
        Mark::Done { took_ms: None } => (Style::Good, "✓", "before".to_owned()),
        Mark::Failed { .. } => (Style::Bad, "✗", String::new()),
    }
}

fn cut(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    text.chars().take(room.saturating_sub(1)).chain(['…']).collect()
}

/// What is waited for, how long it is, and what the tracks do meanwhile.
fn show_wait(model: &Model, wait: &Wait, page: &mut Page) {
    let mut pieces = vec![(Style::Bold, wait.what.clone())];
    if let Some(total) = wait.total_ms.filter(|total| *total > 0) {
        let length = if page.width < 60 { 10 } else { 24 };
        pieces.push((Style::Good, bar(wait.elapsed_ms as f64 / total as f64, length)));
    }
    pieces.push((Style::Plain, how_long(wait.elapsed_ms, wait.total_ms)));
    page.flow(0, pieces);
    if wait.tracks.is_empty() {
        return;
    }
    let service = model.about.as_ref().map_or("", |about| about.service.as_str());
    let columns = match page.width {
        0..60 => NARROW,
        60..100 => &COLUMNS[..COLUMNS.len() - 1],
        _ => COLUMNS,
    };
    let length = if page.width < 100 { 6 } else { 16 };
    let row = |track| row(track, service, length, columns.len());
    let rows: Vec<_> = wait.tracks.iter().map(row).collect();
    let table = Table::fit(columns, &rows, 2, page.width);
    table.head(page);
    for row in rows {
        table.row(page, row, (Style::Plain, ""));
    }
}

fn row(track: &Traffic, service: &str, length: usize, columns: usize) -> Vec<Span> {
    let up = match track.up {
        up if up == track.endpoints && up > 0 => Style::Good,
        0 => Style::Bad,
        _ => Style::Warn,
    };
    let bad = |is: bool| if is { Style::Bad } else { Style::Plain };
    let mut cells = vec![(Style::Bold, track_name(track, service).to_owned())];
    if columns > NARROW.len() {
        cells.push((Style::Good, bar(track.percent / 100.0, length)));
    }
    cells.extend([
        (Style::Plain, percent(track.percent, 100.0)),
        (up, format!("{}/{}", track.up, track.endpoints)),
        (Style::Plain, rate(track.rate)),
        (bad(track.failed_share > 0.0), percent(track.failed_share, 1.0)),
    ]);
    if columns > NARROW.len() {
        cells.extend([(Style::Plain, latency(track.p50_ms)), (Style::Plain, latency(track.p95_ms))]);
    }
    if columns == COLUMNS.len() {
        cells.push((bad(track.failed > 0), format!("{} of {}", count(track.failed), count(track.requests))));
    }
    cells
}

/// A share that is not none is not shown as none.
fn bar(share: f64, length: usize) -> String {
    let full = ((share * length as f64).ceil().max(0.0) as usize).min(length);
    format!("{}{}", "█".repeat(full), "░".repeat(length - full))
}

/// What can be done from another terminal, and what Ctrl-C does here.
fn keys(model: &Model, service: &str) -> Vec<Span> {
    if model.back.is_some() {
        return vec![(Style::Dim, "Ctrl-C stops it here; `mizanctl resume` carries on".to_owned())];
    }
    let mut keys = Vec::new();
    let mut verbs = Vec::new();
    if let Some(percent) = model.gate {
        let text = format!("at {percent} % it waits for you: mizanctl promote {service}");
        keys.push((Style::Warn, text));
    } else if model.wait.is_some() && model.paused.is_none() {
        verbs.push("promote");
    }
    if let Some(by) = &model.paused {
        keys.push((Style::Warn, format!("paused by {by}: mizanctl resume {service}")));
    } else {
        verbs.push("pause");
    }
    verbs.push("abort");
    keys.push((Style::Plain, format!("mizanctl {} {service}", verbs.join("|"))));
    keys.push((Style::Dim, "Ctrl-C gives traffic back".to_owned()));
    keys
}
