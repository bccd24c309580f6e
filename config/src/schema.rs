//! JSON Schemas, from the decoder's own tables of keys.

use crate::keys::{Key, Need, Section, Shape, TOP};
use serde_json::{Map, Value, json};

/// JSON Schema 2020-12 of mizan.yml, for editors.
///
/// It knows keys, kinds of values, ranges and units. What needs more than one place of the file, or a look at what a
/// text says (hosts, addresses, paths), only the checks know: a file that the schema refuses is refused by [`parse`],
/// too, but not the other way round.
///
/// [`parse`]: crate::parse
pub fn schema() -> Value {
    document(&TOP, "Configuration of the reverse proxy Mizan.")
}

/// The schema of a file with this section at its top.
pub(crate) fn document(top: &Section, description: &str) -> Value {
    let mut schema = section(top);
    schema.insert("$schema".into(), json!("https://json-schema.org/draft/2020-12/schema"));
    schema.insert("title".into(), json!(top.name));
    schema.insert("description".into(), json!(description));
    Value::Object(schema)
}

fn section(section: &Section) -> Map<String, Value> {
    let properties: Map<String, Value> =
        section.keys.iter().map(|key| (key.name.to_owned(), property(key))).collect();
    let required: Vec<&str> =
        section.keys.iter().filter(|key| key.need == Need::Required).map(|key| key.name).collect();
    let mut object = Map::new();
    object.insert("type".into(), json!("object"));
    object.insert("properties".into(), Value::Object(properties));
    object.insert("additionalProperties".into(), json!(false));
    if !required.is_empty() {
        object.insert("required".into(), json!(required));
    }
    object
}

fn property(key: &Key) -> Value {
    let mut schema = shape(&key.shape);
    if let Value::Object(object) = &mut schema {
        object.insert("description".into(), json!(key.help));
    }
    schema
}

fn shape(shape: &Shape) -> Value {
    match shape {
        Shape::Text => json!({ "type": ["string", "number"] }),
        Shape::Secret => json!({ "anyOf": [text(), file()] }),
        Shape::Boolean => json!({ "anyOf": [{ "type": "boolean" }, variable()] }),
        Shape::Integer(from, to) => {
            json!({ "anyOf": [{ "type": "integer", "minimum": from, "maximum": to }, variable()] })
        }
        Shape::Duration => {
            json!({ "anyOf": [matching("^([0-9]+(d|h|m|s|ms))+$"), zero(), variable()] })
        }
        Shape::Size => {
            json!({ "anyOf": [{ "type": "integer", "minimum": 0 }, matching("^[0-9]+[kKmMgG]?$"), variable()] })
        }
        Shape::Percent(..) => json!({ "anyOf": [matching("^[0-9]+%$"), variable()] }),
        Shape::Choice(words) => json!({ "anyOf": [{ "enum": choices(words) }, variable()] }),
        Shape::OrFalse(other) => json!({ "anyOf": [{ "const": false }, self::shape(other)] }),
        Shape::OrBoolean(other) => json!({ "anyOf": [{ "type": "boolean" }, self::shape(other)] }),
        Shape::List(item) => json!({ "type": "array", "items": self::shape(item) }),
        Shape::Some(item) => json!({ "type": "array", "items": self::shape(item), "minItems": 1 }),
        Shape::OneOrSome(item) => json!({ "anyOf": [self::shape(item), self::shape(&Shape::Some(item))] }),
        Shape::Named(value) => json!({ "type": "object", "additionalProperties": self::shape(value) }),
        Shape::Section(section) => Value::Object(self::section(section)),
        Shape::Either(one, other) => json!({ "anyOf": [self::shape(one), self::shape(other)] }),
    }
}

fn text() -> Value {
    shape(&Shape::Text)
}

/// `{ file: PATH }`.
fn file() -> Value {
    json!({
        "type": "object",
        "properties": { "file": { "type": ["string", "number"], "description": "Path of a secret file." } },
        "required": ["file"],
        "additionalProperties": false,
    })
}

/// Text that the environment completes.
fn variable() -> Value {
    matching(r"\$\{")
}

fn zero() -> Value {
    json!({ "enum": [0, "0"] })
}

fn matching(pattern: &str) -> Value {
    json!({ "type": "string", "pattern": pattern })
}

/// YAML reads `421` and `1.2` as numbers.
fn choices(words: &[&str]) -> Vec<Value> {
    let number = |word: &&str| serde_json::from_str::<Value>(word).ok().filter(Value::is_number);
    words.iter().map(|word| json!(word)).chain(words.iter().filter_map(number)).collect()
}
