//! A fresh backup is there.

use super::Item;
use crate::deploy::Place;
use crate::deploy::place::ms;
use crate::view::short;
use mizan_config::deploy::model::Backup;
use std::time::{Duration, SystemTime};

/// `None`: deploy.yml does not want one.
pub(super) fn is_fresh(place: &Place) -> Option<Item> {
    let backup = place.service.backup.as_ref()?;
    let what = "backup";
    Some(match newest(backup) {
        Err(error) => Item::bad(what, format!("{} cannot be read: {error}", backup.folder.display())),
        Ok(None) => Item::bad(what, format!("{} has no file {}", backup.folder.display(), backup.pattern)),
        Ok(Some((name, age))) if age > backup.max_age => {
            let (age, limit) = (short(ms(age)), short(ms(backup.max_age)));
            Item::bad(what, format!("the newest one, {name}, is {age} old; the limit is {limit}"))
        }
        Ok(Some((name, age))) => Item::good(what, format!("{name} is {} old", short(ms(age) / 1000 * 1000))),
    })
}

/// The newest file that is not empty, and its age.
fn newest(backup: &Backup) -> std::io::Result<Option<(String, Duration)>> {
    let mut newest: Option<(String, SystemTime)> = None;
    for entry in std::fs::read_dir(&backup.folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let Ok(metadata) = entry.metadata() else { continue };
        // A dump may be a folder; an empty file is none.
        if !fits(&backup.pattern, &name) || (metadata.is_file() && metadata.len() == 0) {
            continue;
        }
        let modified = metadata.modified()?;
        if newest.as_ref().is_none_or(|(_, before)| modified > *before) {
            newest = Some((name, modified));
        }
    }
    Ok(newest.map(|(name, modified)| (name, modified.elapsed().unwrap_or_default())))
}

/// `*` stands for any characters.
fn fits(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let mut parts: Vec<_> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_has_stars_anywhere() {
        for (pattern, good, bad) in [
            ("*", "x.gz", None),
            ("*.gz", "mongo.archive.gz", Some("mongo.gz.part")),
            ("mongo-*.gz", "mongo-20260101.archive.gz", Some("redis-1.gz")),
            ("dump", "dump", Some("dump2")),
            ("a*b*c", "axxbyyc", Some("acb")),
            ("*a", "aa", Some("ab")),
        ] {
            assert!(fits(pattern, good), "{pattern} {good}");
            assert!(bad.is_none_or(|bad| !fits(pattern, bad)), "{pattern} {bad:?}");
        }
    }

    #[test]
    fn the_newest_file_that_is_not_empty_counts() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let backup = Backup {
            folder: folder.path().to_owned(),
            max_age: Duration::from_hours(1),
            pattern: "*.gz".into(),
        };
        assert!(newest(&backup).unwrap().is_none());
        let old = std::fs::File::create(folder.path().join("old.gz")).unwrap();
        std::io::Write::write_all(&mut &old, b"x").unwrap();
        old.set_modified(SystemTime::now() - Duration::from_hours(3)).unwrap();
        std::fs::write(folder.path().join("empty.gz"), "").unwrap();
        let (name, age) = newest(&backup).unwrap().expect("one is there");
        assert!(name == "old.gz" && age > Duration::from_hours(2), "{name} {age:?}");
    }
}
