//! From a file to a checked configuration.

use crate::check;
use crate::decode::{Context, Draft, decode};
use crate::dialect::{Dialect, MIZAN};
use crate::model::Config;
use crate::problems::{Problem, Problems, Source};
use crate::tree::{self, Node};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The longest mizan.yml that is read, in bytes.
pub const MAX_FILE_SIZE: usize = 16 * 1024 * 1024;

/// A configuration that is sound, and what in it is probably not meant.
#[derive(Debug, Clone, PartialEq)]
pub struct Examined {
    pub config: Config,
    /// Positions in the file as for problems, but nothing that keeps the proxy from running. Often empty.
    pub warnings: Problems,
    /// The file itself, for what is found wrong later.
    pub source: Source,
}

/// Reads and checks a file. `${NAME}` comes from the environment of this process; secret files are found relative to
/// the file's folder.
pub fn load(path: &Path) -> Result<Config, Problems> {
    examine_file(path).map(|examined| examined.config)
}

/// As [`load`], and keeps the warnings.
pub fn examine_file(path: &Path) -> Result<Examined, Problems> {
    let name = path.to_string_lossy();
    let text = read(path, &MIZAN).map_err(|problem| Problems::of_file(&name, problem))?;
    examine(&name, &text, &|variable| std::env::var(variable).ok())
}

/// Checks a text. `name` is the file's path as messages show it; secret files are found relative to its folder. `env`
/// looks a variable up.
pub fn parse(name: &str, text: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<Config, Problems> {
    examine(name, text, env).map(|examined| examined.config)
}

/// As [`parse`], and keeps the warnings.
pub fn examine(name: &str, text: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<Examined, Problems> {
    let (draft, warnings, source) = decoded(&MIZAN, name, text, env, checked)?;
    Ok(Examined { config: draft.into_config(), warnings, source })
}

/// What `decode` makes of a text without problems, the warnings, and the text itself.
pub(crate) fn decoded<T>(
    dialect: &'static Dialect,
    name: &str,
    text: &str,
    env: &dyn Fn(&str) -> Option<String>,
    decode: impl FnOnce(&Node, &mut Context<'_>) -> T,
) -> Result<(T, Problems, Source), Problems> {
    if text.len() > MAX_FILE_SIZE {
        return Err(Problems::of_file(name, too_large(dialect)));
    }
    let folder = Path::new(name).parent().unwrap_or(Path::new(""));
    let mut context = Context::new(dialect, text, folder, env);
    let draft = tree::parse(text, &mut context).map(|root| decode(&root, &mut context));
    let (problems, warnings, secrets) = context.into_findings();
    let source = Source::new(name, text, secrets);
    match draft {
        Some(draft) if problems.is_empty() => Ok((draft, source.locate(warnings), source)),
        _ => Err(source.locate(problems)),
    }
}

fn checked(root: &Node, context: &mut Context<'_>) -> Draft {
    let draft = decode(root, context);
    check::whole(&draft, context);
    draft
}

/// The text of a file.
pub(crate) fn read(path: &Path, dialect: &Dialect) -> Result<String, Problem> {
    let unreadable = |error: &io::Error| {
        Problem::of_file(format!("cannot read the file: {error}"))
            .with_hint("check the path and that this user may read it")
    };
    let file = File::open(path).map_err(|error| unreadable(&error))?;
    let mut bytes = Vec::new();
    // One byte more than is allowed tells a file that is too large from one that just fits.
    file.take(MAX_FILE_SIZE as u64 + 1).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
    if bytes.len() > MAX_FILE_SIZE {
        return Err(too_large(dialect));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = valid.split(|byte| *byte == b'\n').count();
        Problem::of_file(format!("the file is not UTF-8 (line {line})")).with_hint("save it as UTF-8")
    })
}

fn too_large(dialect: &Dialect) -> Problem {
    Problem::of_file(format!("the file is larger than {} MiB", MAX_FILE_SIZE / (1024 * 1024)))
        .with_hint(&format!("is this {}?", dialect.file))
}
