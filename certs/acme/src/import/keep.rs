//! Where an imported certificate goes: where one that was ordered would lie.

use super::Imported;
use crate::store::{StoreError, make_folder, only_for_owner};
use mizan_certs::{durable, kept};
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};

/// What became of an imported certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placed {
    Written(PathBuf),
    /// What is there for the same names is as new, or newer.
    NewerThere(PathBuf),
}

/// Puts a certificate below `state`, for the authority of `directory`. What is written belongs to whom `state` belongs to:
/// root imports, and the proxy, which is another user, reads.
pub fn keep_imported(state: &Path, directory: &str, imported: &Imported) -> Result<Placed, StoreError> {
    let acme = state.join("acme");
    let authority = kept::authority_folder(state, directory);
    let folder = kept::certificates_folder(&authority);
    make_folder(state)?;
    for path in [&acme, &authority, &folder] {
        make_folder(path)?;
        give(path, state).map_err(|source| StoreError::Folder { folder: path.clone(), source })?;
        only_for_owner(path)?;
    }
    let file = kept::certificate_file(&authority, &imported.names);
    if let Ok((there, _)) = mizan_certs::stored::examine(&file, &file)
        && there.not_after >= imported.not_after
    {
        return Ok(Placed::NewerThere(file));
    }
    let written = durable::write(&file, imported.pem.as_bytes()).and_then(|()| give(&file, state));
    match written {
        Ok(()) => Ok(Placed::Written(file)),
        Err(source) => Err(StoreError::Write { file, source }),
    }
}

/// Gives `path` to the owner of `state`, unless it is theirs.
fn give(path: &Path, state: &Path) -> io::Result<()> {
    let (state, own) = (fs::metadata(state)?, fs::metadata(path)?);
    if state.uid() == own.uid() {
        return Ok(());
    }
    chown(path, Some(state.uid()), Some(state.gid()))
}
