//! The JSON Schema and the decoder agree: what the schema refuses, the decoder refuses.

mod deploy;
mod validator;

use mizan_config::{parse, render, schema};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use validator::{describe, is_valid, junk, paths, used_keys};

fn full() -> Value {
    example("full.yml")
}

fn example(name: &str) -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/").to_owned() + name;
    serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// JSON is YAML.
fn decodes(value: &Value) -> bool {
    parse("mizan.yml", &value.to_string(), &|_| None).is_ok()
}

#[test]
fn every_example_is_valid() {
    let mut seen = 0;
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples")).unwrap() {
        let path = entry.unwrap().path();
        let value: Value = serde_saphyr::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        assert!(is_valid(&schema(), &value), "{}", path.display());
        seen += 1;
    }
    assert!(seen >= 4);
}

#[test]
fn the_full_example_has_every_key() {
    let (mut described, mut used) = (BTreeSet::new(), BTreeSet::new());
    describe(&schema(), &mut described);
    used_keys(&schema(), &full(), &mut used);
    let missing: Vec<_> = described.difference(&used).collect();
    // The secret file would have to exist, and records are written by a server there, so not by a command.
    let [command, file] = missing.as_slice() else { panic!("{missing:#?}") };
    assert!(command.starts_with("command: A program"), "{command}");
    assert_eq!(*file, "file: Path of a secret file.");
}

#[test]
fn what_is_rendered_is_valid_and_has_every_key() {
    let rendered = render(&parse("mizan.yml", &full().to_string(), &|_| None).unwrap());
    assert!(is_valid(&schema(), &rendered), "{rendered}");
    let (mut written, mut kept) = (BTreeSet::new(), BTreeSet::new());
    used_keys(&schema(), &full(), &mut written);
    used_keys(&schema(), &rendered, &mut kept);
    assert_eq!(written, kept);
}

#[test]
fn every_key_is_described() {
    let mut described = BTreeSet::new();
    describe(&schema(), &mut described);
    assert!(described.len() > 50);
    assert!(described.iter().all(|key| key.len() > key.find(": ").unwrap() + 5), "{described:?}");
}

#[test]
fn what_the_schema_refuses_the_decoder_refuses() {
    let (schema, full) = (schema(), full());
    assert!(is_valid(&schema, &full) && decodes(&full));
    let mut refused = 0;
    for path in paths(&full) {
        for junk in junk() {
            let mut changed = full.clone();
            *changed.pointer_mut(&path).unwrap() = junk;
            if !is_valid(&schema, &changed) {
                refused += 1;
                assert!(
                    !decodes(&changed),
                    "only the schema refuses {path} = {}",
                    changed.pointer(&path).unwrap()
                );
            }
        }
    }
    assert!(refused > 500, "{refused}");
}

#[test]
fn no_key_of_the_schema_is_ignored_by_the_decoder() {
    // The other one has what only one of can be in a file.
    for example in [full(), example("acme.yml")] {
        for path in paths(&example) {
            let mut changed = example.clone();
            *changed.pointer_mut(&path).unwrap() = json!([{ "bogus": [null] }]);
            assert!(!decodes(&changed), "{path} is not looked at");
        }
    }
}

#[test]
fn an_unknown_key_is_refused_by_both_in_every_section() {
    let (schema, full) = (schema(), full());
    let names = ["/services", "/services/shop/tracks", "/services/shop/split"];
    let mut sections = 0;
    for path in std::iter::once(String::new()).chain(paths(&full)) {
        let mut changed = full.clone();
        let Some(Value::Object(object)) = changed.pointer_mut(&path) else { continue };
        if names.contains(&path.as_str()) || path.ends_with("/headers") {
            continue;
        }
        object.insert("colour".into(), json!("red"));
        assert!(!is_valid(&schema, &changed), "the schema accepts {path}/colour");
        assert!(!decodes(&changed), "the decoder accepts {path}/colour");
        sections += 1;
    }
    assert!(sections > 15, "{sections}");
}

#[test]
fn a_key_that_the_schema_requires_the_decoder_requires() {
    let (schema, full) = (schema(), full());
    for path in paths(&full) {
        let (parent, key) = path.rsplit_once('/').unwrap();
        let mut changed = full.clone();
        let Some(Value::Object(object)) = changed.pointer_mut(parent) else { continue };
        object.remove(key);
        if !is_valid(&schema, &changed) {
            assert!(!decodes(&changed), "only the schema requires {path}");
        }
    }
}

#[test]
fn numbers_that_are_words_of_a_choice_may_stand_without_quotes() {
    let mut full = full();
    full["tls"]["versions"] = json!([1.2, "1.3"]);
    full["sites"][0]["redirect_to_https"] = json!(301);
    full["unknown_host"] = json!(421);
    assert!(is_valid(&schema(), &full) && decodes(&full));
}
