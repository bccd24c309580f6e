//! One command as a process: how it begins, and every way in which it ends.

use super::output::Output;
use rustix::process::{Pid, Signal, kill_process_group};
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep_until};

/// Between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(5);
const GRACE_WHEN_DROPPED: Duration = Duration::from_secs(2);

/// So long is read on when the command has ended, and something that it left behind still has its stdout.
const AFTERWARDS: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Running {
    child: Child,
    /// `None`: nobody can write any more.
    printed: Option<Receiver>,
    group: Group,
}

/// A process group that is killed when this is dropped.
///
/// By SIGKILL in the end: a migration that goes on unseen would meet the one that `resume` begins.
#[derive(Debug)]
struct Group(Option<Pid>);

/// `stdin`: what the command reads; nothing where there is none.
pub(super) fn start(
    words: &[String],
    folder: &Path,
    env: &[(String, String)],
    stdin: Option<File>,
) -> Result<Running, String> {
    let (word, arguments) = words.split_first().ok_or("there is no command: name a program")?;
    let program = program(word, folder);
    let stdin = stdin.map_or_else(Stdio::null, Stdio::from);
    let begin = || {
        // One pipe for both: what they print stays in order.
        let (reader, writer) = std::io::pipe()?;
        let printed = Receiver::from_owned_fd(OwnedFd::from(reader))?;
        let child = Command::new(&program)
            .args(arguments)
            .current_dir(folder)
            .envs(env.iter().map(|(name, value)| (name, value)))
            .stdin(stdin)
            .stdout(writer.try_clone()?)
            .stderr(writer)
            .process_group(0)
            .spawn()?;
        Ok((child, printed))
    };
    let (child, printed) = begin().map_err(|error| not_begun(&error, word, &program, folder))?;
    let group = Group(child.id().and_then(|id| Pid::from_raw(id.cast_signed())));
    Ok(Running { child, printed: Some(printed), group })
}

/// What has a slash stands on `folder`; all else is looked for in PATH.
fn program(word: &str, folder: &Path) -> PathBuf {
    if word.contains('/') {
        let path = folder.join(word);
        // The child looks for it when it is in `folder` already.
        std::path::absolute(&path).unwrap_or(path)
    } else {
        word.into()
    }
}

/// Why there is no process, and what to do.
fn not_begun(error: &std::io::Error, word: &str, program: &Path, folder: &Path) -> String {
    if !folder.is_dir() {
        return format!("{}: there is no such folder to run it in", folder.display());
    }
    let is_path = word.contains('/');
    match error.kind() {
        ErrorKind::NotFound if !is_path => {
            format!("{word}: there is no such program in PATH; one of your own is written as ./{word}")
        }
        ErrorKind::NotFound if program.exists() => match interpreter(program) {
            Some(interpreter) => format!("{word}: its first line asks for {interpreter}, which is not there"),
            None => format!("{word}: a library or loader that it needs is not there"),
        },
        ErrorKind::NotFound if word.starts_with('/') => format!("{word}: there is no such program"),
        ErrorKind::NotFound | ErrorKind::NotADirectory => {
            format!("{word}: there is no such program; paths are relative to deploy.yml's folder")
        }
        ErrorKind::PermissionDenied if is_path && program.is_dir() => {
            format!("{word}: that is a folder, not a program")
        }
        ErrorKind::PermissionDenied if is_path => {
            format!("{word}: it may not be run: {error}; `chmod +x {word}` lets it")
        }
        ErrorKind::ArgumentListTooLong => {
            format!("{word}: its arguments and environment are too long: {error}")
        }
        _ if error.raw_os_error() == Some(rustix::io::Errno::NOEXEC.raw_os_error()) => {
            format!("{word}: it is no program: {error}; a script begins with #!/bin/sh")
        }
        _ => format!("{word}: it cannot be run: {error}"),
    }
}

/// What a script's first line names.
fn interpreter(script: &Path) -> Option<String> {
    let mut head = Vec::new();
    File::open(script).ok()?.take(256).read_to_end(&mut head).ok()?;
    let line = head.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let line = String::from_utf8_lossy(line);
    // A carriage return that an editor left is the usual reason, and must be seen.
    Some(line.trim_matches([' ', '\t']).escape_debug().to_string())
}

/// Given up in the middle: it may tidy up for a moment, as a container that it started must be. Nothing else of this
/// process goes on meanwhile; while a command runs no trial share is out.
impl Drop for Running {
    fn drop(&mut self) {
        if self.group.0.is_none() {
            return;
        }
        self.group.signal(Signal::TERM);
        let then = std::time::Instant::now() + GRACE_WHEN_DROPPED;
        while matches!(self.child.try_wait(), Ok(None)) && std::time::Instant::now() < then {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Running {
    /// Waits for its end, in one way or another. `Err`: in words.
    pub(super) async fn end(
        mut self,
        limit: Duration,
        output: &mut Output<impl FnMut(&str)>,
    ) -> Result<(), String> {
        let begun = Instant::now();
        let ended = self.until(begun + limit, output).await;
        let Some(ended) = ended else {
            self.stop(output).await;
            return Err(format!("it took longer than {} and was killed", shown(limit)));
        };
        self.group.spare();
        self.rest(Instant::now() + AFTERWARDS, output).await;
        match ended {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(words(status)),
            Err(error) => Err(format!("how it ended is not known: {error}")),
        }
    }

    /// Reads until it has ended; `None`: not by then.
    async fn until(
        &mut self,
        then: Instant,
        output: &mut Output<impl FnMut(&str)>,
    ) -> Option<std::io::Result<ExitStatus>> {
        loop {
            tokio::select! {
                status = self.child.wait() => return Some(status),
                () = read(&mut self.printed, output) => {}
                () = sleep_until(then) => return None,
            }
        }
    }

    /// Reads what is there, until nobody can write any more, or until then.
    async fn rest(&mut self, then: Instant, output: &mut Output<impl FnMut(&str)>) {
        while self.printed.is_some() {
            tokio::select! {
                () = read(&mut self.printed, output) => {}
                () = sleep_until(then) => return,
            }
        }
    }

    /// SIGTERM, and SIGKILL for what is left. A shell that is gone at once does not cut short what it had begun: that has
    /// the pipe still, and is waited for.
    async fn stop(mut self, output: &mut Output<impl FnMut(&str)>) {
        self.group.signal(Signal::TERM);
        let then = Instant::now() + GRACE;
        if self.until(then, output).await.is_some() {
            self.rest(then, output).await;
        }
        self.group.signal(Signal::KILL);
        // What cannot be killed, as it waits for a disk, is not waited for.
        let then = Instant::now() + AFTERWARDS;
        if self.until(then, output).await.is_some() {
            self.rest(then, output).await;
        }
    }
}

/// One piece; for ever where there is nothing to come.
async fn read(printed: &mut Option<Receiver>, output: &mut Output<impl FnMut(&str)>) {
    let Some(pipe) = printed else { return std::future::pending().await };
    let mut bytes = [0; 8192];
    match pipe.read(&mut bytes).await {
        Ok(0) | Err(_) => *printed = None,
        Ok(length) => output.push(&bytes[..length]),
    }
}

impl Group {
    fn signal(&self, signal: Signal) {
        if let Some(leader) = self.0 {
            // No such group: all have ended.
            let _ = kill_process_group(leader, signal);
        }
    }

    /// It has ended by itself, and its number may become another's. What it left running on purpose is left alone.
    fn spare(&mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

fn words(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("it ended with code {code}"),
        (None, Some(signal)) => {
            let hint = match signal {
                9 => "; the kernel sends it where memory runs out",
                _ => "",
            };
            format!("it was ended by {}{hint}", name(signal))
        }
        (None, None) => format!("it ended: {status}"),
    }
}

fn name(signal: i32) -> String {
    let name = match signal {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        24 => "SIGXCPU",
        25 => "SIGXFSZ",
        31 => "SIGSYS",
        _ => return format!("signal {signal}"),
    };
    name.to_owned()
}

/// As deploy.yml has it: `10m`, `90s`, `1500ms`.
fn shown(limit: Duration) -> String {
    let ms = limit.as_millis();
    let units = [("h", 3_600_000), ("m", 60_000), ("s", 1000)];
    let whole = units.iter().find(|(_, length)| ms >= *length && ms.is_multiple_of(*length));
    whole.map_or_else(|| format!("{ms}ms"), |(unit, length)| format!("{}{unit}", ms / length))
}
