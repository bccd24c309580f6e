use super::*;
use rustix::process::{Pid, test_kill_process};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tokio::time::timeout;

const LONG: Duration = Duration::from_secs(20);

fn command(words: &[&str], timeout: Duration) -> HookCommand {
    HookCommand { words: words.iter().map(ToString::to_string).collect(), timeout }
}

fn sh(text: &str) -> HookCommand {
    command(&["sh", "-c", text], LONG)
}

async fn ran(command: &HookCommand) -> Ran {
    run(command, Path::new("/"), &[], None, |_| {}).await
}

fn folder_with(name: &str, content: &str, mode: u32) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(name);
    std::fs::write(&file, content).unwrap();
    std::fs::set_permissions(&file, PermissionsExt::from_mode(mode)).unwrap();
    (folder, file)
}

async fn why(words: &[&str], folder: &Path) -> String {
    let ran = run(&command(words, LONG), folder, &[], None, |_| {}).await;
    assert_eq!(ran.output, "", "nothing ran");
    ran.failed.unwrap()
}

/// The process has ended, as it should, soon. One that waits for its parent's look counts as ended.
async fn gone(pid: &str) {
    let pid: i32 = pid.trim().parse().unwrap();
    let ended = async {
        loop {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let zombie = stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z'));
            if zombie || test_kill_process(Pid::from_raw(pid).unwrap()).is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(LONG, ended).await.unwrap_or_else(|_| panic!("{pid} still runs"));
}

#[tokio::test]
async fn what_ends_with_code_0_is_done_and_its_lines_are_told_in_order() {
    let mut told = Vec::new();
    let text = "for n in 1 2 3; do echo out $n; echo err $n >&2; done; printf last";
    let ran = run(&sh(text), Path::new("/"), &[], None, |line| told.push(line.to_owned())).await;
    assert_eq!(ran.failed, None);
    assert_eq!(told, ["out 1", "err 1", "out 2", "err 2", "out 3", "err 3", "last"]);
    assert_eq!(ran.output, told.join("\n") + "\n");
}

#[tokio::test]
async fn a_line_is_told_while_the_command_still_runs() {
    let (folder, heard) = folder_with("x", "", 0o644);
    let heard = heard.with_file_name("heard");
    let text = "echo ready; while [ ! -e heard ]; do sleep 0.01; done; echo went on";
    let ran = run(&sh(text), folder.path(), &[], None, |line| {
        if line == "ready" {
            std::fs::write(&heard, "").unwrap();
        }
    })
    .await;
    assert_eq!(ran, Ran { failed: None, output: "ready\nwent on\n".to_owned() });
}

#[tokio::test]
async fn it_runs_in_its_folder_with_the_context_beside_this_environment_and_without_input() {
    let folder = tempfile::tempdir().unwrap();
    let env = [("MIZAN_SERVICE".to_owned(), "api; echo no".to_owned())];
    let text = "pwd -P; echo \"$MIZAN_SERVICE\"; echo \"$PATH\"; cat; ps -o pgid= -p $$ | tr -d ' '; echo $$";
    let ran = run(&sh(text), folder.path(), &env, None, |_| {}).await;
    assert_eq!(ran.failed, None, "{ran:?}");
    let lines: Vec<&str> = ran.output.lines().collect();
    assert_eq!(lines[0], folder.path().canonicalize().unwrap().to_str().unwrap());
    assert_eq!(lines[1], "api; echo no");
    assert_eq!(lines[2], std::env::var("PATH").unwrap());
    assert_eq!(lines[3], lines[4], "it leads a process group of its own");
}

#[tokio::test]
async fn a_program_with_a_slash_is_found_in_the_folder_even_where_that_is_relative() {
    let (folder, _) = folder_with("backup", "#!/bin/sh\necho \"backup $1\"\n", 0o755);
    let backup = command(&["./backup", "a b"], LONG);
    let ran = run(&backup, folder.path(), &[], None, |_| {}).await;
    assert_eq!(ran, Ran { failed: None, output: "backup a b\n".to_owned() });

    // From wherever this process is, by way of the root.
    let ups = "../".repeat(std::env::current_dir().unwrap().components().count());
    let relative = Path::new(&ups).join(folder.path().strip_prefix("/").unwrap());
    let ran = run(&backup, &relative, &[], None, |_| {}).await;
    assert_eq!(ran, Ran { failed: None, output: "backup a b\n".to_owned() });
}

#[tokio::test]
async fn a_code_or_a_signal_says_why_it_failed() {
    let failed = |text| async move { ran(&sh(text)).await.failed.unwrap() };
    assert_eq!(failed("exit 3").await, "it ended with code 3");
    assert_eq!(failed("kill -TERM $$").await, "it was ended by SIGTERM");
    assert_eq!(failed("kill -SEGV $$").await, "it was ended by SIGSEGV");
    assert_eq!(
        failed("kill -KILL $$").await,
        "it was ended by SIGKILL; the kernel sends it where memory runs out"
    );
    assert_eq!(failed("kill -40 $$").await, "it was ended by signal 40");
    let said = ran(&sh("echo before; exit 3")).await;
    assert_eq!(said.output, "before\n");
}

#[tokio::test]
async fn what_cannot_be_run_is_told_with_what_to_do() {
    let (folder, _) = folder_with("plain", "#!/bin/sh\n", 0o644);
    let folder = folder.path();
    assert_eq!(
        why(&["./backup"], folder).await,
        "./backup: there is no such program; paths are relative to deploy.yml's folder"
    );
    assert_eq!(why(&["/no/such/thing"], folder).await, "/no/such/thing: there is no such program");
    assert_eq!(
        why(&["mizan-no-such"], folder).await,
        "mizan-no-such: there is no such program in PATH; one of your own is written as ./mizan-no-such"
    );
    let text = why(&["./plain"], folder).await;
    assert!(
        text.starts_with("./plain: it may not be run: ") && text.contains("`chmod +x ./plain`"),
        "{text}"
    );
    std::fs::create_dir(folder.join("sub")).unwrap();
    assert_eq!(why(&["./sub"], folder).await, "./sub: that is a folder, not a program");
    assert!(why(&["./plain/x"], folder).await.contains("there is no such program"));
    let text = why(&["sh"], &folder.join("gone")).await;
    assert!(text.ends_with("/gone: there is no such folder to run it in"), "{text}");
    assert_eq!(why(&[], folder).await, "there is no command: name a program");
}

#[tokio::test]
async fn a_script_whose_interpreter_is_missing_says_which() {
    let (folder, _) = folder_with("windows", "#!/bin/sh\r\necho\r\n", 0o755);
    assert_eq!(
        why(&["./windows"], folder.path()).await,
        "./windows: its first line asks for /bin/sh\\r, which is not there"
    );
}

#[tokio::test]
async fn a_script_without_a_first_line_says_so() {
    let (folder, _) = folder_with("text", "echo hi\n", 0o755);
    let text = why(&["./text"], folder.path()).await;
    assert!(
        text.starts_with("./text: it is no program: ") && text.ends_with("a script begins with #!/bin/sh"),
        "{text}"
    );
}

#[tokio::test]
async fn what_takes_too_long_is_asked_to_end_and_may_clean_up() {
    let text = "trap 'sleep 0.1; echo cleaned up; exit 0' TERM; echo began; while :; do sleep 0.01; done";
    let ran = ran(&command(&["sh", "-c", text], Duration::from_secs(1))).await;
    assert_eq!(ran.failed.as_deref(), Some("it took longer than 1s and was killed"));
    // A shell may say between the two that its `sleep` was ended.
    assert!(ran.output.starts_with("began\n") && ran.output.ends_with("cleaned up\n"), "{ran:?}");
}

#[tokio::test]
async fn what_a_shell_began_may_clean_up_though_the_shell_is_gone() {
    let text =
        "sh -c 'trap \"sleep 0.2; echo cleaned up; exit\" TERM; echo began; while :; do sleep 0.01; done'; :";
    let ran = ran(&command(&["sh", "-c", text], Duration::from_secs(1))).await;
    assert!(ran.failed.is_some());
    // A shell may say between the two that its `sleep` was ended.
    assert!(ran.output.starts_with("began\n") && ran.output.ends_with("cleaned up\n"), "{ran:?}");
}

#[tokio::test]
async fn what_does_not_heed_the_request_is_killed_with_all_it_began() {
    let text = "trap '' TERM; sleep 1000 & echo $! $$; wait; sleep 1000";
    let begun = Instant::now();
    let ran = ran(&command(&["sh", "-c", text], Duration::from_secs(1))).await;
    let took = begun.elapsed();
    assert_eq!(ran.failed.as_deref(), Some("it took longer than 1s and was killed"));
    assert!(took > Duration::from_secs(6) && took < Duration::from_secs(12), "{took:?}");
    for pid in ran.output.split_whitespace() {
        gone(pid).await;
    }
}

#[tokio::test]
async fn what_is_left_in_the_background_holds_nobody_up_and_lives_on() {
    let begun = Instant::now();
    let ran = ran(&sh("sleep 1000 & echo $!; echo done")).await;
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert_eq!(ran.failed, None);
    let (pid, rest) = ran.output.split_once('\n').unwrap();
    assert_eq!(rest, "done\n");
    let pid = Pid::from_raw(pid.parse().unwrap()).unwrap();
    test_kill_process(pid).expect("it runs still");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

#[tokio::test]
async fn what_closed_its_output_is_still_waited_for() {
    let ran = ran(&sh("echo said; exec >&- 2>&-; sleep 0.2; exit 7")).await;
    assert_eq!(ran, Ran { failed: Some("it ended with code 7".to_owned()), output: "said\n".to_owned() });
}

#[tokio::test]
async fn who_is_no_longer_waited_for_is_killed_with_all_it_began() {
    let (tell, told) = tokio::sync::oneshot::channel();
    let mut tell = Some(tell);
    let command = sh("trap '' TERM; sleep 1000 & echo $! $$; wait; sleep 1000");
    let running = run(&command, Path::new("/"), &[], None, |line| {
        if let Some(tell) = tell.take() {
            tell.send(line.to_owned()).unwrap();
        }
    });
    let pids = tokio::select! {
        ran = running => panic!("it goes on: {ran:?}"),
        pids = told => pids.unwrap(),
    };
    for pid in pids.split_whitespace() {
        gone(pid).await;
    }
}

#[tokio::test]
async fn a_flood_of_output_is_read_to_its_end_and_bounded() {
    let mut lines = 0;
    let text = "yes 'a line of some length' | head -n 200000; head -c 1000000 /dev/zero; echo; echo end";
    let ran = run(&sh(text), Path::new("/"), &[], None, |_| lines += 1).await;
    assert_eq!(ran.failed, None);
    assert_eq!(lines, 200_002);
    assert!(ran.output.len() <= KEPT_OUTPUT && ran.output.ends_with("\nend\n"), "{}", ran.output.len());
}
