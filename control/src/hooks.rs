//! Commands of the user's, run at their place in a deploy.

mod output;
mod process;
#[cfg(test)]
mod tests;

use mizan_config::deploy::model::HookCommand;
use output::Output;
use std::fs::File;
use std::path::Path;

/// How much of what a command printed is kept: its end.
pub(crate) const KEPT_OUTPUT: usize = 16 * 1024;

/// How a command ended, and the end of what it printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ran {
    /// `None`: exit code 0. Else why not, in words: "it ended with code 3", "it took longer than 10m and was killed".
    pub(crate) failed: Option<String>,
    /// stdout and stderr as they came, in whole lines, control characters escaped. "…" is where something is left out.
    pub(crate) output: String,
}

/// Runs it in `folder`, in a process group of its own, with `env` beside this process's environment. Each line that it
/// prints goes to `told`. `stdin` is what it and all that it starts have as theirs: a lock on it is theirs, too. Dropping the
/// future ends the group.
pub(crate) async fn run(
    command: &HookCommand,
    folder: &Path,
    env: &[(String, String)],
    stdin: Option<File>,
    told: impl FnMut(&str),
) -> Ran {
    let mut output = Output::new(told);
    let failed = match process::start(&command.words, folder, env, stdin) {
        Ok(running) => running.end(command.timeout, &mut output).await.err(),
        Err(why) => Some(why),
    };
    Ran { failed, output: output.into_kept() }
}
