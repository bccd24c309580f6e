//! The same of deploy.yml, whose file with every key is in its documentation.

use super::validator::{describe, is_valid, junk, paths, used_keys};
use mizan_config::deploy::{examine, schema};
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn full() -> Value {
    let page = include_str!("../../../docs/deploy-yml.md");
    let block = page.split("```yaml deploy.yml\n").nth(2).unwrap().split("```").next().unwrap();
    let mut full: Value = serde_saphyr::from_str(block).unwrap();
    // The file of the secret would have to be there.
    full["notify"][0]["url"] = json!("https://hooks.example.com/x");
    full
}

/// JSON is YAML.
fn decodes(value: &Value) -> bool {
    examine("deploy.yml", &value.to_string(), &|_| None).is_ok()
}

fn described() -> BTreeSet<String> {
    let mut described = BTreeSet::new();
    describe(&schema(), &mut described);
    described
}

#[test]
fn the_documented_file_has_every_key() {
    let mut used = BTreeSet::new();
    used_keys(&schema(), &full(), &mut used);
    // `run` of a hook that is a text or a list has nothing below; one is a map.
    let missing: Vec<_> = described().difference(&used).cloned().collect();
    assert_eq!(missing, ["file: Path of a secret file."]);
    assert!(is_valid(&schema(), &full()) && decodes(&full()));
}

#[test]
fn every_key_of_deploy_yml_is_described() {
    let described = described();
    assert!(described.len() > 45, "{}", described.len());
    assert!(described.iter().all(|key| key.len() > key.find(": ").unwrap() + 5), "{described:?}");
    assert_eq!(schema()["title"], "deploy.yml");
}

#[test]
fn what_the_schema_of_deploy_yml_refuses_the_decoder_refuses() {
    let (schema, full) = (schema(), full());
    let mut refused = 0;
    for path in paths(&full) {
        for junk in junk() {
            let mut changed = full.clone();
            *changed.pointer_mut(&path).unwrap() = junk;
            if !is_valid(&schema, &changed) {
                refused += 1;
                let value = changed.pointer(&path).unwrap();
                assert!(!decodes(&changed), "only the schema refuses {path} = {value}");
            }
        }
    }
    assert!(refused > 500, "{refused}");
}

#[test]
fn no_key_of_deploy_yml_is_ignored_by_the_decoder() {
    let full = full();
    for path in paths(&full) {
        let mut changed = full.clone();
        *changed.pointer_mut(&path).unwrap() = json!([{ "bogus": [null] }]);
        assert!(!decodes(&changed), "{path} is not looked at");
    }
}

#[test]
fn an_unknown_key_of_deploy_yml_is_refused_by_both_in_every_section() {
    let (schema, full) = (schema(), full());
    let named = ["/services", "/environments", "/services/api/tracks"];
    let mut sections = 0;
    for path in std::iter::once(String::new()).chain(paths(&full)) {
        let mut changed = full.clone();
        let Some(Value::Object(object)) = changed.pointer_mut(&path) else { continue };
        if named.contains(&path.as_str()) {
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
fn a_key_that_the_schema_of_deploy_yml_requires_the_decoder_requires() {
    let (schema, full) = (schema(), full());
    let mut required = 0;
    for path in paths(&full) {
        let (parent, key) = path.rsplit_once('/').unwrap();
        let mut changed = full.clone();
        let Some(Value::Object(object)) = changed.pointer_mut(parent) else { continue };
        object.remove(key);
        if !is_valid(&schema, &changed) {
            required += 1;
            assert!(!decodes(&changed), "only the schema requires {path}");
        }
    }
    assert!(required > 5, "{required}");
}
