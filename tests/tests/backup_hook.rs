//! deploy/hooks/mongodump-backup as it is shipped, with a stand-in for mongodump.

use mizan_tests::cli::{Finished, run};
use mizan_tests::eventually;
use rustix::process::{Pid, Signal, kill_process_group};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/hooks/mongodump-backup");
const DUMP: &str = "head -c 4096 /dev/urandom";
const NEVER: &str = "echo never >&2; exit 1";

struct Backups {
    folder: TempDir,
}

impl Backups {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// With blanks in its name, and not there before the first dump.
    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("the backups")
    }

    async fn run(&self, dump: &str, env: &[(&str, &str)]) -> Finished {
        let path = self.path().display().to_string();
        let mut all = vec![("DUMP", dump), ("BACKUP_DIR", path.as_str())];
        all.extend_from_slice(env);
        run(SCRIPT, self.folder.path(), &[], &all).await
    }

    /// Everything in the folder, sorted.
    fn files(&self) -> Vec<String> {
        let Ok(files) = std::fs::read_dir(self.path()) else { return Vec::new() };
        let mut files: Vec<String> =
            files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        files.sort();
        files
    }

    /// A dump of so many days ago.
    async fn old(&self, name: &str, days: u32) {
        std::fs::create_dir_all(self.path()).unwrap();
        let date = format!("{days} days ago");
        let touched = run("touch", &self.path(), &["-d", &date, name], &[]).await;
        assert_eq!(touched.code, Some(0), "{touched:?}");
    }
}

fn is_name(name: &str) -> bool {
    let digits = |text: &str, length| text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
    let time = name.strip_prefix("mongo-").and_then(|rest| rest.strip_suffix(".archive.gz"));
    time.and_then(|time| time.split_once('-')).is_some_and(|(day, time)| digits(day, 8) && digits(time, 6))
}

#[tokio::test]
async fn a_dump_is_kept_whole_under_its_time_for_its_owner_alone() {
    let backups = Backups::new();
    let finished = backups.run("printf 'abc\\0%04096d' 7", &[("MIZAN_SERVICE", "api")]).await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let files = backups.files();
    assert!(files.len() == 1 && is_name(&files[0]), "{files:?}");
    let file = backups.path().join(&files[0]);
    assert!(finished.stdout.contains(&format!("{}: 4100 bytes", file.display())), "{finished:?}");
    assert!(finished.stdout.contains("dumping for api"), "{finished:?}");
    assert_eq!(std::fs::read(&file).unwrap(), format!("abc\0{:04096}", 7).into_bytes());
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn a_dump_that_fails_leaves_nothing_and_what_was_there_before() {
    let backups = Backups::new();
    backups.old("mongo-20200101-000000.archive.gz", 100).await;
    let before = backups.files();
    let finished = backups.run(&format!("{DUMP}; exit 3"), &[]).await;
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(finished.stderr.contains("the dump ended with code 3: no backup was made"), "{finished:?}");
    assert_eq!(backups.files(), before, "nothing is rotated away for a dump that is none");
}

#[tokio::test]
async fn an_empty_or_tiny_dump_is_a_failure() {
    for (dump, bytes) in [("true", 0), ("echo tiny", 5), ("head -c 511 /dev/zero", 511)] {
        let backups = Backups::new();
        let finished = backups.run(dump, &[]).await;
        assert_eq!(finished.code, Some(1), "{finished:?}");
        assert!(finished.stderr.contains(&format!("the dump has {bytes} bytes, fewer than")), "{finished:?}");
        assert_eq!(backups.files(), [""; 0]);
    }
    let finished = Backups::new().run("echo tiny", &[("MIN_BYTES", "5")]).await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
}

#[tokio::test]
async fn dumps_beyond_their_age_are_removed_and_nothing_else() {
    let backups = Backups::new();
    for (name, days) in [
        ("mongo-20200101-000000.archive.gz", 9),
        ("mongo-20200102-000000.archive.gz", 8),
        ("mongo-20200103-000000.archive.gz", 6),
        ("mongo-notes.txt", 100),
        ("other.archive.gz", 100),
        (".mongo-abcdefgh", 2),
        (".mongo-ijklmnop", 0),
    ] {
        backups.old(name, days).await;
    }
    let finished = backups.run(DUMP, &[]).await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(finished.stdout.contains("removed mongo-20200101-000000.archive.gz: older than 7 days"));
    let files = backups.files();
    assert_eq!(files.len(), 5, "{files:?}");
    // The rest of a run that was killed goes; that of one that may run still does not.
    assert_eq!(files[..2], [".mongo-ijklmnop", "mongo-20200103-000000.archive.gz"]);
    assert!(is_name(&files[2]), "{files:?}");
    assert_eq!(files[3..], ["mongo-notes.txt", "other.archive.gz"]);

    let finished = backups.run(DUMP, &[("KEEP_DAYS", "5")]).await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(!backups.files().contains(&"mongo-20200103-000000.archive.gz".to_owned()));
}

#[tokio::test]
async fn the_oldest_dumps_beyond_their_count_are_removed() {
    let backups = Backups::new();
    for day in 10..=20 {
        backups.old(&format!("mongo-202001{day}-000000.archive.gz"), 0).await;
    }
    let finished = backups.run(DUMP, &[("KEEP_COUNT", "3")]).await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let files = backups.files();
    assert_eq!(files[..2], ["mongo-20200119-000000.archive.gz", "mongo-20200120-000000.archive.gz"]);
    assert_eq!(files.len(), 3, "{files:?}");

    let finished = backups.run(DUMP, &[("KEEP_COUNT", "1"), ("KEEP_DAYS", "0")]).await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let last = backups.files();
    assert!(last.len() == 1 && last[0] > files[2], "the newest always stays: {last:?}");
}

#[tokio::test]
async fn the_dump_just_made_stays_though_the_clock_was_ahead_before() {
    let backups = Backups::new();
    backups.old("mongo-29990101-000000.archive.gz", 0).await;
    let finished = backups.run(DUMP, &[("KEEP_COUNT", "1")]).await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert_eq!(backups.files().len(), 2, "{:?}", backups.files());
}

#[tokio::test]
async fn runs_at_once_have_a_file_each() {
    let backups = Backups::new();
    let one = || backups.run(DUMP, &[]);
    let (a, b, c) = tokio::join!(one(), one(), one());
    for finished in [a, b, c] {
        assert_eq!(finished.code, Some(0), "{finished:?}");
    }
    let files = backups.files();
    assert!(files.len() == 3 && files.iter().all(|name| is_name(name)), "{files:?}");
    for file in files {
        assert_eq!(std::fs::metadata(backups.path().join(file)).unwrap().len(), 4096);
    }
}

#[tokio::test]
async fn one_that_is_told_to_end_leaves_no_half_of_a_dump() {
    let backups = Backups::new();
    let mut child = tokio::process::Command::new(SCRIPT)
        .env("DUMP", format!("{DUMP}; exec sleep 1000"))
        .env("BACKUP_DIR", backups.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let written = || {
        let files = backups.files();
        files.iter().any(|file| std::fs::metadata(backups.path().join(file)).is_ok_and(|file| file.len() > 0))
    };
    eventually("it dumps", Duration::from_secs(10), async || written()).await;
    let group = Pid::from_raw(child.id().unwrap().cast_signed()).unwrap();
    kill_process_group(group, Signal::TERM).unwrap();
    let status = tokio::time::timeout(Duration::from_secs(10), child.wait()).await.expect("it ends").unwrap();
    assert_eq!(status.code(), Some(143));
    assert_eq!(backups.files(), [""; 0]);
}

#[tokio::test]
async fn settings_that_are_none_are_told_before_anything_is_done() {
    let backups = Backups::new();
    for (name, value) in [("KEEP_DAYS", "week"), ("KEEP_COUNT", "-1"), ("MIN_BYTES", "08")] {
        let finished = backups.run(NEVER, &[(name, value)]).await;
        assert_eq!(finished.code, Some(1), "{finished:?}");
        assert_eq!(finished.stderr, format!("mongodump-backup: {name}: {value} is no whole number\n"));
    }
    let finished = backups.run("", &[("MONGODB_URI", "")]).await;
    assert!(finished.stderr.contains("set MONGODB_URI, or name a file by MONGODB_CONFIG"), "{finished:?}");
    let finished = backups.run("", &[("MONGODB_CONFIG", "/no/such.yml")]).await;
    assert!(finished.stderr.contains("/no/such.yml is no file that can be read"), "{finished:?}");
    assert_eq!(backups.files(), [""; 0]);
}

/// A stand-in for `docker` notes its arguments, and what the file says that is mounted.
#[tokio::test]
async fn the_uri_reaches_mongodump_by_a_file_and_never_by_an_argument() {
    let backups = Backups::new();
    let programs = backups.folder.path().join("programs");
    std::fs::create_dir(&programs).unwrap();
    let docker = r#"#!/bin/sh
echo "$@" >arguments
file="${9%:/run/mongo.yml:ro}"
{ stat -c %a "$file"; cat "$file"; } >mounted
head -c 4096 /dev/zero
"#;
    write_program(&programs.join("docker"), docker);
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let uri = "mongodb://kaleem:it's%20s3same@db:27017/kaleem?x=\"$HOME\"&y=\\1";
    let finished = backups.run("", &[("PATH", &path), ("MONGODB_URI", uri), ("MONGO_NETWORK", "back")]).await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let noted = |name: &str| std::fs::read_to_string(backups.folder.path().join(name)).unwrap();
    let arguments = noted("arguments");
    assert!(arguments.starts_with("run --rm --init --network back "), "{arguments}");
    assert!(arguments.ends_with("--entrypoint mongodump mongo:5 --config=/run/mongo.yml --archive --gzip\n"));
    assert!(!arguments.contains("s3same"), "{arguments}");
    let mounted = noted("mounted");
    let lines: Vec<&str> = mounted.lines().collect();
    assert_eq!(lines[..2], ["600", &format!("uri: '{}'", uri.replace('\'', "''"))]);
    let files = backups.files();
    assert!(files.len() == 1 && is_name(&files[0]), "the file with the secret is gone: {files:?}");
    assert!(!(finished.stdout + &finished.stderr).contains("s3same"));
}

fn write_program(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}
