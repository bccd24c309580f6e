//! One `up` of a project at a time.

use crate::compose::DockerError;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How often a taken lock is tried again.
const AGAIN: Duration = Duration::from_millis(50);

/// Held until it and every copy of it is closed. The file is empty and stays so: Compose gets it as its stdin, and with
/// that has the lock for as long as it runs, though the mizanctl that started it be killed.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    pub(super) fn copy(&self) -> std::io::Result<File> {
        self.file.try_clone()
    }

    /// Empty, for what the one that has the lock prints.
    pub(super) fn output(&self) -> std::io::Result<File> {
        let file = open(&self.path.with_extension("log"))?;
        file.set_len(0)?;
        Ok(file)
    }
}

pub(super) fn file(folder: &Path, project: &str) -> PathBuf {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '_' };
    folder.join(format!("{}.lock", project.chars().map(plain).collect::<String>()))
}

/// Asks again and again, rather than wait in the kernel: a thread that waits there cannot be called back when the deploy is
/// interrupted.
pub(super) async fn take(path: &Path, limit: Duration) -> Result<Lock, DockerError> {
    let failed = |error: std::io::Error| {
        DockerError::Refused(format!("cannot use the lock file {}: {error}", path.display()))
    };
    let file = open(path).map_err(failed)?;
    let begin = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Lock { file, path: path.to_owned() }),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
            Err(TryLockError::WouldBlock) if begin.elapsed() < limit => tokio::time::sleep(AGAIN).await,
            Err(TryLockError::WouldBlock) => {
                return Err(DockerError::Deadline(format!(
                    "another Compose call of this project is still running after {} s. `fuser -v {}` names it",
                    limit.as_secs(),
                    path.display()
                )));
            }
        }
    }
}

fn open(path: &Path) -> std::io::Result<File> {
    if let Some(folder) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}
