//! `admin`: the Unix socket through which a running proxy is seen and steered.

use std::path::PathBuf;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admin {
    /// `admin.socket`: path of the Unix socket, made with mode 0660.
    pub socket: PathBuf,
}
