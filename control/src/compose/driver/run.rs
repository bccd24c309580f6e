//! One run of Compose.

use super::Images;
use super::lock::Lock;
use crate::compose::{DockerError, printable};
use rustix::process::{Pid, Signal, kill_process_group};
use std::ffi::OsString;
use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};

/// Of what it wrote to stderr, for the error: its end.
const KEPT: usize = 16 * 1024;

/// `config` of a great project is far smaller.
const LARGEST: usize = 16 * 1024 * 1024;

/// What the caller's environment may say, and would change which project this is, or where it is.
const NOT_PASSED_ON: [&str; 9] = [
    "COMPOSE_FILE",
    "COMPOSE_ENV_FILES",
    "COMPOSE_DISABLE_ENV_FILE",
    "COMPOSE_STATUS_STDOUT",
    "COMPOSE_IGNORE_ORPHANS",
    "DOCKER_CONTEXT",
    "DOCKER_TLS",
    "DOCKER_TLS_VERIFY",
    "DOCKER_CERT_PATH",
];

#[derive(Debug)]
pub(super) struct Call {
    words: Vec<String>,
    folder: PathBuf,
    limit: Duration,
    /// Between SIGTERM and SIGKILL when it took too long.
    pub(super) grace: Duration,
    /// `None`: not passed on.
    env: Vec<(OsString, Option<OsString>)>,
    stdin: Stdio,
    /// Where all that it prints goes; `None`: it is read.
    log: Option<File>,
}

/// `version --short`; `None` where it fails in any way.
pub(super) async fn version(command: &[String]) -> Option<String> {
    let mut words = command.to_vec();
    words.extend(["version".to_owned(), "--short".to_owned()]);
    Call::new(words, Path::new("/"), Duration::from_secs(120)).output().await.ok()
}

impl Call {
    pub(super) fn new(words: Vec<String>, folder: &Path, limit: Duration) -> Self {
        let env = vec![("LC_ALL".into(), Some("C.UTF-8".into()))];
        Self {
            words,
            folder: folder.to_owned(),
            limit,
            grace: Duration::from_secs(10),
            env,
            stdin: Stdio::null(),
            log: None,
        }
    }

    pub(super) fn of_project(mut self, project: &str, engine: &Path, images: &Images) -> Self {
        let mut host = OsString::from("unix://");
        host.push(std::path::absolute(engine).unwrap_or_else(|_| engine.to_owned()));
        self.env.extend(NOT_PASSED_ON.map(|name| (name.into(), None)));
        // Files may have it in them. Where it is unset it stays so: the first generation would see a change in it.
        if std::env::var_os("COMPOSE_PROJECT_NAME").is_some() {
            self.env.push(("COMPOSE_PROJECT_NAME".into(), Some(project.into())));
        }
        // It may also be in `.env`, and would remove the tracks if the files were ever without them.
        self.env.push(("COMPOSE_REMOVE_ORPHANS".into(), Some("false".into())));
        self.env.push(("COMPOSE_ANSI".into(), Some("never".into())));
        self.env.push(("DOCKER_HOST".into(), Some(host)));
        self.env.extend(images.iter().map(|(name, image)| (name.into(), Some(image.into()))));
        self
    }

    /// It is not ended when this future is dropped: it goes on, and has the lock until it has done all that it was asked for.
    ///
    /// To end it is worse. What it asked the engine for at that moment is done all the same, after its end, and nobody
    /// knows when: containers appear while the way back removes them. For the same reason it prints to a file: a pipe that
    /// nobody reads any more, because mizanctl was killed, would end it.
    pub(super) fn holding(mut self, lock: &Lock) -> Result<Self, DockerError> {
        let failed = |error| DockerError::Refused(format!("cannot keep what Compose prints: {error}"));
        self.stdin = lock.copy().map_err(failed)?.into();
        self.log = Some(lock.output().map_err(failed)?);
        Ok(self)
    }

    /// What it wrote to stdout; nothing where it goes to a file.
    pub(super) async fn output(mut self) -> Result<String, DockerError> {
        let line = printable(&self.words.join(" "));
        let failed = |error: std::io::Error| DockerError::Refused(format!("`{line}`: {error}"));
        let (limit, grace, log) = (self.limit, self.grace, self.log.take());
        let mut child = self.spawn(log.as_ref())?;
        let mut group = Group::of(&child, log.is_some());
        let Ok(ended) = tokio::time::timeout(limit, ended(&mut child)).await else {
            group.end(&mut child, grace).await;
            let seconds = limit.as_secs();
            return Err(DockerError::Deadline(format!(
                "`{line}` took longer than {seconds} s, and was ended"
            )));
        };
        let (status, stdout, stderr) = ended.map_err(failed)?;
        group.is_gone();
        if !status.success() {
            let said = log.as_ref().map_or(Ok(stderr.kept), end_of).map_err(failed)?;
            let said = printable(String::from_utf8_lossy(&said).trim());
            return Err(DockerError::Refused(format!("`{line}` {}:\n{said}", how(status))));
        }
        if stdout.cut {
            let mib = LARGEST / 1024 / 1024;
            return Err(DockerError::Refused(format!("`{line}` printed more than {mib} MiB")));
        }
        Ok(String::from_utf8_lossy(&stdout.kept).into_owned())
    }

    fn spawn(self, log: Option<&File>) -> Result<Child, DockerError> {
        let program = &self.words[0];
        let mut command = Command::new(program);
        command.args(&self.words[1..]).current_dir(&self.folder);
        for (name, value) in &self.env {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let stream = || log.map_or_else(|| Ok(Stdio::piped()), |log| log.try_clone().map(Stdio::from));
        let (Ok(stdout), Ok(stderr)) = (stream(), stream()) else {
            return Err(DockerError::Refused(format!(
                "cannot run `{}`: too many files are open",
                printable(program)
            )));
        };
        command.stdin(self.stdin).stdout(stdout).stderr(stderr);
        // Ctrl-C on the terminal is for mizanctl, which decides what becomes of Compose.
        command.process_group(0);
        command.spawn().map_err(|error| {
            DockerError::Refused(match error.kind() {
                ErrorKind::NotFound if !self.folder.is_dir() => {
                    format!("there is no folder {}", self.folder.display())
                }
                ErrorKind::NotFound => format!("there is no program `{}` in PATH", printable(program)),
                _ => format!("cannot run `{}`: {error}", printable(program)),
            })
        })
    }
}

fn how(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("ended with code {code}"),
        None => "was killed".to_owned(),
    }
}

/// The last of what is in a file.
fn end_of(file: &File) -> std::io::Result<Vec<u8>> {
    let length = file.metadata()?.len();
    let last = length.min(KEPT as u64);
    let mut kept = vec![0; last as usize];
    file.read_exact_at(&mut kept, length - last)?;
    Ok(kept)
}

/// All that one `Call` started. When the deploy is interrupted it is asked to end, unless it has the lock.
struct Group {
    leader: Option<Pid>,
    goes_on: bool,
}

impl Group {
    fn of(child: &Child, goes_on: bool) -> Self {
        Self { leader: child.id().and_then(|id| Pid::from_raw(id.cast_signed())), goes_on }
    }

    /// Its number may be another's from now on.
    fn is_gone(&mut self) {
        self.leader = None;
    }

    async fn end(&mut self, child: &mut Child, grace: Duration) {
        self.signal(Signal::TERM);
        if tokio::time::timeout(grace, child.wait()).await.is_err() {
            self.signal(Signal::KILL);
            // It cannot resist.
            let _ = child.wait().await;
        }
        self.is_gone();
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.leader {
            // It may have ended in between.
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if !self.goes_on {
            // Not SIGKILL: the `docker` program has to pass it on to its plugin.
            self.signal(Signal::TERM);
        }
    }
}

#[derive(Debug, Default)]
struct Read {
    kept: Vec<u8>,
    cut: bool,
}

async fn ended(child: &mut Child) -> std::io::Result<(ExitStatus, Read, Read)> {
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (stdout, stderr) = tokio::try_join!(read_last(stdout, LARGEST), read_last(stderr, KEPT))?;
    Ok((child.wait().await?, stdout, stderr))
}

/// All of it is read, so that nobody waits for us; the last `limit` bytes are kept.
async fn read_last(stream: Option<impl AsyncRead + Unpin>, limit: usize) -> std::io::Result<Read> {
    let mut read = Read::default();
    let Some(mut stream) = stream else { return Ok(read) };
    while stream.read_buf(&mut read.kept).await? > 0 {
        if read.kept.len() > 2 * limit {
            read.cut_to(limit);
        }
    }
    read.cut_to(limit);
    Ok(read)
}

impl Read {
    fn cut_to(&mut self, limit: usize) {
        let surplus = self.kept.len().saturating_sub(limit);
        if surplus > 0 {
            self.kept.drain(..surplus);
            self.cut = true;
        }
    }
}
