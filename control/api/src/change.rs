//! `POST /v1/check`, `/v1/reload`, `/v1/resolve`.

use crate::NameStatus;
use serde::{Deserialize, Serialize};

/// `POST /v1/check`: the file that this process was started with, read anew. Nothing changes.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CheckReply {
    /// A reload would put it in force.
    pub good: bool,
    pub problems: Vec<FileProblem>,
    /// Legal, but probably not meant.
    pub warnings: Vec<FileProblem>,
}

/// `POST /v1/reload`: the file is in force.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReloadReply {
    pub generation: u64,
    pub warnings: Vec<FileProblem>,
}

/// One problem of mizan.yml. Secrets are masked in it.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FileProblem {
    pub file: String,
    /// From 1; 0: the file as a whole.
    pub line: u64,
    /// In characters, from 1; 0: the file as a whole.
    pub column: u64,
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

/// `POST /v1/resolve` and `/v1/services/{service}/resolve`: names looked up at once.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ResolveReply {
    pub names: Vec<NameStatus>,
}
