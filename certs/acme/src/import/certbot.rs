//! certbot's folders: `live/NAME` with links into `archive/NAME`, and `renewal/NAME.conf` beside them.

use super::{ImportError, Imported, Problem, Why};
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

const CHAIN: &str = "fullchain.pem";
const KEY: &str = "privkey.pem";

/// Every certificate of a folder of certbot's, by name: the whole (`/etc/letsencrypt`), its `live`, or one below that.
pub fn read(path: &Path) -> Result<Vec<Result<Imported, Problem>>, ImportError> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    read_at(path, i64::try_from(now).unwrap_or(i64::MAX))
}

pub(super) fn read_at(path: &Path, now: i64) -> Result<Vec<Result<Imported, Problem>>, ImportError> {
    // `.` and links have no name of their own.
    let path = &fs::canonicalize(path).map_err(|source| unreadable(path, source))?;
    let folders = list(path)?;
    if is_lineage(path) {
        return Ok(vec![take(path, now)]);
    }
    let live = path.join("live");
    let below = if folders.contains(&live) { list(&live)? } else { folders };
    let is_live =
        path.file_name().is_some_and(|name| name == "live") || below.iter().any(|folder| is_lineage(folder));
    if !is_live && !live.is_dir() {
        return Err(ImportError::NotCertbots(path.clone()));
    }
    Ok(below.iter().map(|folder| take(folder, now)).collect())
}

/// The folders in it, by name.
fn list(folder: &Path) -> Result<Vec<PathBuf>, ImportError> {
    let entries = fs::read_dir(folder).map_err(|source| unreadable(folder, source))?;
    let mut folders: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort_unstable();
    Ok(folders)
}

fn unreadable(folder: &Path, source: io::Error) -> ImportError {
    let folder = folder.to_owned();
    match source.kind() {
        ErrorKind::NotFound => ImportError::Missing(folder),
        ErrorKind::PermissionDenied => ImportError::Denied(folder),
        _ => ImportError::Unreadable { folder, source },
    }
}

/// Whether one certificate is meant to be in it; a link that leads nowhere counts.
fn is_lineage(folder: &Path) -> bool {
    [CHAIN, KEY].iter().any(|file| fs::symlink_metadata(folder.join(file)).is_ok())
}

fn take(folder: &Path, now: i64) -> Result<Imported, Problem> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let problem = |why| Problem { name: name.clone(), why };
    let (chain, key) = (folder.join(CHAIN), folder.join(KEY));
    for file in [&chain, &key] {
        readable(file).map_err(problem)?;
    }
    let (info, pem) = mizan_certs::stored::examine(&chain, &key).map_err(|why| problem(Why::Unsound(why)))?;
    if info.not_after < now {
        return Err(problem(Why::Expired(date(info.not_after))));
    }
    let server = server(folder, &name);
    Ok(Imported { names: info.names, not_after: info.not_after, server, pem, name })
}

fn readable(file: &Path) -> Result<(), Why> {
    let Err(source) = fs::File::open(file) else { return Ok(()) };
    let path = file.to_owned();
    Err(match source.kind() {
        ErrorKind::NotFound => match fs::read_link(file) {
            Ok(target) => Why::Dangling { file: path, target },
            Err(_) => Why::Missing { file: path },
        },
        ErrorKind::PermissionDenied => Why::Denied { file: path },
        _ => Why::Unreadable { file: path, source },
    })
}

/// `server` of the file that certbot renews by; `None` where there is none: it is told for warning only.
fn server(folder: &Path, name: &str) -> Option<String> {
    let root = folder.parent()?.parent()?;
    let text = fs::read_to_string(root.join("renewal").join(format!("{name}.conf"))).ok()?;
    let values = text.lines().filter_map(|line| line.split_once('='));
    values.into_iter().find(|(key, _)| key.trim() == "server").map(|(_, url)| url.trim().to_owned())
}

/// `2026-03-01`
fn date(unix_seconds: i64) -> String {
    jiff::Timestamp::from_second(unix_seconds)
        .map_or_else(|_| unix_seconds.to_string(), |time| time.strftime("%Y-%m-%d").to_string())
}
