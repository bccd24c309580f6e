//! Answers to challenges under way, where every process that shares the store finds them.

use mizan_certs::durable;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// What a token may be (RFC 8555, 8.1), and so a file's name: at least 128 bits in base64url.
const TOKEN: std::ops::RangeInclusive<usize> = 22..=128;

/// An answer that nobody took away: its process was killed.
const LEFT_BEHIND: Duration = Duration::from_hours(24);

/// What proves one name.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answer {
    pub(crate) name: String,
    pub(crate) token: String,
    pub(crate) key_authorization: String,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer").field("name", &self.name).finish_non_exhaustive()
    }
}

#[derive(Debug)]
pub(crate) struct Challenges {
    folder: PathBuf,
}

impl Challenges {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    pub(crate) fn put(&self, answer: &Answer) -> std::io::Result<()> {
        let text = serde_json::to_vec(answer).expect("texts are JSON");
        let Some(file) = file(&self.folder, &answer.token) else {
            return Err(std::io::Error::other("the authority's token is no token (RFC 8555, 8.1)"));
        };
        durable::write(&file, &text)
    }

    pub(crate) fn remove(&self, token: &str) {
        if let Some(file) = file(&self.folder, token) {
            // What is left behind is removed at a later start.
            let _ = std::fs::remove_file(file);
        }
    }

    /// The answer to a token.
    pub(crate) fn get(&self, token: &str) -> Option<Answer> {
        read(&file(&self.folder, token)?)
    }

    /// The newest answer for a name: a process that was killed may have left an older one.
    pub(crate) fn for_name(&self, name: &str) -> Option<Answer> {
        let mut files = self.files();
        files.sort_by_key(|file| std::fs::metadata(file).and_then(|metadata| metadata.modified()).ok());
        files.iter().rev().filter_map(|file| read(file)).find(|answer| answer.name == name)
    }

    fn files(&self) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(&self.folder) else { return Vec::new() };
        entries.flatten().map(|entry| entry.path()).collect()
    }

    /// Removes what killed processes left.
    pub(crate) fn tidy(&self) {
        let old = |file: &PathBuf| {
            let modified = std::fs::metadata(file).and_then(|metadata| metadata.modified());
            let age = modified.ok().and_then(|modified| SystemTime::now().duration_since(modified).ok());
            age.is_some_and(|age| age > LEFT_BEHIND)
        };
        for file in self.files().iter().filter(|file| old(file)) {
            let _ = std::fs::remove_file(file);
        }
    }
}

/// Whether it could be a token, before a disk is asked for it.
pub(crate) fn is_token(token: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    TOKEN.contains(&token.len()) && token.bytes().all(plain)
}

fn file(folder: &Path, token: &str) -> Option<PathBuf> {
    is_token(token).then(|| folder.join(token))
}

fn read(file: &Path) -> Option<Answer> {
    serde_json::from_slice(&durable::read(file).ok()??).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_found_by_its_token_and_by_its_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let challenges = Challenges::new(folder.path().to_owned());
        let answer = Answer {
            name: "a.example.com".into(),
            token: "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA".into(),
            key_authorization: "evaGxf.thumb".into(),
        };
        challenges.put(&answer).expect("kept");
        assert_eq!(challenges.get(&answer.token).as_ref(), Some(&answer));
        assert_eq!(challenges.for_name("a.example.com").as_ref(), Some(&answer));
        assert_eq!(challenges.for_name("b.example.com"), None);
        challenges.remove(&answer.token);
        assert_eq!(challenges.get(&answer.token), None);
    }

    #[test]
    fn what_is_no_token_never_becomes_a_path() {
        let folder = tempfile::tempdir().expect("a folder");
        let challenges = Challenges::new(folder.path().join("inner"));
        for token in
            ["", "short", "../../../../../../etc/passwd", &"a".repeat(129), "aaaaaaaaaaaaaaaaaaaaaaaaaa/b"]
        {
            assert_eq!(challenges.get(token), None, "{token}");
            let answer = Answer { name: "a".into(), token: token.into(), key_authorization: "k".into() };
            challenges.put(&answer).expect_err("refused");
        }
    }
}
