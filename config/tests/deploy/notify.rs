//! `notify`: who is told.

use super::{SOUND, URL, changed, one, parsed, problems, silent, told, warned};
use mizan_config::deploy::model::{NotifyOn, Webhook, WebhookFormat};
use std::time::Duration;

#[track_caller]
fn webhook(keys: &str) -> Webhook {
    parsed(&changed(URL, &format!("  - {{ url: \"${{SLACK}}\", {keys} }}"))).notify.remove(0)
}

#[track_caller]
fn slip(keys: &str, expected: &str) {
    told(URL, &format!("  - {{ url: \"${{SLACK}}\", {keys} }}"), expected);
}

#[test]
fn what_a_webhook_leaves_out_has_its_documented_default() {
    let webhook = webhook("");
    assert_eq!(webhook.url.expose(), "https://hooks.example.com/hunter2");
    assert_eq!((webhook.format, webhook.text), (WebhookFormat::Slack, None));
    assert_eq!(webhook.on, [NotifyOn::Deployed, NotifyOn::RolledBack, NotifyOn::Failed]);
    assert_eq!(webhook.timeout, Duration::from_secs(5));
    let none = SOUND.split("notify:").next().unwrap();
    assert!(parsed(none).notify.is_empty());
    assert!(parsed(&format!("{none}notify: []")).notify.is_empty());
}

#[test]
fn what_a_webhook_says_is_what_it_gets() {
    let webhook = webhook("format: json, on: [started, waiting], text: \"{service}\", timeout: 1m");
    assert_eq!((webhook.format, webhook.text.as_deref()), (WebhookFormat::Json, Some("{service}")));
    assert_eq!(webhook.on, [NotifyOn::Started, NotifyOn::Waiting]);
    assert_eq!(webhook.timeout, Duration::from_mins(1));
    assert_eq!(self::webhook("on: failed").on, [NotifyOn::Failed]);
}

#[test]
fn a_webhook_is_checked() {
    told(URL, "  - { format: json }", "an entry of `notify` needs `url`");
    told(URL, "  - https://example.com/", "an entry of `notify` must be a mapping");
    slip("format: teams", "`format` must be slack or json, not `teams`");
    slip("format: slak", "did you mean `slack`?");
    slip("type: json", "did you mean `format`?");
    slip("on: []", "`on` is empty");
    slip("on: [failed, failed]", "`failed` is here twice");
    slip("on: rolled-back", "did you mean `rolled_back`?");
    slip("on: success", "it is one of started, deployed, rolled_back, failed, waiting");
    slip("events: failed", "did you mean `on`?");
    slip("timeout: 0", "`timeout` must be 1s to 1m");
    slip("timeout: 61s", "`timeout` must be 1s to 1m");
    slip("text: \"\"", "`text` has nothing in it that can be read");
    let none = SOUND.split("notify:").next().unwrap();
    one(&problems(&format!("{none}notify: {{ url: \"${{SLACK}}\" }}")), "`notify` must be a list");
    one(&problems(&format!("{none}slack: []")), "did you mean `notify`?");
}

#[test]
fn placeholders_are_those_there_are() {
    slip(
        "text: \"{servce} is up\"",
        "there is no placeholder {servce} (did you mean {service}? There are {service}, {env",
    );
    slip("text: \"{tag}\"", "there are {service}, {environment}, {image}");
    slip("text: \"{Service}\"", "did you mean {service}?");
    slip("text: \"a {service} {colour_1}\"", "there is no placeholder {colour_1}");
    let all = "{service} {environment} {image} {previous} {status} {why} {strategy} {duration} {number} {by} {track}";
    assert_eq!(webhook(&format!("text: \"{all}\"")).text.as_deref(), Some(all));
    for plain in ["{", "}{", "{}", "{ service }", "{\\\"a\\\": 1}", "a {b", "{{service}}", "a\\nb"] {
        assert!(webhook(&format!("text: \"{plain}\"")).text.is_some(), "{plain}");
    }
}

#[test]
fn a_url_is_of_http_and_better_not_in_the_file() {
    for wrong in ["hooks.example.com/x", "ftp://example.com/x", "https://", "\"\"", "\"https://a/ b\""] {
        told(URL, &format!("  - url: {wrong}"), "`url` is no URL of http or https");
    }
    told(URL, "  - url: https://user:pass@example.com/", "no user name");
    warned(URL, "  - url: https://hooks.example.com/x", "the value of `url` stands in the file");
    warned(URL, "  - url: \"${PLAIN:-http://hooks.example.com/x}\"", "whoever stands between can read");
    for here in ["http://127.0.0.1:9000/x", "http://localhost/x", "\"http://[::1]/x\""] {
        silent(URL, &format!("  - url: {here}"));
    }
    silent(URL, URL);
}
