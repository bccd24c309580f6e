//! With the real engine, and both generations of Compose.

mod docker;
pub(super) mod fake;

use self::docker::{Generation, Project};
use super::{Container, ContainerState, DockerError, Health};
use std::collections::BTreeSet;
use std::time::Duration;

const BLUE: (&str, &str) = ("api-blue", "API_BLUE_IMAGE");
const GREEN: (&str, &str) = ("api-green", "API_GREEN_IMAGE");

/// Each test, with both.
macro_rules! both {
    ($($name:ident)*) => {
        mod with_docker_compose_1 {
            $(#[tokio::test] async fn $name() { super::$name(super::Generation::One).await; })*
        }
        mod with_docker_compose_2 {
            $(#[tokio::test] async fn $name() { super::$name(super::Generation::Two).await; })*
        }
    };
}

both! {
    so_many_run_as_were_asked_for_with_the_image_of_the_variable
    one_more_of_a_new_version_leaves_the_others_alone
    a_stopped_container_is_not_started_again_with_its_old_image
    fewer_than_there_are_is_refused_where_they_are_to_stay
    a_version_that_ends_at_once_is_told_with_its_last_words
    an_image_that_is_not_here_is_not_pulled_by_the_way
    a_pull_that_failed_is_told
    a_bare_up_of_the_user_leaves_tracks_alone_for_their_profile
    a_command_runs_once_in_a_track_whose_profile_is_not_active
    the_first_two_ups_of_a_project_at_once_make_one_network
    an_interrupted_up_is_over_when_settled_and_the_next_one_converges
    the_files_are_checked_for_service_and_variable
    relative_paths_and_the_env_files_are_those_of_the_files_folder
    chosen_containers_are_stopped_and_removed_and_a_second_time_is_no_error
    health_and_its_last_words_are_read
    a_project_of_the_other_generation_is_refused
}

async fn so_many_run_as_were_asked_for_with_the_image_of_the_variable(generation: Generation) {
    let Some(project) = Project::start(generation) else { return };
    let driver = project.driver().await.unwrap();
    let images = docker::images("v1", "v2");
    let blue = driver.up(BLUE.0, BLUE.1, 2, false, &images).await.unwrap();
    let green = driver.up(GREEN.0, GREEN.1, 1, false, &images).await.unwrap();
    let engine = driver.engine();
    let id = async |tag| engine.image(&docker::image(tag)).await.unwrap().unwrap().id;
    assert_eq!(blue.iter().map(|c| c.number).collect::<Vec<_>>(), [1, 2]);
    for container in &blue {
        assert_eq!((container.service.as_str(), container.state), (BLUE.0, ContainerState::Running));
        assert_eq!((&container.image, &container.image_id), (&docker::image("v1"), &id("v1").await));
        assert_eq!((container.addresses.len(), container.health.clone()), (1, Health::None));
    }
    assert_eq!((green.len(), &green[0].image_id), (1, &id("v2").await));
    let all = engine.containers(driver.project(), None).await.unwrap();
    assert_eq!(all, [blue.clone(), green].concat());
    assert_ne!(blue[0].addresses, blue[1].addresses);
    let log = engine.logs(&blue[0].id, 5).await.unwrap();
    // Two streams: either may be first.
    assert_eq!(log.lines().collect::<BTreeSet<_>>(), BTreeSet::from(["started 1", "to stderr"]));
    // Another image, and they are made anew.
    let again = driver.up(BLUE.0, BLUE.1, 2, false, &docker::images("v2", "v2")).await.unwrap();
    assert!(again.iter().all(|c| c.image_id != blue[0].image_id), "{again:?}");
}

async fn one_more_of_a_new_version_leaves_the_others_alone(generation: Generation) {
    let Some(project) = Project::start(generation) else { return };
    let driver = project.driver().await.unwrap();
    let old = driver.up(BLUE.0, BLUE.1, 2, false, &docker::images("v1", "v1")).await.unwrap();
    let all = driver.up(BLUE.0, BLUE.1, 3, true, &docker::images("v2", "v1")).await.unwrap();
    assert_eq!(all[..2], old);
    assert_eq!((all.len(), all[2].image.as_str()), (3, docker::image("v2").as_str()));
}

async fn a_stopped_container_is_not_started_again_with_its_old_image(generation: Generation) {
    let Some(project) = Project::start(generation) else { return };
    let driver = project.driver().await.unwrap();
    let old = driver.up(BLUE.0, BLUE.1, 1, false, &docker::images("v1", "v1")).await.unwrap();
    driver.engine().stop(&old[0].id, Duration::from_secs(5)).await.unwrap();
    let new = driver.up(BLUE.0, BLUE.1, 1, true, &docker::images("v2", "v1")).await.unwrap();
    assert_eq!((new.len(), new[0].image.as_str()), (1, docker::image("v2").as_str()));
}

async fn fewer_than_there_are_is_refused_where_they_are_to_stay(generation: Generation) {
    let Some(project) = Project::start(generation) else { return };
    let driver = project.driver().await.unwrap();
    let images = docker::images("v1", "v1");
    let two = driver.up(BLUE.0, BLUE.1, 2, false, &images).await.unwrap();
    let error = driver.up(BLUE.0, BLUE.1, 1, true, &images).await.unwrap_err().to_string();
    assert!(
        error.contains("api-blue has 2 containers already") && error.contains("without a drain"),
        "{error}"
    );
    assert_eq!(driver.engine().containers(driver.project(), None).await.unwrap(), two);
}

async fn a_version_that_ends_at_once_is_told_with_its_last_words(generation: Generation) {
    let Some(project) = Project::start(generation) else { return };
    let driver = project.driver().await.unwrap();
    let error = driver.up(BLUE.0, BLUE.1, 1, false, &docker::images("bad", "v1")).await;
    // It may have been seen while it still ran: then a look at it later tells.
    let Err(error) = error else {
        let ended = docker::eventually(async || {
            let all = driver.engine().containers(driver.project(), None).await.unwrap();
            (all[0].state == ContainerState::Exited).then(|| all[0].clone())
        });
        assert_eq!(ended.await.exit_code, 3);
        return;
    };
    let text = error.to_string();
    assert!(matches!(error, DockerError::Unverified(_)), "{error:?}");
    assert!(text.contains("blue") && text.contains("ended with code 3 right after its start"), "{text}");
    assert!(text.ends_with("It printed last:\nI fall \\u{1b}[31mred"), "{text}");
}

async fn an_image_that_is_not_here_is_not_pulled_by_the_way(generation: Generation) {
    let Some(project) = Project::start(generation) else { return };
    let driver = project.driver().await.unwrap();
    let error = driver.up(BLUE.0, BLUE.1, 1, false, &docker::images("missing", "v1")).await.unwrap_err();
    assert!(error.to_string().contains("is not on this machine: pull or build it first"), "{error}");
    assert_eq!(driver.engine().containers(driver.project(), None).await.unwrap(), []);
}

async fn a_pull_that_failed_is_told(generation: Generation) {
    let Some(project) = Project::start(generation) else { return };
    let driver = project.driver().await.unwrap();
    let mut images = docker::images("v1", "v1");
    // Nobody listens there.
    images.insert(BLUE.1.to_owned(), "127.0.0.1:1/api:v2".to_owned());
    let error = driver.pull(BLUE.0, BLUE.1, &images).await.unwrap_err();
    assert!(error.to_string().contains("api-blue` ended with code "), "{error}");
    assert!(error.to_string().contains("127.0.0.1:1: connect: connection refused"), "{error}");
    // For it the second generation would skip the pull, and say 0.
    let service = "{image: '${API_BLUE_IMAGE}', pull_policy: never, profiles: [mizan]}";
    project.write("docker-compose.mizan.yml", &format!("services: {{quiet: {service}}}\n"));
    let error = driver.pull("quiet", BLUE.1, &images).await.unwrap_err().to_string();
    assert!(error.contains("127.0.0.1:1: connect: connection refused"), "{error}");
}

async fn a_bare_up_of_the_user_leaves_tracks_alone_for_their_profile(generation: Generation) {
    let Some(project) = Project::start(generation) else { return };
    let driver = project.driver().await.unwrap();
    let images = docker::images("v1", "v2");
    let blue = driver.up(BLUE.0, BLUE.1, 2, false, &images).await.unwrap();
    let images = docker::images("v2", "v2");
    for words in [&["up", "-d"][..], &["up", "-d", "--remove-orphans"]] {
        project.compose(words, &images).await;
        let all = driver.engine().containers(driver.project(), None).await.unwrap();
        let services: BTreeSet<&str> = all.iter().map(|c| c.service.as_str()).collect();
        assert_eq!(services, BTreeSet::from(["api-blue", "db"]), "after {words:?}");
        let now: Vec<Container> = all.into_iter().filter(|c| c.service == "api-blue").collect();
        assert_eq!(now, blue, "after {words:?}");
    }
}

async fn a_command_runs_once_in_a_track_whose_profile_is_not_active(generation: Generation) {
    let Some(project) = Project::start(generation) else { return };
    let driver = project.driver().await.unwrap();
    let images = docker::images("v1", "v2");
    driver.up(BLUE.0, BLUE.1, 1, false, &images).await.unwrap();
    let words = ["run", "--rm", "--no-deps", "-T", "api-green", "sh", "-c", "echo once $V"];
    assert_eq!(project.compose(&words, &images).await, "once 2");
    // One that is still there counts for nothing.
    project.compose(&["run", "-d", "--no-deps", "api-blue", "sleep", "1000"], &images).await;
    assert_eq!(driver.up(BLUE.0, BLUE.1, 1, false, &images).await.unwrap().len(), 1);
}

async fn the_first_two_ups_of_a_project_at_once_make_one_network(generation: Generation) {
    let Some(project) = Project::start(generation) else { return };
    let (one, two) = (project.driver().await.unwrap(), project.driver().await.unwrap());
    let images = docker::images("v1", "v2");
    let (blue, green) =
        tokio::join!(one.up(BLUE.0, BLUE.1, 1, false, &images), two.up(GREEN.0, GREEN.1, 1, false, &images));
    assert_eq!((blue.unwrap().len(), green.unwrap().len()), (1, 1));
    assert_eq!(project.networks(), 1);
}

async fn an_interrupted_up_is_over_when_settled_and_the_next_one_converges(generation: Generation) {
    let Some(project) = Project::start(generation) else { return };
    let driver = project.driver().await.unwrap();
    let images = docker::images("v1", "v1");
    let all = async || driver.engine().containers(driver.project(), None).await.unwrap();
    tokio::select! {
        ended = driver.up(BLUE.0, BLUE.1, 6, false, &images) => panic!("{ended:?}"),
        () = docker::eventually(async || (!all().await.is_empty()).then_some(())) => {}
    }
    driver.settled().await.unwrap();
    // Nobody makes or starts one any more while these are removed.
    for container in all().await {
        driver.engine().remove(&container.id).await.unwrap();
    }
    assert_eq!(all().await, []);
    assert_eq!(driver.up(BLUE.0, BLUE.1, 2, false, &images).await.unwrap().len(), 2);
}

async fn the_files_are_checked_for_service_and_variable(generation: Generation) {
    let Some(project) = Project::start(generation) else { return };
    let driver = project.driver().await.unwrap();
    let images = docker::images("v1", "v2");
    driver.check(&[BLUE], &images).await.unwrap();
    let error = driver.check(&[BLUE, (GREEN.0, BLUE.1)], &images).await.unwrap_err().to_string();
    assert!(error.contains("for service api-green and not what API_BLUE_IMAGE says"), "{error}");
    assert!(error.contains("write `image: ${API_BLUE_IMAGE}`"), "{error}");
    let error = driver.check(&[("api-red", "API_RED_IMAGE")], &images).await.unwrap_err().to_string();
    assert!(
        error.contains("no such service: api-red") || error.contains("has no service api-red"),
        "{error}"
    );
    project.write("docker-compose.mizan.yml", "services: {api-blue: {image: '${X:?it is missing}'}}\n");
    let error = driver.check(&[BLUE], &images).await.unwrap_err().to_string();
    assert!(error.contains("` ended with code") && error.contains("it is missing"), "{error}");
}

async fn relative_paths_and_the_env_files_are_those_of_the_files_folder(generation: Generation) {
    let Some(mut project) = Project::start(generation) else { return };
    let file =
        "services:\n  a:\n    image: ${IMG}\n    volumes: [\"./data:/data\"]\n    command: [cat, /data/x]\n";
    project.write("docker-compose.mizan.yml", file);
    project.write(".env", &format!("IMG={}\n", docker::image("v1")));
    project.write("other.env", &format!("IMG={}\n", docker::image("v2")));
    project.write("data/x", "from the folder");
    let driver = project.driver().await.unwrap();
    let images = docker::images("v1", "v1");
    driver.check(&[("a", "IMG")], &images).await.unwrap();
    assert_eq!(project.compose(&["run", "--rm", "-T", "a"], &images).await, "from the folder");
    assert_eq!(project.compose(&["run", "--rm", "-T", "a", "sh", "-c", "echo $V"], &images).await, "1");
    project.env_file("other.env");
    project.driver().await.unwrap();
    assert_eq!(project.compose(&["run", "--rm", "-T", "a", "sh", "-c", "echo $V"], &images).await, "2");
}

async fn chosen_containers_are_stopped_and_removed_and_a_second_time_is_no_error(generation: Generation) {
    let Some(project) = Project::start(generation) else { return };
    let driver = project.driver().await.unwrap();
    let images = docker::images("v1", "v1");
    let two = driver.up(BLUE.0, BLUE.1, 2, false, &images).await.unwrap();
    let (engine, grace) = (driver.engine(), Duration::from_secs(5));
    engine.stop(&two[0].id, grace).await.unwrap();
    let now = engine.containers(driver.project(), Some(BLUE.0)).await.unwrap();
    assert_eq!((now[0].state, now[0].exit_code, now[0].addresses.len()), (ContainerState::Exited, 0, 0));
    assert_eq!(now[1], two[1]);
    engine.stop(&two[0].id, grace).await.unwrap();
    engine.remove(&two[0].id).await.unwrap();
    engine.remove(&two[0].id).await.unwrap();
    engine.stop(&two[0].id, grace).await.unwrap();
    assert_eq!(engine.containers(driver.project(), None).await.unwrap(), two[1..]);
    // One that runs, too.
    engine.remove(&two[1].id).await.unwrap();
    assert_eq!(engine.containers(driver.project(), None).await.unwrap(), []);
}

async fn health_and_its_last_words_are_read(generation: Generation) {
    let Some(project) = Project::start(generation) else { return };
    let test = "[\"CMD\", \"sh\", \"-c\", \"echo not well; cat /none\"]";
    let health = format!("healthcheck: {{test: {test}, interval: 1s, retries: 1}}");
    project.write(
        "docker-compose.mizan.yml",
        &format!("services:\n  api-blue:\n    image: ${{API_BLUE_IMAGE}}\n    {health}\n"),
    );
    let driver = project.driver().await.unwrap();
    let one = driver.up(BLUE.0, BLUE.1, 1, false, &docker::images("v1", "v1")).await.unwrap();
    assert_ne!(one[0].health, Health::None);
    let words = docker::eventually(async || {
        let all = driver.engine().containers(driver.project(), None).await.unwrap();
        if let Health::Unhealthy(words) = &all[0].health { Some(words.clone()) } else { None }
    });
    let words = words.await;
    assert!(words.contains("not well") && words.contains("/none: No such file"), "{words}");
}

async fn a_project_of_the_other_generation_is_refused(generation: Generation) {
    let Some(project) = Project::start(generation) else { return };
    let driver = project.driver().await.unwrap();
    driver.up(BLUE.0, BLUE.1, 1, false, &docker::images("v1", "v1")).await.unwrap();
    let Some(other) = project.driven_by(generation.other()) else { return };
    let error = other.await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, DockerError::OtherCompose(_)), "{error:?}");
    assert!(text.contains("it would make every container of the project anew, all at once"), "{text}");
    // And its own still drives it.
    assert_eq!(project.driver().await.unwrap().version(), driver.version());
}
