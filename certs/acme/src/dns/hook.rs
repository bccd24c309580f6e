//! The operator's program: `PROGRAM ARGS... present|cleanup FQDN. VALUE`, as lego's exec provider calls it.
//!
//! What it prints is kept for errors only. It sees `PATH`, `HOME` and `LANG`, and nothing else of our environment.

use super::error::DnsError;
use rustix::process::{Pid, Signal, kill_process_group};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;
use tokio::task::JoinHandle;

/// How long it may run: interfaces of DNS providers are slow.
const LIMIT: Duration = Duration::from_mins(2);

/// How long its output is waited for once it ended: a program that it left behind may hold the pipe open.
const GRACE: Duration = Duration::from_millis(500);

/// How much of the end of its output is kept.
const KEPT: usize = 4096;

/// How much of its last line is told.
const TOLD: usize = 300;

const ENVIRONMENT: [&str; 3] = ["PATH", "HOME", "LANG"];

pub(super) async fn run(
    command: &[String],
    verb: &'static str,
    name: &str,
    value: &str,
) -> Result<(), DnsError> {
    run_within(LIMIT, command, verb, name, value).await
}

async fn run_within(
    limit: Duration,
    command: &[String],
    verb: &'static str,
    name: &str,
    value: &str,
) -> Result<(), DnsError> {
    let (program, arguments) = command.split_first().expect("a command is never empty");
    let failed = |error| DnsError::Spawn { program: program.clone(), error };
    let mut child = Command::new(program)
        .args(arguments)
        .args([verb, name, value])
        .env_clear()
        .envs(ENVIRONMENT.iter().filter_map(|key| Some((key, std::env::var_os(key)?))))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    let group = Group::of(child.id());
    let output = Tail::of(child.stdout.take());
    let errors = Tail::of(child.stderr.take());
    let Ok(status) = tokio::time::timeout(limit, child.wait()).await else {
        return Err(DnsError::HookTimeout { program: program.clone(), verb, limit });
    };
    group.leave();
    let status = status.map_err(failed)?;
    if status.success() {
        return Ok(());
    }
    let mut said = errors.last_line().await;
    if said.is_empty() {
        said = output.last_line().await;
    }
    Err(DnsError::Hook { program: program.clone(), verb, end: end(status), said })
}

fn end(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with exit code {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "ended".into(),
    }
}

/// The program and all that it started, killed when this is dropped.
struct Group(Option<Pid>);

impl Group {
    fn of(id: Option<u32>) -> Self {
        Self(id.and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)))
    }

    /// It ended by itself: what it left running is its own affair, and its number may soon be another's.
    fn leave(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // An error means that there is nothing left to kill.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// The end of what comes out of a pipe, which is read to its end so that nobody blocks on it.
struct Tail {
    kept: Arc<Mutex<Vec<u8>>>,
    reading: JoinHandle<()>,
}

impl Tail {
    fn of(pipe: Option<impl AsyncRead + Unpin + Send + 'static>) -> Self {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let keeping = kept.clone();
        let reading = tokio::spawn(async move {
            let Some(mut pipe) = pipe else { return };
            let mut buffer = [0; KEPT];
            while let Ok(length @ 1..) = pipe.read(&mut buffer).await {
                let mut kept = keeping.lock().expect("nothing panics while it holds the lock");
                kept.extend_from_slice(&buffer[..length]);
                let surplus = kept.len().saturating_sub(KEPT);
                kept.drain(..surplus);
            }
        });
        Self { kept, reading }
    }

    /// Printable, and not long.
    async fn last_line(mut self) -> String {
        // Without the end of the pipe, what came so far has to do.
        let _ = tokio::time::timeout(GRACE, &mut self.reading).await;
        let kept = self.kept.lock().expect("nothing panics while it holds the lock");
        let text = String::from_utf8_lossy(&kept);
        let line = text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
        line.chars().filter(|letter| !letter.is_control()).take(TOLD).collect()
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

#[cfg(test)]
mod tests;
