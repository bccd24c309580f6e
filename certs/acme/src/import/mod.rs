//! Certificates that certbot got: taken over, so that moving to Mizan orders nothing anew.
//!
//! [`read`] looks at what is there and changes nothing; [`keep_imported`] puts one where the proxy finds it.

mod certbot;
mod keep;
#[cfg(test)]
mod tests;

pub use certbot::read;
pub use keep::{Placed, keep_imported};

use std::io;
use std::path::PathBuf;

/// A certificate that can be taken over.
#[derive(Clone, PartialEq, Eq)]
pub struct Imported {
    /// What certbot calls it: the folder's name below `live`.
    pub name: String,
    /// The names in it.
    pub names: Vec<String>,
    /// Unix seconds.
    pub not_after: i64,
    /// The directory that it was ordered from, where certbot wrote it down.
    pub server: Option<String>,
    /// The key first, then the chain.
    pub pem: String,
}

/// One that cannot be taken over, and why.
#[derive(Debug, thiserror::Error)]
#[error("{name}: {why}")]
pub struct Problem {
    /// As [`Imported::name`].
    pub name: String,
    pub why: Why,
}

#[derive(Debug, thiserror::Error)]
pub enum Why {
    #[error("{file} is missing")]
    Missing { file: PathBuf },
    /// A symbolic link.
    #[error(
        "{file} leads to {target}, which is missing. Were only parts of certbot's folder copied? `archive` belongs to it"
    )]
    Dangling { file: PathBuf, target: PathBuf },
    #[error("this user may not read {file}: run it as root")]
    Denied { file: PathBuf },
    #[error("cannot read {file}: {source}")]
    Unreadable { file: PathBuf, source: io::Error },
    /// In words.
    #[error("{0}")]
    Unsound(String),
    /// The date.
    #[error("it expired on {0}; mizan gets a new one by itself")]
    Expired(String),
}

/// Why nothing could be looked at.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error("there is no folder {0}")]
    Missing(PathBuf),
    #[error("this user may not look into {0}: run it as root")]
    Denied(PathBuf),
    #[error("cannot read {folder}: {source}")]
    Unreadable { folder: PathBuf, source: io::Error },
    #[error(
        "{0} is none of certbot's folders: name the one that has `live` in it (/etc/letsencrypt), or one below `live`"
    )]
    NotCertbots(PathBuf),
}

impl std::fmt::Debug for Imported {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Imported")
            .field("name", &self.name)
            .field("names", &self.names)
            .field("not_after", &self.not_after)
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}
