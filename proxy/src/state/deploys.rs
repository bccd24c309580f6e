//! `deploys.json`: what the deploy controller reported. History is not worth an outage: a damaged file is moved aside.

use super::StateError;
use mizan_api::Deploy;
use mizan_certs::durable;
use serde::{Deserialize, Serialize};
use std::path::Path;

const FILE: &str = "deploys.json";
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content<T> {
    /// Of this file's form.
    version: u32,
    /// The one that was reported last is the last.
    deploys: T,
}

/// What was written last; nothing where that cannot be read.
pub(super) fn read(folder: &Path) -> Vec<Deploy> {
    let file = folder.join(FILE);
    let found = durable::read(&file).map_err(|error| error.to_string());
    match found.and_then(|text| text.map_or(Ok(Vec::new()), |text| understood(&text))) {
        Ok(deploys) => deploys,
        Err(why) => {
            move_aside(&file, &why);
            Vec::new()
        }
    }
}

pub(super) fn write(folder: &Path, deploys: &[Deploy]) -> Result<(), StateError> {
    let file = folder.join(FILE);
    let text =
        serde_json::to_vec(&Content { version: VERSION, deploys }).expect("words and numbers are JSON");
    durable::write(&file, &text).map_err(|source| StateError::Write { file, source })
}

fn understood(text: &[u8]) -> Result<Vec<Deploy>, String> {
    let content: Content<Vec<Deploy>> = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    if content.version != VERSION {
        return Err(format!("its version is {}, not {VERSION}", content.version));
    }
    Ok(content.deploys)
}

fn move_aside(file: &Path, why: &str) {
    let aside = file.with_extension("json.damaged");
    match std::fs::rename(file, &aside) {
        Ok(()) => tracing::warn!(
            "{} is not what mizan writes: {why}. The history of deploys begins anew; what was there is in {}",
            file.display(),
            aside.display()
        ),
        Err(error) => tracing::warn!(
            "{} is not what mizan writes: {why}; and it cannot be moved aside: {error}. The history of deploys begins anew",
            file.display()
        ),
    }
}
