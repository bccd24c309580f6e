use super::*;
use crate::compose::tests::fake::{Fake, answer};
use std::os::unix::fs::PermissionsExt;

/// One container as `inspect` gives it, with other values where a test wants them.
fn inspected(changes: &[(&str, serde_json::Value)]) -> String {
    let mut value = serde_json::json!({
        "Id": "c1", "Name": "/p_api_1", "Created": "2026-01-01T00:00:00Z", "Image": "sha256:aa", "RestartCount": 2,
        "Config": {"Image": "r/api:v1", "Tty": false, "Labels": {
            "com.docker.compose.service": "api", "com.docker.compose.container-number": "1",
            "com.docker.compose.version": "1.29.2"}},
        "State": {"Status": "running", "ExitCode": 0},
        "NetworkSettings": {"Networks": {
            "a": {"IPAddress": "172.18.0.3", "GlobalIPv6Address": "fd00::3"},
            "b": {"IPAddress": "", "GlobalIPv6Address": ""}}},
    });
    for (pointer, new) in changes {
        *value.pointer_mut(pointer).unwrap() = new.clone();
    }
    value.to_string()
}

#[tokio::test]
async fn a_container_has_the_addresses_of_all_its_networks() {
    let fake = Fake::start(vec![
        ("GET /containers/json", answer(200, r#"[{"Id":"c1"}]"#)),
        ("GET /containers/c1/json", answer(200, &inspected(&[]))),
    ]);
    let all = fake.engine().containers("p", Some("api")).await.unwrap();
    let addresses: Vec<String> = all[0].addresses.iter().map(ToString::to_string).collect();
    assert_eq!(addresses, ["172.18.0.3", "fd00::3"]);
    assert_eq!((all[0].name.as_str(), all[0].restarts, all[0].number), ("p_api_1", 2, 1));
    let asked = &fake.asked()[0];
    for label in ["project%3Dp", "oneoff%3DFalse", "service%3Dapi"] {
        assert!(asked.contains(&format!("com.docker.compose.{label}%22")), "{asked}");
    }
}

#[tokio::test]
async fn health_is_read_with_the_last_words_of_a_bad_check() {
    let end = format!("é{}\u{7}end", "x".repeat(2000));
    let log = serde_json::json!([{"Output": "first"}, {"Output": end}]);
    for (health, expected) in [
        (serde_json::json!(null), Health::None),
        (serde_json::json!({"Status": "none", "Log": null}), Health::None),
        (serde_json::json!({"Status": "starting", "Log": []}), Health::Starting),
        (serde_json::json!({"Status": "healthy", "Log": log}), Health::Healthy),
        (serde_json::json!({"Status": "unhealthy", "Log": null}), Health::Unhealthy(String::new())),
        (
            serde_json::json!({"Status": "unhealthy", "Log": log}),
            Health::Unhealthy(format!("{}\\u{{7}}end", "x".repeat(1020))),
        ),
    ] {
        let state = serde_json::json!({"Status": "running", "ExitCode": 0, "Health": health});
        let fake = Fake::start(vec![
            ("GET /containers/json", answer(200, r#"[{"Id":"c1"}]"#)),
            ("GET /containers/c1/json", answer(200, &inspected(&[("/State", state)]))),
        ]);
        assert_eq!(fake.engine().containers("p", None).await.unwrap()[0].health, expected);
    }
}

#[tokio::test]
async fn a_container_that_vanishes_between_list_and_inspect_is_left_out() {
    let fake = Fake::start(vec![
        ("GET /containers/json", answer(200, r#"[{"Id":"c0"},{"Id":"c1"}]"#)),
        ("GET /containers/c0/json", answer(404, r#"{"message":"No such container: c0"}"#)),
        ("GET /containers/c1/json", answer(200, &inspected(&[]))),
    ]);
    let all = fake.engine().containers("p", None).await.unwrap();
    assert_eq!(all.iter().map(|c| c.id.as_str()).collect::<Vec<_>>(), ["c1"]);
}

#[tokio::test]
async fn containers_come_by_service_and_number() {
    let labels = "/Config/Labels/com.docker.compose.";
    let like = |id: &str, service: &str, number: &str| {
        inspected(&[
            ("/Id", id.into()),
            (&format!("{labels}service"), service.into()),
            (&format!("{labels}container-number"), number.into()),
        ])
    };
    let fake = Fake::start(vec![
        ("GET /containers/json", answer(200, r#"[{"Id":"x"},{"Id":"y"},{"Id":"z"}]"#)),
        ("GET /containers/x/json", answer(200, &like("x", "b", "1"))),
        ("GET /containers/y/json", answer(200, &like("y", "a", "10"))),
        ("GET /containers/z/json", answer(200, &like("z", "a", "9"))),
    ]);
    let all = fake.engine().containers("p", None).await.unwrap();
    assert_eq!(all.iter().map(|c| c.id.as_str()).collect::<Vec<_>>(), ["z", "y", "x"]);
}

#[tokio::test]
async fn a_state_that_is_not_known_is_an_error_and_not_a_guess() {
    let fake = Fake::start(vec![
        ("GET /containers/json", answer(200, r#"[{"Id":"c1"}]"#)),
        ("GET /containers/c1/json", answer(200, &inspected(&[("/State/Status", "dreaming".into())]))),
    ]);
    let error = fake.engine().containers("p", None).await.unwrap_err().to_string();
    assert!(
        error.contains("GET /containers/c1/json is not what is known: unknown variant `dreaming`"),
        "{error}"
    );
}

#[tokio::test]
async fn the_engines_own_words_are_told() {
    let fake = Fake::start(vec![
        ("POST /containers/c1/stop", answer(500, "{\"message\":\"cannot kill: \\u001b[2J\"}")),
        ("DELETE /containers/c1", answer(500, "<html>")),
    ]);
    let error = fake.engine().stop("c1", Duration::from_secs(1)).await.unwrap_err().to_string();
    assert_eq!(error, r"the Docker engine did not stop container c1: cannot kill: \u{1b}[2J");
    let error = fake.engine().remove("c1").await.unwrap_err().to_string();
    assert!(error.ends_with("status 500 to DELETE /containers/c1, without a reason"), "{error}");
}

#[tokio::test]
async fn a_stop_sends_whole_seconds_and_one_that_has_ended_is_no_error() {
    let fake = Fake::start(vec![("POST /containers/c1/stop", answer(304, ""))]);
    fake.engine().stop("c1", Duration::from_millis(2500)).await.unwrap();
    assert_eq!(fake.asked(), ["POST /containers/c1/stop?t=3 HTTP/1.1"]);
}

#[tokio::test]
async fn a_removal_that_somebody_else_began_is_waited_for() {
    let busy = r#"{"message":"removal of container c1 is already in progress"}"#;
    let fake = Fake::start(vec![
        ("DELETE /containers/c1", answer(409, busy)),
        ("DELETE /containers/c1", answer(404, "{}")),
    ]);
    fake.engine().remove("c1").await.unwrap();
    assert_eq!(fake.asked().len(), 2);
    assert_eq!(fake.asked()[0], "DELETE /containers/c1?force=1&v=1 HTTP/1.1");
}

#[tokio::test]
async fn an_engine_that_hangs_is_given_up_at_the_limit() {
    let fake = Fake::start(vec![]);
    let (socket, limit) = (fake.folder.path().join("docker.sock"), Duration::from_millis(50));
    let error = http::exchange(&socket, "GET", "/containers/json?all=1", limit).await.unwrap_err();
    assert!(matches!(error, DockerError::Deadline(_)), "{error:?}");
    let text = error.to_string();
    assert!(
        text.contains("did not answer GET /containers/json within 0 s") && text.contains("docker info"),
        "{text}"
    );
}

#[test]
fn the_limit_of_a_stop_is_beyond_its_grace() {
    assert_eq!(stop_times(Duration::from_millis(2500)), (3, Duration::from_secs(18)));
    assert_eq!(stop_times(Duration::from_secs(3600)), (3600, Duration::from_secs(3615)));
}

#[tokio::test]
async fn an_answer_that_is_too_large_or_breaks_off_or_is_no_http_is_an_error() {
    let huge = format!("\"{}\"", "x".repeat(16 * 1024 * 1024));
    let fake = Fake::start(vec![
        ("GET /version", answer(200, &huge)),
        ("GET /version", b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{".to_vec()),
        ("GET /version", b"SSH-2.0-OpenSSH\r\n".to_vec()),
        ("GET /version", answer(200, "{}")),
    ]);
    let mut told = Vec::new();
    for _ in 0..4 {
        told.push(fake.engine().version().await.unwrap_err().to_string());
    }
    assert!(told[0].ends_with("answer to GET /version is over 16 MiB"), "{told:?}");
    assert!(told[1].contains("broke off") && told[2].contains("broke off"), "{told:?}");
    assert!(told[3].contains("missing field `Version`"), "{told:?}");
}

#[tokio::test]
async fn an_engine_that_cannot_be_reached_is_told_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("s");
    let told = async || match Engine::new(&socket).version().await.unwrap_err() {
        DockerError::Unreachable(text) => text,
        other => panic!("{other:?}"),
    };
    assert!(told().await.contains("there is no Docker engine at") && told().await.contains("DOCKER_HOST"));
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    assert!(told().await.contains("systemctl start docker"));
    let _listener =
        std::fs::remove_file(&socket).and_then(|()| std::os::unix::net::UnixListener::bind(&socket));
    std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o000)).unwrap();
    if !rustix::process::geteuid().is_root() {
        assert!(told().await.contains("Join the group `docker`"));
    }
}

#[test]
fn no_permission_is_told_with_the_group_to_join() {
    let error = http::unreached(Path::new("/s"), &std::io::ErrorKind::PermissionDenied.into()).to_string();
    assert!(error.contains("usermod -aG docker USER") && error.contains("sudo"), "{error}");
}

#[tokio::test]
async fn logs_come_out_of_their_frames_and_raw_from_a_terminal() {
    let frames = b"\x01\0\0\0\0\0\0\x04out\n\x02\0\0\0\0\0\0\x04err\n\x01\0\0\0\0\0\0\x09half";
    let log = [&answer(200, "")[..], frames].concat();
    let log = String::from_utf8(log).unwrap().replace("length: 0", &format!("length: {}", frames.len()));
    let fake = Fake::start(vec![
        ("GET /containers/c1/json", answer(200, &inspected(&[]))),
        ("GET /containers/c1/logs?stdout=1&stderr=1&tail=7", log.into_bytes()),
        ("GET /containers/c1/json", answer(200, &inspected(&[("/Config/Tty", true.into())]))),
        ("GET /containers/c1/logs", answer(200, "one\r\n\u{1b}[1mtwo\r\n")),
        ("GET /containers/c2/json", answer(404, "{}")),
    ]);
    assert_eq!(fake.engine().logs("c1", 7).await.unwrap(), "out\nerr\nhalf");
    assert_eq!(fake.engine().logs("c1", 7).await.unwrap(), "one\n\\u{1b}[1mtwo");
    assert!(fake.engine().logs("c2", 7).await.unwrap_err().to_string().ends_with("it is gone"));
}

#[tokio::test]
async fn a_reference_is_encoded_and_an_image_that_is_not_here_is_none() {
    let fake = Fake::start(vec![
        ("GET /images", answer(404, "{}")),
        ("GET /images", answer(200, r#"{"Id":"sha256:aa","RepoDigests":["r.io:5000/api@sha256:bb"]}"#)),
        ("POST /images", answer(201, "")),
        ("GET /info", answer(200, r#"{"DockerRootDir":"/var/lib/docker"}"#)),
    ]);
    let engine = fake.engine();
    assert_eq!(engine.image("a?b").await.unwrap(), None);
    let image = engine.image("r.io:5000/api:v1").await.unwrap();
    assert_eq!(image, Some(ImageInfo { id: "sha256:aa".to_owned(), from_registry: true }));
    engine.tag("sha256:aa", "r.io:5000/api", "previous").await.unwrap();
    assert_eq!(engine.root().await.unwrap(), Path::new("/var/lib/docker"));
    assert_eq!(
        fake.asked()[..3],
        [
            "GET /images/a%3Fb/json HTTP/1.1",
            "GET /images/r.io%3A5000%2Fapi%3Av1/json HTTP/1.1",
            "POST /images/sha256%3Aaa/tag?repo=r.io%3A5000%2Fapi&tag=previous HTTP/1.1",
        ]
    );
}

#[test]
fn an_image_can_be_pulled_under_the_names_that_have_a_digest() {
    let digests = ["nginx@sha256:aa".to_owned(), "r.io:5000/a/b@sha256:aa".to_owned()];
    let pulled = |reference| pulled_as(reference, &digests);
    for reference in ["nginx", "nginx:1", "docker.io/library/nginx:1", "nginx@sha256:cc", "r.io:5000/a/b:v1"]
    {
        assert!(pulled(reference), "{reference}");
    }
    for reference in ["mine/nginx:1", "r.io/a/b:v1", "nginx-previous", "sha256:aa", "r.io:5000/a:v1"] {
        assert!(!pulled(reference), "{reference}");
    }
    assert!(!pulled_as("built:1", &[]));
}
