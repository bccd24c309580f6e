//! The other verbs: check, schema, demo, version.

use mizan_tests::cli::mizan;
use mizan_tests::mizan::{Log, binary};
use mizan_tests::raw::get;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

const GOOD: &str = r#"listen: { http: "127.0.0.1:0" }
services:
  app: { endpoints: "app:3000" }
sites:
  - hosts: [app.test]
    routes:
      - { path: /, service: app }
"#;

fn folder_with(yaml: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mizan.yml"), yaml).unwrap();
    folder
}

#[tokio::test]
async fn check_says_yes_to_a_good_file() {
    let folder = folder_with(GOOD);
    let finished = mizan(folder.path(), &["check", "mizan.yml"], &[]).await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
}

#[tokio::test]
async fn check_tells_every_problem_with_file_line_and_column_and_a_hint() {
    let folder = folder_with(
        r#"listen: { http: ["127.0.0.1:8080", "127.0.0.1:8080"] }
servces: {}
services:
  app:
    endpoint: "app:3000"
  slow:
    endpoints: "slow:3000"
    timeouts: { read: soon }
    keepalive: many
  shop:
    tracks: { blue: "blue:1" }
    split: { green: 100 }
  checked:
    endpoints: "c:1"
    health: { path: /up, headers: { Authorization: { file: /nowhere/at-all } } }
limits: { head_size: 12q }
sites:
  - hosts: [a.test]
    routes:
      - { path: /, service: ap }
  - hosts: [a.test]
    routes:
      - { path: "~ (", service: slow }
"#,
    );
    let finished = mizan(folder.path(), &["check", "mizan.yml"], &[]).await;
    assert_eq!(finished.code, Some(1), "{finished:?}");
    let text = &finished.stderr;
    for (line, needle) in [
        (1, "8080"),
        (2, "servces"),
        (5, "did you mean `endpoints`"),
        (8, "soon"),
        (9, "many"),
        (12, "green"),
        (15, "/nowhere/at-all"),
        (16, "12q"),
        (20, "ap"),
        (21, "a.test"),
        (23, "~ ("),
    ] {
        assert!(text.contains(needle), "line {line}: `{needle}` is missing in\n{text}");
        assert!(text.contains(&format!("mizan.yml:{line}:")), "mizan.yml:{line}: is missing in\n{text}");
    }
    assert!(!text.contains("panicked"), "{text}");
}

#[tokio::test]
async fn run_refuses_a_bad_file_with_the_same_words() {
    let folder = folder_with("services: { app: { endpoint: \"a:1\" } }\n");
    let finished = mizan(folder.path(), &["run", "--config", "mizan.yml"], &[]).await;
    assert!(finished.code.is_some_and(|c| c != 0), "{finished:?}");
    assert!(finished.stderr.contains("did you mean `endpoints`"), "{}", finished.stderr);
}

#[tokio::test]
async fn a_file_that_is_not_there_is_told_in_plain_words() {
    let folder = tempfile::tempdir().unwrap();
    for words in [["check", "nowhere.yml"].as_slice(), &["run", "--config", "nowhere.yml"]] {
        let finished = mizan(folder.path(), words, &[]).await;
        assert!(finished.code.is_some_and(|c| c != 0), "{finished:?}");
        assert!(
            finished.stderr.contains("nowhere.yml") && finished.stderr.lines().count() <= 5,
            "{}",
            finished.stderr
        );
    }
}

#[tokio::test]
async fn names_come_from_the_environment_and_a_missing_one_is_a_problem() {
    let yaml = GOOD.replace("app:3000", "${APP_HOST}:${APP_PORT:-3000}");
    let folder = folder_with(&yaml);
    let finished = mizan(folder.path(), &["check", "mizan.yml"], &[("APP_HOST", "app")]).await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let finished = mizan(folder.path(), &["check", "mizan.yml"], &[]).await;
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(
        finished.stderr.contains("APP_HOST") && finished.stderr.contains("mizan.yml:3:"),
        "{}",
        finished.stderr
    );
}

#[tokio::test]
async fn a_secret_is_printed_nowhere() {
    let secret = "hunter2-very-secret";
    let folder = folder_with(&GOOD.replace(
        "{ endpoints: \"app:3000\" }",
        "{ endpoints: \"app:3000\", health: { path: /up, headers: { Authorization: { file: token } }, interval: never } }",
    ));
    std::fs::write(folder.path().join("token"), secret).unwrap();
    for (words, env) in [
        (["check", "mizan.yml"].as_slice(), [("RUST_LOG", "trace")].as_slice()),
        (&["check", "mizan.yml"], &[("RUST_BACKTRACE", "1")]),
    ] {
        let finished = mizan(folder.path(), words, env).await;
        assert_eq!(finished.code, Some(1), "{finished:?}");
        assert!(!finished.stdout.contains(secret) && !finished.stderr.contains(secret), "{finished:?}");
    }
    // In its place in the file a wrong value is shown, a secret's never.
    let inline = GOOD.replace(
        "{ endpoints: \"app:3000\" }",
        "{ endpoints: \"app:3000\", health: { path: /up, headers: { Authorization: \"${TOKEN}\" }, timeout: never } }",
    );
    std::fs::write(folder.path().join("mizan.yml"), inline).unwrap();
    let finished = mizan(folder.path(), &["check", "mizan.yml"], &[("TOKEN", secret)]).await;
    assert!(!finished.stdout.contains(secret) && !finished.stderr.contains(secret), "{finished:?}");
}

#[tokio::test]
async fn schema_is_json_and_knows_the_sections() {
    let folder = tempfile::tempdir().unwrap();
    let finished = mizan(folder.path(), &["schema"], &[]).await;
    assert_eq!(finished.code, Some(0));
    let schema: serde_json::Value = serde_json::from_str(&finished.stdout).expect("JSON");
    for section in ["listen", "admin", "state", "resolver", "services", "sites", "limits", "drain", "probes"]
    {
        assert!(schema["properties"].get(section).is_some(), "{section} is missing");
    }
}

#[tokio::test]
async fn help_teaches_and_version_says_which() {
    let folder = tempfile::tempdir().unwrap();
    let help = mizan(folder.path(), &["--help"], &[]).await;
    assert_eq!(help.code, Some(0));
    for word in ["run", "check", "schema", "demo", "version", "mizan.yml"] {
        assert!(help.stdout.contains(word), "`{word}` is missing in\n{}", help.stdout);
    }
    let version = mizan(folder.path(), &["version"], &[]).await;
    assert!(version.code == Some(0) && version.stdout.contains(env!("CARGO_PKG_VERSION")), "{version:?}");
    let nothing = mizan(folder.path(), &["frobnicate"], &[]).await;
    assert_eq!(nothing.code, Some(2), "{nothing:?}");
}

#[tokio::test]
async fn the_demo_serves_prints_what_to_try_and_ends_on_ctrl_c() {
    let mut child = tokio::process::Command::new(binary())
        .args(["demo", "--listen", "127.0.0.1:0"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let (out, err) = (Log::follow(child.stdout.take().unwrap()), Log::follow(child.stderr.take().unwrap()));
    let line = err.wait_after(0, |l| l.contains("listening on 127.0.0.1:"), 10 * SECOND).await;
    let line = line.unwrap_or_else(|| panic!("it does not listen:\n{}\n{}", out.text(), err.text()));
    let addr: SocketAddr =
        line.split("listening on ").nth(1).unwrap().split_whitespace().next().unwrap().parse().unwrap();
    let host = addr.to_string();
    let mut colours = BTreeSet::new();
    mizan_tests::eventually("blue and green answer", 10 * SECOND, async || {
        let text = get(addr, &host, "/").await.text().to_lowercase();
        colours.extend(["blue", "green"].into_iter().filter(|colour| text.contains(colour)));
        colours.len() == 2
    })
    .await;
    let text = format!("{}\n{}", out.text(), err.text());
    assert!(text.contains("curl") && text.contains(&addr.port().to_string()), "{text}");
    let pid = rustix::process::Pid::from_raw(child.id().unwrap().cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let status = tokio::time::timeout(10 * SECOND, child.wait()).await.expect("it ends").unwrap();
    assert_eq!(status.code(), Some(0), "{}", err.text());
    assert!(!err.text().contains("panicked"));
}

#[tokio::test]
async fn the_demo_tells_a_taken_port_in_one_line() {
    let taken = mizan_tests::Upstream::start("one").await;
    let folder = tempfile::tempdir().unwrap();
    let finished = mizan(folder.path(), &["demo", "--listen", &taken.addr().to_string()], &[]).await;
    assert!(finished.code.is_some_and(|c| c != 0), "{finished:?}");
    let port = taken.port().to_string();
    assert_eq!(finished.stderr.lines().filter(|l| l.contains(&port)).count(), 1, "{}", finished.stderr);
}
