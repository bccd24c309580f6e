//! ACME in mizan.yml: what the model holds of it, and what a person who slips is told.

mod dns;
mod secrets;
mod section;
mod sites;

use mizan_config::model::Acme;
use mizan_config::{Config, Problems, examine, parse};

const SOUND: &str = r#"listen:
  http: ":80"
  https: ":443"
state: /var/lib/mizan
certificates:
  acme: {}
services:
  app:
    endpoints: app:3000
sites:
  - hosts: [example.com]
    tls: acme
    routes:
      - { path: /, service: app }
"#;
const SECTION: &str = "  acme: {}";
const HOSTS: &str = "[example.com]";
const TLS: &str = "    tls: acme";

fn env(name: &str) -> Option<String> {
    match name {
        "ACME" => Some("acme".into()),
        "ON" => Some("true".into()),
        "OFF" => Some("false".into()),
        "HMAC" => Some("aHVudGVyMg".into()),
        _ => None,
    }
}

fn changed(changes: &[(&str, &str)]) -> String {
    changes.iter().fold(SOUND.to_owned(), |text, (line, replacement)| {
        assert!(text.contains(line), "{line}");
        text.replace(line, replacement)
    })
}

fn acme(keys: &str) -> String {
    format!("  acme: {{ {keys} }}")
}

#[track_caller]
fn parsed(text: &str) -> Config {
    parse("/etc/mizan/mizan.yml", text, &env).unwrap_or_else(|e| panic!("{e}"))
}

/// The model of a section with these keys.
#[track_caller]
fn model(keys: &str) -> Acme {
    parsed(&changed(&[(SECTION, &acme(keys))])).acme.unwrap()
}

fn lines(problems: &Problems) -> Vec<String> {
    problems.lines().collect()
}

/// One problem, and nothing else.
#[track_caller]
fn told(changes: &[(&str, &str)], expected: &str) {
    let text = changed(changes);
    let lines = lines(&parse("mizan.yml", &text, &env).expect_err(&text));
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].contains(expected), "{lines:#?} lacks {expected:?}");
}

/// The same of a section with these keys.
#[track_caller]
fn slip(keys: &str, expected: &str) {
    told(&[(SECTION, &acme(keys))], expected);
}

/// No problem, and one warning.
#[track_caller]
fn warned(changes: &[(&str, &str)], expected: &str) {
    let examined = examine("mizan.yml", &changed(changes), &env).unwrap_or_else(|e| panic!("{e}"));
    let lines = lines(&examined.warnings);
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].contains(expected), "{lines:#?} lacks {expected:?}");
}

#[track_caller]
fn silent(changes: &[(&str, &str)]) {
    let examined = examine("mizan.yml", &changed(changes), &env).unwrap_or_else(|e| panic!("{e}"));
    assert!(examined.warnings.is_empty(), "{}", examined.warnings);
}
