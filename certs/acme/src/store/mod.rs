//! What is kept below `state`: the account, the ledgers, the certificates, and answers to challenges under way.
//!
//! Folders are 0700 and files 0600, and wider ones are refused. A file is written whole or not at all. Two processes may
//! share a store: what must not be done twice is done under a lock.

mod challenges;
mod ledger;

pub(crate) use challenges::{Answer, Challenges, is_token};
pub(crate) use ledger::{Began, LONGEST_WAIT, Ledger, StoredWindow};

use mizan_certs::durable;
use mizan_certs::kept::{self, Shelf, Unreadable, Unsaved};
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What nobody but the owner may do.
const OTHERS: u32 = 0o077;

/// What an order needs at most on the disk: the ledger with its key and request, the certificate with its chain.
const ROOM: usize = 64 * 1024;

/// One authority's part of `state`.
#[derive(Debug)]
pub(crate) struct Store {
    folder: PathBuf,
    challenges: Challenges,
    unsaved: Arc<Unsaved>,
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("cannot make the folder {folder}: {source}. May this user write there?")]
    Folder { folder: PathBuf, source: io::Error },
    #[error("{path} is open to other users (mode {mode:04o}), and keys lie there: chmod {wanted} {path}")]
    Open { path: PathBuf, mode: u32, wanted: &'static str },
    #[error("cannot read {file}: {source}")]
    Read { file: PathBuf, source: io::Error },
    #[error("cannot write {file}: {source}")]
    Write { file: PathBuf, source: io::Error },
    #[error("{file} is not what mizan writes: {why}. Restore it from a backup, or remove it: {then}")]
    Damaged { file: PathBuf, why: String, then: &'static str },
    #[error("nothing is ordered that could not be kept: cannot write to {folder}: {source}")]
    NoRoom { folder: PathBuf, source: io::Error },
}

/// Held while something is done for one set of names; given back by Drop, and by the system when the process ends.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Store {
    pub(crate) fn open(state: &Path, directory: &str, unsaved: Arc<Unsaved>) -> Result<Self, StoreError> {
        let folder = kept::authority_folder(state, directory);
        make_folder(state)?;
        let acme = state.join("acme");
        let challenges = acme.join("challenges");
        for path in [&acme, &folder, &challenges] {
            make_folder(path)?;
            only_for_owner(path)?;
        }
        for name in ["certificates", "ledger", "locks"] {
            let inner = folder.join(name);
            make_folder(&inner)?;
            only_for_owner(&inner)?;
        }
        Ok(Self { folder, challenges: Challenges::new(challenges), unsaved })
    }

    pub(crate) fn challenges(&self) -> &Challenges {
        &self.challenges
    }

    /// The certificates that are there.
    pub(crate) fn shelf(&self) -> Result<Shelf, Unreadable> {
        Shelf::look(&self.folder, &self.unsaved)
    }

    /// `None`: another process holds it.
    pub(crate) fn try_lock(&self, names: &[String]) -> Result<Option<Lock>, StoreError> {
        self.lock_file(&kept::slug(names))
    }

    /// For what the whole authority has once.
    pub(crate) fn try_lock_account(&self) -> Result<Option<Lock>, StoreError> {
        self.lock_file("account")
    }

    fn lock_file(&self, name: &str) -> Result<Option<Lock>, StoreError> {
        let file = self.folder.join("locks").join(name);
        let failed = |source| StoreError::Write { file: file.clone(), source };
        let opened = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&file)
            .map_err(failed)?;
        match opened.try_lock() {
            Ok(()) => Ok(Some(Lock { _file: opened })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// Whether what an order brings could be kept. Whoever asks has the lock for the names.
    pub(crate) fn test_writing(&self, names: &[String]) -> Result<(), StoreError> {
        let file = kept::certificates_folder(&self.folder).join(format!("room-{}", kept::slug(names)));
        let written = durable::write(&file, &vec![b'.'; ROOM]);
        let removed = std::fs::remove_file(&file);
        match written.and(removed) {
            Ok(()) => Ok(()),
            Err(source) => Err(StoreError::NoRoom { folder: self.folder.clone(), source }),
        }
    }

    /// Keeps a certificate: on the disk, or else in memory until the disk takes it. The error is why it is not there.
    pub(crate) fn keep_certificate(&self, names: &[String], pem: &str) -> Result<PathBuf, StoreError> {
        let file = kept::certificate_file(&self.folder, names);
        match durable::write(&file, pem.as_bytes()) {
            Ok(()) => {
                self.unsaved.saved(&file, pem.as_bytes());
                Ok(file)
            }
            Err(source) => {
                self.unsaved.hold(&file, pem);
                Err(StoreError::Write { file, source })
            }
        }
    }

    /// Tries again to write what could not be written, and ends the orders that it came from.
    pub(crate) fn write_unsaved(&self, sets: &[Vec<String>]) {
        for (file, pem) in self.unsaved.all() {
            if durable::write(&file, &pem).is_err() {
                continue;
            }
            self.unsaved.saved(&file, &pem);
            tracing::info!("a certificate that could not be written is on the disk now: {}", file.display());
        }
        let left = self.unsaved.all();
        for names in sets {
            let Ok(Some(_lock)) = self.try_lock(names) else { continue };
            let Ok(mut ledger) = self.ledger(names) else { continue };
            let Some(order) = ledger.order.as_ref().filter(|_| ledger.unsaved) else { continue };
            let file = kept::certificate_file(&self.folder, &order.names);
            if left.iter().any(|(held, _)| *held == file) || !file.exists() {
                continue;
            }
            ledger.unsaved = false;
            ledger.order = None;
            if let Err(error) = self.keep_ledger(names, &ledger) {
                tracing::warn!("the ledger of {}: {error}", names.join(", "));
            }
        }
    }

    pub(crate) fn ledger(&self, names: &[String]) -> Result<Ledger, StoreError> {
        let mut ledger = ledger::read(&self.ledger_file(names), names)?;
        ledger.mend(crate::clock::unix_now());
        Ok(ledger)
    }

    pub(crate) fn keep_ledger(&self, names: &[String], ledger: &Ledger) -> Result<(), StoreError> {
        ledger::write(&self.ledger_file(names), ledger)
    }

    fn ledger_file(&self, names: &[String]) -> PathBuf {
        self.folder.join("ledger").join(format!("{}.json", kept::slug(names)))
    }

    pub(crate) fn account_file(&self) -> PathBuf {
        self.folder.join("account.json")
    }
}

/// Reads a file that holds a secret: `None` where there is none, an error where others may read it.
pub(crate) fn read_secret(file: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    let read = |source| StoreError::Read { file: file.to_owned(), source };
    let Some(content) = durable::read(file).map_err(read)? else { return Ok(None) };
    let mode = std::fs::metadata(file).map_err(read)?.permissions().mode() & 0o7777;
    if mode & OTHERS != 0 {
        return Err(StoreError::Open { path: file.to_owned(), mode, wanted: "600" });
    }
    Ok(Some(content))
}

pub(crate) fn write_secret(file: &Path, content: &[u8]) -> Result<(), StoreError> {
    durable::write(file, content).map_err(|source| StoreError::Write { file: file.to_owned(), source })
}

pub(crate) fn make_folder(folder: &Path) -> Result<(), StoreError> {
    let failed = |source| StoreError::Folder { folder: folder.to_owned(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)
}

/// Refuses a folder that others may look into.
pub(crate) fn only_for_owner(folder: &Path) -> Result<(), StoreError> {
    let failed = |source| StoreError::Folder { folder: folder.to_owned(), source };
    let mode = std::fs::metadata(folder).map_err(failed)?.permissions().mode() & 0o7777;
    if mode & OTHERS != 0 {
        return Err(StoreError::Open { path: folder.to_owned(), mode, wanted: "700" });
    }
    Ok(())
}
