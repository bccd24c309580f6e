use super::*;
use crate::compose::Health;
use crate::compose::tests::fake::{Fake, answer};
use std::os::unix::fs::PermissionsExt;
use verify::{Goal, Verdict};

fn container(id: &str, image_id: &str, state: ContainerState) -> Container {
    Container {
        id: id.to_owned(),
        name: format!("p-api-{id}"),
        service: "api".to_owned(),
        number: 1,
        compose_version: "2.26.1".to_owned(),
        image: "r/api:x".to_owned(),
        image_id: image_id.to_owned(),
        state,
        health: Health::None,
        exit_code: 0,
        restarts: 0,
        addresses: vec![],
        created: String::new(),
    }
}

fn by(version: &str) -> Container {
    Container {
        compose_version: version.to_owned(),
        name: format!("by-{version}"),
        ..container("1", "a", ContainerState::Exited)
    }
}

fn compose(folder: &Path, command: Option<&[&str]>) -> Compose {
    let file = folder.join("docker-compose.yml");
    std::fs::write(&file, "services: {}\n").unwrap();
    Compose {
        files: vec![file],
        project: "p".to_owned(),
        env_file: None,
        command: command.map(|words| words.iter().map(ToString::to_string).collect()),
        engine: folder.join("docker.sock"),
    }
}

/// Which is found, with these answers of `docker compose` and `docker-compose`.
async fn found(
    made: Option<&str>,
    command: Option<&[&str]>,
    plugin: Option<&str>,
    binary: Option<&str>,
) -> Result<String, DockerError> {
    let folder = tempfile::tempdir().unwrap();
    let containers: Vec<Container> = made.map(by).into_iter().collect();
    let made = find::made_by("p", &containers)?;
    let ask = async |words: &[String]| {
        let version = if words.len() == 2 { plugin } else { binary };
        version.map(str::to_owned)
    };
    let found = find::find(&compose(folder.path(), command), made.as_ref(), ask).await?;
    Ok(format!("{} {}", found.command.join(" "), found.version.text))
}

#[tokio::test]
async fn the_compose_that_made_the_project_drives_it() {
    let (v1, v2) = (Some("1.29.2\n"), Some("2.26.1-4\n"));
    for (made, plugin, binary, expected) in [
        (None, v2, v1, "docker compose 2.26.1-4"),
        (None, None, v1, "docker-compose 1.29.2"),
        (None, None, Some("v2.5.0"), "docker-compose 2.5.0"),
        (Some("1.29.2"), v2, v1, "docker-compose 1.29.2"),
        (Some("2.3.3"), v2, v1, "docker compose 2.26.1-4"),
        (Some("5.0.1"), None, v2, "docker-compose 2.26.1-4"),
        (Some("2.3.3"), Some("5.0.0"), v1, "docker compose 5.0.0"),
        (Some("dev"), v2, v1, "docker compose 2.26.1-4"),
    ] {
        assert_eq!(
            found(made, None, plugin, binary).await.unwrap(),
            expected,
            "{made:?} {plugin:?} {binary:?}"
        );
    }
}

#[tokio::test]
async fn the_other_generation_is_refused_with_the_reason() {
    for (made, command, plugin, binary, says) in [
        ("1.29.2", None, Some("2.26.1"), None, "Deploy with docker-compose 1.29"),
        ("1.29.2", None, None, Some("v2.26.1"), "`docker-compose` here is 2.26.1"),
        ("2.26.1", None, None, Some("1.29.2"), "Deploy with Docker Compose 2"),
        ("2.26.1", Some(&["docker-compose"][..]), Some("2.26.1"), Some("1.29.2"), "container by-2.26.1"),
    ] {
        let error = found(Some(made), command, plugin, binary).await.unwrap_err();
        assert!(matches!(&error, DockerError::OtherCompose(text) if text.contains(says)), "{error:?}");
    }
}

#[tokio::test]
async fn a_machine_without_compose_is_told_what_to_install() {
    let error = found(None, None, None, Some("no version")).await.unwrap_err().to_string();
    assert!(error.contains("apt-get install docker-compose-plugin"), "{error}");
    let error = found(None, Some(&["podman-compose"]), Some("2.26.1"), None).await.unwrap_err().to_string();
    assert!(error.contains("`podman-compose version --short` does not answer with a version"), "{error}");
}

#[test]
fn containers_of_both_generations_are_refused() {
    let error = find::made_by("p", &[by("1.29.2"), by("1.28.0"), by("2.26.1")]).unwrap_err();
    assert!(
        matches!(&error, DockerError::OtherCompose(text) if text.contains("by-1.29.2 is by 1.29.2")),
        "{error:?}"
    );
    assert_eq!(find::made_by("p", &[]).unwrap(), None);
}

#[test]
fn an_option_is_given_to_who_knows_it() {
    let knows = |text| {
        let version = find::Version::parse(text).unwrap();
        (version.knows_pull_never(), version.knows_pull_policy())
    };
    assert_eq!(["2.26.1-4", "5.0.0", "v2.24.0"].map(knows), [(true, true); 3]);
    assert_eq!(
        [knows("2.10.2"), knows("2.2.3"), knows("1.29.2")],
        [(true, false), (false, false), (false, false)]
    );
}

#[tokio::test]
async fn a_pull_that_says_yes_and_brings_nothing_is_found_out() {
    let fake =
        Fake::start(vec![("GET /containers/json", answer(200, "[]")), ("GET /images", answer(404, "{}"))]);
    let driver = driver(&fake, "echo \"$*\" >told").await;
    let error = driver.pull("api", "IMG", &images()).await.unwrap_err();
    assert!(matches!(error, DockerError::Unverified(_)), "{error:?}");
    assert!(error.to_string().contains("but the image r/api:v1 is not on this machine"), "{error}");
    let told = std::fs::read_to_string(fake.folder.path().join("told")).unwrap();
    assert!(told.ends_with("docker-compose.yml pull --policy always api\n"), "{told}");
    let error = driver.pull("api", "OTHER", &images()).await.unwrap_err().to_string();
    assert!(error.contains("not known which image OTHER is to be"), "{error}");
}

#[test]
fn the_goal_is_reached_when_all_run_with_the_image() {
    use ContainerState::{Created, Exited, Gone, Paused, Restarting, Running};
    let goal = |replicas| Goal {
        service: "api",
        image: "r/api:v2",
        image_id: "new",
        replicas,
        keep: false,
        before: &[],
    };
    let two = [container("1", "new", Running), container("2", "new", Running)];
    assert_eq!(goal(2).verdict(&two), Verdict::Reached);
    assert_eq!(goal(0).verdict(&[]), Verdict::Reached);
    for (replicas, state, image, says) in [
        (1, Running, "new", "api has 2 containers, and not 1"),
        (3, Running, "new", "api has 2 containers, and not 3"),
        (2, Running, "old", "container p-api-2 has the image r/api:x (old), and not r/api:v2 (new)"),
        (2, Created, "new", "container p-api-2 was not started"),
        (2, Paused, "new", "container p-api-2 is paused"),
        (2, Gone, "new", "container p-api-2 is being removed"),
    ] {
        let now = [two[0].clone(), container("2", image, state)];
        match goal(replicas).verdict(&now) {
            Verdict::NotYet(why) => assert!(why.contains(says), "{why}"),
            other => panic!("{state:?}: {other:?}"),
        }
    }
    for state in [Exited, Restarting] {
        let now = [two[0].clone(), container("2", "new", state)];
        assert_eq!(goal(2).verdict(&now), Verdict::Ended(&now[1]));
    }
}

#[test]
fn what_is_kept_stays_whatever_its_state_and_what_is_new_has_the_image() {
    use ContainerState::{Exited, Restarting, Running};
    let before = [container("1", "old", Running), container("2", "old", Restarting)];
    let goal =
        Goal { service: "api", image: "v2", image_id: "new", replicas: 3, keep: true, before: &before };
    let with = |last: Container| [before[0].clone(), before[1].clone(), last];
    assert_eq!(goal.verdict(&with(container("3", "new", Running))), Verdict::Reached);
    let ended = with(container("3", "new", Exited));
    assert_eq!(goal.verdict(&ended), Verdict::Ended(&ended[2]));
    assert!(matches!(goal.verdict(&with(container("3", "old", Running))), Verdict::NotYet(_)));
    let anew = [container("4", "new", Running), before[1].clone(), container("3", "new", Running)];
    let Verdict::NotYet(why) = goal.verdict(&anew) else { panic!() };
    assert_eq!(why, "container p-api-1 is gone, which was to stay");
}

/// A stand-in for Compose: 2.26.1, and these lines of shell for all other verbs.
fn script(folder: &Path, lines: &str) -> String {
    let file = folder.join("compose");
    std::fs::write(&file, format!("#!/bin/sh\n[ \"$1\" = version ] && echo 2.26.1 && exit\n{lines}\n"))
        .unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    file.display().to_string()
}

async fn driver(fake: &Fake, lines: &str) -> Driver {
    let command = script(fake.folder.path(), lines);
    let compose = compose(fake.folder.path(), Some(&[&command]));
    Driver::open(&compose, fake.engine(), &fake.folder.path().join("locks")).await.unwrap()
}

fn images() -> Images {
    [("IMG".to_owned(), "r/api:v1".to_owned())].into()
}

/// No containers, and the image.
fn empty(times: usize) -> Vec<(&'static str, Vec<u8>)> {
    let mut script = vec![("GET /images", answer(200, r#"{"Id":"sha256:aa","RepoDigests":[]}"#))];
    script.extend((0..times).map(|_| ("GET /containers/json", answer(200, "[]"))));
    script
}

#[tokio::test]
async fn a_compose_that_says_yes_and_does_nothing_is_found_out() {
    let fake = Fake::start(empty(100));
    let driver = driver(&fake, "exit 0").await;
    let error = driver.up("api", "IMG", 1, false, &images()).await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, DockerError::Unverified(_)), "{error:?}");
    assert_eq!(text, "Compose says that it is done, but api has 0 containers, and not 1");
}

#[tokio::test]
async fn compose_is_told_project_files_engine_and_images() {
    let fake = Fake::start(empty(3));
    let folder = fake.folder.path().to_owned();
    let told = "printf '%s\\n' \"$*\" \"$PWD\" \"$IMG\" \"$DOCKER_HOST\" \"$COMPOSE_REMOVE_ORPHANS\" >told; cat >>told";
    let driver = driver(&fake, told).await;
    driver.up("api", "IMG", 0, true, &images()).await.unwrap();
    let folder = folder.display();
    let words = format!("-p p --project-directory {folder} -f {folder}/docker-compose.yml");
    let verb = "up -d --no-deps --no-build --no-recreate --pull never --scale api=0 api";
    let expected = format!("{words} {verb}\n{folder}\nr/api:v1\nunix://{folder}/docker.sock\nfalse\n");
    assert_eq!(std::fs::read_to_string(format!("{folder}/told")).unwrap(), expected);
    assert_eq!(driver.words()[1..], words.split(' ').collect::<Vec<_>>());
    assert_eq!(driver.version(), format!("{folder}/compose 2.26.1"));
}

#[tokio::test]
async fn the_end_of_what_compose_wrote_is_in_the_error() {
    let fake = Fake::start(empty(3));
    let lines = "i=0; while [ $i -lt 3000 ]; do echo line $i >&2; i=$((i+1)); done; printf '\\033[31mno' >&2; exit 18";
    let driver = driver(&fake, lines).await;
    let error = driver.up("api", "IMG", 1, false, &images()).await.unwrap_err().to_string();
    assert!(error.contains("--scale api=1 api` ended with code 18:\n"), "{error}");
    assert!(error.ends_with("line 2999\n\\u{1b}[31mno"), "{error}");
    assert!(!error.contains("line 100\n") && error.len() < 17 * 1024, "{}", error.len());
}

async fn appears(file: PathBuf) {
    while !file.exists() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn an_interrupted_up_goes_on_to_its_end_which_can_be_waited_for() {
    let fake = Fake::start(empty(3));
    let lines = "touch started; while ! [ -e go ]; do sleep 0.02; done; echo line; echo line >&2; touch done";
    let driver = driver(&fake, lines).await;
    let file = |name| fake.folder.path().join(name);
    let images = images();
    tokio::select! {
        ended = driver.up("api", "IMG", 1, false, &images) => panic!("{ended:?}"),
        () = appears(file("started")) => {}
    }
    let wait = driver.settled();
    tokio::pin!(wait);
    let early = tokio::time::timeout(Duration::from_millis(200), &mut wait).await;
    assert!(early.is_err() && !file("done").exists());
    std::fs::write(file("go"), "").unwrap();
    tokio::time::timeout(Duration::from_secs(10), wait).await.unwrap().unwrap();
    assert!(file("done").exists());
}

#[tokio::test]
async fn an_interrupted_pull_is_ended_with_all_that_it_started() {
    let fake = Fake::start(empty(3));
    let driver = driver(&fake, "sleep 10000 & echo $! >pid.new; mv pid.new pid; wait").await;
    let file = fake.folder.path().join("pid");
    let images = images();
    tokio::select! {
        ended = driver.pull("api", "IMG", &images) => panic!("{ended:?}"),
        () = appears(file.clone()) => {}
    }
    let pid = std::fs::read_to_string(&file).unwrap();
    let ended = async {
        loop {
            // Ended, if perhaps not reaped: its new parent does that.
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
            if stat.is_empty() || stat.contains(") Z ") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), ended).await.unwrap();
}

#[tokio::test]
async fn a_compose_whose_mizanctl_was_killed_has_the_lock_until_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let file = lock::file(&folder.path().join("a/b"), "p");
    let lock = lock::take(&file, Duration::ZERO).await.unwrap();
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let stdin = std::process::Stdio::from(lock.copy().unwrap());
    let mut compose = std::process::Command::new("sleep").arg("10000").stdin(stdin).spawn().unwrap();
    drop(lock);
    let error = lock::take(&file, Duration::from_millis(200)).await.unwrap_err();
    assert!(matches!(&error, DockerError::Deadline(text) if text.contains("fuser -v")), "{error:?}");
    compose.kill().unwrap();
    compose.wait().unwrap();
    lock::take(&file, Duration::from_secs(5)).await.unwrap();
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_ended_even_if_it_does_not_want_to() {
    let words = ["sh", "-c", "trap '' TERM; while :; do sleep 0.05; done"];
    let mut call = Call::new(words.map(str::to_owned).into(), Path::new("/"), Duration::from_millis(100));
    call.grace = Duration::from_millis(100);
    let error = call.output().await.unwrap_err();
    assert!(matches!(&error, DockerError::Deadline(text) if text.contains("and was ended")), "{error:?}");
}

#[test]
fn a_lock_file_has_no_path_in_its_name() {
    assert_eq!(lock::file(Path::new("/l"), "../a b"), Path::new("/l/___a_b.lock"));
}

#[tokio::test]
async fn a_file_that_is_missing_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut compose = compose(folder.path(), None);
    compose.env_file = Some(folder.path().join("none.env"));
    let error = Driver::open(&compose, Engine::new("/none"), folder.path()).await.unwrap_err();
    assert!(
        error.to_string().contains("there is no file") && error.to_string().contains("none.env"),
        "{error}"
    );
}

#[test]
fn an_image_is_the_variable_and_nothing_else() {
    let check = |image: &str| check::has_mark(&format!("services: {{api: {{{image}}}}}"), "api", "IMG");
    assert_eq!(check(&format!("image: {}", check::mark("IMG"))), Ok(()));
    assert!(
        check(&format!("image: {}-x", check::mark("IMG"))).unwrap_err().contains("more than the variable")
    );
    assert!(check("image: nginx").unwrap_err().contains("has the image `nginx` for service api"));
    assert!(check("build: .").unwrap_err().contains("has no image for service api: write `image: ${IMG}`"));
    let error = check::has_mark("services: {web: {image: a}}", "api", "IMG").unwrap_err();
    assert_eq!(error, "has no service api: there are web");
    let error = check::has_mark("services: [PASSWORD", "api", "IMG").unwrap_err();
    assert!(!error.contains("PASSWORD"), "{error}");
}
