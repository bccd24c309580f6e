//! The binary's verbs that end by themselves.

use crate::mizan::binary;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;
use tokio::time::timeout;

/// What a run left.
#[derive(Debug)]
pub struct Finished {
    /// `None` when a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// Runs `mizan` with these words in `folder`, without a terminal.
///
/// # Panics
/// When it has not ended after ten seconds.
pub async fn mizan(folder: &Path, words: &[&str], env: &[(&str, &str)]) -> Finished {
    run(&binary().display().to_string(), folder, words, env).await
}

/// Runs any program so.
pub async fn run(program: &str, folder: &Path, words: &[&str], env: &[(&str, &str)]) -> Finished {
    let child = Command::new(program)
        .args(words)
        .current_dir(folder)
        .envs(env.iter().copied())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = timeout(Duration::from_secs(10), child).await;
    let output = output.unwrap_or_else(|_| panic!("{program} {words:?} does not end"));
    let output = output.unwrap_or_else(|e| panic!("{program} {words:?}: {e}"));
    Finished {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
