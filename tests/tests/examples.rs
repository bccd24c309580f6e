//! The GitHub workflow as it is shipped: GitHub can read it, and mizanctl has what it calls.

use mizan_tests::cli::run;
use mizan_tests::mizan::binary;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

const WORKFLOW: &str = include_str!("../../deploy/github-actions/deploy.yml");

fn workflow() -> Value {
    serde_saphyr::from_str(WORKFLOW).expect("it is YAML")
}

fn steps(workflow: &Value) -> Vec<&Value> {
    let jobs = workflow["jobs"].as_object().expect("it has jobs").values();
    jobs.flat_map(|job| job["steps"].as_array().expect("every job has steps")).collect()
}

fn scripts(workflow: &Value) -> Vec<&str> {
    let scripts: Vec<&str> = steps(workflow).iter().filter_map(|step| step["run"].as_str()).collect();
    assert!(scripts.len() >= 4, "{scripts:?}");
    scripts
}

async fn mizanctl(words: &[&str]) -> String {
    let mizanctl = binary().with_file_name("mizanctl");
    assert!(mizanctl.is_file(), "{} is missing: build it first with `cargo build`", mizanctl.display());
    let finished = run(&mizanctl.display().to_string(), Path::new("/"), words, &[("COLUMNS", "120")]).await;
    assert_eq!(finished.code, Some(0), "mizanctl {words:?}: {}", finished.stderr);
    finished.stdout
}

/// Each `mizanctl VERB ...`, up to where the shell's command ends.
fn calls(script: &str) -> Vec<Vec<&str>> {
    let commands = script.lines().flat_map(|line| line.split(['"', ';', '&', '|']));
    commands
        .filter_map(|command| Some(command.trim().strip_prefix("mizanctl ")?.split(' ').collect()))
        .collect()
}

#[test]
fn the_workflow_has_a_lock_for_deploys_and_none_for_the_way_back() {
    let workflow = workflow();
    let (deploy, by_hand) = (&workflow["jobs"]["deploy"], &workflow["jobs"]["by_hand"]);
    assert_eq!(deploy["concurrency"]["cancel-in-progress"], false);
    assert_eq!(deploy["concurrency"]["group"], "deploy-${{ matrix.environment }}");
    assert_eq!(deploy["strategy"]["max-parallel"], 1);
    assert_eq!(by_hand["concurrency"], Value::Null);
    for job in [deploy, by_hand] {
        assert!(job["environment"].is_string(), "its secrets are those of one environment");
    }
    assert!(workflow["on"]["workflow_dispatch"]["inputs"]["action"].is_object());
}

#[test]
fn the_workflow_trusts_nobody_but_github() {
    let workflow = workflow();
    let used: BTreeSet<&str> = steps(&workflow).iter().filter_map(|step| step["uses"].as_str()).collect();
    assert_eq!(used, BTreeSet::from(["actions/checkout@v4"]));
    assert_eq!(workflow["permissions"], serde_json::json!({ "contents": "read" }));
    for script in scripts(&workflow) {
        assert!(!script.contains("${{"), "a value that others choose would be run as a script: {script}");
    }
}

#[tokio::test]
async fn the_scripts_of_the_workflow_are_bash() {
    let workflow = workflow();
    for script in scripts(&workflow) {
        let finished = run("bash", Path::new("/"), &["-n", "-c", script], &[]).await;
        assert_eq!(finished.code, Some(0), "{}\n{script}", finished.stderr);
    }
}

#[tokio::test]
async fn mizanctl_has_every_verb_and_option_that_the_workflow_uses() {
    let workflow = workflow();
    let mut verbs = BTreeSet::new();
    for call in scripts(&workflow).into_iter().flat_map(calls) {
        let (verb, words) = call.split_first().expect("a verb");
        verbs.insert(*verb);
        let help = mizanctl(&[verb, "--help"]).await;
        let known: BTreeSet<&str> =
            help.split(|one: char| !one.is_ascii_alphanumeric() && one != '-').collect();
        for option in words.iter().filter(|word| word.starts_with("--")) {
            assert!(known.contains(option), "mizanctl {verb} knows no {option}:\n{help}");
        }
    }
    assert_eq!(verbs, BTreeSet::from(["deploy", "history", "resume", "rollback"]));
}

#[tokio::test]
async fn the_exit_codes_of_the_workflow_are_those_of_mizanctl() {
    let help = mizanctl(&["--help"]).await;
    let (_, codes) = help.split_once("Exit codes:").expect("the help has them");
    let has: BTreeSet<u8> =
        codes.lines().filter_map(|line| line.trim().split_once("  ")?.0.parse().ok()).collect();
    // The others are the shell's own and SSH's, or have nothing to add.
    let wanted = has.iter().copied().filter(|code| !matches!(code, 1 | 2)).chain([255]);
    let workflow = workflow();
    let script = scripts(&workflow).into_iter().find(|script| script.contains("mizanctl deploy")).unwrap();
    let lines = script.lines().filter_map(|line| line.trim().split_once(") ")?.0.parse().ok());
    assert_eq!(lines.collect::<BTreeSet<u8>>(), wanted.collect());
}
