//! `mizanctl history`: the deploys of a service, a line each.

use super::words::status_word;
use crate::deploy::store::Kept;
use crate::view::page::{Page, Span, Style};
use crate::view::table::{Column, Table};
use crate::view::units::{date_and_minute, took};
use mizan_rollout::line::Entry;
use mizan_rollout::{Kind, Next, Record};

const COLUMNS: [Column; 7] = [
    Column { title: "NO", right: true },
    Column { title: "WHEN", right: false },
    Column { title: "IMAGE", right: false },
    Column { title: "STATUS", right: false },
    Column { title: "TOOK", right: true },
    Column { title: "STRATEGY", right: false },
    Column { title: "BY", right: false },
];
/// The last columns give way where the page is narrow; with fewer than this there is no table.
const FEWEST: usize = 5;

/// The newest first.
pub(crate) fn history(kept: &[Kept], now_unix_ms: u64, width: usize, colour: bool) -> String {
    let mut page = Page::new(width, colour);
    if kept.is_empty() {
        page.words(0, Style::Plain, "there was no deploy yet");
        return page.into_text();
    }
    let mut kept: Vec<_> = kept.iter().collect();
    kept.sort_by_key(|one| std::cmp::Reverse(one.state.plan().number));
    let rows: Vec<_> = kept.iter().map(|one| (row(one, now_unix_ms), remark(one))).collect();
    let width = |columns: usize| -> usize {
        let wide = |at: usize| {
            let cells = rows.iter().map(|(row, _)| row[at].1.chars().count());
            cells.chain([COLUMNS[at].title.len()]).max().unwrap_or(0)
        };
        (0..columns).map(|at| wide(at) + 2).sum::<usize>() - 2
    };
    let Some(columns) = (FEWEST..=COLUMNS.len()).rev().find(|&columns| width(columns) <= page.width) else {
        for (row, remark) in rows {
            page.flow(0, row);
            if !remark.is_empty() {
                page.words(4, Style::Dim, &remark);
            }
        }
        return page.into_text();
    };
    let narrowed: Vec<Vec<Span>> = rows.iter().map(|(row, _)| row[..columns].to_vec()).collect();
    let table = Table::fit(&COLUMNS[..columns], &narrowed, 0, page.width);
    table.head(&mut page);
    for (row, (_, remark)) in narrowed.into_iter().zip(&rows) {
        table.row(&mut page, row, (Style::Dim, remark));
    }
    page.into_text()
}

fn row(kept: &Kept, now_unix_ms: u64) -> Vec<Span> {
    let plan = kept.state.plan();
    let first = kept.entries.first();
    let begun = first.map_or(0, |entry| entry.at_unix_ms);
    let by = first.map_or("", |entry| by(&entry.record));
    let ended = kept.state.ended().and(kept.entries.last()).map_or(now_unix_ms, |entry| entry.at_unix_ms);
    let (style, status) = status(kept);
    vec![
        (Style::Bold, plan.number.to_string()),
        (Style::Plain, date_and_minute(begun)),
        (Style::Plain, plan.image.reference.clone()),
        (style, status.to_owned()),
        (Style::Plain, took(ended.saturating_sub(begun) / 1000 * 1000)),
        (Style::Plain, plan.strategy.name().to_owned()),
        (Style::Plain, by.to_owned()),
    ]
}

fn by(record: &Record) -> &str {
    if let Record::Begin { by, .. } = record { by } else { "" }
}

/// How it ended, or how far it is.
pub(super) fn status(kept: &Kept) -> (Style, &'static str) {
    if let Some((status, _)) = kept.state.ended() {
        return status_word(status);
    }
    let last = kept.entries.last().map(|Entry { record, .. }| record);
    match (kept.state.next(), last) {
        (Next::Halt { .. }, _) => (Style::Bad, "halted"),
        (_, Some(Record::Interrupted { .. })) => (Style::Warn, "interrupted"),
        _ if kept.state.paused() => (Style::Warn, "paused"),
        _ if kept.state.back().is_some() => (Style::Warn, "going back"),
        _ => (Style::Warn, "open"),
    }
}

fn remark(kept: &Kept) -> String {
    let mut parts = Vec::new();
    if let Kind::Rollback { of } = kept.state.plan().kind {
        parts.push(format!("rollback of {of}"));
    }
    parts.extend(why(kept));
    parts.join("; ")
}

/// Why it ended as it did, or stopped.
pub(super) fn why(kept: &Kept) -> Option<String> {
    let why = match (kept.state.ended(), kept.state.next(), kept.entries.last()) {
        (Some((_, why)), ..) => why.to_owned(),
        (None, Next::Halt { why }, _) => why,
        (None, _, Some(Entry { record: Record::Interrupted { why }, .. })) => why.clone(),
        _ => kept.state.back().map(|back| back.why.clone()).unwrap_or_default(),
    };
    (!why.is_empty()).then_some(why)
}

#[cfg(test)]
mod tests {
    use super::super::sample::{self, WIDTHS, flat, has};
    use super::*;
    use crate::view::sample::NOW;

    #[test]
    fn the_history_has_the_newest_first_and_says_why() {
        let kept = [sample::kept_good(), sample::kept_rolled_back(), sample::kept_interrupted()];
        for width in WIDTHS {
            let text = history(&kept, NOW + 60_000, width, false);
            assert!(text.lines().all(|line| line.chars().count() <= width), "{width}:\n{text}");
            let at = |words: &str| flat(&text).find(words).unwrap_or_else(|| panic!("{words}:\n{text}"));
            assert!(at("18 2027-01-15 08:00Z") < at("17 2027-01-15 08:00Z"), "{text}");
            assert!(at("17 2027-01-15 08:00Z") < at("16 2027-01-15 08:00Z"), "{text}");
            has(&text, &["rolled back 2m 11s", sample::ERRORS, "deployed 5m", "interrupted 1m", "Ctrl-C"]);
        }
        has(
            &history(&kept, NOW, 200, false),
            &[
                "NO WHEN IMAGE STATUS TOOK STRATEGY BY",
                "16 2027-01-15 08:00Z registry/api:v2 deployed 5m canary ali@host",
            ],
        );
        assert_eq!(history(&[], NOW, 80, false), "there was no deploy yet\n");
    }

    #[test]
    fn one_that_is_not_finished_says_what_it_waits_for() {
        let word = |kept: &Kept| (status(kept).1, why(kept).unwrap_or_default());
        assert_eq!(word(&sample::kept_halted()), ("halted", "not healthy".to_owned()));
        assert_eq!(word(&sample::kept_interrupted()), ("interrupted", "Ctrl-C".to_owned()));
        let open = |record| sample::kept(&sample::canary(), vec![(1, record)]);
        assert_eq!(word(&open(Record::Started { step: 0, back: false })), ("open", String::new()));
        assert_eq!(word(&open(Record::Paused { by: "vera@host".to_owned() })), ("paused", String::new()));
    }

    #[test]
    fn a_rollback_names_what_it_undoes() {
        let kept = sample::kept(&sample::rollback(), vec![]);
        has(
            &history(&[kept], NOW, 200, false),
            &["18 2027-01-15 08:00Z registry/api:v1 open", "rollback of 17"],
        );
    }
}
