//! A journal that is being written.

use super::{Record, StoreError};
use mizan_rollout::line::{self, Entry};
use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::{Errno, retry_on_intr};
use std::fs::{File, OpenOptions};
use std::io::{Error, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

/// Set aside when a journal is made: a deploy, its way back and what hooks print in it.
const ROOM: u64 = 64 << 10;

/// A journal that can be appended to.
#[derive(Debug)]
pub(crate) struct Journal {
    file: File,
    path: PathBuf,
    /// Of the lines that are whole.
    len: u64,
    /// There may be a part of a line behind them.
    torn: bool,
    /// The disk has room for so many bytes of it.
    room: u64,
}

/// `000017.journal`.
pub(super) fn name_of(number: u64) -> String {
    format!("{number:06}.journal")
}

/// As [`name_of`] made it.
pub(super) fn number_of(name: &str) -> Option<u64> {
    let number = name.strip_suffix(".journal")?.parse().ok()?;
    (name_of(number) == name).then_some(number)
}

impl Journal {
    pub(super) fn create(path: PathBuf) -> Result<Self, StoreError> {
        let file = OpenOptions::new().append(true).create_new(true).mode(0o600).open(&path);
        let cannot_write = |source| StoreError::Write { file: path.clone(), source };
        let file = file.map_err(cannot_write)?;
        if let Err(source) = set_aside(&file, ROOM) {
            // Nothing has been done yet, and nothing is left behind.
            let _ = std::fs::remove_file(&path);
            return Err(cannot_write(source));
        }
        Ok(Self { file, path, len: 0, torn: false, room: ROOM })
    }

    pub(super) fn append_to(path: PathBuf) -> Result<Self, StoreError> {
        let cannot_read = |source| StoreError::Read { file: path.clone(), source };
        let mut file = OpenOptions::new().read(true).append(true).open(&path).map_err(cannot_read)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(cannot_read)?;
        let whole = line::decode(&bytes)
            .map_err(|damage| StoreError::Damaged { file: path.clone(), why: damage.to_string() })?
            .whole;
        let mut journal = Self { file, path, len: whole as u64, torn: whole < bytes.len(), room: 0 };
        journal.cut().map_err(|source| journal.cannot_write(source))?;
        journal.widen(0);
        Ok(journal)
    }

    /// On return it is on the disk. Where it fails, the journal is as it was before.
    pub(crate) fn append(&mut self, at_unix_ms: u64, record: &Record) -> Result<(), StoreError> {
        let line = line::encode(&Entry { at_unix_ms, record: record.clone() });
        self.write(&line).map_err(|source| self.cannot_write(source))?;
        self.widen(line.len() as u64);
        Ok(())
    }

    fn write(&mut self, line: &[u8]) -> Result<(), Error> {
        self.cut()?;
        self.torn = true;
        if let Err(error) = self.file.write_all(line).and_then(|()| self.file.sync_data()) {
            // Where that fails too, the next one tries it again, and a reader leaves a torn last line away. What is whole and
            // not known to be on the disk goes as well: nobody was told that it is there.
            let _ = self.cut();
            return Err(error);
        }
        self.torn = false;
        self.len += line.len() as u64;
        Ok(())
    }

    /// Cuts off what is behind the whole lines.
    fn cut(&mut self) -> Result<(), Error> {
        if self.torn {
            // This also gives back the room that was set aside.
            self.file.set_len(self.len)?;
            self.torn = false;
            self.room = self.len;
            self.file.sync_data()?;
        }
        Ok(())
    }

    /// Keeps room for what may come, lines as long as this one as well. Where there is none, a line that does not fit will
    /// say so.
    fn widen(&mut self, line: u64) {
        let wanted = self.len + (ROOM / 2).max(2 * line);
        if self.room < wanted && set_aside(&self.file, wanted + ROOM / 2).is_ok() {
            self.room = wanted + ROOM / 2;
        }
    }

    fn cannot_write(&self, source: Error) -> StoreError {
        StoreError::Write { file: self.path.clone(), source }
    }
}

/// So that a disk that gets full does not end a deploy half way.
fn set_aside(file: &File, bytes: u64) -> Result<(), Error> {
    match retry_on_intr(|| fallocate(file, FallocateFlags::KEEP_SIZE, 0, bytes)) {
        // Not every file system knows how to.
        Ok(()) | Err(Errno::NOTSUP | Errno::NOSYS) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
