//! The admin socket itself: what it answers, whom it lets in, and that nobody who is stuck harms it.

use mizan_api::{ClientError, Happening, ProblemKind};
use mizan_tests::mizan::one_service;
use mizan_tests::{Mizan, Upstream, eventually};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

const SECOND: Duration = Duration::from_secs(1);

/// What the socket says to these bytes, until it closes.
async fn say(mizan: &Mizan, bytes: &str) -> String {
    let mut stream = UnixStream::connect(mizan.socket()).await.expect("the socket is there");
    stream.write_all(bytes.as_bytes()).await.expect("it listens");
    let mut said = Vec::new();
    let read = tokio::time::timeout(8 * SECOND, stream.read_to_end(&mut said)).await;
    read.expect("it closes").expect("it answers");
    String::from_utf8(said).expect("text")
}

fn call(method: &str, path: &str, kind: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: mizan\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

#[tokio::test]
async fn the_file_is_for_its_owner_and_group_and_a_live_one_is_refused() {
    let app = Upstream::start("app").await;
    let mizan = Mizan::before(&[&app], "", "admin: { socket: \"${FOLDER}/admin.sock\", group: 4711 }").await;
    let file = std::fs::metadata(mizan.socket()).expect("the socket is there");
    assert_eq!((file.permissions().mode() & 0o777, file.gid()), (0o660, 4711));
    let second = format!(
        "listen: {{ http: \"127.0.0.1:0\" }}\n{}",
        one_service(&[&app], "", &format!("admin: {{ socket: {} }}", mizan.socket().display()))
    );
    let path = mizan.folder().join("second.yml");
    std::fs::write(&path, second).expect("it can be written");
    let ran = tokio::process::Command::new(mizan_tests::mizan::binary())
        .args(["run", "--config"])
        .arg(&path)
        .output();
    let ran = tokio::time::timeout(8 * SECOND, ran).await.expect("it ends").expect("it runs");
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(!ran.status.success() && said.contains("another mizan's"), "{said}");
    assert!(mizan.admin().status().await.is_ok());
}

#[tokio::test]
async fn what_it_cannot_understand_gets_a_problem_document() {
    let app = Upstream::start("app").await;
    let mizan = Mizan::before(&[&app], "", "").await;
    let json = "application/json";
    let big = "x".repeat(70_000);
    for (request, status, kind) in [
        (call("GET", "/v1/nothing", json, ""), 404, "not-found"),
        (call("GET", "/v1/services/none", json, ""), 404, "not-found"),
        (call("POST", "/v1/status", json, ""), 405, "method-not-allowed"),
        (call("GET", "/v1/status?x=1", json, ""), 400, "bad-request"),
        (call("GET", "/v1/services/app/stats?older_than=900", json, ""), 400, "bad-request"),
        (call("POST", "/v1/services/app/drain", json, "{"), 400, "bad-request"),
        (call("POST", "/v1/services/app/drain", json, "{\"trakc\":\"x\"}"), 400, "bad-request"),
        (call("POST", "/v1/services/app/drain", "text/plain", "{}"), 415, "unsupported-media-type"),
        (call("POST", "/v1/services/app/drain", json, &big), 413, "too-large"),
        (call("PUT", "/v1/services/app/marks/a%20b", json, ""), 400, "bad-request"),
    ] {
        let said = say(&mizan, &request).await;
        let first = request.lines().next().unwrap_or_default();
        assert!(said.starts_with(&format!("HTTP/1.1 {status} ")), "{first}: {said}");
        assert!(said.contains("application/problem+json") && said.contains(kind), "{first}: {said}");
        assert!(said.contains("server: mizan/"), "{first}: {said}");
        assert!(status != 405 || said.contains("allow: GET"), "{first}: {said}");
    }
    mizan.log().wait_for("POST /v1/status", SECOND).await;
    let line = mizan.log().text().lines().find(|line| line.contains("POST /v1/status")).map(str::to_owned);
    let line = line.expect("the call is logged");
    assert!(line.contains(&format!("pid={}", std::process::id())) && line.contains("uid="), "{line}");
}

#[tokio::test]
async fn a_reload_tells_every_problem_and_a_check_changes_nothing() {
    let app = Upstream::start("app").await;
    let mizan = Mizan::before(&[&app], "", "").await;
    let admin = mizan.admin();
    let mut events = admin.events(None).await.expect("events");
    mizan.write(&one_service(&[&app], "keepalive: many\ntimeouts: { conect: 1s }", ""));
    let checked = admin.check().await.expect("it is checked");
    assert!(!checked.good && checked.problems.len() == 2, "{checked:?}");
    let Err(ClientError::Refused(problem)) = admin.reload().await else { panic!("it has two problems") };
    assert_eq!((problem.kind, &problem.problems), (ProblemKind::ConfigRefused, &checked.problems));
    assert!(problem.problems[1].hint.as_deref().is_some_and(|hint| hint.contains("connect")), "{problem:?}");
    loop {
        let event = tokio::time::timeout(8 * SECOND, events.next()).await.expect("it is told");
        if let Happening::ReloadRefused { why } = event.expect("an event").expect("the stream goes on").what {
            assert!(why.contains("conect"), "{why}");
            break;
        }
    }
    mizan.write(&one_service(&[&app], "keepalive: 5", ""));
    assert_eq!(admin.check().await.map(|checked| checked.good).ok(), Some(true));
    assert_eq!(admin.status().await.expect("a status").generation, 1);
    assert_eq!(admin.reload().await.expect("it is good").generation, 2);
    let config = admin.config().await.expect("a configuration");
    assert_eq!(config["services"]["app"]["keepalive"], 5);
}

#[tokio::test]
async fn the_running_configuration_masks_its_secrets() {
    let app = Upstream::start("app").await;
    let service = "health: { path: /, headers: { Authorization: \"Bearer hunter2\" } }";
    let mizan = Mizan::before(&[&app], service, "").await;
    let config = mizan.admin().config().await.expect("a configuration").to_string();
    assert!(config.contains("***") && !config.contains("hunter2"), "{config}");
}

#[tokio::test]
async fn endpoints_that_fail_and_recover_are_told_as_events() {
    let (one, two) = (Upstream::start("one").await, Upstream::start("two").await);
    let service = "health: { path: /, interval: 100ms, timeout: 100ms, healthy: 1, unhealthy: 1 }";
    let mizan = Mizan::before(&[&one, &two], service, "").await;
    let mut events = mizan.admin().events(Some(0)).await.expect("events");
    let address = one.addr().to_string();
    let mut until = async |wanted: mizan_api::EndpointState| loop {
        let event = tokio::time::timeout(8 * SECOND, events.next()).await.expect("it is told");
        match event.expect("an event").expect("the stream goes on").what {
            Happening::Endpoint { address: at, state, why, .. } if at == address && state == wanted => {
                break why;
            }
            _ => {}
        }
    };
    until(mizan_api::EndpointState::Up).await;
    one.stop().await;
    let why = until(mizan_api::EndpointState::Unhealthy).await;
    assert!(why.contains("connect"), "{why}");
    one.resume().await;
    until(mizan_api::EndpointState::Up).await;
}

#[tokio::test]
async fn clients_that_stall_are_closed_and_hold_nobody_up() {
    let app = Upstream::start("app").await;
    let mizan = Mizan::before(&[&app], "", "").await;
    let mut stalled = Vec::new();
    for number in 0..100 {
        let mut stream = UnixStream::connect(mizan.socket()).await.expect("the socket is there");
        let part: &[u8] = match number % 4 {
            0 => b"",
            1 => b"GET /v1/sta",
            2 => b"POST /v1/services/app/drain HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{",
            _ => b"\x16\x03\x01\x00\xff\xff\xff rubbish\r\n\r\n",
        };
        let _ = stream.write_all(part).await;
        stalled.push(stream);
    }
    let status = tokio::time::timeout(2 * SECOND, mizan.admin().status()).await.expect("it is not held up");
    assert!(status.is_ok());
    for stream in &mut stalled {
        let mut rest = Vec::new();
        // Some are reset.
        let _ = tokio::time::timeout(8 * SECOND, stream.read_to_end(&mut rest)).await.expect("it is closed");
    }
    eventually("it serves", SECOND, || async { mizan.get("/").await.status == 200 }).await;
}

#[tokio::test]
async fn names_are_resolved_now() {
    let app = Upstream::start("app").await;
    let yaml = mizan_tests::mizan::one_service_at(&format!("\"localhost:{}\"", app.port()), "", "");
    let mizan = Mizan::start(&yaml).await;
    let reply = mizan.admin().resolve(Some("app")).await.expect("it is resolved");
    assert_eq!(reply.names.len(), 1);
    assert_eq!(reply.names[0].addresses, [format!("127.0.0.1:{}", app.port())]);
    assert!(reply.names[0].age_ms.is_some_and(|age| age < 2_000), "{reply:?}");
}
