//! `force` and `sticky`: what they hold, and what a person who slips is told.

use mizan_config::model::{Force, Sticky};
use mizan_config::{Config, Problems, parse};
use std::time::Duration;

/// A sound file whose one service has these keys.
fn with_service(keys: &str) -> String {
    format!(
        "listen: {{ http: \":80\" }}\nservices:\n  app:\n    {keys}\nsites:\n  - hosts: [example.com]\n    routes:\n      - {{ path: /, service: app }}\n"
    )
}

/// With `state` and tracks, too.
fn with_tracks(keys: &str) -> String {
    format!("state: /s\n{}", with_service(&format!("tracks: {{ blue: \"b:1\" }}\n    {keys}")))
}

fn config(text: &str) -> Config {
    let env = |name: &str| (name == "YES").then(|| "true".into());
    parse("mizan.yml", text, &env).unwrap_or_else(|e| panic!("{e}"))
}

fn problems(text: &str) -> Problems {
    parse("mizan.yml", text, &|_| None).expect_err(text)
}

#[track_caller]
fn told(text: &str, expected: &str) {
    let lines: Vec<_> = problems(text).lines().collect();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].contains(expected), "{lines:#?} lacks {expected:?}");
}

fn told_of_tracks(keys: &str, expected: &str) {
    told(&with_tracks(keys), expected);
}

fn force(written: &str) -> Force {
    config(&with_tracks(&format!("force: {written}"))).services[0].force.clone().unwrap()
}

fn sticky(written: &str) -> Option<Sticky> {
    config(&with_tracks(&format!("sticky: {written}"))).services[0].sticky.clone()
}

#[test]
fn sticky_is_yes_no_or_what_the_cookie_is_like() {
    let named = |cookie: &str, max_age| Some(Sticky { cookie: cookie.into(), max_age });
    let default = Duration::from_hours(30 * 24);
    assert_eq!(sticky("false"), None);
    assert_eq!(sticky("true"), named("mizan", default));
    assert_eq!(sticky("\"${YES}\""), named("mizan", default));
    assert_eq!(sticky("{}"), named("mizan", default));
    assert_eq!(sticky("{ cookie: Shop, max_age: 1m }"), named("Shop", Duration::from_mins(1)));
    assert_eq!(sticky("{ max_age: 400d }"), named("mizan", Duration::from_hours(400 * 24)));
}

#[test]
fn sticky_that_is_off_needs_neither_tracks_nor_state() {
    assert_eq!(config(&with_service("endpoints: app:3000\n    sticky: false")).services[0].sticky, None);
}

#[test]
fn force_with_one_of_its_names_is_for_everybody_unless_it_says_from() {
    let header = force("{ header: X-Track }");
    assert_eq!((header.header.as_deref(), header.cookie, header.from.len()), (Some("x-track"), None, 0));
    let cookie = force("{ cookie: Track, from: \"::1\" }");
    assert_eq!((cookie.header, cookie.cookie.as_deref()), (None, Some("Track")));
    assert_eq!(cookie.from, ["::1/128".parse().unwrap()]);
}

#[test]
fn force_is_checked() {
    told_of_tracks("force: {}", "`force` has neither `header` nor `cookie`");
    told_of_tracks("force: { from: 10.0.0.0/8 }", "neither `header` nor `cookie`");
    told_of_tracks("force: { heeder: X }", "did you mean `header`?");
    told_of_tracks("force: { header: \"X Y\" }", "no name of a header field");
    told_of_tracks("force: { cookie: \"a;b\" }", "`a;b` is no name of a cookie");
    told_of_tracks("force: { header: X, from: [] }", "`from` is empty");
    told_of_tracks("force: { header: X, from: 10.0.0.1/8 }", "did you mean `10.0.0.0/8`?");
    told_of_tracks("force: { header: X, from: [home] }", "`home` is no network");
    told_of_tracks("force: true", "must be a mapping");
    told(&with_service("endpoints: a:1\n    force: { header: X }"), "`force` without `tracks`");
    told(&with_service("trcks: { b: \"b:1\" }\n    force: { header: X }"), "did you mean `tracks`?");
}

#[test]
fn sticky_is_checked() {
    told_of_tracks("sticky: yes", "`sticky` must be true, false or a mapping, not text");
    told_of_tracks("sticky:", "`sticky` has no value");
    told_of_tracks("sticky: { cookie: \"a b\" }", "`a b` is no name of a cookie");
    told_of_tracks("sticky: { max_age: 59s }", "must be 1m to 400d, not `59s`");
    told_of_tracks("sticky: { max_age: 401d }", "must be 1m to 400d");
    told_of_tracks("sticky: { maxage: 1d }", "did you mean `max_age`?");
    told_of_tracks("sticky: true\n    force: { cookie: mizan }", "have the same cookie");
    let untracked = with_service("endpoints: a:1\n    sticky: true");
    told(&format!("state: /s\n{untracked}"), "`sticky` without `tracks`");
}

#[test]
fn sticky_without_state_is_told_once_where_it_stands() {
    let tracks = "tracks: { b: \"b:1\" }\n    sticky: true";
    let text = with_service(tracks);
    told(&text, "mizan.yml:5:5: `sticky` needs `state`, where the key of its cookies is kept");
    told(&text, "add `state: /var/lib/mizan`");
    told(&text.replace("sites:", &format!("  other:\n    {tracks}\nsites:")), "needs `state`");
    told(&format!("state: here\n{text}"), "not an absolute path");
    told(&format!("stat: /s\n{text}"), "did you mean `state`?");
}

#[test]
fn the_name_of_a_cookie_is_shown_where_it_is_wrong() {
    for key in ["force", "sticky"] {
        let text = with_service(&format!("tracks: {{ b: \"b:1\" }}\n    {key}: {{ cookie: a b }}"));
        let found = problems(&format!("state: /s\n{text}"));
        assert!(found.iter().any(|problem| problem.source.contains("cookie: a b")), "{found}");
    }
}
