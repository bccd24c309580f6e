//! `compose`: the project, and what it is where nothing is said.

use super::{SOCKET, changed, parsed, told};
use mizan_config::deploy::examine;
use mizan_config::deploy::model::Compose;
use std::fs;
use std::path::{Path, PathBuf};

/// With these keys of `compose`.
#[track_caller]
fn compose(keys: &str) -> Compose {
    parsed(&changed(SOCKET, &format!("    compose: {{ {keys} }}"))).environments.remove(0).compose
}

#[track_caller]
fn slip(keys: &str, expected: &str) {
    told(SOCKET, &format!("    compose: {{ {keys} }}"), expected);
}

/// With these keys, in a folder with these files.
struct Folder {
    temporary: tempfile::TempDir,
}

impl Folder {
    fn new(files: &[(&str, &str)]) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().join("My_App");
        fs::create_dir(&folder).unwrap();
        for (name, content) in files {
            fs::write(folder.join(name), content).unwrap();
        }
        Self { temporary }
    }

    fn path(&self) -> PathBuf {
        self.temporary.path().join("My_App")
    }

    fn examine(&self, keys: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<Compose, String> {
        let text = changed(SOCKET, &format!("    compose: {{ {keys} }}"));
        let env = |name: &str| env(name).or_else(|| super::env(name));
        let examined = examine(self.path().join("deploy.yml").to_str().unwrap(), &text, &env);
        examined.map(|mut examined| examined.file.environments.remove(0).compose).map_err(|e| e.to_string())
    }

    fn files(&self, keys: &str) -> Vec<String> {
        let compose = self.examine(keys, &|_| None).unwrap();
        let name = |file: &PathBuf| file.strip_prefix(self.path()).unwrap().to_str().unwrap().to_owned();
        compose.files.iter().map(name).collect()
    }

    fn project(&self, keys: &str, env: &dyn Fn(&str) -> Option<String>) -> String {
        self.examine(keys, env).unwrap().project
    }
}

#[test]
fn what_is_said_is_what_it_gets() {
    let all = compose(
        "files: [a.yml, /b.yml], project: my_app-1, env_file: prod.env, command: [docker, compose], engine: /d.sock",
    );
    let expected = Compose {
        files: vec!["/srv/app/a.yml".into(), "/b.yml".into()],
        project: "my_app-1".into(),
        env_file: Some("/srv/app/prod.env".into()),
        command: Some(vec!["docker".into(), "compose".into()]),
        engine: "/d.sock".into(),
    };
    assert_eq!(all, expected);
    assert_eq!(compose("files: a.yml").files, [Path::new("/srv/app/a.yml")]);
}

#[test]
fn the_command_is_found_unless_it_is_said() {
    assert_eq!(compose("").command, None);
    assert_eq!(compose("command: auto").command, None);
    assert_eq!(compose("command: [auto]").command.unwrap(), ["auto"]);
    assert_eq!(compose("command: docker-compose").command.unwrap(), ["docker-compose"]);
    assert_eq!(compose("command: [./bin/compose, -x]").command.unwrap(), ["/srv/app/bin/compose", "-x"]);
    slip("command: docker compose", "as in `command: [docker, compose]`");
    slip("command: []", "`command` is empty");
    slip("command: [\"\"]", "the name of a program, which is empty here");
}

#[test]
fn the_engine_is_that_of_docker_host() {
    let engine = |host: Option<&str>| {
        let folder = Folder::new(&[]);
        folder.examine("", &|name| host.filter(|_| name == "DOCKER_HOST").map(str::to_owned)).unwrap().engine
    };
    assert_eq!(engine(None), Path::new("/var/run/docker.sock"));
    assert_eq!(engine(Some("unix:///run/user/1000/docker.sock")), Path::new("/run/user/1000/docker.sock"));
    assert_eq!(engine(Some("tcp://10.0.0.1:2375")), Path::new("/var/run/docker.sock"));
    assert_eq!(engine(Some("")), Path::new("/var/run/docker.sock"));
    assert_eq!(compose("engine: unix:///d.sock").engine, Path::new("/d.sock"));
    slip("engine: tcp://10.0.0.1:2375", "`engine` must be a Unix socket");
    slip("docker_host: /d.sock", "did you mean `engine`?");
}

#[test]
fn compose_files_are_those_that_compose_finds() {
    let found = |names: &[&str]| {
        let files: Vec<_> = names.iter().map(|name| (*name, "")).collect();
        Folder::new(&files).files("")
    };
    assert_eq!(found(&[]), ["docker-compose.yml"]);
    assert_eq!(found(&["docker-compose.yml"]), ["docker-compose.yml"]);
    assert_eq!(found(&["docker-compose.yaml"]), ["docker-compose.yaml"]);
    assert_eq!(found(&["docker-compose.yml", "docker-compose.yaml"]), ["docker-compose.yml"]);
    assert_eq!(found(&["docker-compose.yml", "compose.yml", "compose.yaml"]), ["compose.yaml"]);
    assert_eq!(
        found(&["docker-compose.mizan.yml", "docker-compose.yml", "docker-compose.override.yml"]),
        ["docker-compose.yml", "docker-compose.override.yml", "docker-compose.mizan.yml"]
    );
    assert_eq!(found(&["compose.yml", "compose.override.yaml"]), ["compose.yml", "compose.override.yaml"]);
    assert_eq!(found(&["docker-compose.override.yml"]), ["docker-compose.yml"]);
    let ours = Folder::new(&[("docker-compose.yml", ""), ("docker-compose.mizan.yml", "")]);
    assert_eq!(ours.files("files: docker-compose.yml"), ["docker-compose.yml"]);
    slip("files: []", "`files` is empty");
    slip("files: [a.yml, ./a.yml, a.yml]", "the file `a.yml` is here twice");
    slip("file: a.yml", "did you mean `files`?");
}

#[test]
fn the_project_is_called_as_compose_would_call_it() {
    let none = |_: &str| None;
    let named = |name: &str| (name == "COMPOSE_PROJECT_NAME").then(|| "From.Env".to_owned());
    let empty = |name: &str| (name == "COMPOSE_PROJECT_NAME").then(String::new);
    let bare = Folder::new(&[]);
    assert_eq!(bare.project("", &none), "my_app");
    assert_eq!(bare.project("", &named), "fromenv");
    assert_eq!(bare.project("", &empty), "my_app");
    assert_eq!(bare.project("project: other", &named), "other");
    assert_eq!(bare.project("files: /srv/shop/compose.yml", &none), "shop");
    let full = Folder::new(&[
        (".env", "A=1\nexport COMPOSE_PROJECT_NAME='from-dotenv'\n"),
        ("prod.env", "B=2\n"),
        ("compose.yml", "services:\n  name: no\nname: \"from-file\" # the project\n"),
    ]);
    assert_eq!(full.project("", &none), "from-dotenv");
    assert_eq!(full.project("", &named), "fromenv");
    assert_eq!(full.project("env_file: prod.env", &none), "from-file");
}

#[test]
fn a_project_whose_name_nobody_can_tell_is_a_problem() {
    let folder = Folder::new(&[("compose.yml", "name: ${APP}-x\n"), ("odd.yml", "name: \"!\"\n")]);
    let app = |name: &str| (name == "APP").then(|| "shop".to_owned());
    assert_eq!(folder.project("", &app), "shop-x");
    let refused = folder.examine("", &|_| None).unwrap_err();
    assert!(
        refused.contains("has a variable that is not set") && refused.contains("project: app"),
        "{refused}"
    );
    let refused = folder.examine("files: odd.yml", &|_| None).unwrap_err();
    assert!(refused.contains("nothing says how the Compose project is called"), "{refused}");
    slip("files: /docker-compose.yml", "nothing says how the Compose project is called");
    slip("project: My App", "did you mean `myapp`?");
    slip("project: \"\"", "is no name of a Compose project");
    slip("project: _app", "did you mean `app`?");
}
