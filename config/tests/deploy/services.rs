//! Entries of `services`.

use super::{REPLICAS, SOUND, changed, env, parsed, problems, service, silent, slip, told};
use mizan_config::deploy::model::{Backup, CanaryStep, Health, Limits, Pull, StrategyName};
use std::path::PathBuf;
use std::time::Duration;

fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

fn step(percent: u8, hold: u64, gate: bool) -> CanaryStep {
    CanaryStep { percent, hold: seconds(hold), gate }
}

#[test]
fn what_a_service_leaves_out_has_its_documented_default() {
    let service = service("proxy_service: api");
    assert_eq!((service.name.as_str(), service.proxy_service.as_str()), ("api", "api"));
    assert_eq!((service.replicas, service.strategy), (None, StrategyName::BlueGreen));
    assert_eq!(service.watch, seconds(30));
    assert_eq!(service.canary, [10, 25, 50, 100].map(|percent| step(percent, 60, false)));
    assert_eq!(service.health, Health { timeout: seconds(120), ready: None });
    assert_eq!((service.keep, service.lease), (seconds(300), seconds(15)));
    assert_eq!((service.drain, service.stop_timeout), (seconds(30), seconds(10)));
    assert_eq!((service.pull, service.disk), (Pull::Auto, 1 << 30));
    assert_eq!(service.limits, Limits { error_rate: 0.1, min_requests: 20 });
    assert_eq!((service.backup, service.hooks), (None, Vec::new()));
    silent(REPLICAS, REPLICAS);
}

#[test]
fn what_a_service_says_is_what_it_gets() {
    let all = "replicas: 4\n    strategy: canary\n    blue_green: { watch: 1m }\n    \
               canary: [{ weight: 5%, hold: 0 }, { weight: \"${WEIGHT}\", gate: \"${ON}\" }]\n    \
               health: { timeout: 1s, ready: 4 }\n    keep: 0\n    lease: 2s\n    drain: 1h\n    stop_timeout: 1h\n    \
               pull: never\n    limits: { error_rate: 2%, min_requests: 1 }\n    disk: 0\n    \
               backup: { folder: backups, max_age: 1h, pattern: \"*.gz\" }\n    proxy_service: shop";
    let service = service(all);
    assert_eq!((service.replicas, service.strategy), (Some(4), StrategyName::Canary));
    assert_eq!(service.proxy_service, "shop");
    assert_eq!(service.watch, seconds(60));
    assert_eq!(service.canary, [step(5, 0, false), step(100, 60, true)]);
    assert_eq!(service.health, Health { timeout: seconds(1), ready: Some(4) });
    assert_eq!((service.keep, service.lease), (seconds(0), seconds(2)));
    assert_eq!((service.drain, service.stop_timeout), (seconds(3600), seconds(3600)));
    assert_eq!((service.pull, service.disk), (Pull::Never, 0));
    assert_eq!(service.limits, Limits { error_rate: 0.02, min_requests: 1 });
    let backup =
        Backup { folder: PathBuf::from("/srv/app/backups"), max_age: seconds(3600), pattern: "*.gz".into() };
    assert_eq!(service.backup, Some(backup));
}

#[test]
fn every_range_has_its_ends() {
    slip("replicas: 0", "`replicas` must be 1 to 1000, not `0`");
    slip("replicas: 1001", "`replicas` must be 1 to 1000");
    slip("blue_green: { watch: 2d }", "`watch` must be 0s to 1d, not `2d`");
    slip("canary: [{ weight: 0%, hold: 1m }]", "`weight` must be 1% to 100%, not `0%`");
    slip("canary: [{ weight: 101% }]", "`weight` must be 1% to 100%");
    slip("canary: [{ weight: 100 }]", "a whole number and a percent sign");
    slip("canary: [{ weight: 100%, hold: 25h }]", "`hold` must be 0s to 1d");
    slip("canary: [{ weight: 100%, gate: maybe }]", "`gate` must be true or false");
    slip("health: { timeout: 999ms }", "`timeout` must be 1s to 1h");
    slip("health: { ready: 0 }", "`ready` must be 1 to 1000");
    slip("keep: 25h", "`keep` must be 0s to 1d");
    slip("keep: 5", "add the unit: 5s");
    slip("lease: 1s", "`lease` must be 2s to 5m");
    slip("lease: 6m", "`lease` must be 2s to 5m");
    slip("drain: 61m", "`drain` must be 0s to 1h");
    slip("stop_timeout: 0", "`stop_timeout` must be 1s to 1h");
    slip("limits: { error_rate: 0% }", "`error_rate` must be 1% to 100%");
    slip("limits: { min_requests: 0 }", "`min_requests` must be 1 to 1000000");
    slip("disk: 1gb", "`disk` must be a size such as 16k or 1m");
    slip("disk: 9999999g", "`disk` must be 0 to");
    slip("backup: { folder: b, max_age: 0 }", "`max_age` must be 1s to 365d");
}

#[test]
fn words_are_chosen_from_those_there_are() {
    slip("strategy: blue-green", "did you mean `blue_green`?");
    slip("strategy: canari", "did you mean `canary`?");
    slip("strategy: yolo", "`strategy` must be blue_green, canary or rolling, not `yolo`");
    slip("pull: missing", "`pull` must be auto, always or never, not `missing`");
    slip("pull: alway", "did you mean `always`?");
}

#[test]
fn weights_rise_to_all_requests() {
    slip("canary: []", "`canary` is empty");
    slip("canary: [{ weight: 50% }, { weight: 50% }, { weight: 100% }]", "not above that of the step before");
    slip("canary: [{ weight: 50% }, { weight: 10% }, { weight: 100% }]", "weights rise from step to step");
    slip("canary: [{ weight: 10% }, { weight: 50% }]", "add `{ weight: 100% }` after it");
    slip("canary: [{ hold: 1m }, { weight: 100% }]", "a step of `canary` needs `weight`");
    slip("canary: [10%, { weight: 100% }]", "a step of `canary` must be a mapping");
    slip("canary: { weight: 100% }", "`canary` must be a list");
    slip("canary: [{ percent: 100% }]", "did you mean `weight`?");
    assert_eq!(service("canary: [{ weight: 100% }]").canary, [step(100, 60, false)]);
}

#[test]
fn a_weight_is_told_at_its_place() {
    let text = changed(
        REPLICAS,
        "    canary:\n      - { weight: 50% }\n      - { weight: 20% }\n      - { weight: 100% }",
    );
    let lines: Vec<_> = problems(&text).lines().collect();
    assert!(lines[0].starts_with("deploy.yml:11:19: "), "{lines:?}");
}

#[test]
fn no_more_must_be_ready_than_there_are() {
    slip("replicas: 2\n    health: { ready: 3 }", "`ready` is above `replicas`");
    assert_eq!(service("replicas: 3\n    health: { ready: 3 }").health.ready, Some(3));
    assert_eq!(service("health: { ready: 3 }").health.ready, Some(3));
}

#[test]
fn a_section_of_another_strategy_is_no_problem() {
    let both = service("strategy: rolling\n    canary: [{ weight: 100% }]\n    blue_green: { watch: 0 }");
    assert_eq!((both.strategy, both.canary.len(), both.tracks.len()), (StrategyName::Rolling, 1, 2));
    silent(REPLICAS, "    strategy: rolling\n    canary: [{ weight: 100% }]");
}

#[test]
fn a_backup_has_a_folder_and_names() {
    slip("backup: { max_age: 1h }", "`backup` needs `folder`");
    slip("backup: /opt/backups", "`backup` must be a mapping");
    slip("backup: { folder: \"\" }", "give `folder` a path");
    slip("backup: { folder: ~/b }", "write ${HOME} instead of ~");
    slip("backup: { folder: b, pattern: \"x/*.gz\" }", "the folder stands in `folder`");
    slip("backup: { folder: b, pattern: \"\" }", "write \"*\" for every file");
    assert_eq!(service("backup: { folder: /b }").backup.unwrap().pattern, "*");
}

#[test]
fn names_are_short_and_plain() {
    for name in ["\".hidden\"", "\"a b\"", "\"\"", "\"a/b\"", "-a", "é"] {
        told("  api:", &format!("  {name}:"), "is no name for a service");
        told("  production:", &format!("  {name}:"), "is no name for an environment");
        told("      blue:", &format!("      {name}:"), "is no name for a track");
        slip(&format!("proxy_service: {name}"), "is no name for a service");
    }
    told("  api:", &format!("  {}:", "a".repeat(65)), "up to 64 letters");
    let sound = format!("  {}:", "a".repeat(64));
    assert_eq!(parsed(&changed("  api:", &sound)).services[0].proxy_service.len(), 64);
    let twice = changed(
        REPLICAS,
        "    replicas: 2\n  1: { compose_service: a, image_variable: A }\n  \"1\": { compose_service: a, image_variable: A }",
    );
    super::one(&problems(&twice), "the service `1` is here twice");
}

#[test]
fn there_is_something_to_roll_out() {
    let without = SOUND.split("services:").next().unwrap();
    super::one(&problems(without), "deploy.yml needs `services`");
    super::one(&problems(&format!("{without}services: {{}}")), "`services` is empty");
    super::one(&problems(""), "the file is empty");
    let shown = mizan_config::deploy::examine("deploy.yml", "# nothing\n", &env).unwrap_err().to_string();
    let example = shown.split("a small deploy.yml:").nth(1).unwrap().replace("\n          ", "\n");
    assert!(example.contains("image_variable: API_BLUE_IMAGE"), "{shown}");
}

#[test]
fn what_belongs_elsewhere_is_sent_there() {
    told("environments:", "hooks: {}\nenvironments:", "it stands in an entry of `services`");
    told("environments:", "health: {}\nenvironments:", "it stands in an entry of `services`");
    told("environments:", "compose: {}\nenvironments:", "it stands in an entry of `environments`");
    told("environments:", "project: x\nenvironments:", "it stands in `compose` of an environment");
    told("environments:", "listen: {}\nenvironments:", "that is of mizan.yml");
    told("environments:", "service: {}\nenvironments:", "did you mean `services`?");
    slip("migrate: ./m", "it stands in `hooks` of a service");
    slip("endpoints: a:1", "that is of mizan.yml");
    slip("socket: /s", "it stands in an entry of `environments`");
    slip("replica: 2", "did you mean `replicas`?");
    slip("scale: 2", "did you mean `replicas`?");
    slip("colour: red", "its keys are proxy_service, tracks");
    slip("certificate: a.pem", "its keys are proxy_service, tracks");
    slip("health: { path: /health }", "the health checks of the proxy are in mizan.yml");
    slip("health: { colour: red }", "its keys are timeout, ready");
    slip("tag: v2", "mizanctl deploy SERVICE --image REF");
}

#[test]
fn every_problem_is_told_at_once() {
    let text = "services:\n  api:\n    strategy: yolo\n    keep: 5\n    hooks: { migrat: x }\n  web: {}\nnotify: x\nstat: y\n";
    let lines: Vec<_> = problems(text).lines().collect();
    let places: Vec<_> = lines.iter().map(|line| line.split(": ").next().unwrap()).collect();
    let expected =
        ["2:3", "3:15", "4:11", "5:14", "6:3", "7:9", "8:1"].map(|place| format!("deploy.yml:{place}"));
    assert_eq!(places, expected, "{lines:#?}");
}

#[test]
fn a_problem_is_drawn_with_its_line_and_a_hint() {
    let expected = "\
error: a service has no key `keeep`
 --> deploy.yml:9:5
  |
9 |     keeep: 5m
  |     ^^^^^
  |
  = help: did you mean `keep`?

deploy.yml: 1 problem
";
    assert_eq!(problems(&changed(REPLICAS, "    keeep: 5m")).to_string(), expected);
}
