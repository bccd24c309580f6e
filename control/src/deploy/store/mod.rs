//! `state` of deploy.yml: journals, locks and wishes.
//!
//! `<state>/<environment>/<service>/000017.journal`, `lock`, `wish`; `<state>/projects/<project>.lock` is Compose's.

mod journal;
mod lock;
#[cfg(test)]
mod tests;
mod wish;

pub(crate) use journal::Journal;
pub(crate) use lock::Lock;
pub(crate) use wish::Wish;

use mizan_rollout::line::{self, Entry};
use mizan_rollout::{Record, State};
use std::fs::{DirBuilder, File};
use std::io::{Error, ErrorKind};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// So many journals are kept.
const KEPT: usize = 200;

#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error("cannot write {file}: {source}")]
    Write { file: PathBuf, source: Error },
    #[error("cannot read {file}: {source}")]
    Read { file: PathBuf, source: Error },
    /// A line in the middle is not what was written.
    #[error(
        "{file} is damaged: {why}; what that deploy did is not known: look at what runs and who serves, then move the file \
         away"
    )]
    Damaged { file: PathBuf, why: String },
    /// Another process has the lock: what it wrote there.
    #[error("{0}")]
    Busy(String),
}

/// The folder of one service in one environment.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    folder: PathBuf,
}

/// One deploy, as its journal has it.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) entries: Vec<Entry>,
    pub(crate) state: State,
}

impl Store {
    /// Makes the folder (0700) where it is missing.
    pub(crate) fn open(state: &Path, environment: &str, service: &str) -> Result<Self, StoreError> {
        let folder = state.join(environment).join(service);
        let is_one = |name: &str| !matches!(name, "" | "." | "..") && !name.contains('/');
        if !is_one(environment) || !is_one(service) {
            let source = Error::new(ErrorKind::InvalidInput, "one of its names cannot be that of a folder");
            return Err(StoreError::Write { file: folder, source });
        }
        if !folder.is_dir() {
            let made = DirBuilder::new().recursive(true).mode(0o700).create(&folder);
            made.map_err(|source| StoreError::Write { file: folder.clone(), source })?;
            // A journal is of no use in a folder that a power cut takes away.
            for folder in folder.ancestors().skip(1).take(3) {
                let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
                sync_folder(folder)?;
            }
        }
        Ok(Self { folder })
    }

    /// `Busy` names who has it: "deploy 17 of registry/api:v2 is under way, begun 3m ago by ali@host (process 4711)".
    /// `what` ("deploy 17 of registry/api:v2") and `by` are what the next one is told. A wish that was left for an earlier
    /// process is gone then.
    pub(crate) fn lock(&self, what: &str, by: &str) -> Result<Lock, StoreError> {
        let lock = Lock::take(&self.folder.join("lock"), what, by)?;
        wish::clear(&self.folder);
        Ok(lock)
    }

    /// Who has the lock, as [`Store::lock`] would say it.
    pub(crate) fn locked_by(&self) -> Option<String> {
        lock::holder(&self.folder.join("lock"))
    }

    /// What the commands of a deploy have as their stdin: an empty file with a lock that is theirs, too. After a `kill -9` it
    /// says that one still runs.
    pub(crate) fn hook_lock(&self) -> Option<File> {
        lock::of_hooks(&self.folder.join("hook"))
    }

    /// A command still runs that a process began which is gone by now.
    pub(crate) fn hook_runs(&self) -> bool {
        let path = self.folder.join("hook");
        path.exists() && lock::of_hooks(&path).is_none()
    }

    /// The numbers that have a journal, rising.
    pub(crate) fn numbers(&self) -> Result<Vec<u64>, StoreError> {
        let cannot_read = |source| StoreError::Read { file: self.folder.clone(), source };
        let mut numbers = Vec::new();
        for file in std::fs::read_dir(&self.folder).map_err(cannot_read)? {
            let name = file.map_err(cannot_read)?.file_name();
            numbers.extend(name.to_str().and_then(journal::number_of));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// `None`: there is none with that number, or it has no whole line.
    pub(crate) fn read(&self, number: u64) -> Result<Option<Kept>, StoreError> {
        let file = self.journal(number);
        let bytes = match std::fs::read(&file) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(StoreError::Read { file, source }),
        };
        let damaged = |why: String| StoreError::Damaged { file: file.clone(), why };
        let entries = line::decode(&bytes).map_err(|damage| damaged(damage.to_string()))?.entries;
        let state = State::replay(entries.iter().map(|entry| &entry.record));
        let state = state.map_err(|misplaced| damaged(misplaced.to_string()))?;
        Ok(state.map(|state| Kept { entries, state }))
    }

    /// The one with the greatest number that has a whole line.
    pub(crate) fn last(&self) -> Result<Option<Kept>, StoreError> {
        for number in self.numbers()?.into_iter().rev() {
            if let Some(kept) = self.read(number)? {
                return Ok(Some(kept));
            }
        }
        Ok(None)
    }

    /// A new journal, with room on the disk for what a deploy and its way back write. Old ones beyond the last 200 are
    /// removed, where they have ended.
    pub(crate) fn create(&self, number: u64) -> Result<Journal, StoreError> {
        let journal = Journal::create(self.journal(number))?;
        sync_folder(&self.folder)?;
        self.prune();
        Ok(journal)
    }

    /// To go on with one; a torn last line is cut off.
    pub(crate) fn append_to(&self, number: u64) -> Result<Journal, StoreError> {
        Journal::append_to(self.journal(number))
    }

    /// Leaves a wish for the process that has the lock. One that is there already is replaced.
    pub(crate) fn leave_wish(&self, wish: &Wish) -> Result<(), StoreError> {
        wish::leave(&self.folder, wish)
    }

    /// Takes the wish that is there.
    pub(crate) fn take_wish(&self) -> Option<Wish> {
        wish::take(&self.folder)
    }

    fn journal(&self, number: u64) -> PathBuf {
        self.folder.join(journal::name_of(number))
    }

    /// One that cannot be removed now is removed by the next deploy.
    fn prune(&self) {
        let Ok(numbers) = self.numbers() else { return };
        let beyond = numbers.len().saturating_sub(KEPT);
        for number in &numbers[..beyond] {
            let is_over = match self.read(*number) {
                Ok(kept) => kept.is_none_or(|kept| kept.state.ended().is_some()),
                // Somebody has to look at it first.
                Err(_) => false,
            };
            if is_over {
                let _ = std::fs::remove_file(self.journal(*number));
            }
        }
    }
}

/// So that what was made in it is still there after a power cut.
fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|source| StoreError::Write { file: folder.to_owned(), source })
}
