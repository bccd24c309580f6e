//! `mizanctl watch`: one look at the proxy, as a frame for a terminal or as a line for each track.

use super::page::{Page, Span, Style};
use super::status::{header, service_pieces, summary};
use super::table::{Column, Table};
use super::units::{latency, percent, rate, since, time_of_day};
use super::{event, state};
use mizan_api::{EndpointState, Event, ServiceStats, ServiceStatus, Status, TrackStatus};
use serde::Serialize;

const COLUMNS: &[Column] = &[
    Column { title: "TRACK", right: false },
    Column { title: "SHARE", right: false },
    Column { title: "", right: true },
    Column { title: "REQ/S", right: true },
    Column { title: "FAILED", right: true },
    Column { title: "P50", right: true },
    Column { title: "P95", right: true },
    Column { title: "P99", right: true },
    Column { title: "ACTIVE", right: true },
    Column { title: "UP", right: true },
];

/// What was asked for at one time.
#[derive(Debug, Serialize)]
pub(crate) struct Sample {
    pub(crate) at_unix_ms: u64,
    pub(crate) status: Status,
    pub(crate) stats: Vec<ServiceStats>,
}

/// The numbers of one track over the last ten seconds.
struct Numbers {
    share: f64,
    rate: String,
    failed: String,
    failing: bool,
    quantiles: [String; 3],
    active: u64,
    up: usize,
    total: usize,
}

/// What a terminal shows: no more lines than `height`, none wider than `width`. `trouble`: why there is no newer sample.
pub(crate) fn frame(
    sample: &Sample,
    events: &[Event],
    trouble: Option<&str>,
    (width, height): (usize, usize),
    colour: bool,
) -> Vec<String> {
    let mut page = Page::new(width, colour);
    page.flow(0, header(&sample.status, sample.at_unix_ms));
    if let Some(trouble) = trouble {
        page.words(0, Style::Bad, trouble);
    }
    let tracks = || {
        sample
            .status
            .services
            .iter()
            .flat_map(|service| service.tracks.iter().map(move |track| (service, track)))
    };
    let bar = if width < 100 { 6 } else { 16 };
    let rows: Vec<_> = tracks().map(|(service, track)| row(sample, service, track, bar)).collect();
    let table = Table::fit(COLUMNS, &rows, 2, width);
    let mut rows = rows.into_iter();
    for service in &sample.status.services {
        page.blank();
        page.flow(0, service_pieces(service));
        table.head(&mut page);
        for (track, row) in service.tracks.iter().zip(&mut rows) {
            table.row(&mut page, row, (Style::Warn, if track.drained { "drained" } else { "" }));
            for endpoint in track.endpoints.iter().filter(|endpoint| endpoint.state != EndpointState::Up) {
                let (style, mark) = state(endpoint.state);
                let age = since(sample.at_unix_ms, endpoint.since_unix_ms);
                let why = if endpoint.why.is_empty() { String::new() } else { format!(": {}", endpoint.why) };
                page.words(
                    4,
                    style,
                    &format!("{mark} {} {} {age}{why}", endpoint.address, endpoint.state.as_str()),
                );
            }
        }
    }
    page.blank();
    for (style, line) in summary(&sample.status) {
        page.words(0, style, &line);
    }
    let mut lines: Vec<String> = page.into_text().lines().map(str::to_owned).collect();
    if lines.len() > height {
        let more = lines.len() + 1 - height;
        lines.truncate(height.saturating_sub(1));
        let mut page = Page::new(width, colour);
        page.line(&[(Style::Dim, format!("{more} more lines: a higher window shows them"))]);
        lines.push(page.into_text().trim_end().to_owned());
    }
    lines.extend(last_events(events, sample.at_unix_ms, (width, height.saturating_sub(lines.len())), colour));
    lines
}

/// The newest first, as many as there is room for.
fn last_events(
    events: &[Event],
    now_unix_ms: u64,
    (width, height): (usize, usize),
    colour: bool,
) -> Vec<String> {
    if events.is_empty() || height < 3 {
        return Vec::new();
    }
    let mut page = Page::new(width, colour);
    page.blank();
    page.line(&[(Style::Dim, "LAST EVENTS".to_owned())]);
    for one in events.iter().rev().take(height - 2) {
        let (style, text) = event(one);
        page.line(&[(Style::Dim, format!("{:>4}  ", since(now_unix_ms, one.at_unix_ms))), (style, text)]);
    }
    page.into_text().lines().map(str::to_owned).collect()
}

/// For files and pipes: a line for each track.
pub(crate) fn lines(sample: &Sample) -> String {
    let mut text = String::new();
    for service in &sample.status.services {
        for track in &service.tracks {
            let numbers = numbers(sample, service, track);
            let [p50, p95, p99] = &numbers.quantiles;
            let line = format!(
                "{} {} {} share={} req/s={} failed={} p50={p50} p95={p95} p99={p99} active={} up={}/{}{}",
                time_of_day(sample.at_unix_ms),
                service.name,
                name(track),
                percent(numbers.share, 1.0),
                numbers.rate,
                numbers.failed,
                numbers.active,
                numbers.up,
                numbers.total,
                if track.drained { " drained" } else { "" }
            );
            text += &(Style::Plain.paint(&line, false) + "\n");
        }
    }
    text
}

fn name(track: &TrackStatus) -> &str {
    if track.name.is_empty() { "-" } else { &track.name }
}

fn row(sample: &Sample, service: &ServiceStatus, track: &TrackStatus, bar: usize) -> Vec<Span> {
    let numbers = numbers(sample, service, track);
    let full = (numbers.share * bar as f64).ceil() as usize;
    let up = match numbers.up {
        up if up == numbers.total && up > 0 => Style::Good,
        0 => Style::Bad,
        _ => Style::Warn,
    };
    let [p50, p95, p99] = numbers.quantiles;
    vec![
        (Style::Bold, name(track).to_owned()),
        (Style::Good, format!("{}{}", "█".repeat(full), "░".repeat(bar - full.min(bar)))),
        (Style::Plain, percent(numbers.share, 1.0)),
        (Style::Plain, numbers.rate),
        (if numbers.failing { Style::Bad } else { Style::Plain }, numbers.failed),
        (Style::Plain, p50),
        (Style::Plain, p95),
        (Style::Plain, p99),
        (Style::Plain, numbers.active.to_string()),
        (up, format!("{}/{}", numbers.up, numbers.total)),
    ]
}

fn numbers(sample: &Sample, service: &ServiceStatus, track: &TrackStatus) -> Numbers {
    let weights: f64 = service.tracks.iter().map(|track| f64::from(track.weight)).sum();
    let share = match track.name.as_str() {
        "" => 1.0,
        _ if weights > 0.0 => f64::from(track.weight) / weights,
        _ => 0.0,
    };
    let stats = sample.stats.iter().find(|stats| stats.service == service.name);
    let known = stats.and_then(|stats| {
        let track = stats.tracks.iter().find(|one| one.track == track.name)?;
        Some((&track.last_10s, stats.latency_bounds_ms.as_slice()))
    });
    let unknown = || "–".to_owned();
    let members = track.endpoints.iter().filter(|endpoint| endpoint.state != EndpointState::Draining);
    Numbers {
        share,
        rate: known.map_or_else(unknown, |(tally, _)| rate(tally.rate())),
        failed: known.map_or_else(unknown, |(tally, _)| percent(tally.failed_share(), 1.0)),
        failing: known.is_some_and(|(tally, _)| tally.failed > 0),
        quantiles: [0.5, 0.95, 0.99]
            .map(|of| latency(known.and_then(|(tally, bounds)| tally.quantile(bounds, of)))),
        active: track.endpoints.iter().map(|endpoint| endpoint.in_flight).sum(),
        up: members.clone().filter(|endpoint| endpoint.state == EndpointState::Up).count(),
        total: members.count(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::sample;
    use mizan_api::Happening;

    fn looked() -> Sample {
        Sample { at_unix_ms: sample::NOW, status: sample::status(), stats: vec![sample::stats()] }
    }

    fn event(id: u64) -> Event {
        let what = Happening::ReloadRefused { why: "a long reason ".repeat(12) };
        Event { id, at_unix_ms: sample::NOW - 12_000, what }
    }

    #[test]
    fn a_frame_fits_into_the_terminal() {
        let events: Vec<_> = (0..50).map(event).collect();
        for (width, height) in [(80, 24), (160, 50), (80, 8), (40, 5)] {
            let lines = frame(&looked(), &events, Some("no answer"), (width, height), false);
            assert!(lines.len() <= height, "{}", lines.join("\n"));
            assert!(lines.iter().all(|line| line.chars().count() <= width), "{}", lines.join("\n"));
        }
        let lines = frame(&looked(), &events, None, (160, 50), false);
        assert_eq!(lines.len(), 50, "{}", lines.join("\n"));
    }

    #[test]
    fn a_track_shows_its_share_and_its_last_ten_seconds() {
        let text = frame(&looked(), &[], None, (80, 24), false).join("\n");
        let words = |start: &str| {
            let line = text.lines().find(|line| line.trim_start().starts_with(start)).unwrap();
            line.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(words("blue "), "blue ██████ 90% 123 0.2% 4.0ms 16ms ∞ 8 1/2", "{text}");
        assert_eq!(words("green "), "green █░░░░░ 10% 123 0.2% 4.0ms 16ms ∞ 4 1/1", "{text}");
        assert_eq!(words("✗"), format!("✗ 10.0.0.3:3000 ejected 3m: {}", sample::WHY)[..words("✗").len()]);
        assert!(text.contains("1 of 3 endpoints is out"), "{text}");
    }

    #[test]
    fn a_file_gets_a_line_for_each_track() {
        let text = lines(&looked());
        assert_eq!(text.lines().count(), 2);
        let line = "api blue share=90% req/s=123 failed=0.2% p50=4.0ms p95=16ms p99=∞ active=8 up=1/2";
        assert!(text.lines().next().unwrap().ends_with(line), "{text}");
    }
}
