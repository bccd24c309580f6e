//! What holds for any routes and any path.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::super::readings::{is_plain, reduce, reduced_target};
use super::reference::{HABITS, choose};
use super::*;
use crate::route::{RewriteSpec, rewrite};

fn any_route() -> impl Strategy<Value = RouteSpec> {
    let segments =
        || vec(select(vec!["a", "b", "ab", "a.js", "p"]), 0..3).prop_map(|all| format!("/{}", all.join("/")));
    let path = prop_oneof![
        segments().prop_map(PathSpec::Exact),
        (segments(), any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
            |(prefix, slash, whole_segment, before_patterns)| {
                let prefix = if slash && prefix != "/" { prefix + "/" } else { prefix };
                PathSpec::Prefix { prefix, whole_segment, before_patterns }
            }
        ),
        (select(vec!["^/a", "b$", "^/a/[ab]+$", r"\.js$", "/p"]), any::<bool>())
            .prop_map(|(pattern, ignore_case)| PathSpec::Regex { pattern: pattern.into(), ignore_case }),
        subsequence(vec![".js", ".b", "b"], 1..3)
            .prop_map(|all| PathSpec::Suffixes(all.into_iter().map(String::from).collect())),
    ];
    let methods = subsequence(vec!["GET", "POST"], 0..2);
    (path, methods, any::<bool>()).prop_map(|(path, methods, merge_slashes)| RouteSpec {
        methods: methods.into_iter().map(String::from).collect(),
        merge_slashes,
        ..RouteSpec::new(path)
    })
}

fn any_path() -> impl Strategy<Value = String> {
    let parts = vec![
        "a", "b", "ab", "a.js", "p", "/", "/", "/", "/a", "/p", "..", "/..", "/.", "//", "%2e", "%2f", "%5c",
        "%3b", "%3f", "%70", "%25", "%252f", "%252e", "%20", "%D1%84", ";", ";x", "\\", ".", "A",
    ];
    vec(select(parts), 0..9).prop_map(|all| format!("/{}", all.concat()))
}

/// Into a prefix, perhaps out of it, and into it again.
fn any_path_that_comes_back() -> impl Strategy<Value = String> {
    let ups = select(vec![
        "/..",
        "/%2e.",
        "/..;x",
        "/x/..",
        "//..",
        "%2f..",
        "%5c..",
        "/%252e%252e",
        "/.",
        "/y",
        "z",
    ]);
    let prefix = select(vec!["/a", "/a/b", "/p", "/p/", "//a"]);
    (prefix, vec(ups, 0..4), select(vec!["", "/x", "%2f", ";v"]))
        .prop_map(|(prefix, ups, end)| format!("{prefix}{}{prefix}{end}", ups.concat()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_plain_path_goes_where_the_rules_say(
        routes in vec(any_route(), 0..12),
        path in "/(a|b|ab|a\\.js|p|/){0,6}".prop_filter("plain", |path| is_plain(path.as_bytes())),
        method in select(vec!["GET", "HEAD", "POST"]),
    ) {
        let outcome = ask(&site(&routes), method, &path, &[]);
        prop_assert_eq!(position(outcome), choose(&routes, path.as_bytes(), method));
        prop_assert!(!matches!(outcome, Outcome::Refused(_)));
    }

    #[test]
    fn no_server_reads_a_path_that_goes_on_as_another_route_s(
        routes in vec(any_route(), 0..8),
        path in any_path(),
        habits in vec(select(HABITS.to_vec()), 0..10),
    ) {
        let outcome = get(&site(&routes), &path);
        if !matches!(outcome, Outcome::Refused(_)) {
            let mut text = decode_unspellable(path.as_bytes());
            prop_assert_eq!(position(outcome), choose(&routes, &text, "GET"), "as sent");
            for habit in habits {
                text = habit(&text);
                prop_assert_eq!(
                    position(outcome), choose(&routes, &text, "GET"), "{}", String::from_utf8_lossy(&text)
                );
            }
        }
    }

    #[test]
    fn no_server_reads_a_rewritten_path_as_outside_the_new_prefix(
        merge_slashes in any::<bool>(),
        path in any_path_that_comes_back(),
        habits in vec(select(HABITS.to_vec()), 0..10),
    ) {
        let routes = ["/", "/a", "/a/b", "/p*", "/p/"].map(|path| RouteSpec { merge_slashes, ..route(path) });
        if let Some(route) = position(get(&site(&routes), &path))
            && let PathSpec::Prefix { prefix, .. } = &routes[route].path
        {
            let spec = RewriteSpec::ReplacePrefix(prefix.clone(), "/new/place".into());
            let mut text = rewrite(&path, &spec).into_owned().into_bytes();
            for habit in habits {
                text = habit(&text);
                prop_assert!(text.starts_with(b"/new/place"), "{}", String::from_utf8_lossy(&text));
            }
        }
    }

    #[test]
    fn what_is_named_of_a_path_reads_as_the_prefix(
        routes in vec(any_route(), 1..8),
        path in any_path(),
    ) {
        if let Outcome::Route(found) = get(&site(&routes), &path) {
            let named = &path[..found.matched];
            match &routes[found.route].path {
                PathSpec::Exact(_) => prop_assert_eq!(named, &path),
                PathSpec::Regex { .. } | PathSpec::Suffixes(_) => prop_assert_eq!(named, ""),
                PathSpec::Prefix { prefix, .. } => {
                    let merges = routes[found.route].merge_slashes;
                    let read = if merges { named.replace("//", "/").replace("//", "/").replace("//", "/") } else { named.into() };
                    prop_assert_eq!(&read, prefix);
                }
            }
        }
    }

    #[test]
    fn a_reduced_path_is_plain_and_reduces_to_itself(path in any_path()) {
        if let Ok(reduced) = reduce(&path) {
            let text = String::from_utf8_lossy(&reduced).into_owned();
            // A `%` that was escaped would be read as one more escape.
            if !text.contains('%') {
                prop_assert_eq!(&*reduce(&text).unwrap(), text.as_bytes());
            }
            // Sent on, it reads as what it was reduced to.
            let sent = reduced_target(&path).unwrap();
            prop_assert_eq!(reduce(&sent).unwrap(), reduced);
            prop_assert!(sent.bytes().all(|byte| byte.is_ascii_graphic()));
        }
    }

    #[test]
    fn no_path_is_too_strange_to_be_answered(path in "(/|[ -~]){0,40}") {
        let _ = reduce(&path);
        let _ = get(&paths(&["/", "/a", "= /b", "~ x", "*.js"]), &path);
    }
}

fn decode_unspellable(text: &[u8]) -> Vec<u8> {
    let text = String::from_utf8(text.to_vec()).unwrap();
    text.replace("%20", " ").replace("%D1%84", "ф").into_bytes()
}
