//! The socket file: made with mode 0660, replaced when it is a leftover, refused when somebody answers on it.

use crate::unix_socket;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
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
}

/// A bound admin socket; its file goes when it is dropped.
#[derive(Debug)]
pub(crate) struct AdminSocket {
    pub(super) listener: UnixListener,
    path: PathBuf,
}

pub(crate) fn bind(path: &Path) -> Result<AdminSocket, AdminError> {
    let failed = |source| AdminError::Make { socket: path.to_owned(), source };
    let listener = unix_socket::bind(path).map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => AdminError::InUse { socket: path.to_owned() },
        _ => failed(error),
    })?;
    let listener = UnixListener::from_std(listener).map_err(failed)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(MODE)).map_err(failed)?;
    Ok(AdminSocket { listener, path: path.to_owned() })
}

impl Drop for AdminSocket {
    fn drop(&mut self) {
        // Gone already when somebody cleaned up before; nothing to do about it either way.
        let _ = std::fs::remove_file(&self.path);
    }
}
