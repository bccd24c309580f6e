//! Reading files of bounded size, each once.

use crate::fault::Finding;
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The largest file that is read, in bytes. A bundle of every public authority has a quarter of it.
const MAX_SIZE: u64 = 1024 * 1024;

/// Read access for everybody.
const OTHERS_READ: u32 = 0o004;

/// Files that were read. One that several sites name is read once, so that they agree on what it says.
#[derive(Default)]
pub(crate) struct Files(HashMap<PathBuf, Content>);

#[derive(Clone)]
pub(crate) struct Content {
    pub(crate) bytes: Arc<[u8]>,
    pub(crate) everybody_reads: bool,
}

impl Files {
    /// Takes `bytes` for what the file holds.
    pub(crate) fn hold(&mut self, path: PathBuf, bytes: Arc<[u8]>) {
        self.0.insert(path, Content { bytes, everybody_reads: false });
    }

    /// `what` names the file in messages: "the certificate".
    pub(crate) fn read(&mut self, path: &Path, what: &str) -> Result<Content, Finding> {
        if let Some(content) = self.0.get(path) {
            return Ok(content.clone());
        }
        let content = read(path, what)?;
        self.0.insert(path.to_owned(), content.clone());
        Ok(content)
    }

    /// As [`Self::read`], for what nobody else should know. Told, not refused: in a container everybody is one user.
    pub(crate) fn read_secret(
        &mut self,
        path: &Path,
        what: &str,
        findings: &mut Vec<Finding>,
    ) -> Result<Content, Finding> {
        let content = self.read(path, what)?;
        if content.everybody_reads {
            let path = path.display();
            findings.push(
                Finding::doubtful(format!("{what} can be read by every user of this system: {path}"))
                    .hint(format!("chmod o-r {path}")),
            );
        }
        Ok(content)
    }
}

fn read(path: &Path, what: &str) -> Result<Content, Finding> {
    let shown = path.display();
    let unreadable = |error: &io::Error| {
        Finding::unusable(format!("cannot read {what}: {error}: {shown}"))
            .hint("check the path and that this user may read the file")
    };
    // Before it is opened: opening a pipe waits for a writer.
    let metadata = fs::metadata(path).map_err(|error| unreadable(&error))?;
    if !metadata.is_file() {
        return Err(Finding::unusable(format!("{what} is not a plain file: {shown}")));
    }
    let file = File::open(path).map_err(|error| unreadable(&error))?;
    let mut bytes = Vec::new();
    // One byte more than is allowed tells a file that is too large from one that just fits.
    file.take(MAX_SIZE + 1).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
    if bytes.len() as u64 > MAX_SIZE {
        return Err(Finding::unusable(format!("{what} is larger than 1 MiB: {shown}"))
            .hint("is this the file you mean?"));
    }
    Ok(Content { bytes: bytes.into(), everybody_reads: metadata.mode() & OTHERS_READ != 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(path: &Path) -> String {
        read(path, "the key").err().expect("refused").message
    }

    #[test]
    fn a_file_of_a_mebibyte_is_read_and_a_larger_one_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("file");
        fs::write(&file, vec![b'x'; MAX_SIZE as usize]).expect("written");
        assert!(read(&file, "the key").is_ok());
        fs::write(&file, vec![b'x'; MAX_SIZE as usize + 1]).expect("written");
        assert!(refused(&file).starts_with("the key is larger than 1 MiB: "));
    }

    #[test]
    fn what_is_not_a_plain_file_is_refused() {
        for path in ["/", "/dev/zero"] {
            assert_eq!(refused(Path::new(path)), format!("the key is not a plain file: {path}"));
        }
        assert!(refused(Path::new("/nowhere/at/all")).starts_with("cannot read the key: No such file"));
    }

    #[test]
    fn a_file_is_read_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("file");
        fs::write(&file, "one").expect("written");
        let mut files = Files::default();
        let mut findings = Vec::new();
        assert_eq!(*files.read_secret(&file, "it", &mut findings).expect("read").bytes, *b"one");
        fs::write(&file, "two").expect("written");
        assert_eq!(*files.read(&file, "it").expect("read").bytes, *b"one");
    }
}
