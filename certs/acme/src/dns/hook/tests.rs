use super::*;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Instant;

const NAME: &str = "_acme-challenge.example.com.";

/// A script in a folder of its own.
fn script(text: &str) -> (tempfile::TempDir, Vec<String>) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("dns-hook");
    std::fs::write(&path, format!("#!/bin/sh\ncd '{}'\n{text}\n", folder.path().display())).expect("written");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o700)).expect("permitted");
    // By the shell, not by itself: a file that was just written may be open still in a child of another test.
    let command = ["/bin/sh".into(), path.display().to_string()];
    (folder, command.to_vec())
}

fn read(folder: &Path, file: &str) -> String {
    std::fs::read_to_string(folder.join(file)).expect("it was written")
}

async fn told(text: &str) -> String {
    let (folder, command) = script(text);
    let error = run(&command, "present", NAME, "value").await.expect_err("it failed");
    drop(folder);
    error.to_string()
}

#[tokio::test]
async fn it_is_called_as_lego_calls_its_own() {
    let (folder, mut command) = script("printf '%s\\n' \"$@\" > arguments; cat > input; env > environment");
    command.push("zone 1".into());
    run(&command, "cleanup", NAME, "va lue").await.expect("it ran");
    assert_eq!(read(folder.path(), "arguments"), format!("zone 1\ncleanup\n{NAME}\nva lue\n"));
    assert_eq!(read(folder.path(), "input"), "");
    let environment = read(folder.path(), "environment");
    assert!(environment.contains("PATH="), "{environment}");
    // Cargo's variables are there in every test, and are nobody's business.
    assert!(!environment.contains("CARGO"), "{environment}");
}

#[tokio::test]
async fn its_last_words_are_told() {
    assert!(
        told("echo one >&2; echo 'no such zone' >&2; echo >&2; exit 3")
            .await
            .ends_with(" present` ended with exit code 3: no such zone")
    );
    assert!(told("echo to standard output; exit 1").await.ends_with("exit code 1: to standard output"));
    assert!(told("exit 1").await.ends_with("ended with exit code 1"));
    assert!(told("kill -9 $$").await.ends_with("was ended by signal 9"));
    assert!(told("printf '\\033[31mred\\033[0m' >&2; exit 1").await.ends_with("exit code 1: [31mred[0m"));
}

#[tokio::test]
async fn a_flood_of_output_is_read_and_forgotten() {
    let told = told("head -c 3000000 /dev/zero | tr '\\0' x >&2; echo >&2; echo the end >&2; exit 1").await;
    assert!(told.ends_with("exit code 1: the end"), "{told}");
    let line = self::told("head -c 3000000 /dev/zero | tr '\\0' x >&2; exit 1").await;
    assert!(line.ends_with("xxx") && line.len() < 500, "{line}");
}

#[tokio::test]
async fn what_it_leaves_running_keeps_nobody_waiting() {
    let (folder, command) = script("sleep 60 & echo $! > pid; echo sorry >&2; exit 1");
    let started = Instant::now();
    let error = run(&command, "present", NAME, "value").await.expect_err("it failed");
    assert!(error.to_string().ends_with("exit code 1: sorry"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(30));
    let left = read(folder.path(), "pid").trim().parse().ok().and_then(Pid::from_raw).expect("a number");
    rustix::process::kill_process(left, Signal::KILL).expect("it was left running");
}

#[tokio::test]
async fn one_that_hangs_is_killed_with_all_that_it_started() {
    let (folder, command) = script("sleep 60 3> pipe & wait");
    let pipe = folder.path().join("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RWXU).expect("made");
    // Ends when the last that could write is gone.
    let gone = tokio::task::spawn_blocking(move || std::fs::read(pipe));
    let limit = Duration::from_secs(1);
    let error = run_within(limit, &command, "present", NAME, "value").await.expect_err("it hung");
    assert!(error.to_string().ends_with("present` did not end within 1 s"), "{error}");
    let end = tokio::time::timeout(Duration::from_secs(30), gone).await.expect("all are gone");
    assert!(end.expect("no panic").expect("read").is_empty());
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named() {
    let command = ["/nowhere/dns-hook".to_owned()];
    let error = run(&command, "present", NAME, "value").await.expect_err("there is none");
    assert_eq!(
        error.to_string(),
        "cannot run `/nowhere/dns-hook`: No such file or directory (os error 2); `certificates.acme.dns.command` names it"
    );
}
