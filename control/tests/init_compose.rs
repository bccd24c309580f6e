//! `mizanctl init` on Compose files of all kinds, held against what both generations of Compose make of the result.

use serde_json::{Map, Value};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

#[derive(Debug, Clone, Copy)]
enum Version {
    One,
    Two,
}

/// A test for each file and generation of Compose: file, service (empty: the only one that can be), profile to see it.
macro_rules! tracks_are_what_the_service_was {
    ($($name:ident: $file:literal, $service:literal, $profile:literal;)*) => {
        const FILES: &[&str] = &[$($file),*];

        mod in_docker_compose_1 {
            $(#[test]
            fn $name() {
                super::tried(super::Version::One, $file, $service, $profile);
            })*
        }

        mod in_compose_v2 {
            $(#[test]
            fn $name() {
                super::tried(super::Version::Two, $file, $service, $profile);
            })*
        }
    };
}

tracks_are_what_the_service_was! {
    a_project_with_a_frontend_keeps_its_backend: "tagadodo", "backend", "";
    a_project_under_development_is_split: "kaleem-development", "", "";
    a_single_service_is_split: "kaleem-staging", "", "";
    a_project_behind_nginx_is_split: "kaleem-production", "", "";
    anchors_and_merges_are_resolved: "anchors", "api", "";
    a_file_without_a_version_stays_without: "no-version", "", "app";
    a_file_of_version_2_4_stays_one: "version2", "", "";
    a_file_of_version_2_stays_one: "version20", "", "";
    a_list_of_variables_is_kept: "env-list", "", "";
    a_mapping_of_variables_is_kept: "env-map", "", "";
    commands_over_several_lines_are_kept: "commands", "", "";
    octal_modes_stay_octal: "modes", "", "";
    numbers_stay_numbers_and_text_text: "numbers", "", "";
    variables_stay_variables: "variables", "", "";
    any_character_is_kept: "unicode", "", "";
    a_file_in_flow_style_is_read: "flow", "", "";
    ports_of_every_form_go: "ports", "", "";
    addresses_and_names_go: "identity", "", "";
    volumes_are_kept: "volumes", "", "";
    a_build_goes: "build", "", "";
    rarer_keys_are_kept: "everything", "", "";
}

fn tried(version: Version, name: &str, service: &str, profile: &str) {
    if is_there(version)
        && let Err(error) = compared(version, name, service, profile)
    {
        panic!("{error}");
    }
}

/// Both tracks are the service but for what init left out, and everything else is as it was.
fn compared(version: Version, name: &str, service: &str, profile: &str) -> Result<(), String> {
    let folder = project(name);
    let proposal = init(folder.path(), &[service, "--json"][usize::from(service.is_empty())..])?;
    let proposal: Value = serde_json::from_str(&proposal).expect("JSON");
    let service = proposal["service"].as_str().expect("a name");
    let both = ["docker-compose.yml", "docker-compose.mizan.yml"];
    let after = config(version, folder.path(), &both, &[profile, "mizan"])?;
    let variable = |track: &str| format!("{service}_{track}_image").to_uppercase().replace(['.', '-'], "_");
    // docker-compose 1.29 writes a service otherwise where there is a second file, whatever is in it.
    let before = match version {
        Version::One => after.clone(),
        Version::Two => config(version, folder.path(), &both[..1], &[profile])?,
    };
    for (other, was) in before["services"].as_object().expect("services") {
        if after["services"][other] != *was {
            return Err(format!("{other} has changed:\n{was:#}\n{:#}", after["services"][other]));
        }
    }
    for track in ["blue", "green"] {
        let after = &after["services"][format!("{service}-{track}")];
        let image = format!("test/{track}:1");
        if after["image"] != image.as_str() {
            return Err(format!("{} is not heeded: {:#}", variable(track), after["image"]));
        }
        if after["profiles"] != serde_json::json!(["mizan"]) {
            return Err(format!("{after:#}"));
        }
        for gone in ["build", "ports", "container_name", "hostname", "mac_address", "scale"] {
            if after.get(gone).is_some() {
                return Err(format!("{track} has {gone}: {after:#}"));
            }
        }
        let (was, is) = (shareable(&before["services"][service]), shareable(after));
        if was != is {
            return Err(format!(
                "{track} is not what {service} was:\n{was:#}\n{is:#}\n{}",
                proposal["compose"].as_str().expect("text")
            ));
        }
    }
    for (section, was) in before.as_object().expect("sections") {
        if section != "services" && after[section] != *was {
            return Err(format!("`{section}` has changed:\n{was:#}\n{:#}", after[section]));
        }
    }
    Ok(())
}

/// What two containers of one service can share.
fn shareable(service: &Value) -> Value {
    let mut service = service.as_object().expect("a service").clone();
    for key in [
        "image",
        "build",
        "container_name",
        "hostname",
        "mac_address",
        "ports",
        "expose",
        "profiles",
        "scale",
    ] {
        service.remove(key);
    }
    if let Some(Value::Object(deploy)) = service.get_mut("deploy") {
        deploy.remove("replicas");
        // Compose v2 has them wherever there is a `deploy`.
        deploy.retain(|_, section| *section != serde_json::json!({}));
        if deploy.is_empty() {
            service.remove("deploy");
        }
    }
    if let Some(Value::Object(networks)) = service.get_mut("networks") {
        for options in networks.values_mut() {
            let Value::Object(map) = options else { continue };
            map.retain(|key, _| {
                !["aliases", "ipv4_address", "ipv6_address", "mac_address"].contains(&key.as_str())
            });
            if map.is_empty() {
                *options = Value::Null;
            }
        }
    }
    Value::Object(service)
}

/// A folder with the Compose file and what it names.
fn project(name: &str) -> TempDir {
    let folder = tempfile::Builder::new().prefix("mzt").tempdir().expect("a folder");
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/compose/{name}.yml"));
    fs::copy(from, folder.path().join("docker-compose.yml")).expect("a fixture");
    fs::create_dir(folder.path().join("embedding-service")).expect("our own folder");
    fs::write(folder.path().join("app.env"), "FROM_FILE=1\n").expect("our own folder");
    fs::write(folder.path().join("secret.txt"), "x").expect("our own folder");
    folder
}

fn init(folder: &Path, words: &[&str]) -> Result<String, String> {
    let output = Command::new(env!("CARGO_BIN_EXE_mizanctl"))
        .arg("init")
        .args(words)
        .current_dir(folder)
        .output()
        .expect("it starts");
    text(&output)
}

/// The project as Compose resolves it.
fn config(version: Version, folder: &Path, files: &[&str], profiles: &[&str]) -> Result<Value, String> {
    let mut command = compose(version, folder);
    for file in files {
        command.args(["-f", file]);
    }
    for profile in profiles.iter().filter(|profile| !profile.is_empty()) {
        command.args(["--profile", profile]);
    }
    command.arg("config");
    if matches!(version, Version::Two) {
        command.args(["--format", "json"]);
    }
    let text = text(&command.output().expect("it starts"))?;
    match version {
        Version::One => serde_saphyr::from_str(&text).map_err(|error| format!("{error}\n{text}")),
        Version::Two => serde_json::from_str(&text).map_err(|error| format!("{error}\n{text}")),
    }
    .map(|value: Map<String, Value>| Value::Object(value))
}

/// With CI=true it has to be; else its tests are skipped, with one line on stderr.
fn is_there(version: Version) -> bool {
    let there =
        compose(version, Path::new(".")).arg("version").output().is_ok_and(|out| out.status.success());
    if !there {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "there is no Compose of version {version:?}");
        eprintln!("skipped: there is no Compose of version {version:?}: see `scripts/setup test`");
    }
    there
}

fn compose(version: Version, folder: &Path) -> Command {
    let mut command = match version {
        Version::One => Command::new("docker-compose"),
        Version::Two => {
            let mut command = Command::new("docker");
            let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/compose-v2");
            if ours.is_dir() {
                command.env("DOCKER_CONFIG", ours);
            }
            command.arg("compose");
            command
        }
    };
    command.current_dir(folder).args(["-p", "mzt-init"]);
    for name in ["EMBEDDING", "BACKEND", "API", "MY_APP_API", "WEB_APP"] {
        command
            .env(format!("{name}_BLUE_IMAGE"), "test/blue:1")
            .env(format!("{name}_GREEN_IMAGE"), "test/green:1");
    }
    // docker-compose 1.29 keeps lists as sets on the way.
    command.env("PYTHONHASHSEED", "0");
    command.env("TAG", "1").env("SET", "s e t").env("EMPTY", "").env("FROM_HOST", "from host");
    command
}

fn text(output: &Output) -> Result<String, String> {
    let of = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        Ok(of(&output.stdout))
    } else {
        Err(format!("{}\n{}{}", output.status, of(&output.stdout), of(&output.stderr)))
    }
}

#[test]
fn every_compose_file_of_this_folder_is_tried() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compose");
    let files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(files.len(), FILES.len());
}

#[test]
fn a_bare_up_knows_no_track() {
    if !is_there(Version::Two) {
        return;
    }
    let folder = project("kaleem-production");
    init(folder.path(), &[]).unwrap();
    let both = ["docker-compose.yml", "docker-compose.mizan.yml"];
    let services = config(Version::Two, folder.path(), &both, &[]).unwrap();
    let names: Vec<_> = services["services"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["api", "nginx"]);
}

#[test]
fn the_compose_file_is_found_as_compose_finds_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let error = init(path, &["--print"]).unwrap_err();
    assert!(error.contains("there is no compose.yaml, compose.yml, docker-compose.yml"), "{error}");
    for name in ["docker-compose.yaml", "docker-compose.yml", "compose.yml", "compose.yaml"] {
        fs::write(path.join(name), "services: {api: {image: acme/api, ports: ['80:80']}}").unwrap();
        let text = init(path, &["--print"]).unwrap();
        assert!(text.contains(&format!("files: [{name}, docker-compose.mizan.yml]")), "{name}: {text}");
    }
    fs::write(path.join("compose.override.yml"), "services: {api: {user: '1'}}").unwrap();
    let text = init(path, &["--print"]).unwrap();
    assert!(text.contains("files: [compose.yaml, compose.override.yml, docker-compose.mizan.yml]"), "{text}");
}

#[test]
fn a_file_that_cannot_be_split_ends_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::write(path.join("compose.yml"), "services:\n  a: {build: ., ports: [80]}\n  a: {build: .}\n")
        .unwrap();
    let error = init(path, &[]).unwrap_err();
    assert!(error.contains("exit status: 1") && error.contains("mizanctl: compose.yml:3:3: "), "{error}");
    assert_eq!(fs::read_dir(path).unwrap().count(), 1, "nothing was written");
}
