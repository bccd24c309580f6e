//! Which of several routes is chosen.

use super::*;

#[test]
fn paths_are_asked_in_nginx_s_order() {
    // The table of trap 1 in nginx's own words: observed on nginx 1.22.
    let router = paths(&[
        "/img/deep/",
        "= /img/x.png",
        "^~ /st/",
        r"~ \.png$",
        r"~* \.(js|PNG)$",
        "/",
        "/api/",
        "*.css",
    ]);
    for (path, route) in [
        ("/img/x.png", 1),
        ("/img/a.png", 3),
        ("/img/a.PNG", 4),
        ("/st/a.png", 2),
        ("/img/deep/a.png", 3),
        ("/img/deep/a.txt", 0),
        ("/api/a.js", 4),
        ("/api/a.css", 7),
        ("/api/a", 6),
        ("/api", 5),
        ("/", 5),
    ] {
        assert_eq!(position(get(&router, path)), Some(route), "{path}");
    }
}

#[test]
fn only_the_longest_prefix_may_keep_patterns_out() {
    let router = paths(&["^~ /a", "/a/b", r"~ \.js$"]);
    assert_eq!(position(get(&router, "/a/x.js")), Some(0));
    assert_eq!(position(get(&router, "/a/b/x.js")), Some(2));
}

#[test]
fn patterns_are_asked_in_file_order_whatever_they_are() {
    assert_eq!(position(get(&paths(&["*.js", r"~ ^/x"]), "/x.js")), Some(0));
    assert_eq!(position(get(&paths(&[r"~ ^/x", "*.js"]), "/x.js")), Some(0));
}

#[test]
fn a_route_whose_conditions_do_not_hold_is_as_if_absent() {
    let beta = |test: HeaderTest| RouteSpec { headers: vec![("x-beta".into(), test)], ..route("/api") };
    let router = site(&[
        RouteSpec { methods: vec!["POST".into()], ..route("= /api") },
        beta(HeaderTest::Equals("1".into())),
        beta(HeaderTest::Regex("^(yes|on)$".into())),
        RouteSpec { methods: vec!["DELETE".into()], ..beta(HeaderTest::Absent) },
        route("/"),
    ]);
    for (method, value, route) in [
        ("POST", Some("1"), 0),
        ("GET", Some("1"), 1),
        ("GET", Some("yes"), 2),
        ("GET", Some("11"), 4),
        ("GET", None, 4),
        ("DELETE", None, 3),
        ("DELETE", Some("0"), 4),
    ] {
        let headers: Vec<(&str, &[u8])> =
            value.map(|value| ("x-beta", value.as_bytes())).into_iter().collect();
        let outcome = ask(&router, method, "/api", &headers);
        assert_eq!(position(outcome), Some(route), "{method} {value:?}");
    }
}

#[test]
fn an_absent_prefix_does_not_keep_patterns_out() {
    let posts = RouteSpec { methods: vec!["POST".into()], ..route("^~ /a") };
    let router = site(&[posts, route(r"~ \.js$"), route("/")]);
    assert_eq!(position(ask(&router, "POST", "/a/x.js", &[])), Some(0));
    assert_eq!(position(ask(&router, "GET", "/a/x.js", &[])), Some(1));
}

#[test]
fn of_routes_with_one_path_the_first_that_holds_is_chosen() {
    let posts = || RouteSpec { methods: vec!["POST".into()], ..route("/") };
    assert_eq!(position(ask(&site(&[posts(), route("/")]), "POST", "/", &[])), Some(0));
    assert_eq!(position(ask(&site(&[posts(), route("/")]), "GET", "/", &[])), Some(1));
    assert_eq!(position(ask(&site(&[route("/"), posts()]), "POST", "/", &[])), Some(0));
}

#[test]
fn what_is_said_of_get_is_said_of_head() {
    let gets = RouteSpec { methods: vec!["GET".into()], ..route("/") };
    let router = site(&[gets]);
    assert_eq!(position(ask(&router, "HEAD", "/", &[])), Some(0));
    assert_eq!(ask(&router, "POST", "/", &[]), Outcome::NoRoute { site: 0 });
    assert_eq!(ask(&router, "get", "/", &[]), Outcome::NoRoute { site: 0 });
}

#[test]
fn a_host_s_site_answers_alone() {
    let site = |host, path| SiteSpec { hosts: vec![host], routes: vec![route(path)] };
    let exact = || HostSpec::Exact("example.com".into());
    let router = Router::build(&[site(HostSpec::Any, "/"), site(exact(), "/api")]).unwrap();
    assert_eq!(get(&router, "/api"), Outcome::Route(RouteMatch { site: 1, route: 0, matched: 4 }));
    assert_eq!(get(&router, "/"), Outcome::NoRoute { site: 1 });
    let router = Router::build(&[site(exact(), "/")]).unwrap();
    let other = RouteRequest { host: Some("example.org"), path: "/", method: "GET", headers: &() };
    assert_eq!(router.find(&other), Outcome::UnknownHost);
}

#[test]
fn options_star_is_left_to_the_edge() {
    assert_eq!(ask(&paths(&["/"]), "OPTIONS", "*", &[]), Outcome::NoRoute { site: 0 });
}

#[test]
fn what_is_no_path_is_refused() {
    for path in ["", "x", "*x", "?"] {
        assert_eq!(get(&paths(&["/"]), path), Outcome::Refused(PathFault::Relative), "{path}");
    }
}

#[test]
fn what_the_route_named_is_counted_as_it_was_sent() {
    let merging = RouteSpec { merge_slashes: true, ..route("/merged/in") };
    let router = site(&[route("/"), route("/my files"), route("= /whole"), route("*.js"), merging]);
    for (path, matched) in [
        ("/x", 1),
        ("/my%20files/a", 11),
        ("/whole", 6),
        ("/x.js", 0),
        ("/merged/in/x", 10),
        ("//merged///in//x", 13),
    ] {
        match get(&router, path) {
            Outcome::Route(found) => assert_eq!(found.matched, matched, "{path}"),
            other => panic!("{path}: {other:?}"),
        }
    }
}

#[test]
fn a_router_that_cannot_be_built_says_which_route_is_at_fault() {
    let error = |path: &str| {
        let routes = vec![route("/"), route(path)];
        Router::build(&[SiteSpec { hosts: vec![], routes }]).unwrap_err().to_string()
    };
    assert_eq!(error("/a//b"), "site 0, route 1: no request can reach `/a//b`; write `/a/b`");
    assert!(error("~ (").starts_with("site 0, route 1: `(`: regex parse error"), "{}", error("~ ("));
}
