//! `state`: the folder for what must survive a restart. A file is written whole or not at all, before anyone is told.

mod deploys;
mod key;
mod splits;

pub(crate) use splits::KeptSplit;

use mizan_api::Deploy;
use mizan_certs::Signer;
use splits::Splits;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// The folder, opened.
pub(crate) struct State {
    splits: Splits,
    folder: PathBuf,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum StateError {
    #[error("cannot make the folder `state`, {folder}: {source}. May this user write there?")]
    Folder { folder: PathBuf, source: io::Error },
    #[error("cannot read {file}: {source}")]
    Read { file: PathBuf, source: io::Error },
    #[error("cannot write {file}: {source}. What it had before is kept")]
    Write { file: PathBuf, source: io::Error },
    #[error(
        "{file} is not what mizan writes: {why}. Restore it, or remove it: then the splits of mizan.yml are in force"
    )]
    Splits { file: PathBuf, why: String },
    #[error(
        "{file} is not what mizan writes: {why}. Restore it, or remove it: then clients choose their tracks anew"
    )]
    Key { file: PathBuf, why: String },
}

impl State {
    /// Makes the folder where it is missing, and reads what is in it.
    pub(crate) fn open(folder: &Path) -> Result<Self, StateError> {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|source| StateError::Folder { folder: folder.to_owned(), source })?;
        Ok(Self { splits: Splits::read(folder)?, folder: folder.to_owned() })
    }

    /// The split that was committed for a service.
    pub(crate) fn split(&self, service: &str) -> Option<KeptSplit> {
        self.splits.get(service)
    }

    /// Keeps a service's split, or forgets it. On return it is on the disk.
    pub(crate) fn keep_split(&self, service: &str, split: Option<KeptSplit>) -> Result<(), StateError> {
        self.splits.keep(service, split)
    }

    /// The deploys that were kept, the one that was reported last at the end. Nothing where the file is damaged: it is moved
    /// aside, with a warning.
    pub(crate) fn deploys(&self) -> Vec<Deploy> {
        deploys::read(&self.folder)
    }

    /// Keeps these deploys and no others. On return they are on the disk.
    pub(crate) fn keep_deploys(&self, deploys: &[Deploy]) -> Result<(), StateError> {
        deploys::write(&self.folder, deploys)
    }

    /// What signs the cookies of sticky services; made when it is first asked for.
    pub(crate) fn signer(&self) -> Result<Signer, StateError> {
        key::read_or_make(&self.folder)
    }
}
