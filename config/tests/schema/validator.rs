//! A small validator for the keywords that the schemas use, and ways around in a schema and a file.

use regex::Regex;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

pub(crate) fn junk() -> Vec<Value> {
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
pub(crate) fn paths(value: &Value) -> Vec<String> {
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
pub(crate) fn describe(schema: &Value, found: &mut BTreeSet<String>) {
    for (name, property) in properties(schema).into_iter().flatten() {
        found.insert(format!("{name}: {}", property["description"].as_str().unwrap_or_default()));
        describe(property, found);
    }
    for inner in inner_schemas(schema) {
        describe(inner, found);
    }
}

pub(crate) fn used_keys(schema: &Value, value: &Value, found: &mut BTreeSet<String>) {
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
pub(crate) fn is_valid(schema: &Value, value: &Value) -> bool {
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
