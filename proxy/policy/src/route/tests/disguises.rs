//! Paths that a proxy and the server behind it may read differently.

use super::*;

/// What guards are for, and what is open to all.
const ROUTES: [&str; 8] =
    ["/", "/public", "/c", "/private", "= /secret", r"~ \.php$", "^~ /static", "/static/private"];
const OPEN: [usize; 4] = [0, 1, 2, 6];

/// Each is `/private`, `/secret` or a `.php` to one server or another.
const DISGUISES: [&str; 54] = [
    "//private",
    "///private/x",
    "/./private",
    "/x/../private",
    "/public/../private",
    "/public/x/../../private/y",
    "/%70rivate",
    "/p%72ivate/x",
    "/%70%72%69%76%61%74%65",
    "/%2fprivate",
    "/%2e/private",
    "/public/%2e%2e/private",
    "/public/%2E%2e/private",
    "/public/.%2e/private",
    "/public/..%2fprivate",
    "/public%2f..%2fprivate",
    "/public/..%5cprivate",
    "/public/..\\private",
    "/public\\..\\private",
    "/%5cprivate",
    "/\\private",
    "/c/..;/private",
    "/c/..;a=b/private",
    "/c/..%3b/private",
    "/c/;/../private",
    "/;/private",
    "/;x=y/private",
    "/.;/private",
    "/%3b/private",
    "/private;x=y",
    "/private;",
    "/private%3bx",
    "/private%3fx",
    "/private%23x",
    "/private\\x",
    "/private%5cx",
    "/private%2fx",
    "/private%252fx",
    "/public/%252e%252e/private",
    "/public/..%252fprivate",
    "/public/%25252e%25252e/private",
    "/c/..%253b/private",
    "/%2570rivate",
    "/public/../private/..;/public",
    "/public/%2e%2e/private/%252e%252e/public",
    "/public/..%2f/private/x/..%252f../public",
    "/secret;x",
    "/./secret",
    "/%73ecret",
    "/secret%3f.css",
    "/x.php;a",
    "/x.ph%70",
    "/x.php%3fa",
    "/static/x/../private",
];

#[test]
fn no_disguise_reaches_what_a_rule_guards() {
    let router = paths(&ROUTES);
    for path in DISGUISES {
        assert_eq!(get(&router, path), Outcome::Refused(PathFault::Disguised), "{path}");
    }
}

#[test]
fn no_disguise_gets_past_a_guard_that_has_no_neighbour() {
    // What no route has is an answer too: here a 404 that the guard was to give.
    let router = paths(&ROUTES[3..6]);
    for path in DISGUISES.iter().filter(|path| !path.starts_with("/static")) {
        assert!(matches!(get(&router, path), Outcome::Refused(_)), "{path}");
    }
}

#[test]
fn honest_paths_go_on_as_they_were_sent() {
    let router = paths(&ROUTES);
    for (path, route) in [
        ("/@scope%2fname", 0),
        ("/@scope%2fname/-/name-1.0.0.tgz", 0),
        ("/public/a%20b%2Cc", 1),
        ("/public/%D1%84%D0%B0%D0%B9%D0%BB", 1),
        ("/public/caf%E9", 1),
        ("/public/100%25", 1),
        ("/public/a;v=1/b", 1),
        ("/public/page;jsessionid=1A2B", 1),
        ("/public//x", 1),
        ("/public/https://example.com/x", 1),
        ("/public/https%3A%2F%2Fexample.com%2Fx%3Fa%3Db", 1),
        ("/public/https%253A%252F%252Fexample.com", 1),
        ("/public/group%2Fproject/files/a%2Fb.txt/raw", 1),
        ("/public/x/../y", 1),
        ("/public/./y", 1),
        ("/public/...", 1),
        ("/.well-known/acme-challenge/x", 0),
        ("/.git/config", 0),
        ("/private/a%2Fb;c//d", 3),
        ("/maps/@52.5,13.4;z=3", 0),
        ("/wiki/What%3F", 0),
        ("/c/a%5Cb", 2),
    ] {
        assert_eq!(position(get(&router, path)), Some(route), "{path}: {:?}", get(&router, path));
    }
}

#[test]
fn a_path_at_fault_is_refused_whatever_the_routes_are() {
    for (path, fault) in [
        ("/..", PathFault::AboveRoot),
        ("/x/../../y", PathFault::AboveRoot),
        ("/%2e%2e/y", PathFault::AboveRoot),
        ("/..;/y", PathFault::AboveRoot),
        ("/..%5cy", PathFault::AboveRoot),
        ("/100%", PathFault::BadEscape),
        ("/%2", PathFault::BadEscape),
        ("/%zz", PathFault::BadEscape),
        ("/%u002e", PathFault::BadEscape),
        ("/x%00.png", PathFault::NulByte),
        ("/%c0%ae%c0%ae/x", PathFault::OverlongUtf8),
        ("/%e0%80%af", PathFault::OverlongUtf8),
        ("/%f0%80%80%ae", PathFault::OverlongUtf8),
        // For a server that decodes twice.
        ("/%252e%252e/y", PathFault::AboveRoot),
        ("/x%2500", PathFault::NulByte),
        ("/%25c0%25ae", PathFault::OverlongUtf8),
        ("/a//b;c/%252525252f%255c%253b/../%3f/./%23", PathFault::Ambiguous),
    ] {
        for routes in [&["/"][..], &ROUTES] {
            assert_eq!(get(&paths(routes), path), Outcome::Refused(fault), "{path}");
        }
    }
}

#[test]
fn a_site_with_one_route_has_nothing_to_disguise() {
    let router = paths(&["/"]);
    for path in DISGUISES {
        assert_eq!(position(get(&router, path)), Some(0), "{path}");
    }
}

#[test]
fn a_path_that_leaves_its_prefix_and_comes_back_is_refused() {
    // Else what is sent upstream under another prefix would leave that one, and not come back.
    let router = paths(&["/", "/api/v1", "/img*", "/dir/"]);
    for path in [
        "/api/v1/../v1/x",
        "/api/v1/x/../../../api/v1/y",
        "/api/v1/%2e%2e/v1/x",
        "/api/v1/..%2fv1",
        "/api/v1/..;/v1/x",
        "/api/v1/%252e%252e/v1/x",
        "/api/v1//../v1/x",
        "/img/../img/x",
        "/imgs/../imgs/x",
        "/imgs%5c..%5cimgs/x",
        "/dir/../dir/x",
    ] {
        assert_eq!(get(&router, path), Outcome::Refused(PathFault::LeavesRoute), "{path}");
    }
    for (path, found) in [("/api/v1/x/../y", 1), ("/img../x", 2), ("/dir/x/..", 3), ("/x/../y", 0)] {
        assert_eq!(position(get(&router, path)), Some(found), "{path}");
    }
}

#[test]
fn slashes_in_a_row_are_no_disguise_for_a_route_that_merges_them() {
    let merging = |written| RouteSpec { merge_slashes: true, ..route(written) };
    let router =
        site(&[route("/"), merging("/x"), merging("= /y/z"), merging("~ ^/v[0-9]+/q$"), route("/kept")]);
    for (path, found) in [("//x", 1), ("/x//y", 1), ("//y//z", 2), ("/v1//q", 3), ("/other//x", 0), ("/x", 1)]
    {
        assert_eq!(position(get(&router, path)), Some(found), "{path}");
    }
    for path in ["//kept", "//x/../kept", "/%2fx", "//x;a"] {
        assert_eq!(get(&router, path), Outcome::Refused(PathFault::Disguised), "{path}");
    }
}

#[test]
fn the_longest_prefix_wins_over_a_shorter_one_that_merges_slashes() {
    let router = site(&[RouteSpec { merge_slashes: true, ..route("/") }, route("/a*")]);
    assert_eq!(position(get(&router, "/a//x")), Some(1));
    assert_eq!(position(get(&router, "/b//x")), Some(0));
}

#[test]
fn the_open_routes_are_open() {
    // Else the tables above would prove nothing.
    let router = paths(&ROUTES);
    for (path, route) in [("/", 0), ("/public", 1), ("/c", 2), ("/static/x.php", 6)] {
        assert!(OPEN.contains(&route));
        assert_eq!(position(get(&router, path)), Some(route), "{path}");
    }
}
