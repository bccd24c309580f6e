mod disk;
mod lock;

use super::{Journal, KEPT, Lock, Store, StoreError, Wish};
use mizan_rollout::line;
use mizan_rollout::{Deploying, Image, Record, Status, Strategy, deploy};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn begin(number: u64) -> Record {
    let image = Image { reference: "registry/api:v2".into(), id: None };
    let plan = deploy(Deploying {
        number,
        environment: "production".into(),
        service: "api".into(),
        strategy: Strategy::BlueGreen { watch_ms: 1000 },
        previous: Some(Image { reference: "registry/api:v1".into(), id: None }),
        image,
        stable: Some("blue".into()),
        target: "green".into(),
        replicas: 2,
        ready: 2,
        keep_ms: 1000,
        hooks: [].into(),
    });
    Record::Begin { plan: Box::new(plan), by: "ali@host".into() }
}

fn end() -> Record {
    Record::End { status: Status::Failed, why: "the image is not there".into() }
}

fn note(text: &str) -> Record {
    Record::Note { text: text.into() }
}

fn store() -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("state"), "production", "api").unwrap();
    (folder, store)
}

/// A journal with these records.
fn written(store: &Store, number: u64, records: &[Record]) -> Journal {
    let mut journal = store.create(number).unwrap();
    for (at, record) in records.iter().enumerate() {
        journal.append(at as u64, record).unwrap();
    }
    journal
}

fn file(store: &Store, number: u64) -> PathBuf {
    store.folder.join(format!("{number:06}.journal"))
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn names(store: &Store) -> Vec<String> {
    let files = std::fs::read_dir(&store.folder).unwrap();
    let mut names: Vec<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn what_is_written_is_read_again() {
    let (_folder, store) = store();
    assert!(store.last().unwrap().is_none());
    let records = [begin(17), note("one"), note("two")];
    written(&store, 17, &records);
    let kept = store.read(17).unwrap().unwrap();
    assert_eq!(kept.entries.iter().map(|entry| entry.record.clone()).collect::<Vec<_>>(), records);
    assert_eq!(kept.entries.iter().map(|entry| entry.at_unix_ms).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(kept.state.plan().number, 17);
    assert_eq!(store.last().unwrap().unwrap().entries, kept.entries);
    assert!(store.read(18).unwrap().is_none());
}

#[test]
fn only_its_owner_may_look_into_it() {
    let (folder, store) = store();
    written(&store, 1, &[begin(1)]);
    let _lock = store.lock("deploy 1", "ali@host").unwrap();
    store.leave_wish(&Wish::Pause { by: "eve@host".into() }).unwrap();
    for made in ["state", "state/production", "state/production/api"] {
        assert_eq!(mode(&folder.path().join(made)), 0o700, "{made}");
    }
    for made in ["000001.journal", "lock", "wish"] {
        assert_eq!(mode(&store.folder.join(made)), 0o600, "{made}");
    }
}

#[test]
fn a_folder_that_is_there_is_taken_as_it_is() {
    let (folder, store) = store();
    std::fs::set_permissions(&store.folder, std::fs::Permissions::from_mode(0o755)).unwrap();
    written(&store, 1, &[begin(1)]);
    let again = Store::open(&folder.path().join("state"), "production", "api").unwrap();
    assert_eq!(again.numbers().unwrap(), [1]);
    assert_eq!(mode(&store.folder), 0o755);
}

#[test]
fn a_name_that_leads_out_of_the_state_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (environment, service) in [("..", "api"), ("production", ".."), ("", "api"), ("a/b", "api")] {
        let error = Store::open(&folder.path().join("state"), environment, service).unwrap_err();
        assert!(error.to_string().contains("cannot be that of a folder"), "{error}");
    }
    assert!(!folder.path().join("state").exists());
}

#[test]
fn numbers_are_those_of_journals_and_of_nothing_else() {
    let (_folder, store) = store();
    for number in [3, 1, 1_000_000, 999_999] {
        store.create(number).unwrap();
    }
    for other in
        ["7.journal", "0000007.journal", "00000x.journal", "+00007.journal", "000007.journal~", "lock"]
    {
        std::fs::write(store.folder.join(other), "").unwrap();
    }
    assert_eq!(store.numbers().unwrap(), [1, 3, 999_999, 1_000_000]);
}

#[test]
fn a_number_is_given_once() {
    let (_folder, store) = store();
    written(&store, 4, &[begin(4)]);
    let error = store.create(4).unwrap_err();
    assert!(
        matches!(&error, StoreError::Write { source, .. } if source.kind() == ErrorKind::AlreadyExists),
        "{error}"
    );
    assert!(store.read(4).unwrap().is_some(), "what was there is still there");
}

#[test]
fn one_that_was_cut_off_before_its_first_line_is_passed_over() {
    let (_folder, store) = store();
    written(&store, 1, &[begin(1), end()]);
    std::fs::write(file(&store, 2), "0badc0de {\"at_un").unwrap();
    assert_eq!(store.numbers().unwrap(), [1, 2]);
    assert!(store.read(2).unwrap().is_none());
    assert_eq!(store.last().unwrap().unwrap().state.plan().number, 1);
}

#[test]
fn a_torn_last_line_is_cut_off_before_another_one_is_written() {
    let (_folder, store) = store();
    drop(written(&store, 1, &[begin(1), note("one"), note("torn")]));
    let whole = std::fs::read(file(&store, 1)).unwrap();
    let last = line::encode(&line::Entry { at_unix_ms: 2, record: note("torn") }).len();
    for torn in 1..last {
        std::fs::write(file(&store, 1), &whole[..whole.len() - torn]).unwrap();
        let mut journal = store.append_to(1).unwrap();
        assert_eq!(std::fs::read(file(&store, 1)).unwrap(), whole[..whole.len() - last]);
        journal.append(9, &note("two")).unwrap();
        let entries = store.read(1).unwrap().unwrap().entries;
        assert_eq!(entries.len(), 3, "{torn} bytes were missing");
        assert_eq!(entries[2], line::Entry { at_unix_ms: 9, record: note("two") });
    }
}

#[test]
fn damage_in_the_middle_is_told_and_nothing_is_appended() {
    let (_folder, store) = store();
    drop(written(&store, 1, &[begin(1), note("one"), note("two")]));
    let mut bytes = std::fs::read(file(&store, 1)).unwrap();
    bytes[40] ^= 1;
    std::fs::write(file(&store, 1), &bytes).unwrap();
    for error in [store.read(1).unwrap_err(), store.append_to(1).unwrap_err(), store.last().unwrap_err()] {
        assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
        assert!(error.to_string().contains("000001.journal is damaged: line 1"), "{error}");
    }
    assert_eq!(std::fs::read(file(&store, 1)).unwrap(), bytes);
}

#[test]
fn records_that_cannot_follow_each_other_are_damage() {
    let (_folder, store) = store();
    written(&store, 1, &[begin(1), end(), note("after the end")]);
    written(&store, 2, &[note("before the beginning")]);
    for number in [1, 2] {
        let error = store.read(number).unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    }
}

#[test]
fn beyond_the_last_200_only_journals_that_are_over_are_removed() {
    let (_folder, store) = store();
    written(&store, 1, &[begin(1), end()]);
    written(&store, 2, &[begin(2), note("open")]);
    std::fs::write(file(&store, 3), "").unwrap();
    std::fs::write(file(&store, 4), "damaged\nand more\n").unwrap();
    for number in 5..=KEPT as u64 {
        std::fs::write(file(&store, number), "").unwrap();
    }
    assert_eq!(store.numbers().unwrap().len(), KEPT);
    for number in 1..=4 {
        store.create(KEPT as u64 + number).unwrap();
    }
    let numbers = store.numbers().unwrap();
    assert_eq!(numbers[..3], [2, 4, 5]);
    assert_eq!(numbers.last(), Some(&(KEPT as u64 + 4)));
    assert_eq!(numbers.len(), KEPT + 2);
}

#[test]
fn room_is_set_aside_without_making_the_file_longer() {
    let (_folder, store) = store();
    let mut journal = store.create(1).unwrap();
    let made = std::fs::metadata(file(&store, 1)).unwrap();
    assert_eq!(made.len(), 0);
    if made.blocks() == 0 {
        println!("skipped: this file system sets nothing aside");
        return;
    }
    assert!(made.blocks() * 512 >= 64 << 10, "{} blocks", made.blocks());
    journal.append(0, &begin(1)).unwrap();
    journal.append(1, &note(&"long ".repeat(20_000))).unwrap();
    let later = std::fs::metadata(file(&store, 1)).unwrap();
    assert!(later.blocks() * 512 >= later.len() + (32 << 10), "there is room for the way back as well");
}

fn busy(result: Result<Lock, StoreError>) -> String {
    match result {
        Err(StoreError::Busy(why)) => why,
        other => panic!("{other:?}"),
    }
}
