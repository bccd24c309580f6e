//! What one mizanctl asks of another that is at work.

use super::StoreError;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// What somebody asks a running deploy for, from another process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Wish {
    /// End the wait. `full`: all waits, to the end.
    Promote {
        by: String,
        full: bool,
    },
    Pause {
        by: String,
    },
    Unpause {
        by: String,
    },
    /// Turn back.
    Abort {
        by: String,
    },
}

/// Whole or not at all: who takes it never sees a half.
pub(super) fn leave(folder: &Path, wish: &Wish) -> Result<(), StoreError> {
    let cannot_write = |source| StoreError::Write { file: folder.join("wish"), source };
    // The way back is not given up because somebody wishes for something else in the same moment.
    if !matches!(wish, Wish::Abort { .. }) && matches!(read(&folder.join("wish")), Some(Wish::Abort { .. })) {
        return Ok(());
    }
    loop {
        let temporary = passing(folder);
        let left = write(&temporary, wish).and_then(|()| std::fs::rename(&temporary, folder.join("wish")));
        return match left {
            Ok(()) => Ok(()),
            // Of a process that had this number before us; the next name is another one.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
            Err(error) => {
                let _ = std::fs::remove_file(&temporary);
                Err(cannot_write(error))
            }
        };
    }
}

/// One that cannot be understood is removed all the same.
pub(super) fn take(folder: &Path) -> Option<Wish> {
    // Under a name of its own first: one that is left meanwhile is the next one's, and not removed with this.
    let taken = passing(folder);
    std::fs::rename(folder.join("wish"), &taken).ok()?;
    let wish = read(&taken);
    let _ = std::fs::remove_file(&taken);
    wish
}

fn read(file: &Path) -> Option<Wish> {
    let mut text = String::new();
    File::open(file).and_then(|file| file.take(4096).read_to_string(&mut text)).ok()?;
    serde_json::from_str(&text).ok()
}

/// What was left for an earlier process, and what was cut off between two names.
pub(super) fn clear(folder: &Path) {
    let Ok(files) = std::fs::read_dir(folder) else { return };
    for file in files.flatten() {
        let name = file.file_name();
        if name == "wish" || name.to_str().is_some_and(|name| name.starts_with("wish.")) {
            let _ = std::fs::remove_file(file.path());
        }
    }
}

fn write(path: &Path, wish: &Wish) -> Result<(), Error> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(&serde_json::to_vec(wish)?)
}

/// A name that no other process and no other call has.
fn passing(folder: &Path) -> PathBuf {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    let call = CALLS.fetch_add(1, Ordering::Relaxed);
    folder.join(format!("wish.{}.{call}", std::process::id()))
}
