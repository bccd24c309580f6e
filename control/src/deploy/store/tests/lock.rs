//! One deploy at a time, and what is asked of it meanwhile.

use super::{Wish, busy, names, store};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Barrier;

#[test]
fn one_of_many_that_want_it_at_once_gets_the_lock() {
    let (_folder, store) = store();
    let many = 8;
    let (at_once, until_all_asked) = (Barrier::new(many), Barrier::new(many));
    let got = std::thread::scope(|scope| {
        let one = |number: usize| {
            let (store, at_once, until_all_asked) = (&store, &at_once, &until_all_asked);
            scope.spawn(move || {
                at_once.wait();
                let lock = store.lock(&format!("deploy {number}"), "ali@host");
                until_all_asked.wait();
                lock.map_err(|error| error.to_string()).map(drop)
            })
        };
        let all: Vec<_> = (0..many).map(one).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect::<Vec<_>>()
    });
    let first = got.iter().position(Result::is_ok).unwrap();
    for (number, result) in got.iter().enumerate().filter(|(number, _)| *number != first) {
        let why = result.as_ref().unwrap_err();
        assert!(why.starts_with(&format!("deploy {first} is under way")), "{number}: {why}");
    }
}

#[test]
fn the_second_is_told_of_the_first() {
    let (_folder, store) = store();
    assert_eq!(store.locked_by(), None);
    let lock = store.lock("deploy 17 of registry/api:v2", "ali@host").unwrap();
    let told = busy(store.lock("deploy 18", "eve@host"));
    let process = std::process::id();
    let begun = "deploy 17 of registry/api:v2 is under way, begun ";
    assert!(told.starts_with(begun), "{told}");
    assert!(told.ends_with(&format!("s ago by ali@host (process {process})")), "{told}");
    assert!(store.locked_by().unwrap().starts_with(begun));
    drop(lock);
    assert_eq!(store.locked_by(), None);
    store.lock("deploy 18", "eve@host").unwrap();
}

#[test]
fn a_lock_whose_words_cannot_be_read_is_a_lock() {
    let (_folder, store) = store();
    let lock = store.lock("deploy 17", "ali@host").unwrap();
    for words in [&b""[..], b"{", b"\xff\xfe", b"{\"what\": 3}", &[b'x'; 10_000]] {
        std::fs::write(store.folder.join("lock"), words).unwrap();
        assert_eq!(busy(store.lock("deploy 18", "eve@host")), "another mizanctl is at work on this service");
    }
    drop(lock);
    std::fs::write(store.folder.join("lock"), b"\xff\xfe").unwrap();
    store.lock("deploy 18", "eve@host").unwrap();
}

#[test]
fn what_another_wrote_cannot_steer_the_terminal() {
    let (_folder, store) = store();
    let _lock = store.lock("deploy \x1b[2J of api", "ali\n@host").unwrap();
    let told = store.locked_by().unwrap();
    assert!(!told.chars().any(char::is_control), "{told}");
    assert!(told.contains("deploy \\u{1b}[2J of api"), "{told}");
}

#[test]
fn the_lock_of_a_process_that_was_killed_is_free() {
    let (_folder, store) = store();
    let path = store.folder.join("lock");
    let words = br#"{"what":"deploy 3","pid":4711,"since_unix_ms":1,"by":"eve@host"}"#;
    std::fs::write(&path, words).unwrap();
    let mut other = Command::new("flock");
    other.arg("--no-fork").arg(&path).args(["sh", "-c", "echo locked; exec cat"]);
    let mut other = other.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(other.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "locked\n");
    let told = busy(store.lock("deploy 4", "ali@host"));
    assert!(
        told.starts_with("deploy 3 is under way") && told.ends_with("by eve@host (process 4711)"),
        "{told}"
    );
    other.kill().unwrap();
    other.wait().unwrap();
    assert_eq!(store.locked_by(), None, "its words are there still, and nobody has the lock");
    let _lock = store.lock("deploy 4", "ali@host").unwrap();
    assert!(store.locked_by().unwrap().starts_with("deploy 4 is under way"));
}

#[test]
fn a_wish_is_taken_once_and_the_last_one_counts() {
    let (_folder, store) = store();
    assert_eq!(store.take_wish(), None);
    store.leave_wish(&Wish::Pause { by: "eve@host".into() }).unwrap();
    let last = Wish::Promote { by: "ali@host".into(), full: true };
    store.leave_wish(&last).unwrap();
    assert_eq!(store.take_wish(), Some(last));
    assert_eq!(store.take_wish(), None);
    assert_eq!(names(&store), [""; 0]);
}

#[test]
fn a_wish_that_cannot_be_understood_is_removed() {
    let (_folder, store) = store();
    for words in [&b""[..], b"{\"abort\":", b"\xff", b"{\"vanish\":{\"by\":\"ali\"}}"] {
        std::fs::write(store.folder.join("wish"), words).unwrap();
        assert_eq!(store.take_wish(), None);
        assert_eq!(names(&store), [""; 0]);
    }
}

#[test]
fn a_wish_does_not_reach_a_later_process() {
    let (_folder, store) = store();
    drop(store.lock("deploy 1", "ali@host").unwrap());
    store.leave_wish(&Wish::Abort { by: "eve@host".into() }).unwrap();
    std::fs::write(store.folder.join("wish.4711.0"), "{\"ab").unwrap();
    let _lock = store.lock("deploy 2", "ali@host").unwrap();
    assert_eq!(store.take_wish(), None);
    assert_eq!(names(&store), ["lock"]);
}

#[test]
fn one_who_does_not_get_the_lock_takes_nobodys_wish_away() {
    let (_folder, store) = store();
    let _lock = store.lock("deploy 1", "ali@host").unwrap();
    let wish = Wish::Abort { by: "eve@host".into() };
    store.leave_wish(&wish).unwrap();
    busy(store.lock("deploy 2", "ali@host"));
    assert_eq!(store.take_wish(), Some(wish));
}
