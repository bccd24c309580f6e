//! What is secret is in no message and no drawn line.

use super::{REPLICAS, SOCKET, URL, changed, env};
use mizan_config::deploy::{examine, examine_file};
use mizan_config::{Problems, Style};
use std::fs;

/// In every form problems can be printed.
fn printed(problems: &Problems) -> String {
    let lines: Vec<_> = problems.lines().collect();
    format!("{problems}\n{problems:?}\n{}\n{}", lines.join("\n"), problems.render(Style::Coloured))
}

#[track_caller]
fn hidden(text: &str) {
    let printed = match examine("deploy.yml", text, &env) {
        Ok(examined) => {
            assert!(!examined.warnings.is_empty(), "{text}");
            printed(&examined.warnings) + &format!("{:?}{:?}", examined.file.notify, examined.source)
        }
        Err(problems) => printed(&problems),
    };
    assert!(!printed.contains("hunter2"), "{text}\n{printed}");
}

#[test]
fn a_url_is_read_from_a_file_beside_deploy_yml() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deploy.yml");
    let text = changed(URL, "  - url: { file: slack.url }");
    fs::write(&path, &text).unwrap();
    let missing = examine_file(&path).unwrap_err().to_string();
    assert!(missing.contains("cannot read the secret file `slack.url` for `url`"), "{missing}");
    assert!(
        missing.contains("the folder of deploy.yml, and the file is read as the user mizanctl"),
        "{missing}"
    );
    fs::write(folder.path().join("slack.url"), "https://hooks.example.com/hunter2\n").unwrap();
    let examined = examine_file(&path).unwrap();
    assert_eq!(examined.file.notify[0].url.expose(), "https://hooks.example.com/hunter2");
    assert!(examined.warnings.is_empty() && !format!("{examined:?}").contains("hunter2"));
    fs::write(folder.path().join("slack.url"), "hunter2").unwrap();
    let printed = printed(&examine_file(&path).unwrap_err());
    assert!(printed.contains("`url` is no URL") && !printed.contains("hunter2"), "{printed}");
}

#[test]
fn a_url_is_never_drawn() {
    for entry in [
        "  - url: hunter2",
        "  - url: https://hooks.example.com/hunter2",
        "  - { url: https://example.com/hunter2, text: \"{x}\" }",
        "  - { ulr: https://example.com/hunter2 }",
        "  - { url: { flie: hunter2 } }",
        "  - { url: [https://example.com/hunter2] }",
        "  - https://example.com/hunter2",
        "  - { url: \"https://example.com/hunter2 }",
        "  - url: >\n      https://example.com/hunter2\n  - ]",
        "  - { url: !foo hunter2 }",
        "  - { url: \"${JUNK}\" }",
        "  - { url: a, text: \"${JUNK}\" }",
    ] {
        hidden(&changed(URL, entry));
    }
    for key in ["notifiy", "webhooks", "slack"] {
        hidden(&changed("notify:", &format!("{key}:")).replace(URL, "  - url: https://example.com/hunter2"));
    }
    hidden(&changed(URL, "  - url: https://example.com/hunter2").replace("replicas: 2", "replicas: ]"));
}

#[test]
fn a_password_elsewhere_is_not_drawn() {
    hidden(&changed(SOCKET, "    url: https://admin:hunter2@example.com/"));
    hidden(&changed(REPLICAS, "    hooks: { smok: \"PASSWORD=hunter2 ./x\" }"));
    hidden(&changed(REPLICAS, "    hooks: { smok: [curl, \"Authorization: Bearer hunter2\"] }"));
    hidden(&changed(REPLICAS, "    password: hunter2"));
    hidden(&changed(REPLICAS, "    replicas: \"${JUNK}\""));
    hidden(&changed(REPLICAS, "    strategy: \"${JUNK}\""));
    hidden(&changed(REPLICAS, "    backup: { folder: b, pattern: \"${JUNK}/\" }"));
    hidden(&changed(SOCKET, "    after: \"${JUNK}\""));
    hidden(&changed(SOCKET, "    compose: { project: \"${JUNK}\" }"));
    hidden(&changed(SOCKET, "    url: \"${JUNK}\""));
    hidden(&changed(SOCKET, "    variables: [\"a${JUNK}\"]"));
}

#[test]
fn what_is_no_secret_is_drawn() {
    let text = changed(REPLICAS, "    hooks: { smok: ./smoke --quick }");
    let drawn = examine("deploy.yml", &text, &env).unwrap_err().to_string();
    assert!(drawn.contains("hooks: { smok: ./smoke --quick }"), "{drawn}");
    let text = changed(URL, "  - { url: https://example.com/x, text: \"{x}\", format: jsn }");
    let drawn = examine("deploy.yml", &text, &env).unwrap_err().to_string();
    assert!(drawn.contains("{ url: ***, text: \"{x}\", format: jsn }"), "{drawn}");
}
