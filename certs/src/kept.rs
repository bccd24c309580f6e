//! Certificates that the proxy got by itself, as they lie below `state`: key and chain in one file, so that no moment sees
//! one without the other.

use crate::certificate::{Certificate, CertificateInfo};
use crate::chain;
use crate::digest::{hex, sha256};
use crate::fault::Finding;
use crate::files::Files;
use crate::pair::Pair;
use mizan_config::model::{CertificateFiles, HostPattern, Place};
use rustls::crypto::CryptoProvider;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// What nobody but the owner may do.
const OTHERS: u32 = 0o077;

/// Characters of a name that a file's name takes over.
const LONGEST_NAME: usize = 80;

/// Where everything of one authority lies: `<state>/acme/<host>-<8 digits>`.
pub fn authority_folder(state: &Path, directory: &str) -> PathBuf {
    let host = directory.split_once("://").map_or(directory, |(_, rest)| rest);
    let host = host.split(['/', '?', '#']).next().unwrap_or_default();
    state.join("acme").join(format!("{}-{}", plain(host), digits(directory.as_bytes())))
}

/// What a set of names is called on disk. The order of the names does not matter.
pub fn slug<T: AsRef<str>>(names: &[T]) -> String {
    let mut sorted: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    sorted.sort_unstable();
    format!("{}-{}", plain(sorted.first().unwrap_or(&"")), digits(sorted.join("\n").as_bytes()))
}

/// Where the certificate for a set of names is kept.
pub fn certificate_file<T: AsRef<str>>(authority: &Path, names: &[T]) -> PathBuf {
    certificates_folder(authority).join(format!("{}.pem", slug(names)))
}

/// Where other authorities' certificates lie below the same `state`.
pub(crate) fn other_authorities(authority: &Path) -> Vec<PathBuf> {
    let Some(Ok(entries)) = authority.parent().map(fs::read_dir) else { return Vec::new() };
    let mut others: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    others.retain(|other| other != authority && certificates_folder(other).is_dir());
    others.sort_unstable();
    others
}

pub fn certificates_folder(authority: &Path) -> PathBuf {
    authority.join("certificates")
}

/// A host of mizan.yml as certificates and authorities write it: `*.example.com`, `::1`.
pub fn name_of(host: &HostPattern) -> String {
    match host {
        HostPattern::Exact(host) => host.trim_matches(['[', ']']).to_owned(),
        HostPattern::Wildcard(base) => format!("*.{base}"),
        HostPattern::Any => "*".to_owned(),
    }
}

fn plain(text: &str) -> String {
    let keep = |character: char| match character {
        'a'..='z' | '0'..='9' | '.' | '-' => character,
        'A'..='Z' => character.to_ascii_lowercase(),
        _ => '_',
    };
    let text: String = text.chars().take(LONGEST_NAME).map(keep).collect();
    // No hidden file, whatever the name.
    if text.starts_with('.') { format!("_{text}") } else { text }
}

fn digits(bytes: &[u8]) -> String {
    hex(&sha256(bytes)[..4])
}

/// Certificates that could not be written: served from memory until the disk takes them.
#[derive(Debug, Default)]
pub struct Unsaved(Mutex<BTreeMap<PathBuf, Arc<[u8]>>>);

impl Unsaved {
    /// Serves `pem` as if `file` held it.
    pub fn hold(&self, file: &Path, pem: &str) {
        self.lock().insert(file.to_owned(), pem.as_bytes().into());
    }

    /// `file` has `pem` now. A newer one that came meanwhile stays.
    pub fn saved(&self, file: &Path, pem: &[u8]) {
        let mut held = self.lock();
        if held.get(file).is_some_and(|held| **held == *pem) {
            held.remove(file);
        }
    }

    pub fn all(&self) -> Vec<(PathBuf, Arc<[u8]>)> {
        self.lock().iter().map(|(file, pem)| (file.clone(), pem.clone())).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<PathBuf, Arc<[u8]>>> {
        self.0.lock().expect("nothing panics while it holds the lock")
    }
}

/// A certificate with its key, from one file.
pub struct Kept {
    pub(crate) pair: Pair,
    pub info: CertificateInfo,
}

impl Kept {
    /// Whether it is for all of `names`, in force or not.
    pub fn covers<T: AsRef<str>>(&self, names: &[T]) -> bool {
        names.iter().all(|name| self.is_for(&host_of(name.as_ref())))
    }

    /// The certificate itself, in DER.
    pub fn der(&self) -> &[u8] {
        self.pair.certified.cert.first().expect("a pair was made from a certificate")
    }

    pub(crate) fn own(&self) -> &Certificate {
        self.pair.own()
    }

    pub(crate) fn is_for(&self, host: &HostPattern) -> bool {
        chain::is_for(&self.own().names, host)
    }

    /// The best has the highest: one in force before one that is not; then the newest, which is what was wanted last.
    fn rank(&self, now: i64) -> (bool, i64, i64) {
        (self.is_in_force(now), self.info.not_before, self.info.not_after)
    }

    pub(crate) fn is_in_force(&self, now: i64) -> bool {
        self.info.not_before <= now && now <= self.info.not_after
    }
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kept").field("info", &self.info).finish_non_exhaustive()
    }
}

fn host_of(name: &str) -> HostPattern {
    match name.strip_prefix("*.") {
        Some(base) => HostPattern::Wildcard(base.to_owned()),
        None => HostPattern::Exact(name.to_owned()),
    }
}

/// All certificates of one authority.
#[derive(Debug, Default)]
pub struct Shelf {
    kept: Vec<Arc<Kept>>,
    /// What was looked at, for watching: the folder, and every file in it.
    pub(crate) files: Vec<PathBuf>,
    /// Why something that is there could not be read: it may be good.
    unreadable: Option<String>,
}

/// What lies in a store cannot be read now: nothing is known of what is there.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(String);

impl Shelf {
    /// Reads what lies in the authority's folder. A file that is damaged is told of and passed over; where `last` has what
    /// it held before, that goes on.
    pub(crate) fn read(
        authority: &Path,
        unsaved: &Unsaved,
        last: &[Arc<Kept>],
        provider: &CryptoProvider,
        findings: &mut Vec<Finding>,
    ) -> Self {
        let folder = certificates_folder(authority);
        let mut shelf = Self { kept: Vec::new(), files: vec![folder.clone()], unreadable: None };
        let held = unsaved.all();
        let mut paths = match list(&folder) {
            Ok(paths) => paths,
            Err(finding) => {
                shelf.unreadable = Some(finding.message.clone());
                shelf.kept.extend(last.iter().cloned());
                findings.push(finding);
                Vec::new()
            }
        };
        paths.extend(held.iter().map(|(file, _)| file.clone()).filter(|file| file.starts_with(&folder)));
        paths.sort_unstable();
        paths.dedup();
        let mut files = Files::default();
        for (file, pem) in held {
            files.hold(file, pem);
        }
        for path in paths {
            let before = last.iter().find(|kept| kept.info.file == path);
            match read(&path, &mut files, provider, findings) {
                Ok(kept) => shelf.kept.push(Arc::new(kept)),
                Err(Bad::Open(finding)) => {
                    shelf.unreadable = Some(finding.message.clone());
                    shelf.kept.extend(before.cloned());
                    findings.push(finding);
                }
                Err(Bad::Unreadable(finding)) => {
                    shelf.unreadable = Some(finding.message.clone());
                    shelf.kept.extend(before.cloned());
                    findings.push(finding.only_doubtful());
                }
                Err(Bad::Damaged(finding)) => {
                    let goes_on = if before.is_some() {
                        "the one that it held before goes on"
                    } else {
                        "it is passed over, and another one is ordered"
                    };
                    findings.push(
                        Finding::doubtful(format!("{}; {goes_on}", finding.message))
                            .hint("restore the file from a backup, or remove it"),
                    );
                    shelf.kept.extend(before.cloned());
                }
            }
            shelf.files.push(path);
        }
        shelf
    }

    /// The same for those who only look. What is damaged is not there; what cannot be read may well be.
    pub fn look(authority: &Path, unsaved: &Unsaved) -> Result<Self, Unreadable> {
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let mut shelf = Self::read(authority, unsaved, &[], &provider, &mut Vec::new());
        match shelf.unreadable.take() {
            Some(why) => Err(Unreadable(why)),
            None => Ok(shelf),
        }
    }

    /// The one that is served for `names`; `None` where none is for all of them.
    pub fn covering<T: AsRef<str>>(&self, names: &[T], now: i64) -> Option<&Arc<Kept>> {
        self.kept.iter().filter(|kept| kept.covers(names)).max_by_key(|kept| kept.rank(now))
    }

    /// What a host is served with, as the schedule looks at it.
    pub(crate) fn best(&self, host: &HostPattern, now: i64) -> Option<&Arc<Kept>> {
        let fits = self.kept.iter().filter(|kept| kept.is_for(host));
        fits.max_by_key(|kept| kept.rank(now))
    }

    /// Whether a certificate in force is for `name` that has more than this part of its lifetime left.
    pub fn has_time(&self, name: &str, now: i64, part: i64) -> bool {
        let host = host_of(name);
        self.kept.iter().filter(|kept| kept.is_for(&host) && kept.is_in_force(now)).any(|kept| {
            let lifetime = kept.info.not_after.saturating_sub(kept.info.not_before);
            kept.info.not_after.saturating_sub(now) > lifetime / part
        })
    }

    pub(crate) fn kept(&self) -> &[Arc<Kept>] {
        &self.kept
    }
}

fn list(folder: &Path) -> Result<Vec<PathBuf>, Finding> {
    let unreadable = |error: &io::Error| {
        Finding::unusable(format!("cannot read the folder of certificates: {error}: {}", folder.display()))
            .hint("check that it belongs to this user")
    };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(&error)),
    };
    let mode = fs::metadata(folder).map_err(|error| unreadable(&error))?.permissions().mode();
    if mode & OTHERS != 0 {
        return Err(too_wide("the folder of certificates", folder, mode, "700"));
    }
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| unreadable(&error))?.path();
        if path.extension().is_some_and(|extension| extension == "pem") {
            paths.push(path);
        }
    }
    Ok(paths)
}

fn too_wide(what: &str, path: &Path, mode: u32, wanted: &str) -> Finding {
    let shown = path.display();
    Finding::unusable(format!("{what} is open to other users (mode {:04o}): {shown}", mode & 0o7777))
        .hint(format!("chmod {wanted} {shown}"))
}

/// Why a file is no certificate of ours.
enum Bad {
    /// Others could have read the key: no accident of the disk.
    Open(Finding),
    Unreadable(Finding),
    Damaged(Finding),
}

fn read(
    path: &Path,
    files: &mut Files,
    provider: &CryptoProvider,
    findings: &mut Vec<Finding>,
) -> Result<Kept, Bad> {
    if let Ok(metadata) = fs::metadata(path) {
        let mode = metadata.permissions().mode();
        if mode & OTHERS != 0 {
            return Err(Bad::Open(too_wide("a certificate's key", path, mode, "600")));
        }
    }
    files.read(path, "the certificate").map_err(Bad::Unreadable)?;
    pair(path, files, provider, findings).map_err(Bad::Damaged)
}

fn pair(
    path: &Path,
    files: &mut Files,
    provider: &CryptoProvider,
    findings: &mut Vec<Finding>,
) -> Result<Kept, Finding> {
    let both = CertificateFiles {
        certificate: path.to_owned(),
        key: path.to_owned(),
        ocsp: None,
        place: Place::default(),
    };
    let pair = Pair::read(&both, files, provider, findings)?;
    let info = pair.own().info(path);
    Ok(Kept { pair, info })
}

/// What a key and a chain are that came together: from an authority, or from another program's folder.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unsound(String);

/// Reads key and chain as they would be kept, without keeping them. `file` is where they came from, for the message.
pub fn examine(pem: &str, file: &Path) -> Result<Kept, Unsound> {
    let mut files = Files::default();
    files.hold(file.to_owned(), pem.as_bytes().into());
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    pair(file, &mut files, &provider, &mut Vec::new()).map_err(|finding| Unsound(finding.message))
}
