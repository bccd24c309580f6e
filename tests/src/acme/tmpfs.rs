//! A small file system of a test's own, to be filled.

use crate::eventually;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

/// A mounted tmpfs; unmounted when dropped.
#[derive(Debug)]
pub struct Tmpfs {
    folder: TempDir,
}

impl Tmpfs {
    /// `None`, with a line, where this process may not mount, not even by sudo; in CI that is a failure.
    pub fn mount(kilobytes: u32) -> Option<Self> {
        let folder = tempfile::Builder::new().prefix("mzt-tmpfs").tempdir().expect("a temporary folder");
        let (user, group) = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
        let how = format!("size={kilobytes}k,mode=0700,uid={user},gid={group}");
        match as_root(&["mount", "-t", "tmpfs", "-o", &how, "tmpfs"], folder.path()) {
            Ok(()) => Some(Self { folder }),
            Err(why) => {
                assert!(std::env::var("CI").as_deref() != Ok("true"), "CI has to mount a tmpfs: {why}");
                println!("skipped: a tmpfs cannot be mounted here: {why}");
                None
            }
        }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Nothing fits any more.
    pub fn fill(&self) {
        let error = std::fs::write(self.filler(), vec![0; 64 << 20]).expect_err("it is smaller");
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull, "{error}");
    }

    /// There is room again.
    pub fn empty(&self) {
        std::fs::remove_file(self.filler()).expect("it was filled");
    }

    /// Nothing can be written, whoever tries, or can be again. Waits for those who are writing.
    pub async fn set_writable(&self, writable: bool) {
        let how = if writable { "remount,rw" } else { "remount,ro" };
        eventually(how, Duration::from_secs(10), async || {
            as_root(&["mount", "-o", how], self.path()).is_ok()
        })
        .await;
    }

    fn filler(&self) -> PathBuf {
        self.path().join("filler")
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        // Lazily: what still has a file open there keeps it until its own end.
        let _ = as_root(&["umount", "-l"], self.path());
    }
}

/// Runs these words with a path behind them; by sudo where this is not root.
fn as_root(words: &[&str], path: &Path) -> Result<(), String> {
    let sudo: &[&str] = if rustix::process::getuid().is_root() { &[] } else { &["sudo", "-n"] };
    let words = [sudo, words].concat();
    let output = Command::new(words[0]).args(&words[1..]).arg(path).output();
    let output = output.map_err(|e| format!("{}: {e}", words[0]))?;
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
}
