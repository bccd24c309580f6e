//! mizanctl, run in a project's folder.

use super::Project;
use crate::cli::Finished;
use crate::docker::compose::root;
use crate::eventually;
use crate::mizan::built;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::fs::File;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// How long one call may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(100);

/// A mizanctl that runs, in a process group of its own as a shell would start it; killed when dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    pid: Pid,
    /// Of the deploy that it begins, if it begins one.
    number: u64,
    words: String,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Project {
    /// Runs `mizanctl` with these words to its end.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn ctl(&self, words: &[&str]) -> Finished {
        self.spawn(words).ended().await
    }

    /// As [`ctl`](Self::ctl); it has to end with this exit code.
    ///
    /// # Panics
    /// With all it said, when it does not.
    pub async fn ctl_ends(&self, code: i32, words: &[&str]) -> Finished {
        let finished = self.ctl(words).await;
        assert_eq!(finished.code, Some(code), "mizanctl {words:?}\n{}{}", finished.stdout, finished.stderr);
        finished
    }

    /// `deploy api --image IMAGE`; it has to end with this exit code.
    ///
    /// # Panics
    /// With all it said, when it does not.
    pub async fn deploy_ends(&self, code: i32, image: &str) -> Finished {
        self.ctl_ends(code, &["deploy", "api", "--image", image]).await
    }

    /// Starts `mizanctl deploy api --image IMAGE`.
    pub fn spawn_deploy(&self, image: &str) -> Running {
        self.spawn(&["deploy", "api", "--image", image])
    }

    /// Starts `mizanctl` with these words. What it prints goes to files: it is there however the process ends.
    pub fn spawn(&self, words: &[&str]) -> Running {
        self.spawn_with(words, &[])
    }

    /// As [`spawn`](Self::spawn), with further variables.
    pub fn spawn_with(&self, words: &[&str], env: &[(&str, &str)]) -> Running {
        let number = self.last_number() + 1;
        let run = self.runs.fetch_add(1, SeqCst);
        let (stdout, stderr) = (self.path(&format!("ctl-{run}.out")), self.path(&format!("ctl-{run}.err")));
        let file = |path: &PathBuf| Stdio::from(File::create(path).expect("our own folder"));
        let program = built("mizanctl");
        let child = Command::new(&program)
            .args(words)
            .current_dir(self.folder.path())
            // What the other Compose is found by; a project that this one made must not be touched by it.
            .env("DOCKER_CONFIG", root().join("target/compose-v2"))
            .env_remove("MIZAN_SOCKET")
            .envs(env.iter().copied())
            .stdin(Stdio::null())
            .stdout(file(&stdout))
            .stderr(file(&stderr))
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|e| panic!("{}: {e}", program.display()));
        let pid = child.id().and_then(|id| Pid::from_raw(id.cast_signed())).expect("it was just started");
        Running { child, pid, number, words: words.join(" "), stdout, stderr }
    }
}

impl Running {
    /// Of the deploy that it begins, if it begins one.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// To the process alone.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid, signal).unwrap_or_else(|e| panic!("{signal:?} to mizanctl: {e}"));
    }

    /// To the process and all that it started, as a terminal does with Ctrl-C.
    pub fn signal_all(&self, signal: Signal) {
        kill_process_group(self.pid, signal).unwrap_or_else(|e| panic!("{signal:?} to mizanctl: {e}"));
    }

    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_some())
    }

    /// What it has printed so far, stdout before stderr.
    pub fn said(&self) -> String {
        let read = |path: &PathBuf| std::fs::read_to_string(path).unwrap_or_default();
        read(&self.stdout) + &read(&self.stderr)
    }

    /// Waits until it has printed this.
    pub async fn says(&self, what: &str) {
        eventually(format!("mizanctl {} says {what:?}", self.words), PATIENCE, || async {
            self.said().contains(what)
        })
        .await;
    }

    /// Waits for the end.
    ///
    /// # Panics
    /// When it does not end: with what it said.
    pub async fn ended(&mut self) -> Finished {
        let ended = timeout(PATIENCE, self.child.wait()).await;
        let ended =
            ended.unwrap_or_else(|_| panic!("mizanctl {} does not end:\n{}", self.words, self.said()));
        let read = |path: &PathBuf| std::fs::read_to_string(path).unwrap_or_default();
        Finished {
            code: ended.expect("wait for mizanctl").code(),
            stdout: read(&self.stdout),
            stderr: read(&self.stderr),
        }
    }

    /// Waits for the end, with this exit code.
    ///
    /// # Panics
    /// With all it said, when it is another one.
    pub async fn ends(&mut self, code: i32) -> Finished {
        let finished = self.ended().await;
        assert_eq!(
            finished.code,
            Some(code),
            "mizanctl {}\n{}{}",
            self.words,
            finished.stdout,
            finished.stderr
        );
        finished
    }
}
