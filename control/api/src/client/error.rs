//! Why a call failed, in words for the person who made it.

use crate::Problem;
use std::io::{Error, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody was reached.
    #[error("{}", unreached(socket, source))]
    Connect { socket: PathBuf, source: Error },
    /// What was asked for may have happened all the same.
    #[error("the admin socket {} did not answer within {seconds} s", socket.display())]
    Deadline { socket: PathBuf, seconds: u64 },
    /// The proxy said no.
    #[error("{}: {}", .0.title, .0.detail)]
    Refused(Box<Problem>),
    /// The answer cannot be understood, and another version gave it.
    #[error("the proxy is mizan {theirs}, this is {ours}: use the mizanctl that came with it")]
    Version { theirs: String, ours: String },
    #[error("the admin socket's answer broke off: {0}")]
    Http(#[from] hyper::Error),
    #[error("the answer is not what this version expects: {0}")]
    Decode(#[from] serde_json::Error),
}

fn unreached(socket: &Path, source: &Error) -> String {
    let path = socket.display();
    match source.kind() {
        ErrorKind::NotFound => format!(
            "there is no admin socket {path}. Is mizan running? Is `admin.socket` in mizan.yml this path? If it is \
             another one, name it with --socket or MIZAN_SOCKET"
        ),
        ErrorKind::PermissionDenied => match std::fs::metadata(socket) {
            Ok(file) => format!(
                "no permission to open the admin socket {path}: it belongs to user {}, group {}, with mode {:03o}. \
                 Join that group, or use sudo",
                name_of("/etc/passwd", file.uid()),
                name_of("/etc/group", file.gid()),
                file.mode() & 0o777
            ),
            Err(_) => format!(
                "no permission to open the admin socket {path}: this user may not look into its folder. Use sudo"
            ),
        },
        ErrorKind::ConnectionRefused => format!(
            "nobody answers on the admin socket {path}: it is a leftover of a process that is gone. Is mizan running?"
        ),
        _ => format!("cannot reach the admin socket {path}: {source}"),
    }
}

/// The name of a user or group; its number where the file does not have it.
fn name_of(file: &str, id: u32) -> String {
    let id = id.to_string();
    std::fs::read_to_string(file)
        .unwrap_or_default()
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .find(|fields| fields.get(2) == Some(&id.as_str()))
        .map_or_else(|| id.clone(), |fields| fields[0].to_owned())
}
