//! Whether files changed since they were read.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What `stat` says of files, seen through symbolic links: certbot and Kubernetes swap a link and leave the old file as it
/// was.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stamps(Vec<(PathBuf, Option<Stamp>)>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: (i64, i64),
    /// A change of owner or mode: what could not be read may be readable now.
    changed: (i64, i64),
    size: u64,
    inode: u64,
    device: u64,
}

impl Stamps {
    /// To be taken before the files are read: a file that changes in between then counts as changed.
    pub fn take(files: impl IntoIterator<Item = impl Into<PathBuf>>) -> Self {
        let mut files: Vec<PathBuf> = files.into_iter().map(Into::into).collect();
        files.sort_unstable();
        files.dedup();
        let stamped = |file: PathBuf| {
            let stamp = stamp(&file);
            (file, stamp)
        };
        Self(files.into_iter().map(stamped).collect())
    }

    /// These, and those of more files; where both have one, these.
    pub(crate) fn and(mut self, more: Vec<PathBuf>) -> Self {
        let Self(more) = Self::take(more);
        for (file, stamp) in more {
            if !self.0.iter().any(|(known, _)| *known == file) {
                self.0.push((file, stamp));
            }
        }
        self.0.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        self
    }

    /// Asks again. A file that vanished counts as changed, and one that came to be.
    pub fn changed(&self) -> bool {
        self.0.iter().any(|(file, then)| stamp(file) != *then)
    }

    /// The files, in order of their names, each once.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.0.iter().map(|(file, _)| file.as_path())
    }
}

fn stamp(file: &Path) -> Option<Stamp> {
    let metadata = fs::metadata(file).ok()?;
    Some(Stamp {
        modified: (metadata.mtime(), metadata.mtime_nsec()),
        changed: (metadata.ctime(), metadata.ctime_nsec()),
        size: metadata.size(),
        inode: metadata.ino(),
        device: metadata.dev(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_link_that_is_swapped_is_a_change() {
        let folder = tempfile::tempdir().expect("a folder");
        let [old, new, link] = ["old", "new", "link"].map(|name| folder.path().join(name));
        fs::write(&old, "same").expect("written");
        fs::write(&new, "same").expect("written");
        symlink(&old, &link).expect("linked");
        let stamps = Stamps::take([&link, &link]);
        assert_eq!(stamps.files().count(), 1);
        assert!(!stamps.changed());
        fs::remove_file(&link).expect("removed");
        assert!(stamps.changed(), "it is gone");
        symlink(&new, &link).expect("linked");
        assert!(stamps.changed(), "it is another file");
    }

    #[test]
    fn a_file_that_is_written_to_or_comes_to_be_is_a_change() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("file");
        let stamps = Stamps::take([&file]);
        assert!(!stamps.changed(), "absent as before");
        fs::write(&file, "one").expect("written");
        assert!(stamps.changed());
        let stamps = Stamps::take([&file]);
        fs::write(&file, "more").expect("written");
        assert!(stamps.changed());
    }
}
