//! `mizanctl status`: the whole proxy at a glance.

use super::page::{Page, Span, Style};
use super::split::split_pieces;
use super::table::{Column, Table};
use super::under_way::under_way;
use super::units::{count, latency, many, percent, short, since, uptime};
use mizan_api::{EndpointState, EndpointStatus, ServiceStatus, Status, TrackStatus};

const COLUMNS: &[Column] = &[
    Column { title: "ADDRESS", right: false },
    Column { title: "STATE", right: false },
    Column { title: "SINCE", right: true },
    Column { title: "ACTIVE", right: true },
    Column { title: "REQUESTS", right: true },
    Column { title: "FAILED", right: true },
    Column { title: "LATENCY", right: true },
];

pub(crate) fn status(status: &Status, now_unix_ms: u64, width: usize, colour: bool) -> String {
    let mut page = Page::new(width, colour);
    page.flow(0, header(status, now_unix_ms));
    if !status.deploys.is_empty() {
        page.blank();
        under_way(&mut page, &status.deploys, now_unix_ms);
    }
    let endpoints =
        status.services.iter().flat_map(|service| &service.tracks).flat_map(|track| &track.endpoints);
    let rows: Vec<_> = endpoints.map(|endpoint| row(endpoint, now_unix_ms)).collect();
    let table = Table::fit(COLUMNS, &rows, 4, page.width);
    for service in &status.services {
        page.blank();
        page.flow(0, service_pieces(service));
        if service.tracks.iter().any(|track| !track.endpoints.is_empty()) {
            table.head(&mut page);
        }
        let total: u64 = service.tracks.iter().map(|track| u64::from(track.weight)).sum();
        for track in &service.tracks {
            show_track(&mut page, &table, track, total, now_unix_ms);
        }
    }
    page.blank();
    for (style, line) in summary(status) {
        page.words(0, style, &line);
    }
    page.into_text()
}

/// The process, its configuration and its load.
pub(super) fn header(status: &Status, now_unix_ms: u64) -> Vec<Span> {
    let state = match (status.draining, status.ready) {
        (true, _) => (Style::Warn, "draining"),
        (false, true) => (Style::Good, "ready"),
        (false, false) => (Style::Warn, "not ready"),
    };
    vec![
        (Style::Bold, format!("mizan {}", status.version)),
        (Style::Plain, format!("pid {}", status.pid)),
        (Style::Plain, format!("up {}", uptime(now_unix_ms.saturating_sub(status.started_unix_ms)))),
        (state.0, state.1.to_owned()),
        (Style::Plain, format!("configuration {}", status.generation)),
        (Style::Plain, many(status.connections as usize, "connection")),
        (Style::Plain, format!("{} under way", many(status.requests as usize, "request"))),
        (Style::Plain, format!("on {}", status.listeners.join(", "))),
    ]
}

pub(super) fn service_pieces(service: &ServiceStatus) -> Vec<Span> {
    let mut pieces = vec![(Style::Bold, service.name.clone())];
    if let Some(split) = &service.split {
        pieces.extend(split_pieces(split));
    }
    if service.sticky {
        pieces.push((Style::Plain, "sticky".to_owned()));
    }
    if service.fallbacks > 0 {
        pieces.push((Style::Warn, many(service.fallbacks as usize, "fallback")));
    }
    if !service.ready {
        pieces.push((Style::Warn, "discovery has not answered".to_owned()));
    }
    pieces
}

fn show_track(page: &mut Page, table: &Table, track: &TrackStatus, total: u64, now_unix_ms: u64) {
    if !track.name.is_empty() {
        let share = percent(f64::from(track.weight), total as f64);
        let mut pieces = vec![(Style::Bold, track.name.clone()), (Style::Plain, share)];
        if track.drained {
            pieces.push((Style::Warn, "drained".to_owned()));
        }
        page.flow(2, pieces);
    }
    if track.endpoints.is_empty() {
        page.words(4, Style::Warn, "no endpoint");
    }
    for endpoint in &track.endpoints {
        table.row(page, row(endpoint, now_unix_ms), (Style::Plain, &endpoint.why));
    }
    for name in &track.names {
        if let Some(error) = &name.last_error {
            let age = name.age_ms.map_or_else(
                || "there was no good answer yet".to_owned(),
                |age| format!("the last good answer is {} old", short(age)),
            );
            page.words(4, Style::Warn, &format!("{}: {error}; {age}", name.name));
        }
    }
}

fn row(endpoint: &EndpointStatus, now_unix_ms: u64) -> Vec<Span> {
    let (style, mark) = super::state(endpoint.state);
    let failed = if endpoint.failures > 0 { Style::Warn } else { Style::Plain };
    vec![
        (Style::Plain, endpoint.address.clone()),
        (style, format!("{mark} {}", endpoint.state.as_str())),
        (Style::Plain, since(now_unix_ms, endpoint.since_unix_ms)),
        (Style::Plain, count(endpoint.in_flight)),
        (Style::Plain, count(endpoint.requests)),
        (failed, count(endpoint.failures)),
        (Style::Plain, latency(endpoint.latency_ms)),
    ]
}

/// What needs attention.
pub(super) fn summary(status: &Status) -> Vec<Span> {
    let tracks = || {
        status.services.iter().flat_map(|service| service.tracks.iter().map(move |track| (service, track)))
    };
    let counted = |wanted: fn(EndpointState) -> bool| {
        tracks().flat_map(|(_, track)| &track.endpoints).filter(|endpoint| wanted(endpoint.state)).count()
    };
    let all = counted(|state| state != EndpointState::Draining);
    let starting = counted(|state| state == EndpointState::Starting);
    let up = counted(|state| state == EndpointState::Up);
    let (out, is) = (all - starting - up, |number| if number == 1 { "is" } else { "are" });
    let mut lines = Vec::new();
    if status.draining {
        lines.push((Style::Warn, "mizan finishes what is under way and ends".to_owned()));
    }
    if out > 0 {
        lines.push((Style::Bad, format!("{out} of {} {} out", many(all, "endpoint"), is(out))));
    }
    if starting > 0 {
        lines.push((
            Style::Warn,
            format!("{starting} of {} {} starting", many(all, "endpoint"), is(starting)),
        ));
    }
    for (service, track) in tracks() {
        let name = format!("{} {}", service.name, track.name);
        let name = name.trim_end();
        if track.drained {
            lines.push((Style::Warn, format!("{name} is drained: `mizanctl undrain` puts it back")));
        } else if (track.weight > 0 || track.name.is_empty())
            && !track.endpoints.iter().any(|endpoint| endpoint.state == EndpointState::Up)
        {
            lines.push((Style::Bad, format!("{name} has no endpoint that is up")));
        }
    }
    let unresolved =
        tracks().flat_map(|(_, track)| &track.names).filter(|name| name.last_error.is_some()).count();
    if unresolved > 0 {
        let verb = if unresolved == 1 { "does" } else { "do" };
        lines.push((Style::Warn, format!("{} {verb} not resolve", many(unresolved, "name"))));
    }
    if lines.is_empty() && all > 0 {
        lines.push((Style::Good, format!("{} of {} up", up, many(all, "endpoint"))));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::sample;

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        for width in [40, 80, 160] {
            let text = status(&sample::status(), sample::NOW, width, false);
            assert!(text.lines().all(|line| line.chars().count() <= width), "{width}:\n{text}");
            assert!(width < 80 || !text.contains('…'), "{width}:\n{text}");
        }
    }

    #[test]
    fn why_an_endpoint_is_out_is_beside_it_or_below() {
        let wide = status(&sample::status(), sample::NOW, 160, false);
        let line = wide.lines().find(|line| line.contains("✗ ejected")).unwrap();
        assert!(
            line.contains("10.0.0.3:3000") && line.contains("3m") && line.ends_with(sample::WHY),
            "{wide}"
        );
        let narrow = status(&sample::status(), sample::NOW, 80, false);
        let mut lines = narrow.lines().skip_while(|line| !line.contains("✗ ejected"));
        assert!(!lines.next().unwrap().contains("refused"), "{narrow}");
        assert!(lines.next().unwrap().starts_with("      the endpoint refused"), "{narrow}");
    }

    #[test]
    fn the_end_sums_up_what_needs_attention() {
        let text = status(&sample::status(), sample::NOW, 160, false);
        assert!(text.contains("\n1 of 3 endpoints is out\n"), "{text}");
        let mut good = sample::status();
        good.services[0].tracks[0].endpoints.truncate(1);
        assert_eq!(summary(&good), [(Style::Good, "2 of 2 endpoints up".to_owned())]);
    }

    #[test]
    fn deploys_under_way_are_above_the_services() {
        let mut deploying = sample::status();
        let without = status(&deploying, sample::NOW, 160, false);
        deploying.deploys = vec![sample::deploy()];
        let text = status(&deploying, sample::NOW, 160, false);
        let (deploy, service) = (text.find("\ndeploy 12 of api  ").unwrap(), text.find("\napi  ").unwrap());
        assert!(deploy < service && !without.contains("deploy"), "{text}");
    }

    #[test]
    fn colours_come_only_when_they_are_asked_for() {
        assert!(!status(&sample::status(), sample::NOW, 80, false).contains('\x1b'));
        let coloured = status(&sample::status(), sample::NOW, 80, true);
        assert!(coloured.contains("\x1b[31m✗ ejected\x1b[0m"), "{coloured}");
    }
}
