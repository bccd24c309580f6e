//! `admin`: the Unix socket through which a running proxy is seen and steered.

use std::path::PathBuf;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admin {
    /// `admin.socket`: path of the Unix socket, made with mode 0660.
    pub socket: PathBuf,
    /// `owner`: name or number of the user the socket is given to. `None`: whom the process runs as.
    pub owner: Option<String>,
    /// `group`: name or number of the group the socket is given to. `None`: that of the process.
    pub group: Option<String>,
}
