//! Whatever the text: an answer, soon, and no panic.

use mizan_config::{MAX_FILE_SIZE, Problems, Style, examine, load, parse};
use proptest::prelude::*;
use std::fmt::Write;
use std::fs;
use std::time::{Duration, Instant};

const EXAMPLES: [&str; 6] = [
    include_str!("../../examples/acme.yml"),
    include_str!("../../examples/minimal.yml"),
    include_str!("../../examples/compose-api.yml"),
    include_str!("../../examples/blue-green.yml"),
    include_str!("../../examples/full.yml"),
    include_str!("../../examples/tls.yml"),
];

/// Parses, and prints all there is to print.
fn survives(text: &str) {
    let env = |name: &str| name.starts_with('P').then(|| "value".to_owned());
    match examine("mizan.yml", text, &env) {
        Ok(examined) => print_all(&examined.warnings),
        Err(problems) => {
            assert!(!problems.is_empty());
            print_all(&problems);
        }
    }
}

fn print_all(problems: &Problems) {
    assert!(problems.lines().all(|line| !line.contains('\n')));
    assert!(!problems.render(Style::Coloured).is_empty());
    for problem in problems {
        assert!(problem.source.get(problem.mark.clone()).is_some());
    }
}

/// Pieces that mean something to YAML or to mizan.yml.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "{",
            "}",
            "[",
            "]",
            ":",
            ",",
            "-",
            "\n",
            "\n  ",
            "\"",
            "'",
            "|",
            ">",
            "&a ",
            "*a",
            "<<: *a",
            "!!int ",
            "#",
            "? ",
            "${",
            "${P}",
            "${X:-1}",
            "$$",
            "~",
            "null",
            "true",
            "-1",
            "1e9",
            "0x10",
            ".nan",
            "30s",
            "16k",
            "20%",
            "*.js",
            "~ (",
            "é",
            "\u{202e}",
            "\0",
            "\t",
            "\r\n",
            "unix:",
            "listen",
            "services",
            "headers",
            "Authorization: x",
            "---\n",
        ])
        .prop_map(str::to_owned),
        "[ -~]{0,12}",
        "\\PC{0,6}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_answered(text in "\\PC*") {
        survives(&text);
    }

    #[test]
    fn any_pieces_of_yaml_are_answered(pieces in prop::collection::vec(piece(), 0..40)) {
        survives(&pieces.concat());
    }

    #[test]
    fn any_change_of_an_example_is_answered(
        example in prop::sample::select(EXAMPLES.to_vec()),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..12, piece()), 1..4),
    ) {
        let mut text = example.to_owned();
        for (at, length, piece) in changes {
            let start = text.floor_char_boundary(at.index(text.len()));
            let end = text.ceil_char_boundary((start + length).min(text.len()));
            text.replace_range(start..end, &piece);
        }
        survives(&text);
    }
}

#[test]
fn ten_thousand_services_load_in_seconds() {
    let mut text = String::from("listen: { http: \":80\" }\nservices:\n");
    for number in 0..10_000 {
        writeln!(
            text,
            "  app{number}: {{ endpoints: [\"app{number}:3000\", \"10.0.0.1:{}\"], keepalive: 8 }}",
            number + 1
        )
        .unwrap();
    }
    text.push_str("sites:\n");
    for number in 0..10_000 {
        writeln!(
            text,
            "  - {{ hosts: app{number}.example.com, routes: [{{ path: /, service: app{number} }}] }}"
        )
        .unwrap();
    }
    let start = Instant::now();
    let config = parse("mizan.yml", &text, &|_| None).unwrap();
    assert_eq!((config.services.len(), config.sites.len()), (10_000, 10_000));
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

#[test]
fn ten_thousand_problems_are_told_in_seconds() {
    let mut text =
        String::from("listen: { http: \":80\" }\nservices: { app: { endpoints: app:1 } }\nsites:\n");
    for number in 0..10_000 {
        writeln!(
            text,
            "  - {{ hosts: a{number}.example.com, routes: [{{ path: /, service: app{number} }}] }}"
        )
        .unwrap();
    }
    let start = Instant::now();
    let problems = parse("mizan.yml", &text, &|_| None).unwrap_err();
    assert_eq!(problems.len(), 10_000);
    assert!(problems.to_string().ends_with("mizan.yml: 10000 problems\n"));
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

#[test]
fn aliases_within_aliases_end_early() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let inner = vec![format!("*a{}", level - 1); 10].join(", ");
        writeln!(text, "a{level}: &a{level} [{inner}]").unwrap();
    }
    let problems = parse("mizan.yml", &text, &|_| None).unwrap_err();
    assert!(problems.to_string().contains("too large or too deeply nested"), "{problems}");
}

#[test]
fn deep_nesting_is_refused() {
    for text in ["[".repeat(100_000), "{a: ".repeat(100_000), "- ".repeat(100_000)] {
        let problems = parse("mizan.yml", &text, &|_| None).unwrap_err();
        assert_eq!(problems.len(), 1);
    }
}

#[test]
fn a_file_that_is_too_large_missing_or_not_text_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |name: &str, content: &[u8], expected: &str| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        let problems = load(&path).unwrap_err();
        assert!(problems.to_string().contains(expected), "{problems}");
    };
    refused("large", &vec![b'#'; MAX_FILE_SIZE + 1], "larger than 16 MiB");
    refused("binary", b"listen:\n\xff", "not UTF-8 (line 2)");
    let problems = load(&folder.path().join("nowhere")).unwrap_err();
    assert!(problems.to_string().contains("cannot read the file"), "{problems}");
    assert!(problems.lines().next().unwrap().contains("nowhere: cannot read"));
}
