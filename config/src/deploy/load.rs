//! From a file to a checked model.

use super::decode::decode;
use super::dialect::DEPLOY;
use super::model::DeployFile;
use crate::load::decoded;
use crate::problems::{Problems, Source};
use std::path::Path;

/// A deploy.yml that is sound, and what in it is probably not meant.
#[derive(Debug, Clone)]
pub struct Examined {
    pub file: DeployFile,
    /// Positions in the file as for problems, but nothing that stands in the way. Often empty.
    pub warnings: Problems,
    /// The file itself, for what is found wrong later.
    pub source: Source,
}

/// Reads and checks a file. `${NAME}` comes from the environment of this process; relative paths stand on the file's
/// folder.
pub fn load(path: &Path) -> Result<DeployFile, Problems> {
    examine_file(path).map(|examined| examined.file)
}

/// As [`load`], and keeps the warnings.
pub fn examine_file(path: &Path) -> Result<Examined, Problems> {
    let name = path.to_string_lossy();
    let text = crate::load::read(path, &DEPLOY).map_err(|problem| Problems::of_file(&name, problem))?;
    examine(&name, &text, &|variable| std::env::var(variable).ok())
}

/// Checks a text. `name` is the file's path as messages show it, and its folder is where paths in it begin. `env` looks
/// a variable up.
pub fn examine(name: &str, text: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<Examined, Problems> {
    let (file, warnings, source) = decoded(&DEPLOY, name, text, env, decode)?;
    Ok(Examined { file, warnings, source })
}
