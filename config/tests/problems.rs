//! What a person who slips is told.

use mizan_config::{Problems, Style, examine, parse};

/// A sound file, for cases that change one thing.
const SOUND: &str = r#"listen:
  http: ":80"
services:
  app:
    endpoints: app:3000
sites:
  - hosts: [example.com]
    routes:
      - { path: /, service: app }
"#;

fn problems(text: &str) -> Problems {
    parse("mizan.yml", text, &|_| None).expect_err(text)
}

/// `SOUND` with one line replaced, as log lines.
fn slip(line: &str, replacement: &str) -> Vec<String> {
    assert!(SOUND.contains(line), "{line}");
    problems(&SOUND.replace(line, replacement)).lines().collect()
}

#[track_caller]
fn told(line: &str, replacement: &str, expected: &str) {
    let lines = slip(line, replacement);
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].contains(expected), "{lines:#?} lacks {expected:?}");
}

#[test]
fn a_problem_is_drawn_with_its_source_line_and_a_hint() {
    let drawn = problems(&SOUND.replace("endpoints", "endpoint")).to_string();
    let expected = "\
error: a service has no key `endpoint`
 --> mizan.yml:5:5
  |
5 |     endpoint: app:3000
  |     ^^^^^^^^
  |
  = help: did you mean `endpoints`?

mizan.yml: 1 problem
";
    assert_eq!(drawn, expected);
}

#[test]
fn a_program_gets_of_each_problem_where_it_is_what_and_what_to_do() {
    let found = problems(&SOUND.replace("endpoints", "endpoint"));
    let fields: Vec<_> = found
        .iter()
        .map(|problem| {
            (found.file(), problem.line, problem.column, problem.message.as_str(), problem.hint.as_deref())
        })
        .collect();
    let expected = ("mizan.yml", 5, 5, "a service has no key `endpoint`", Some("did you mean `endpoints`?"));
    assert_eq!(fields, [expected]);
}

#[test]
fn colour_comes_only_when_asked_for() {
    let problems = problems("listen: 1");
    assert!(!problems.render(Style::Plain).contains('\u{1b}'));
    assert!(problems.render(Style::Coloured).contains('\u{1b}'));
}

#[test]
fn every_problem_is_told_in_one_run_in_file_order() {
    let text = SOUND
        .replace(":80\"", "80\"")
        .replace("app:3000", "app")
        .replace("example.com", "example.com:80")
        .replace("service: app", "service: ap");
    let lines: Vec<_> = problems(&text).iter().map(|problem| problem.line).collect();
    assert_eq!(lines, [2, 5, 7, 9]);
}

#[test]
fn a_text_that_is_not_yaml_is_told_with_its_place() {
    let lines: Vec<_> = problems("listen: [\nsites: }").lines().collect();
    assert_eq!(lines.len(), 1);
    assert!(lines[0].starts_with("mizan.yml:1:9: this is not YAML"), "{lines:?}");
}

#[test]
fn a_duplicate_key_does_not_hide_other_problems() {
    let text = SOUND
        .replace("    endpoints: app:3000\n", "    endpoints: app:3000\n    endpoints: b:1\n    colour: 1\n");
    let lines: Vec<_> = problems(&text).lines().collect();
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(lines[0].contains("mizan.yml:6:5: `endpoints` is here twice"));
    assert!(lines[1].contains("no key `colour`"));
}

#[test]
fn places_are_right_after_a_byte_order_mark_wide_letters_and_windows_line_ends() {
    let text =
        SOUND.replace("  app:\n", "  app: # ميزان\n").replace("app:3000", "\"ميزان\"").replace('\n', "\r\n");
    for text in [text.clone(), format!("\u{feff}{text}")] {
        let problems = problems(&text);
        let problem = problems.iter().next().unwrap();
        assert_eq!((problem.line, problem.column), (5, 16), "{problems}");
        assert_eq!(&problem.source[problem.mark.clone()], "\"ميزان\"");
    }
}

#[test]
fn one_slip_is_one_problem() {
    told("services:", "servces:", "did you mean `services`?");
    told("sites:", "site:", "did you mean `sites`?");
    told("  http:", "  htp:", "did you mean `http`?");
    told("service: app", "servce: app", "did you mean `service`?");
    told(
        "services:\n  app:\n    endpoints: app:3000",
        "services: [app]",
        "`services` must be a mapping, not a list",
    );
}

#[test]
fn an_empty_file_is_answered_with_a_small_one_that_loads() {
    for text in ["", "# nothing\n", "---\n"] {
        let problems = problems(text);
        let hint = problems.iter().next().unwrap().hint.clone().unwrap();
        let (_, small) = hint.split_once("\n\n").unwrap();
        parse("mizan.yml", small, &|_| None).unwrap();
    }
}

#[test]
fn keys_of_later_versions_are_named_as_such() {
    for key in ["rate_limit", "response_headers", "compress"] {
        let site = format!("  - hosts: [example.com]\n    {key}: {{}}");
        told("  - hosts: [example.com]", &site, "not part of this version");
    }
    for key in ["cache", "access_log", "files"] {
        let route = format!("      - {{ path: /, service: app, {key}: x }}");
        told("      - { path: /, service: app }", &route, "not part of this version");
    }
}

#[test]
fn values_of_the_wrong_kind_are_told() {
    let service = |extra: &str| format!("    endpoints: app:3000\n    {extra}");
    let line = "    endpoints: app:3000";
    told(line, &service("keepalive: many"), "`keepalive` must be a whole number, not text");
    told(line, &service("keepalive: \"64\""), "write it without quotes");
    told(line, &service("keepalive: 1.5"), "must be a whole number from 0 to 100000, not `1.5`");
    told(line, &service("keepalive: -1"), "not `-1`");
    told(line, &service("keepalive: 99999999999999999999"), "must be a whole number from");
    told(line, &service("timeouts: { read: 60 }"), "add the unit: 60s");
    told(line, &service("timeouts: { read: soon }"), "a duration such as 30s");
    told(line, &service("timeouts: { read: 0s }"), "must be 1ms to 1d, not `0s`");
    told(
        line,
        &service("timeouts: { connect: 100ms, first_try: 1s }"),
        "`first_try` is longer than `connect`",
    );
    told(line, &service("timeouts:"), "`timeouts` has nothing in it");
    told(line, &service("retries: { budget: 20 }"), "`budget` must be 0% to 100%, not `20`");
    told(line, &service("retries: { budget: 101% }"), "not `101%`");
    told(line, &service("health: { path: /, status: 99 }"), "no status code");
    told(line, &service("health: {}"), "`health` needs `path`");
    told(line, &service("balance: fastest"), "no way to balance");
    told(line, &service("balance: leastconn"), "did you mean `least_conn`?");
    told(line, &service("balance: { hash: { by: moon } }"), "nothing to hash by");
    told("listen:", "forwarded: yes\nlisten:", "must be true or false");
    told("listen:", "unknown_host: 404\nlisten:", "must be 421 or close");
    told("listen:", "limits: { head_size: 16kb }\nlisten:", "a size such as 16k");
    told("listen:", "limits: { head_size: 1 }\nlisten:", "must be 1024 to 1048576 bytes");
    told("listen:", "limits: { target_size: 64k }\nlisten:", "larger than `head_size`");
    told("listen:", "limits: { connections: 0 }\nlisten:", "must be 1 to");
    told("listen:", "state: ./state\nlisten:", "not an absolute path");
    told("listen:", "state: { file: x }\nlisten:", "only where a secret is");
    told("listen:", "probes: { health: lb }\nlisten:", "does not begin with /");
    told("listen:", "probes: { ready: true }\nlisten:", "must be a path or false");
    told("listen:", "trusted_proxies: [10.0.0.1/8]\nlisten:", "did you mean `10.0.0.0/8`?");
    told("listen:", "trusted_proxies: [10.0.0.0/33]\nlisten:", "no network");
    told("listen:", "resolver: { servers: [dns.example] }\nlisten:", "no address of a name server");
}

#[test]
fn listeners_are_checked_and_compared() {
    let line = "  http: \":80\"";
    told(line, "  http: 80", "write \":80\" in quotes");
    told(line, "  http: \"localhost:80\"", "instead of localhost");
    told(line, "  http: \":65536\"", "no address to listen on");
    told(line, "  http: \"unix:run/x\"", "not an absolute path");
    told(line, "  http: []", "`http` is empty");
    told(line, "  http: [\":80\", \"127.0.0.1:80\"]", "`127.0.0.1:80` overlaps `:80`");
    told(line, "  http: [\"unix:/x\", \"unix:/x\"]", "overlaps");
    told(
        "listen:\n  http: \":80\"",
        "admin: { socket: /x }\nlisten: { http: \"unix:/x\" }",
        "a socket for clients, too",
    );
    told("listen:\n  http: \":80\"", "", "needs `listen`");
}

#[test]
fn endpoints_and_tracks_are_checked() {
    let line = "    endpoints: app:3000";
    told(line, "    endpoints: app", "add the port: app:3000");
    told(line, "    endpoints: http://app:3000", "drop the `http://`: app:3000");
    told(line, "    endpoints: []", "`endpoints` is empty");
    told(line, "    endpoints: [a:1, A:1]", "the endpoint `A:1` is here twice");
    told(line, "    endpoints: { address: a:1, weight: 0 }", "`weight` must be 1 to 1000, not `0`");
    told(line, "    keepalive: 1", "has no `endpoints`");
    told(line, "    endpoints: a:1\n    tracks: { b: \"b:1\" }", "both `endpoints` and `tracks`");
    told(line, "    endpoints: a:1\n    split: { b: 1 }", "`split` without `tracks`");
    told(line, "    tracks: { b: \"b:1\", g: \"g:1\" }", "which of the tracks gets requests?");
    told(line, "    tracks: { b: \"b:1\", g: \"g:1\" }\n    split: { b: 0 }", "every track has the weight 0");
    told(line, "    tracks: { blue: \"b:1\" }\n    split: { blu: 1 }", "did you mean `blue`?");
    told(line, "    tracks: { blue: \"b:1\" }\n    split: { blue: 10001 }", "must be 0 to 10000");
    told(line, "    tracks: {}", "`tracks` is empty");
    told(line, "    tracks: { \"a b\": \"b:1\" }", "no name for a track");
    told("services:", "services:\n  -x: { endpoints: a:1 }", "no name for a service");
}

#[test]
fn owner_and_group_of_the_admin_socket_are_names_or_numbers() {
    let admin = |key: &str| format!("admin: {{ socket: /x, {key} }}\nlisten:");
    told("listen:", &admin("owner: \"\""), "`owner` must be a name or a number, not ``");
    told("listen:", &admin("group: a:b"), "`group` must be a name or a number, not `a:b`");
    told("listen:", &admin(&format!("owner: {}", "a".repeat(33))), "up to 32 letters");
    told("listen:", &admin("ower: a"), "did you mean `owner`?");
    for sound in ["owner: 1000, group: \"0\"", "owner: www-data", "group: a.b_c-D"] {
        parse("mizan.yml", &SOUND.replace("listen:", &admin(sound)), &|_| None).unwrap();
    }
}

#[test]
fn hosts_are_checked_and_belong_to_one_site() {
    let line = "  - hosts: [example.com]";
    told(line, "  - hosts: [example.com:8080]", "drop the port: example.com");
    told(line, "  - hosts: [example.com, EXAMPLE.com]", "is here twice");
    told(line, "  - hosts: []", "`hosts` is empty");
    let second = "  - { hosts: Example.com, routes: [{ path: /, service: app }] }\n  - hosts: [example.com]";
    told(line, second, "already belongs to another site");
    told("      - { path: /, service: app }", "      []", "`routes` is empty");
}

#[test]
fn routes_are_checked() {
    let line = "      - { path: /, service: app }";
    told(line, "      - { path: x, service: app }", "does not begin with /");
    told(line, "      - { path: \"~ [\", service: app }", "no regular expression");
    told(line, "      - { path: \"~ (\\\\w{200}){400}\", service: app }", "more than 1 MiB");
    told(line, "      - { path: /a*b, service: app }", "stands before the end");
    told(line, "      - { path: \"*.js,x\", service: app }", "not every part is an ending");
    told(line, "      - { path: \"/a?b\", service: app }", "query or fragment");
    told(line, "      - { path: /, service: apq }", "did you mean `app`?");
    told(line, "      - { path: / }", "the route does nothing");
    told(line, "      - { path: /, service: app, respond: { status: 200 } }", "not both");
    told(line, "      - { path: /, respond: { status: 100 } }", "must be 200 to 599");
    told(line, "      - { path: /, respond: { status: 204, body: x } }", "has no body");
    told(line, "      - { path: /, respond: { status: 200 }, host: x }", "no effect");
    told(
        line,
        "      - { path: /, respond: { status: 200, headers: { X: \"a\\r\\nSet-Cookie: b\" } } }",
        "line break",
    );
    told(
        line,
        "      - { path: /, respond: { status: 200, headers: { \"X Y\": a } } }",
        "no name of a header field",
    );
    told(
        line,
        "      - { path: /, respond: { status: 200, headers: { Content-Length: 1 } } }",
        "set by the proxy",
    );
    told(line, "      - { path: /, service: app, methods: get }", "write GET");
    told(line, "      - { path: /, service: app, headers: { X: \"~ (\" } }", "no regular expression");
    told(line, "      - { path: /, service: app, headers: { X: 1, x: 2 } }", "is here twice");
    told(
        line,
        "      - { path: = /x, service: app, rewrite: { strip_prefix: /x } }",
        "a path that is a prefix",
    );
    told(line, "      - { path: /x, service: app, rewrite: {} }", "exactly one of");
    told(
        line,
        "      - { path: /x, service: app, rewrite: { strip_prefix: /y } }",
        "no path of this route begins",
    );
    told(
        line,
        "      - { path: /xy, service: app, rewrite: { strip_prefix: /x } }",
        "no path of this route begins",
    );
    told(line, "      - { path: /, service: app, host: \"a b\" }", "must be a host");
}

#[test]
fn a_route_that_can_never_match_is_told() {
    let line = "      - { path: /, service: app }";
    told(line, &format!("{line}\n{line}"), "has a route already, on line 9");
    let conditional = "      - { path: /, service: app, methods: GET }";
    told(line, &format!("{line}\n{conditional}"), "put the route with conditions first");
    told(line, &format!("{line}\n      - {{ path: /*, service: app }}"), "has a route already");
    let same = "      - { path: /, service: app, methods: GET }\n      - { path: /, service: app, methods: [GET, HEAD] }";
    told(line, same, "has a route already");
    let reordered = "      - { path: /, service: app, methods: [GET, HEAD] }\n      - { path: /, service: app, methods: [HEAD, GET] }";
    told(line, reordered, "has a route already");
    parse("mizan.yml", &SOUND.replace(line, &format!("{conditional}\n{line}")), &|_| None).unwrap();
}

#[test]
fn what_is_legal_but_hardly_meant_is_a_warning() {
    let spare = "{ endpoints: a:1, health: { path: /, headers: { Cookie: a=b } } }";
    let text = SOUND
        .replace("services:", &format!("trusted_proxies: [0.0.0.0/0]\nservices:\n  spare: {spare}"))
        .replace("path: /, service", "path: = /lb-health, service");
    let warnings = examine("mizan.yml", &text, &|_| None).unwrap().warnings;
    let lines: Vec<_> = warnings.lines().collect();
    assert_eq!(lines.len(), 4, "{lines:#?}");
    assert!(lines[0].contains("trusts every client"));
    assert!(lines[1].contains("no route leads to the service `spare`"));
    assert!(lines[2].contains("the value of `Cookie` stands in the file"));
    assert!(lines[3].contains("answers before this route"));
    assert!(warnings.render_warnings(Style::Plain).starts_with("warning: "));
}

#[test]
fn anchors_aliases_and_merge_keys_work_and_slips_in_them_are_told_where_they_stand() {
    let text =
        SOUND.replace("  app:\n", "  base: &base { endpoints: a:1, keepalive: 7 }\n  app:\n    <<: *base\n");
    let config = parse("mizan.yml", &text, &|_| None).unwrap();
    assert_eq!(config.services[1].keepalive, 7);
    assert_eq!(config.services[1].tracks[0].endpoints.len(), 1);
    let lines: Vec<_> = problems(&text.replace("keepalive: 7", "keepalive: x")).lines().collect();
    assert!(lines.iter().all(|line| line.starts_with("mizan.yml:4:")), "{lines:#?}");
    assert_eq!(lines.len(), 1, "the same slip, used twice, is one slip: {lines:#?}");
}
