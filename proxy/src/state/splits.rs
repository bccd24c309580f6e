//! `splits.json`: the splits that were committed over the admin socket.

use super::StateError;
use mizan_certs::durable;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// A split as it was committed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeptSplit {
    pub(crate) revision: u64,
    /// By track.
    pub(crate) weights: BTreeMap<String, u32>,
}

type ByService = BTreeMap<String, KeptSplit>;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    /// Of this file's form.
    version: u32,
    services: ByService,
}

const VERSION: u32 = 1;

pub(super) struct Splits {
    file: PathBuf,
    kept: Mutex<ByService>,
}

impl Splits {
    pub(super) fn read(folder: &Path) -> Result<Self, StateError> {
        let path = folder.join("splits.json");
        let found = durable::read(&path).map_err(|source| StateError::Read { file: path.clone(), source })?;
        let kept = match found {
            None => ByService::new(),
            Some(text) => {
                let wrong = |why: String| StateError::Splits { file: path.clone(), why };
                let content: Content =
                    serde_json::from_slice(&text).map_err(|error| wrong(error.to_string()))?;
                if content.version != VERSION {
                    return Err(wrong(format!("its version is {}, not {VERSION}", content.version)));
                }
                content.services
            }
        };
        Ok(Self { file: path, kept: Mutex::new(kept) })
    }

    pub(super) fn get(&self, service: &str) -> Option<KeptSplit> {
        self.kept.lock().expect("nothing panics while it holds the lock").get(service).cloned()
    }

    pub(super) fn keep(&self, service: &str, split: Option<KeptSplit>) -> Result<(), StateError> {
        let mut kept = self.kept.lock().expect("nothing panics while it holds the lock");
        let mut services = kept.clone();
        match split {
            Some(split) => services.insert(service.to_owned(), split),
            None => services.remove(service),
        };
        if services == *kept {
            return Ok(());
        }
        let content = Content { version: VERSION, services };
        let text = serde_json::to_vec_pretty(&content).expect("names and numbers are JSON");
        durable::write(&self.file, &text)
            .map_err(|source| StateError::Write { file: self.file.clone(), source })?;
        *kept = content.services;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::State;
    use std::os::unix::fs::PermissionsExt;

    fn split(revision: u64) -> KeptSplit {
        KeptSplit { revision, weights: BTreeMap::from([("blue".into(), 90), ("green".into(), 10)]) }
    }

    #[test]
    fn what_was_kept_is_there_after_a_restart() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let inside = folder.path().join("made");
        let state = State::open(&inside).expect("a folder of its own");
        state.keep_split("shop", Some(split(7))).expect("it can be written");
        state.keep_split("api", Some(split(8))).expect("it can be written");
        state.keep_split("api", None).expect("it can be written");
        let state = State::open(&inside).expect("the same folder");
        assert_eq!((state.split("shop"), state.split("api")), (Some(split(7)), None));
        let mode = |path: PathBuf| std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
        assert_eq!((mode(inside.clone()), mode(inside.join("splits.json"))), (0o700, 0o600));
    }

    #[test]
    fn a_file_that_is_not_ours_is_refused_with_what_to_do() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for text in ["", "{\"version\":1,\"serv", "{\"version\":2,\"services\":{}}", "[]"] {
            std::fs::write(folder.path().join("splits.json"), text).expect("it can be written");
            let error = State::open(folder.path()).err().expect("it is refused").to_string();
            assert!(error.contains("splits.json") && error.contains("remove it"), "{error}");
        }
    }

    #[test]
    fn what_cannot_be_written_changes_nothing() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let state = State::open(folder.path()).expect("a folder");
        state.keep_split("shop", Some(split(7))).expect("it can be written");
        // A folder in the way of the new file.
        std::fs::create_dir(folder.path().join("splits.json.new")).expect("it can be made");
        state.keep_split("shop", Some(split(8))).expect_err("the new file is in the way");
        assert_eq!(state.split("shop"), Some(split(7)));
        assert_eq!(State::open(folder.path()).expect("it is whole").split("shop"), Some(split(7)));
    }

    #[test]
    fn the_key_stays_the_same_and_a_wrong_one_is_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let state = State::open(folder.path()).expect("a folder");
        let signature = state.signer().expect("a new key").sign(b"id");
        assert!(state.signer().expect("the same key").verify(b"id", signature));
        std::fs::write(folder.path().join("sticky.key"), "short").expect("it can be written");
        let error = state.signer().expect_err("it is refused").to_string();
        assert!(error.contains("5 bytes instead of 32"), "{error}");
    }
}
