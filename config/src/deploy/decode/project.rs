//! The name that Compose gives to a project: another one would be another project, beside the one that runs.

use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

/// What Compose takes a name from.
pub(super) const VARIABLE: &str = "COMPOSE_PROJECT_NAME";

/// No Compose file and no file of variables is longer.
const MAX_FILE_SIZE: u64 = 1 << 20;

/// Lower-cased, and only letters, digits, `-` and `_`, beginning with a letter or digit. Empty where nothing is left.
pub(super) fn normalised(name: &str) -> String {
    let kept = |c: &char| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '-' || *c == '_';
    let name: String = name.to_lowercase().chars().filter(kept).collect();
    // Compose 1.29 keeps them, but Compose v2 takes no such name with `-p`.
    name.trim_start_matches(['-', '_']).to_owned()
}

/// What a file of variables says, as written; Compose reads `.env` beside its first file where it is told none.
pub(super) fn of_variables(file: &Path) -> Option<String> {
    let lines = read(file)?;
    let value = |line: &str| {
        let line = line.trim_start().trim_start_matches("export ");
        line.strip_prefix(VARIABLE)?.trim_start().strip_prefix('=').map(scalar)
    };
    lines.lines().filter_map(value).next_back()
}

/// What Compose files say at their top, as written; the last that says it counts.
pub(super) fn of_compose(files: &[PathBuf]) -> Option<String> {
    let name = |file: &PathBuf| {
        let text = read(file)?;
        text.lines().find_map(|line| line.strip_prefix("name:").map(scalar))
    };
    files.iter().filter_map(name).next_back()
}

/// Without quotes and remarks.
fn scalar(written: &str) -> String {
    let bare = written.trim();
    let quote = bare.chars().next().filter(|first| matches!(first, '"' | '\''));
    if let Some(quote) = quote {
        return bare[1..].split(quote).next().unwrap_or_default().to_owned();
    }
    bare.split(" #").next().unwrap_or_default().trim_end().to_owned()
}

fn read(file: &Path) -> Option<String> {
    // Opening a pipe or a device could wait for ever.
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    let mut text = String::new();
    File::open(file).ok()?.take(MAX_FILE_SIZE).read_to_string(&mut text).ok()?;
    Some(text)
}

/// What a project is called after a file of it.
pub(super) fn of_file(file: &Path) -> Option<String> {
    let folder = std::path::absolute(file).ok()?.parent().map(without_dots)?;
    let name = normalised(&folder.file_name()?.to_string_lossy());
    (!name.is_empty()).then_some(name)
}

/// As Compose reads it: `..` is taken back without a look at links.
fn without_dots(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                clean.pop();
            }
            other => clean.push(other),
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_is_called_after_its_folder_as_compose_does() {
        for (file, expected) in [
            ("/srv/app/docker-compose.yml", Some("app")),
            ("/srv/My App.v2/docker-compose.yml", Some("myappv2")),
            ("/srv/_app_1-x/compose.yml", Some("app_1-x")),
            ("/srv/app/deploy/../docker-compose.yml", Some("app")),
            ("/srv/app/./docker-compose.yml", Some("app")),
            ("/srv/App/../../docker-compose.yml", None),
            ("/docker-compose.yml", None),
            ("/srv/نظام/docker-compose.yml", None),
        ] {
            assert_eq!(of_file(Path::new(file)).as_deref(), expected, "{file}");
        }
    }

    #[test]
    fn a_relative_file_is_in_a_folder_with_a_name() {
        let here = std::env::current_dir().unwrap();
        let expected = Some(normalised(here.file_name().unwrap().to_str().unwrap()));
        assert_eq!(of_file(Path::new("docker-compose.yml")), expected);
        assert_eq!(of_file(Path::new("./docker-compose.yml")), expected);
        assert_eq!(of_file(Path::new("x/../docker-compose.yml")), expected);
    }
}
