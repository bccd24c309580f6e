//! Files that are whole at any moment, and on the disk when it is said so.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Puts `content` in the file's place: beside it first, on the disk, then by its name. Mode 0600.
pub fn write(file: &Path, content: &[u8]) -> io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let beside = folder.join(name);
    let put = || {
        let mut new = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        new.write_all(content)?;
        new.sync_all()?;
        std::fs::rename(&beside, file)
    };
    if let Err(error) = put() {
        // What a full disk took of it would be in the way of the next try.
        let _ = std::fs::remove_file(&beside);
        return Err(error);
    }
    // The name is on the disk when the folder is.
    File::open(folder)?.sync_all()
}

/// `None`: there is no such file.
pub fn read(file: &Path) -> io::Result<Option<Vec<u8>>> {
    match std::fs::read(file) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
