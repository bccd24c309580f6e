//! What becomes of a path on its way upstream.

use std::borrow::Cow;

use super::spelling::spelled_length;

/// `rewrite` of a route. Prefixes are written decoded and begin with `/`; the one to go is the route's own or one that
/// the route's own begins with, so that the router has seen to it that no dot segments lead out of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum RewriteSpec {
    #[default]
    Keep,
    /// The prefix goes.
    StripPrefix(String),
    /// The first becomes the second.
    ReplacePrefix(String, String),
}

/// The target (path, and `?query` if there is one) that goes upstream.
///
/// - What follows the prefix stays byte for byte as it was sent, escapes included, and so does the query.
/// - The prefix is known however it is spelled (`/%61pi`, `//api`), and a target that does not begin with it stays as it
///   is.
/// - The result begins with `/`, and where the prefix ended a segment there is one slash at the seam: `/api` to `/v1/`
///   makes `/v1/x` of `/api/x`.
/// - A prefix may end within a segment (`/api` of `/apix` leaves `/x`), unless what is left could begin with a dot segment:
///   `/api../x` stays, lest it become `/../x`.
pub fn rewrite<'a>(target: &'a str, spec: &RewriteSpec) -> Cow<'a, str> {
    let (prefix, replacement) = match spec {
        RewriteSpec::Keep => return Cow::Borrowed(target),
        RewriteSpec::StripPrefix(prefix) => (prefix, ""),
        RewriteSpec::ReplacePrefix(prefix, replacement) => (prefix, replacement.as_str()),
    };
    let path = &target[..target.find('?').unwrap_or(target.len())];
    let Some(length) = spelled_length(path.as_bytes(), prefix.as_bytes()) else {
        return Cow::Borrowed(target);
    };
    let (head, rest) = target.split_at(length);
    let ends_segment = matches!(rest.as_bytes(), [] | [b'/' | b'?', ..]) || head.ends_with('/');
    if ends_segment { join_segments(replacement, rest) } else { join_within(replacement, rest, target) }
}

/// `rest` begins a segment, or is none: one slash between, unless the path is over and neither side had one.
fn join_segments<'a>(replacement: &str, rest: &'a str) -> Cow<'a, str> {
    let head = replacement.strip_suffix('/').unwrap_or(replacement);
    if head.is_empty() && rest.starts_with('/') {
        return Cow::Borrowed(rest);
    }
    let tail = rest.strip_prefix('/').unwrap_or(rest);
    let is_over = tail.is_empty() || tail.starts_with('?');
    let had_slash = rest.starts_with('/') || replacement.ends_with('/');
    with_leading_slash(if is_over && !had_slash { format!("{head}{tail}") } else { format!("{head}/{tail}") })
}

/// `rest` goes on within a segment.
fn join_within<'a>(replacement: &str, rest: &str, target: &'a str) -> Cow<'a, str> {
    let begins_segment = replacement.is_empty() || replacement.ends_with('/');
    if begins_segment && rest.starts_with(['.', '%', '\\', ';']) {
        return Cow::Borrowed(target);
    }
    with_leading_slash(format!("{replacement}{rest}"))
}

fn with_leading_slash<'a>(target: String) -> Cow<'a, str> {
    if target.starts_with('/') { target.into() } else { format!("/{target}").into() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn strip(prefix: &str, target: &str) -> String {
        rewrite(target, &RewriteSpec::StripPrefix(prefix.into())).into_owned()
    }

    fn replace(prefix: &str, replacement: &str, target: &str) -> String {
        rewrite(target, &RewriteSpec::ReplacePrefix(prefix.into(), replacement.into())).into_owned()
    }

    #[test]
    fn a_stripped_prefix_leaves_a_path_and_the_query() {
        for (prefix, target, result) in [
            ("/api", "/api/x?q=/api", "/x?q=/api"),
            ("/api", "/api", "/"),
            ("/api", "/api?q=1", "/?q=1"),
            ("/api", "/api/", "/"),
            ("/api/", "/api/x", "/x"),
            ("/api/", "/api/", "/"),
            ("/api", "/apix", "/x"),
            ("/api", "/other?/api", "/other?/api"),
            ("/", "/x", "/x"),
            ("/", "/", "/"),
        ] {
            assert_eq!(strip(prefix, target), result, "{prefix} {target}");
        }
    }

    #[test]
    fn what_follows_the_prefix_stays_byte_for_byte() {
        assert_eq!(strip("/api", "/api/@scope%2fname//a;b=1?c=%zz?d"), "/@scope%2fname//a;b=1?c=%zz?d");
        assert_eq!(strip("/api", "/api//x"), "//x");
    }

    #[test]
    fn a_prefix_is_known_however_it_is_spelled() {
        assert_eq!(strip("/api", "/%61pi/%61"), "/%61");
        assert_eq!(strip("/my files", "/my%20files/x"), "/x");
        assert_eq!(strip("/api", "//api/x"), "/x");
    }

    #[test]
    fn a_replaced_prefix_meets_the_rest_with_one_slash() {
        for (prefix, replacement, target, result) in [
            ("/api", "/v1", "/api/x", "/v1/x"),
            ("/api", "/v1", "/api", "/v1"),
            ("/api", "/v1", "/api?q", "/v1?q"),
            ("/api", "/v1/", "/api/x", "/v1/x"),
            ("/api", "/v1/", "/api", "/v1/"),
            ("/api/", "/v1", "/api/x", "/v1/x"),
            ("/api/", "/v1", "/api/", "/v1"),
            ("/api/", "/v1/", "/api/", "/v1/"),
            ("/api/", "/v1/", "/api/?q", "/v1/?q"),
            ("/api", "/", "/api/x", "/x"),
            ("/api", "/", "/api", "/"),
            ("/api", "/v1", "/apix", "/v1x"),
            ("/", "/v1", "/x", "/v1/x"),
            ("/", "/v1/", "/", "/v1/"),
            ("/api", "v1", "/api/x", "/v1/x"),
        ] {
            assert_eq!(replace(prefix, replacement, target), result, "{prefix} {replacement} {target}");
        }
    }

    #[test]
    fn no_dot_segment_comes_of_cutting_within_a_segment() {
        for target in ["/api../secret", "/api%2e%2e/secret", "/api..;/secret", "/api.", "/api\\..\\x"] {
            assert_eq!(strip("/api", target), target);
            assert_eq!(replace("/api", "/v1/", target), target);
        }
        assert_eq!(replace("/api", "/v1", "/api../x"), "/v1../x");
    }

    proptest! {
        #[test]
        fn every_result_begins_with_a_slash_and_keeps_the_query(
            target in "/[a/.%;]{0,8}(\\?[a?/]{0,4})?",
            prefix in "/[a/]{0,3}",
            replacement in "[a/]{0,3}",
        ) {
            for spec in [
                RewriteSpec::StripPrefix(prefix.clone()),
                RewriteSpec::ReplacePrefix(prefix.clone(), replacement.clone()),
            ] {
                let result = rewrite(&target, &spec);
                prop_assert!(result.starts_with('/'));
                let query = target.split_once('?').map(|(_, query)| query);
                prop_assert_eq!(result.split_once('?').map(|(_, query)| query), query);
            }
        }
    }
}
