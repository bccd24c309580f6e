//! One deploy at a time.

use super::StoreError;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Error, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Held for the whole of a deploy; the kernel gives it back when the process dies.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}

/// What the lock's file says of who has it.
#[derive(Debug, Serialize, Deserialize)]
struct Holder {
    what: String,
    pid: u32,
    since_unix_ms: u64,
    by: String,
}

/// Who asks whether the lock is taken ([`holder`]) has a part in it for a moment: so often and so long it is tried again.
const TRIES: u32 = 5;
const BETWEEN_TRIES: Duration = Duration::from_millis(20);

impl Lock {
    pub(super) fn take(path: &Path, what: &str, by: &str) -> Result<Self, StoreError> {
        let cannot_write = |source| StoreError::Write { file: path.to_owned(), source };
        let mut file = open(path).map_err(cannot_write)?;
        let mut tries = 1;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if tries == TRIES => {
                    return Err(StoreError::Busy(told(&mut file)));
                }
                Err(TryLockError::WouldBlock) => std::thread::sleep(BETWEEN_TRIES),
                Err(TryLockError::Error(source)) => return Err(cannot_write(source)),
            }
            tries += 1;
        }
        let holder = Holder {
            what: what.to_owned(),
            pid: std::process::id(),
            since_unix_ms: now_unix_ms(),
            by: by.to_owned(),
        };
        // The lock holds without it: the next one is told less.
        let _ = write(&mut file, &holder);
        Ok(Self { file })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // A name that nobody has any more must not be told.
        let _ = self.file.set_len(0);
    }
}

/// Who has the lock, if somebody has.
pub(super) fn holder(path: &Path) -> Option<String> {
    let mut file = OpenOptions::new().read(true).open(path).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => Some(told(&mut file)),
        Ok(()) | Err(TryLockError::Error(_)) => None,
    }
}

/// `None`: somebody has it, or the file cannot be made.
pub(super) fn of_hooks(path: &Path) -> Option<File> {
    let file = open(path).ok()?;
    file.try_lock().ok()?;
    Some(file)
}

fn open(path: &Path) -> Result<File, Error> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

fn write(file: &mut File, holder: &Holder) -> Result<(), Error> {
    file.set_len(0)?;
    file.write_all(&serde_json::to_vec(holder)?)
}

fn told(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.take(4096).read_to_string(&mut text);
    let holder = read.ok().and_then(|_| serde_json::from_str::<Holder>(&text).ok());
    let Some(Holder { what, pid, since_unix_ms, by }) = holder else {
        return "another mizanctl is at work on this service".to_owned();
    };
    let since = crate::view::short(now_unix_ms().saturating_sub(since_unix_ms) / 1000 * 1000);
    let (what, by) = (what.escape_debug(), by.escape_debug());
    format!("{what} is under way, begun {since} ago by {by} (process {pid})")
}

fn now_unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_millis() as u64
}
