//! The JSON Schema and the decoder agree: what the schema refuses, the decoder refuses.

use mizan_config::{parse, render, schema};
use regex::Regex;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

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

fn junk() -> Vec<Value> {
    vec![
        Value::Null,
        json!(true),
        json!(false),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(999_999_999_999_u64),
        json!(""),
        json!("junk"),
        json!("7"),
        json!("30s"),
        json!("16kb"),
        json!([]),
        json!([[]]),
        json!(["junk"]),
        json!({}),
        json!({ "bogus": 1 }),
    ]
}

/// JSON pointers to every value below the root.
fn paths(value: &Value) -> Vec<String> {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(object) => {
            object.iter().map(|(key, value)| (key.replace('~', "~0").replace('/', "~1"), value)).collect()
        }
        Value::Array(items) => items.iter().enumerate().map(|(at, value)| (at.to_string(), value)).collect(),
        _ => Vec::new(),
    };
    let below = |(key, value): (String, &Value)| {
        let inner: Vec<_> = paths(value).into_iter().map(|path| format!("/{key}{path}")).collect();
        std::iter::once(format!("/{key}")).chain(inner)
    };
    children.into_iter().flat_map(below).collect()
}

/// Every `key: description` of a schema.
fn describe(schema: &Value, found: &mut BTreeSet<String>) {
    for (name, property) in properties(schema).into_iter().flatten() {
        found.insert(format!("{name}: {}", property["description"].as_str().unwrap_or_default()));
        describe(property, found);
    }
    for inner in inner_schemas(schema) {
        describe(inner, found);
    }
}

fn used_keys(schema: &Value, value: &Value, found: &mut BTreeSet<String>) {
    for (name, property) in properties(schema).into_iter().flatten() {
        if let Some(value) = value.get(name) {
            found.insert(format!("{name}: {}", property["description"].as_str().unwrap_or_default()));
            used_keys(property, value, found);
        }
    }
    for inner in schema["anyOf"].as_array().into_iter().flatten().filter(|inner| is_valid(inner, value)) {
        used_keys(inner, value, found);
    }
    if schema["items"].is_object() {
        value.as_array().into_iter().flatten().for_each(|item| used_keys(&schema["items"], item, found));
    }
    if schema["additionalProperties"].is_object() {
        let values = value.as_object().into_iter().flatten();
        values.for_each(|(_, value)| used_keys(&schema["additionalProperties"], value, found));
    }
}

fn properties(schema: &Value) -> Option<&Map<String, Value>> {
    schema["properties"].as_object()
}

fn inner_schemas(schema: &Value) -> Vec<&Value> {
    let any = schema["anyOf"].as_array().into_iter().flatten();
    any.chain([&schema["items"], &schema["additionalProperties"]]).filter(|inner| inner.is_object()).collect()
}

/// The keywords that the schema uses, as JSON Schema 2020-12 defines them; any other is a failure of the test.
fn is_valid(schema: &Value, value: &Value) -> bool {
    schema.as_object().unwrap().iter().all(|(keyword, argument)| match keyword.as_str() {
        "$schema" | "title" | "description" | "properties" => true,
        "type" => match argument {
            Value::Array(types) => types.iter().any(|kind| has_type(kind, value)),
            kind => has_type(kind, value),
        },
        "enum" => argument.as_array().unwrap().contains(value),
        "const" => argument == value,
        "anyOf" => argument.as_array().unwrap().iter().any(|schema| is_valid(schema, value)),
        "minimum" => value.as_f64().is_none_or(|number| number >= argument.as_f64().unwrap()),
        "maximum" => value.as_f64().is_none_or(|number| number <= argument.as_f64().unwrap()),
        "minItems" => value.as_array().is_none_or(|items| items.len() as u64 >= argument.as_u64().unwrap()),
        "pattern" => value.as_str().is_none_or(|text| matches(argument.as_str().unwrap(), text)),
        "items" => value.as_array().is_none_or(|items| items.iter().all(|item| is_valid(argument, item))),
        "required" => value.as_object().is_none_or(|object| {
            argument.as_array().unwrap().iter().all(|key| object.contains_key(key.as_str().unwrap()))
        }),
        "additionalProperties" => value.as_object().is_none_or(|object| {
            object.iter().all(|(key, value)| match properties(schema).and_then(|known| known.get(key)) {
                Some(property) => is_valid(property, value),
                None => argument.is_object() && is_valid(argument, value),
            })
        }),
        other => panic!("the test does not know the keyword {other}"),
    })
}

/// Compiling takes longest in a debug build: once a pattern.
fn matches(pattern: &str, text: &str) -> bool {
    static COMPILED: Mutex<BTreeMap<String, Regex>> = Mutex::new(BTreeMap::new());
    let mut compiled = COMPILED.lock().unwrap();
    compiled.entry(pattern.to_owned()).or_insert_with(|| Regex::new(pattern).unwrap()).is_match(text)
}

fn has_type(kind: &Value, value: &Value) -> bool {
    match kind.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_u64() || value.is_i64(),
        "boolean" => value.is_boolean(),
        other => panic!("the test does not know the type {other}"),
    }
}
