//! `GET /v1/openapi.json`: the table of operations as an OpenAPI 3.1 document.

use super::call::{Call, Reply};
use super::operations::{ANY_CALL, Answer, OPERATIONS, Operation, Parameter, ParameterKind};
use mizan_api::{Problem, ProblemKind};
use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::LazyLock;

static DOCUMENT: LazyLock<Vec<u8>> =
    LazyLock::new(|| serde_json::to_vec(&document()).expect("a document of our own"));

#[expect(clippy::unnecessary_wraps, reason = "one of the table's functions")]
pub(super) fn get(_call: &Call) -> Result<Reply, Problem> {
    Ok(Reply::Json(DOCUMENT.clone()))
}

fn document() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut generator = SchemaGenerator::new(settings);
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for operation in OPERATIONS {
        let method = operation.method.as_str().to_ascii_lowercase();
        paths.entry(operation.path).or_default().insert(method, described(operation, &mut generator));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Mizan's admin API",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "HTTP/1.1 and JSON on a Unix socket; each connection takes one call.",
        },
        "servers": [{ "url": "http://mizan", "description": "the Unix socket that `admin.socket` names" }],
        "paths": paths,
        "components": { "schemas": generator.take_definitions(true) },
    })
}

fn described(operation: &Operation, generator: &mut SchemaGenerator) -> Value {
    let path = operation.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let path =
        path.map(|name| json!({ "name": name, "in": "path", "required": true, "schema": path_schema(name) }));
    let parameters: Vec<Value> = path.chain(operation.query.iter().map(query)).collect();
    let mut value = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "parameters": parameters,
        "responses": responses(operation, generator),
    });
    if let Some(body) = operation.body {
        let content = json!({ "application/json": { "schema": body(generator) } });
        value["requestBody"] = json!({ "required": true, "content": content });
    }
    value
}

fn path_schema(name: &str) -> Value {
    match name {
        "id" => json!({ "type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$" }),
        _ => name_schema(),
    }
}

/// Names of services, tracks and marks.
fn name_schema() -> Value {
    json!({ "type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$" })
}

fn query(parameter: &Parameter) -> Value {
    let schema = match parameter.kind {
        ParameterKind::Integer(from, to) => json!({ "type": "integer", "minimum": from, "maximum": to }),
        ParameterKind::Name => name_schema(),
    };
    json!({ "name": parameter.name, "in": "query", "description": parameter.about, "schema": schema })
}

fn responses(operation: &Operation, generator: &mut SchemaGenerator) -> Map<String, Value> {
    let (kind, schema) = match operation.answer {
        Answer::Json(schema) => ("application/json", schema(generator)),
        Answer::Events(schema) => ("text/event-stream", event_stream(schema, generator)),
        Answer::Text => ("text/plain", schemars::json_schema!({ "type": "string" })),
        Answer::Any => ("application/json", Schema::default()),
    };
    let mut responses = Map::new();
    responses.insert(
        "200".into(),
        json!({ "description": operation.summary, "content": { kind: { "schema": schema } } }),
    );
    let mut by_status: BTreeMap<u16, Vec<ProblemKind>> = BTreeMap::new();
    let own = [ProblemKind::MethodNotAllowed];
    for kind in ANY_CALL.iter().chain(operation.problems).chain(&own) {
        by_status.entry(kind.status()).or_default().push(*kind);
    }
    for (status, kinds) in by_status {
        let titles: Vec<&str> = kinds.iter().map(|kind| kind.title()).collect();
        let content =
            json!({ "application/problem+json": { "schema": generator.subschema_for::<Problem>() } });
        let response = json!({ "description": titles.join("; "), "content": content });
        responses.insert(status.to_string(), response);
    }
    responses
}

/// The stream is text; the schema of its `data:` lines is told beside it.
fn event_stream(schema: fn(&mut SchemaGenerator) -> Schema, generator: &mut SchemaGenerator) -> Schema {
    let data = schema(generator);
    schemars::json_schema!({ "type": "string", "contentMediaType": "application/json", "contentSchema": data })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_leads_to_a_schema() {
        let document = document();
        let mut references = Vec::new();
        collect(&document, &mut references);
        assert!(references.len() > 20);
        for reference in references {
            let pointer = reference.strip_prefix('#').expect("references are local");
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
    }

    #[test]
    fn every_operation_says_what_it_answers() {
        let document = document();
        for operation in OPERATIONS {
            let method = operation.method.as_str().to_ascii_lowercase();
            let responses = &document["paths"][operation.path][method]["responses"];
            assert!(responses["200"].is_object() && responses["400"].is_object(), "{}", operation.id);
        }
    }

    fn collect(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(map) => {
                found.extend(map.get("$ref").and_then(Value::as_str).map(str::to_owned));
                map.values().for_each(|value| collect(value, found));
            }
            Value::Array(list) => list.iter().for_each(|value| collect(value, found)),
            _ => {}
        }
    }
}
