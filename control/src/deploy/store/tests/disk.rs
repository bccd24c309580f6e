//! A disk that is full.

use super::{Store, StoreError, Wish, begin, busy, file, names, note, written};
use mizan_rollout::{Record, Step};
use std::io::{ErrorKind, Write};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// A file system of 1 MiB; unmounted when dropped.
struct Tmpfs(TempDir);

impl Tmpfs {
    /// `None`, with a line, where this process may not mount.
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs"]).arg(folder.path());
        let mounted = mount.stderr(Stdio::null()).status();
        if mounted.is_ok_and(|status| status.success()) {
            return Some(Self(folder));
        }
        println!("skipped: a tmpfs cannot be mounted here");
        None
    }

    /// Nothing fits any more.
    fn fill(&self) {
        let mut filler = std::fs::File::create(self.0.path().join("filler")).unwrap();
        let error = filler.write_all(&vec![0; 2 << 20]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StorageFull);
    }

    fn empty(&self) {
        std::fs::remove_file(self.0.path().join("filler")).unwrap();
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

fn is_full(error: &StoreError) -> bool {
    matches!(error, StoreError::Write { source, .. } if source.kind() == ErrorKind::StorageFull)
}

#[test]
fn no_deploy_begins_on_a_full_disk() {
    let Some(disk) = Tmpfs::mount() else { return };
    let store = Store::open(disk.0.path(), "production", "api").unwrap();
    disk.fill();
    let error = store.create(1).unwrap_err();
    assert!(is_full(&error), "{error}");
    assert_eq!(store.numbers().unwrap(), [0; 0], "nothing is left behind");
    let _lock =
        store.lock("deploy 1", "ali@host").expect("its words have no room, and it holds all the same");
    busy(store.lock("deploy 2", "ali@host"));
    assert!(is_full(&store.leave_wish(&Wish::Pause { by: "eve@host".into() }).unwrap_err()));
    assert_eq!(names(&store), ["lock"]);
}

#[test]
fn a_deploy_that_has_begun_has_room_to_end_on_a_full_disk() {
    let Some(disk) = Tmpfs::mount() else { return };
    let store = Store::open(disk.0.path(), "production", "api").unwrap();
    let mut journal = written(&store, 1, &[begin(1)]);
    disk.fill();
    for _ in 0..100 {
        journal.append(1, &note(&"what a hook printed ".repeat(20))).unwrap();
    }
    // Another process goes on with it.
    let mut journal = {
        drop(journal);
        store.append_to(1).unwrap()
    };
    journal.append(2, &note("it goes on")).unwrap();
    assert_eq!(store.read(1).unwrap().unwrap().entries.len(), 102);
}

#[test]
fn a_line_that_found_no_room_leaves_the_journal_as_it_was() {
    let Some(disk) = Tmpfs::mount() else { return };
    let store = Store::open(disk.0.path(), "production", "api").unwrap();
    let mut journal = written(&store, 1, &[begin(1)]);
    disk.fill();
    let before = std::fs::read(file(&store, 1)).unwrap();
    let error = journal.append(1, &note(&"x".repeat(200_000))).unwrap_err();
    assert!(is_full(&error), "{error}");
    assert!(error.to_string().starts_with("cannot write "), "{error}");
    assert_eq!(std::fs::read(file(&store, 1)).unwrap(), before);
    disk.empty();
    journal.append(2, &Record::Started { step: 0, back: false }).unwrap();
    let kept = store.read(1).unwrap().unwrap();
    assert_eq!(kept.entries.len(), 2);
    assert_eq!(kept.state.plan().steps[0], Step::Pull);
}
