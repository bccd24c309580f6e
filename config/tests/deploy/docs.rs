//! docs/deploy-yml.md says what is there, and every deploy.yml in the documentation is a sound one.

use mizan_config::deploy::{examine, schema};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every name under `properties`, however deep.
fn keys(schema: &Value, found: &mut BTreeSet<String>) {
    match schema {
        Value::Object(object) => {
            if let Some(Value::Object(properties)) = object.get("properties") {
                found.extend(properties.keys().cloned());
            }
            object.values().for_each(|inner| keys(inner, found));
        }
        Value::Array(items) => items.iter().for_each(|inner| keys(inner, found)),
        _ => {}
    }
}

#[test]
fn every_key_is_in_the_documentation() {
    let page = fs::read_to_string(root().join("docs/deploy-yml.md")).unwrap();
    let mut found = BTreeSet::new();
    keys(&schema(), &mut found);
    assert!(found.len() > 45, "{}", found.len());
    let missing: Vec<_> = found
        .iter()
        .filter(|key| !regex::Regex::new(&format!(r"`(?:[a-z_]+\.)*{key}`")).unwrap().is_match(&page))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_placeholder_is_in_the_documentation() {
    let page = fs::read_to_string(root().join("docs/deploy-yml.md")).unwrap();
    let text = "services: { a: { compose_service: a, image_variable: A } }\nnotify: [{ url: http://localhost/, text: \"{x}\" }]";
    let said = examine("deploy.yml", text, &|_| None).unwrap_err().lines().next().unwrap();
    let names: Vec<&str> =
        said.split("there are ").nth(1).unwrap().trim_end_matches(')').split(", ").collect();
    assert_eq!(names.len(), 11, "{said}");
    assert!(names.iter().all(|name| page.contains(&format!("`{name}`"))), "{names:?}");
}

#[test]
fn every_deploy_yml_in_the_documentation_is_accepted() {
    let root = root();
    let pages =
        [root.clone(), root.join("docs")].into_iter().flat_map(|folder| fs::read_dir(folder).unwrap());
    let mut seen = 0;
    for page in pages.map(|entry| entry.unwrap().path()) {
        if page.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        let text = fs::read_to_string(&page).unwrap();
        for block in text.split("```yaml deploy.yml\n").skip(1) {
            accepted(block.split("\n```").next().unwrap(), &page);
            seen += 1;
        }
    }
    assert!(seen >= 2, "{seen}");
}

fn accepted(block: &str, page: &Path) {
    let folder = tempfile::tempdir().unwrap();
    // What `{ file: ... }` refers to.
    for file in block.split("{ file: ").skip(1).map(|rest| rest.split(" }").next().unwrap()) {
        fs::write(folder.path().join(file), "https://hooks.example.com/x\n").unwrap();
    }
    let name = folder.path().join("app");
    fs::create_dir(&name).unwrap();
    let block = block.replace("{ file: ", "{ file: ../");
    match examine(name.join("deploy.yml").to_str().unwrap(), &block, &|_| None) {
        Ok(examined) => assert!(examined.warnings.is_empty(), "{}: {}", page.display(), examined.warnings),
        Err(problems) => panic!("{}: {problems}", page.display()),
    }
}
