//! From a file on disk.

use super::{SOUND, one};
use mizan_config::deploy::{examine_file, load};
use mizan_config::{MAX_FILE_SIZE, Problems};
use std::fs;

fn refused(content: &[u8]) -> Problems {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deploy.yml");
    fs::write(&path, content).unwrap();
    load(&path).unwrap_err()
}

#[test]
fn a_file_is_read_and_its_folder_is_where_paths_begin() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deploy.yml");
    fs::write(&path, SOUND.split("notify:").next().unwrap()).unwrap();
    let file = load(&path).unwrap();
    assert_eq!(file.state, folder.path().join(".mizan"));
    assert_eq!(file.environments[0].compose.files, [folder.path().join("docker-compose.yml")]);
    assert!(examine_file(&path).unwrap().warnings.is_empty());
}

#[test]
fn a_file_that_is_missing_too_large_or_not_text_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    one(&load(&folder.path().join("nowhere.yml")).unwrap_err(), "nowhere.yml: cannot read the file");
    one(&refused(&vec![b'#'; MAX_FILE_SIZE + 1]), "is this deploy.yml?");
    one(&refused(b"services:\n\xff"), "not UTF-8 (line 2)");
    one(&refused(b"services: ["), "this is not YAML");
    one(&refused(b"- a\n"), "deploy.yml must be a mapping, not a list");
}
