//! `mizanctl history N`: all that is known of one deploy, as it went.

use super::history::{status, why};
use super::words::{About, step};
use crate::deploy::store::Kept;
use crate::view::page::{Page, Style};
use crate::view::units::{date_and_minute, time_of_day, took};
use mizan_rollout::line::Entry;
use mizan_rollout::{Kind, Record};

/// Behind the time of day.
const INDENT: usize = 11;

pub(crate) fn story(kept: &Kept, width: usize, colour: bool) -> String {
    let mut page = Page::new(width, colour);
    let about = About::plan(kept.state.plan());
    page.words(0, Style::Bold, &about.sentence());
    let begun = kept.entries.first().map_or(0, |entry| entry.at_unix_ms);
    for (at, entry) in kept.entries.iter().enumerate() {
        tell(kept, at, entry, begun, &about, &mut page);
    }
    if kept.state.ended().is_none() {
        still_open(kept, &about, &mut page);
    }
    page.into_text()
}

fn tell(kept: &Kept, at: usize, entry: &Entry, begun: u64, about: &About, page: &mut Page) {
    let time = time_of_day(entry.at_unix_ms);
    let said = |page: &mut Page, style: Style, text: &str| hanging(page, &time, style, text);
    match &entry.record {
        Record::Begin { plan, by } => {
            let undoes = match plan.kind {
                Kind::Deploy => String::new(),
                Kind::Rollback { of } => format!("; it undoes deploy {of}"),
            };
            let reverts = plan.reverts.map(|of| format!("; it reverts the migration of deploy {of}"));
            let (day, reverts) = (date_and_minute(entry.at_unix_ms), reverts.unwrap_or_default());
            let text = format!("begun {day} by {by}{undoes}{reverts}");
            page.words(0, Style::Plain, &text);
            page.blank();
        }
        Record::Started { step, back } => begin(kept, at, *step, *back, page),
        Record::Done { output, .. } => printed(output, page),
        Record::Failed { reason, why, output, .. } => {
            page.words(INDENT + 2, Style::Bad, &format!("failed ({}): {why}", reason.as_str()));
            printed(output, page);
        }
        Record::Images { new, previous } => {
            let id = |id: &Option<String>| id.clone().unwrap_or_else(|| "unknown".to_owned());
            let before = previous.as_ref().map(|_| format!(", before {}", id(previous))).unwrap_or_default();
            page.words(INDENT + 2, Style::Dim, &format!("the image is {}{before}", id(new)));
        }
        Record::Back { reason, why, .. } => {
            said(page, Style::Warn, &format!("going back ({}): {why}", reason.as_str()));
        }
        Record::Interrupted { why } => said(page, Style::Warn, &format!("interrupted: {why}")),
        Record::Resumed { by } => said(page, Style::Warn, &format!("{by} carries on")),
        Record::Paused { by } => said(page, Style::Warn, &format!("paused by {by}")),
        Record::Unpaused { by } => said(page, Style::Plain, &format!("{by} lets it go on")),
        Record::Promoted { by } => said(page, Style::Plain, &format!("promoted by {by}")),
        Record::Note { text } => said(page, Style::Plain, &format!("note: {text}")),
        Record::End { status, why } => {
            page.blank();
            let took_ms = entry.at_unix_ms.saturating_sub(begun) / 1000 * 1000;
            let lines = about.closing(*status, why, took_ms, &[]);
            // How mizanctl ended then, and where the story is told, is no matter here.
            let lines = lines.into_iter().filter(|(_, line)| !line.starts_with("exit code"));
            for (at, (style, line)) in lines.filter(|(style, _)| *style != Style::Dim).enumerate() {
                if at == 0 {
                    said(page, style, &line);
                } else {
                    page.words(INDENT, style, &line);
                }
            }
        }
    }
}

/// A step that begins, and on the same line how it ended.
fn begin(kept: &Kept, at: usize, nth: usize, back: bool, page: &mut Page) {
    let begun = kept.entries[at].at_unix_ms;
    let steps = kept.state.steps(back);
    let what = steps.get(nth).map_or_else(String::new, |what| step(what, kept.state.plan()));
    let way = if back { "back " } else { "" };
    let head = format!("[{way}{}/{}] {what}", nth + 1, steps.len());
    let outcome = kept.entries[at + 1..].iter().find_map(|entry| match &entry.record {
        Record::Done { step, back: was_back, .. } if (*step, *was_back) == (nth, back) => {
            Some((Style::Good, "✓", took(entry.at_unix_ms.saturating_sub(begun))))
        }
        Record::Failed { step, back: was_back, .. } if (*step, *was_back) == (nth, back) => {
            Some((Style::Bad, "✗", took(entry.at_unix_ms.saturating_sub(begun))))
        }
        // It was begun anew, or never ended.
        Record::Started { .. } => Some((Style::Warn, "▶", "not ended".to_owned())),
        _ => None,
    });
    let (style, mark, took) = outcome.unwrap_or((Style::Warn, "▶", "not ended".to_owned()));
    let time = time_of_day(kept.entries[at].at_unix_ms);
    hanging(page, &time, style, &format!("{mark} {head}, {took}"));
}

/// What a command printed.
fn printed(output: &str, page: &mut Page) {
    for line in output.lines() {
        page.line(&[
            (Style::Dim, format!("{}| ", " ".repeat(INDENT + 2))),
            (Style::Plain, line.replace('\t', "    ")),
        ]);
    }
}

fn still_open(kept: &Kept, about: &About, page: &mut Page) {
    let (style, word) = status(kept);
    let why = why(kept).map(|why| format!(": {why}")).unwrap_or_default();
    page.blank();
    page.words(0, style, &format!("{} has not ended; it is {word}{why}", about.title()));
    let service = &about.service;
    let text = format!(
        "where no mizanctl is at it: `mizanctl resume {service}` carries on, `mizanctl rollback {service}` turns back"
    );
    page.words(2, Style::Bold, &text);
}

/// The time of day, and running text beside it.
fn hanging(page: &mut Page, time: &str, style: Style, text: &str) {
    let room = page.width.saturating_sub(INDENT).max(1);
    for (at, part) in crate::view::page::wrapped(text, room).into_iter().enumerate() {
        let head = if at == 0 { time } else { "" };
        page.line(&[(Style::Dim, format!("{head:<INDENT$}")), (style, part)]);
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{self, WIDTHS, has};
    use super::*;

    #[test]
    fn the_story_of_a_deploy_has_all_that_happened() {
        for width in WIDTHS {
            let text = story(&sample::kept_rolled_back(), width, false);
            assert!(text.lines().all(|line| line.chars().count() <= width), "{width}:\n{text}");
            has(
                &text,
                &[
                    "deploy 17 of registry/api:v2 to api in production",
                    "begun 2027-01-15 08:00Z by ali@host",
                    "08:00:01Z ✓ [1/12] pull registry/api:v2, 4s",
                    "the image is sha256:0123",
                    "| applying 0042_orders",
                    "| ok 1 migration",
                    "08:00:12Z ▶ [5/12] 10 % to green for 5m, not",
                    "08:00:20Z interrupted: SIGHUP",
                    "08:01:30Z vera@host carries on",
                    "08:01:30Z ✗ [5/12] 10 % to green for 5m, 30s",
                    "paused by vera@host",
                    "vera@host lets it go on",
                    "failed (error_rate): 25 of",
                    "08:02:00Z going back (error_rate): 25",
                    "08:02:00Z ✓ [back 1/2] all requests back",
                    "08:02:11Z deploy 17 was rolled back",
                    "serves registry/api:v1 on",
                ],
            );
            assert!(!text.contains("exit code"), "{text}");
        }
        let text = story(&sample::kept_interrupted(), 80, false);
        has(
            &text,
            &["deploy 18 has not ended; it is interrupted: Ctrl-C", "`mizanctl resume api` carries on"],
        );
    }
}
