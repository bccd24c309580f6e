//! The variables that the Compose file needs are set.

use super::Item;
use crate::deploy::Place;
use std::path::PathBuf;

/// `None`: deploy.yml names none.
pub(super) fn are_set(place: &Place) -> Option<Item> {
    let (what, environment) = ("variables", &place.environment);
    if environment.variables.is_empty() && environment.compose.env_file.is_none() {
        return None;
    }
    let file = environment.compose.env_file.clone().unwrap_or_else(|| {
        let first = environment.compose.files.first().cloned().unwrap_or_default();
        first.parent().map_or_else(|| PathBuf::from(".env"), |folder| folder.join(".env"))
    });
    let text = match std::fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if environment.compose.env_file.is_some() => {
            return Some(Item::bad(what, format!("`env_file` {} cannot be read: {error}", file.display())));
        }
        Err(_) => String::new(),
    };
    let in_file = names(&text);
    let is_set = |name: &String| {
        std::env::var_os(name).is_some_and(|value| !value.is_empty()) || in_file.contains(&name.as_str())
    };
    let missing: Vec<_> = environment.variables.iter().filter(|name| !is_set(name)).cloned().collect();
    if missing.is_empty() {
        return Some(Item::good(what, format!("{} wanted, all are set", environment.variables.len())));
    }
    let why =
        format!("not set, neither in the environment nor in {}: {}", file.display(), missing.join(", "));
    Some(Item::bad(what, why))
}

/// Names with a value. What they hold is not looked at.
fn names(text: &str) -> Vec<&str> {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    let pairs = lines.filter_map(|line| line.strip_prefix("export ").unwrap_or(line).split_once('='));
    pairs
        .filter(|(_, value)| !value.trim().trim_matches(['"', '\'']).is_empty())
        .map(|(name, _)| name.trim())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_without_a_value_is_not_set() {
        let text = "A=1\n# B=2\nC=\nD=\"\"\nexport E=x\n F = y \nG\n";
        assert_eq!(names(text), ["A", "E", "F"]);
    }
}
