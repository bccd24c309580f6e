//! "Did you mean ...?"

/// The one of `known` that `written` is a slip of, if any is near enough.
pub(crate) fn nearest<'k>(written: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let allowed = written.chars().count().div_ceil(3).min(3);
    known
        .into_iter()
        .filter(|name| name.len().abs_diff(written.len()) <= allowed)
        .map(|name| (strsim::damerau_levenshtein(&written.to_lowercase(), &name.to_lowercase()), name))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_is_recognised_and_a_stranger_is_not() {
        let known = ["endpoints", "tracks", "health"];
        assert_eq!(nearest("endpoint", known), Some("endpoints"));
        assert_eq!(nearest("Tracks", known), Some("tracks"));
        assert_eq!(nearest("haelth", known), Some("health"));
        assert_eq!(nearest("colour", known), None);
        assert_eq!(nearest("", known), None);
    }
}
