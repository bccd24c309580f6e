//! The socket file: made with mode 0660, replaced when it is a leftover, refused when somebody answers on it.

use super::owner::{self, OwnerError};
use crate::unix_socket;
use mizan_config::model::Admin;
use rustix::fs::Mode;
use rustix::process::umask;
use std::io;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::PathBuf;
use tokio::net::UnixListener;

/// Owner and group may connect, nobody else.
const MODE: u32 = 0o660;

#[derive(Debug, thiserror::Error)]
pub(crate) enum AdminError {
    #[error(
        "the admin socket {socket} is another mizan's: it answers. Stop that one, or set another `admin.socket`"
    )]
    InUse { socket: PathBuf },
    #[error(
        "cannot make the admin socket {socket}: {source}. Does its folder exist, and may this user write there?"
    )]
    Make { socket: PathBuf, source: io::Error },
    #[error(transparent)]
    Owner(#[from] OwnerError),
    #[error(
        "cannot give the admin socket {socket} to the owner that `admin` names: {source}. Only root may give files away, \
         and others only to a group of their own"
    )]
    Give { socket: PathBuf, source: io::Error },
}

/// A bound admin socket; its file goes when it is dropped.
#[derive(Debug)]
pub(crate) struct AdminSocket {
    pub(super) listener: UnixListener,
    path: PathBuf,
}

pub(crate) fn bind(wanted: &Admin) -> Result<AdminSocket, AdminError> {
    let path = &wanted.socket;
    let failed = |source| AdminError::Make { socket: path.clone(), source };
    let owner = wanted.owner.as_deref().map(owner::user).transpose()?;
    let group = wanted.group.as_deref().map(owner::group).transpose()?;
    // Nobody else may connect in the moment before the mode is set.
    let before = umask(Mode::RWXG | Mode::RWXO);
    let bound = unix_socket::bind(path);
    umask(before);
    let listener = bound.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => AdminError::InUse { socket: path.clone() },
        _ => failed(error),
    })?;
    let socket =
        AdminSocket { listener: UnixListener::from_std(listener).map_err(failed)?, path: path.clone() };
    if owner.is_some() || group.is_some() {
        chown(path, owner, group).map_err(|source| AdminError::Give { socket: path.clone(), source })?;
    }
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(MODE)).map_err(failed)?;
    Ok(socket)
}

impl Drop for AdminSocket {
    fn drop(&mut self) {
        // Gone already when somebody cleaned up before; nothing to do about it either way.
        let _ = std::fs::remove_file(&self.path);
    }
}
