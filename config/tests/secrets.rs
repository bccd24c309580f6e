//! No secret is ever printed: not a literal of the file, not the content of a secret file, not a variable's value.

use mizan_config::{Config, Problems, Style, load, parse};
use std::fs;

fn file(health: &str) -> String {
    format!(
        "listen: {{ http: \":80\" }}\nservices:\n  app:\n    endpoints: app:3000\n    health: {health}\nsites:\n  - hosts: \"*\"\n    routes: [{{ path: /, service: app }}]\n"
    )
}

/// In every form problems can be printed.
fn printed(problems: &Problems) -> String {
    let lines: Vec<_> = problems.lines().collect();
    format!("{problems}\n{problems:?}\n{}\n{}", lines.join("\n"), problems.render(Style::Coloured))
}

fn in_folder(health: &str, secret: &[u8]) -> Result<Config, Problems> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("probe"), secret).unwrap();
    let path = folder.path().join("mizan.yml");
    fs::write(&path, file(health)).unwrap();
    load(&path)
}

#[test]
fn a_secret_file_is_read_beside_the_file_without_its_last_line_end() {
    let health = "{ path: /, headers: { Authorization: { file: probe } } }";
    for content in ["hunter2", "hunter2\n", "hunter2\r\n"] {
        let config = in_folder(health, content.as_bytes()).unwrap();
        let (name, value) = &config.services[0].health.as_ref().unwrap().headers[0];
        assert_eq!((name.as_str(), value.expose()), ("Authorization", "hunter2"));
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}

#[test]
fn a_secret_file_that_cannot_be_used_is_told_by_its_path_alone() {
    let health = "{ path: /, headers: { Authorization: { file: probe } } }";
    for content in [b"".as_slice(), b"hunter2\nhunter2", b"hunter2\0", b"hunter2\xff"] {
        let problems = in_folder(health, content).unwrap_err();
        assert_eq!(problems.len(), 1);
        assert!(!printed(&problems).contains("hunter2"), "{problems}");
    }
    let problems = in_folder("{ path: /, headers: { Authorization: { file: nowhere } } }", b"").unwrap_err();
    assert!(
        printed(&problems).contains("cannot read the secret file `nowhere` for `Authorization`"),
        "{problems}"
    );
    let problems = in_folder("{ path: /, headers: { Authorization: { file: . } } }", b"").unwrap_err();
    assert!(printed(&problems).contains("not a plain file"), "{problems}");
}

#[test]
fn a_literal_secret_is_masked_in_every_source_line() {
    let cases = [
        "{ path: x, headers: { Authorization: \"Bearer hunter2\" } }",
        "{ path: /, headers: { X-Probe: \"hunter2\\n\" } }",
        "{ path: /, headers: { \"bad name\": hunter2 } }",
        "{ path: /, headers: { X: [hunter2] } }",
        "{ path: /, headers: { X: { fill: hunter2 } } }",
        "{ path: /, heders: { X-Probe: hunter2 } }",
        "{ path: /, token: hunter2 }",
        "{ path: /, headers: { Authorization: \"Bearer hunter2 } }",
        "{ path: /, headers: { Authorization: hunter2, Authorization: hunter2 } }",
        "{ path: /, headers: { X: hunter2 ] }",
        "\n      path: x\n      headers:\n        Authorization: |\n          hunter2\n          hunter2",
        "\n      path: /\n      headers:\n        Authorization: \"hunter2\n          hunter2\"\n        X: !foo hunter2",
        "{ path: /, headers: { X: !!int hunter2 } }",
        "{ path: /, headers: { X: !!bool hunter2 } }",
        "{ path: /, headers: { X: !!float hunter2 } }",
        "{ path: /, headers: { X: !!binary hunter2 } }",
        "{ path: x, headers: { X: !!null hunter2 } }",
        "{ path: /, headers: { X: *hunter2 } }",
    ];
    for health in cases {
        let problems = parse("mizan.yml", &file(health), &|_| None).expect_err(health);
        assert!(!printed(&problems).contains("hunter2"), "{health}\n{problems}");
    }
}

#[test]
fn what_a_variable_holds_is_never_printed() {
    let env = |name: &str| (name == "V").then(|| "hunter2".to_owned());
    let full = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/full.yml")).unwrap();
    let mut tried = 0;
    let values = regex::Regex::new(r"(?m)(: )([^ {\[#][^,}\]#\n]*)").unwrap();
    for found in values.captures_iter(&full) {
        let value = found.get(2).unwrap();
        let changed = format!("{}\"${{V}}\"{}", &full[..value.start()], &full[value.end()..]);
        if let Err(problems) = parse("mizan.yml", &changed, &env) {
            assert!(!printed(&problems).contains("hunter2"), "{problems}");
            tried += 1;
        }
    }
    assert!(tried > 50, "{tried}");
}
