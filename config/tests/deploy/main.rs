//! deploy.yml: what the model holds of it, and what a person who slips is told.

mod compose;
mod docs;
mod environments;
mod files;
mod hooks;
mod notify;
mod robust;
mod secrets;
mod services;
mod tracks;

use mizan_config::Problems;
use mizan_config::deploy::model::{DeployFile, DeployService};
use mizan_config::deploy::{Examined, examine};

/// A sound file, for cases that change one thing.
const SOUND: &str = r#"environments:
  production:
    socket: /run/mizan/admin.sock
services:
  api:
    tracks:
      blue: { compose_service: api-blue, image_variable: API_BLUE_IMAGE }
      green: { compose_service: api-green, image_variable: API_GREEN_IMAGE }
    replicas: 2
notify:
  - url: "${SLACK}"
"#;
const SOCKET: &str = "    socket: /run/mizan/admin.sock";
const REPLICAS: &str = "    replicas: 2";
const URL: &str = "  - url: \"${SLACK}\"";

fn env(name: &str) -> Option<String> {
    match name {
        "SLACK" => Some("https://hooks.example.com/hunter2".into()),
        "ON" => Some("true".into()),
        "WEIGHT" => Some("100%".into()),
        "JUNK" => Some("hunter2 \u{1b}".into()),
        _ => None,
    }
}

fn changed(line: &str, replacement: &str) -> String {
    assert!(SOUND.contains(line), "{line}");
    SOUND.replace(line, replacement)
}

#[track_caller]
fn examined(text: &str) -> Examined {
    examine("/srv/app/deploy.yml", text, &env).unwrap_or_else(|e| panic!("{text}\n{e}"))
}

#[track_caller]
fn parsed(text: &str) -> DeployFile {
    examined(text).file
}

fn problems(text: &str) -> Problems {
    examine("deploy.yml", text, &env).expect_err(text)
}

#[track_caller]
fn one(problems: &Problems, expected: &str) {
    let lines: Vec<_> = problems.lines().collect();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].contains(expected), "{lines:#?} lacks {expected:?}");
}

/// One problem, and nothing else.
#[track_caller]
fn told(line: &str, replacement: &str, expected: &str) {
    one(&problems(&changed(line, replacement)), expected);
}

/// No problem, and one warning.
#[track_caller]
fn warned(line: &str, replacement: &str, expected: &str) {
    one(&examined(&changed(line, replacement)).warnings, expected);
}

#[track_caller]
fn silent(line: &str, replacement: &str) {
    let warnings = examined(&changed(line, replacement)).warnings;
    assert!(warnings.is_empty(), "{warnings}");
}

/// The service of the sound file with one key more.
#[track_caller]
fn service(key: &str) -> DeployService {
    parsed(&changed(REPLICAS, &format!("    {key}"))).services.remove(0)
}

/// One problem of that key, and nothing else.
#[track_caller]
fn slip(key: &str, expected: &str) {
    told(REPLICAS, &format!("    {key}"), expected);
}
