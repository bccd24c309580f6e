//! `sticky.key`: what signs the cookies of sticky services, so that they hold over restarts.

use super::StateError;
use mizan_certs::{KEY_SIZE, Signer, durable, new_key};
use std::io;
use std::path::Path;

pub(super) fn read_or_make(folder: &Path) -> Result<Signer, StateError> {
    let path = folder.join("sticky.key");
    let found = durable::read(&path).map_err(|source| StateError::Read { file: path.clone(), source })?;
    let key: [u8; KEY_SIZE] = match found {
        Some(key) => key.as_slice().try_into().map_err(|_| StateError::Key {
            file: path.clone(),
            why: format!("it has {} bytes instead of {KEY_SIZE}", key.len()),
        })?,
        None => {
            let failed = |source| StateError::Write { file: path.clone(), source };
            let key = new_key().map_err(|error| failed(io::Error::other(error)))?;
            durable::write(&path, &key).map_err(failed)?;
            key
        }
    };
    Ok(Signer::new(&key))
}
