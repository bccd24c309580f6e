//! What the deploy controller reports: kept over a kill, counted once, told as it changes, and never an outage.

use mizan_api::{
    ClientError, Deploy, DeployKind, DeployStatus, Event, Events, Happening, Problem, ProblemKind,
};
use mizan_tests::acme::Tmpfs;
use mizan_tests::mizan::{Launch, one_service};
use mizan_tests::{Mizan, Upstream, eventually};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

const SECOND: Duration = Duration::from_secs(1);
const STATE: &str = "state: ${FOLDER}/state";
const BEGAN: u64 = 1_795_256_272_000;

async fn started(top: &str) -> (Upstream, Mizan) {
    let app = Upstream::start("app").await;
    let mizan = Mizan::before(&[&app], "", top).await;
    (app, mizan)
}

/// SIGKILL, and a start in the same folder.
async fn restarted(app: &Upstream, mizan: Mizan, top: &str) -> Mizan {
    Launch::default().start_in(mizan.kill().await, &one_service(&[app], "", top)).await
}

fn running(id: &str) -> Deploy {
    Deploy {
        id: id.to_owned(),
        number: 7,
        environment: "production".to_owned(),
        // mizan.yml has no such service (any more).
        service: "api".to_owned(),
        kind: DeployKind::Deploy,
        strategy: "canary".to_owned(),
        image: "registry.test/api:v2".to_owned(),
        previous_image: None,
        track: "green".to_owned(),
        by: "ali@host".to_owned(),
        status: DeployStatus::Running,
        step: "start green".to_owned(),
        steps_done: 1,
        steps: 9,
        why: String::new(),
        reason: None,
        started_unix_ms: BEGAN,
        updated_unix_ms: BEGAN + 1000,
        ended_unix_ms: None,
    }
}

fn ended(id: &str, status: DeployStatus) -> Deploy {
    let ended_unix_ms = BEGAN + 45_000;
    Deploy { status, ended_unix_ms: Some(ended_unix_ms), updated_unix_ms: ended_unix_ms, ..running(id) }
}

async fn report(mizan: &Mizan, deploy: &Deploy) -> Deploy {
    let kept = mizan.admin().report_deploy(deploy).await;
    kept.unwrap_or_else(|e| panic!("{e}; the log:\n{}", mizan.log().text()))
}

async fn ids(mizan: &Mizan) -> Vec<String> {
    let kept = mizan.admin().deploys(None).await.expect("a list");
    kept.deploys.into_iter().map(|deploy| deploy.id).collect()
}

fn refused(outcome: Result<Deploy, ClientError>) -> Problem {
    match outcome {
        Err(ClientError::Refused(problem)) => *problem,
        other => panic!("not refused: {other:?}"),
    }
}

/// The next event about a deploy.
async fn told(events: &mut Events) -> Deploy {
    loop {
        let event = tokio::time::timeout(8 * SECOND, events.next()).await.expect("it is told");
        let Event { what, .. } = event.expect("an event").expect("the stream goes on");
        if let Happening::Deploy { deploy } = what {
            return *deploy;
        }
    }
}

/// What the socket says to these bytes, until it closes.
async fn say(mizan: &Mizan, bytes: &str) -> String {
    let mut stream = UnixStream::connect(mizan.socket()).await.expect("the socket is there");
    stream.write_all(bytes.as_bytes()).await.expect("it listens");
    let mut said = String::new();
    let read = tokio::time::timeout(8 * SECOND, stream.read_to_string(&mut said)).await;
    read.expect("it closes").expect("text");
    said
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: mizan\r\n\r\n")
}

fn put(id: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "PUT /v1/deploys/{id} HTTP/1.1\r\nHost: mizan\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

#[tokio::test]
async fn a_deploy_is_kept_and_told_from_its_begin_to_its_end() {
    let (_app, mizan) = started(STATE).await;
    let admin = mizan.admin();
    let mut events = admin.events(None).await.expect("events");
    assert_eq!(report(&mizan, &running("a")).await, running("a"));
    assert_eq!(told(&mut events).await, running("a"));
    assert_eq!(mizan.status().await.deploys, [running("a")]);
    // That it goes on is kept, and is no event: the next one is the next step.
    let later = Deploy { updated_unix_ms: BEGAN + 2000, ..running("a") };
    report(&mizan, &later).await;
    assert_eq!(admin.deploy("a").await.expect("it is kept"), later);
    let step = Deploy { step: "hold 25 %".to_owned(), steps_done: 4, ..later.clone() };
    report(&mizan, &step).await;
    assert_eq!(told(&mut events).await, step);
    let waiting = Deploy { status: DeployStatus::Waiting, ..step };
    report(&mizan, &waiting).await;
    assert_eq!(told(&mut events).await, waiting);
    assert_eq!(admin.metrics().await.expect("metrics"), "", "nothing has ended");
    let end = ended("a", DeployStatus::Deployed);
    report(&mizan, &end).await;
    assert_eq!(told(&mut events).await, end);
    assert_eq!((mizan.status().await.deploys, admin.deploy("a").await.expect("it is kept")), (vec![], end));
}

#[tokio::test]
async fn an_end_does_not_change_and_is_counted_once() {
    let (_app, mizan) = started("").await;
    let admin = mizan.admin();
    let end = ended("a", DeployStatus::Deployed);
    report(&mizan, &end).await;
    let again = Deploy { updated_unix_ms: BEGAN + 99_000, step: "again".to_owned(), ..end.clone() };
    assert_eq!(report(&mizan, &again).await, end);
    for other in [ended("a", DeployStatus::RolledBack), running("a")] {
        let problem = refused(admin.report_deploy(&other).await);
        assert_eq!((problem.kind, problem.status), (ProblemKind::DeployEnded, 409));
        assert!(problem.detail.contains("`a` has ended already: deployed"), "{}", problem.detail);
    }
    assert_eq!(admin.deploy("a").await.expect("it is kept"), end);
    let metrics = admin.metrics().await.expect("metrics");
    let success = "deployment_success_total{environment=\"production\",service=\"api\"} 1\n";
    assert!(metrics.contains(success) && !metrics.contains("rollback_total"), "{metrics}");
}

#[tokio::test]
async fn history_and_counters_are_the_same_after_a_kill() {
    let (app, mizan) = started(STATE).await;
    report(&mizan, &ended("a", DeployStatus::Deployed)).await;
    let why = Some("error_rate".to_owned());
    report(&mizan, &Deploy { reason: why, ..ended("b", DeployStatus::RolledBack) }).await;
    let kind = DeployKind::Rollback;
    report(&mizan, &Deploy { kind, ..ended("c", DeployStatus::RolledBack) }).await;
    report(&mizan, &Deploy { started_unix_ms: BEGAN + 1, ..running("d") }).await;
    let before = (mizan.admin().deploys(None).await.expect("a list"), mizan.admin().metrics().await.ok());
    for line in [
        "# TYPE deployment_duration_seconds histogram\n",
        "deployment_duration_seconds_bucket{environment=\"production\",service=\"api\",status=\"deployed\",le=\"30\"} 0\n",
        "deployment_duration_seconds_bucket{environment=\"production\",service=\"api\",status=\"deployed\",le=\"60\"} 1\n",
        "deployment_duration_seconds_sum{environment=\"production\",service=\"api\",status=\"rolled_back\"} 45\n",
        "deployment_success_total{environment=\"production\",service=\"api\"} 1\n",
        "rollback_total{environment=\"production\",reason=\"command\",service=\"api\"} 1\n",
        "rollback_total{environment=\"production\",reason=\"error_rate\",service=\"api\"} 1\n",
    ] {
        assert!(before.1.as_ref().is_some_and(|text| text.contains(line)), "{line}{before:?}");
    }
    let mizan = restarted(&app, mizan, STATE).await;
    let admin = mizan.admin();
    assert_eq!((admin.deploys(None).await.expect("a list"), admin.metrics().await.ok()), before);
    assert_eq!(mizan.status().await.deploys.len(), 1);
    // The one that was under way ends as if nothing had been.
    report(&mizan, &ended("d", DeployStatus::Deployed)).await;
    let metrics = admin.metrics().await.expect("metrics");
    assert!(metrics.contains("deployment_success_total{environment=\"production\",service=\"api\"} 2\n"));
}

#[tokio::test]
async fn without_state_history_is_for_this_process() {
    let (app, mizan) = started("").await;
    report(&mizan, &running("a")).await;
    assert_eq!(ids(&mizan).await, ["a"]);
    let mizan = restarted(&app, mizan, "").await;
    assert_eq!(ids(&mizan).await, Vec::<String>::new());
    let problem = refused(mizan.admin().deploy("a").await);
    assert_eq!(problem.kind, ProblemKind::NotFound);
}

#[tokio::test]
async fn the_list_has_the_newest_first_of_whom_it_is_asked() {
    let (_app, mizan) = started("").await;
    for (id, service, environment, began) in
        [("b", "api", "staging", 2), ("a", "api", "production", 1), ("c", "shop", "production", 3)]
    {
        let deploy = Deploy {
            service: service.to_owned(),
            environment: environment.to_owned(),
            started_unix_ms: BEGAN + began,
            ..running(id)
        };
        report(&mizan, &deploy).await;
    }
    assert_eq!(ids(&mizan).await, ["c", "b", "a"]);
    for (query, wanted) in [
        ("service=api", vec!["b", "a"]),
        ("environment=production", vec!["c", "a"]),
        ("service=api&environment=production", vec!["a"]),
        ("limit=2", vec!["c", "b"]),
        ("service=none", vec![]),
    ] {
        let said = say(&mizan, &get(&format!("/v1/deploys?{query}"))).await;
        let json = said.split("\r\n\r\n").nth(1).expect("a body");
        let list: mizan_api::Deploys = serde_json::from_str(json).expect("a list");
        let ids: Vec<String> = list.deploys.into_iter().map(|deploy| deploy.id).collect();
        assert_eq!(ids, wanted, "{query}");
    }
}

#[tokio::test]
async fn what_is_malformed_is_refused_and_not_kept() {
    let (_app, mizan) = started("").await;
    let json = |deploy: &Deploy| serde_json::to_string(deploy).expect("JSON");
    let good = json(&running("a"));
    for (call, detail) in [
        (put("b", &good), "the path about another one"),
        (put("a", "{"), "the body"),
        (put("a", &good.replace("\"by\"", "\"buy\"")), "buy"),
        (put("a", &good.replace("\"running\"", "\"walking\"")), "walking"),
        (put("a", &json(&Deploy { service: "a b".to_owned(), ..running("a") })), "`service`"),
        (put("a", &json(&Deploy { image: String::new(), ..running("a") })), "`image`"),
        (put("a", &json(&Deploy { ended_unix_ms: Some(1), ..running("a") })), "`ended_unix_ms`"),
        (put("a", &json(&Deploy { status: DeployStatus::Failed, ..running("a") })), "`ended_unix_ms`"),
        (put("..", &json(&running(".."))), "`id`"),
        (get("/v1/deploys?limit=0"), "`limit`"),
        (get("/v1/deploys?limit=201"), "`limit`"),
        (get("/v1/deploys?service=%20"), "`service`"),
    ] {
        let said = say(&mizan, &call).await;
        assert!(said.starts_with("HTTP/1.1 400 ") && said.contains(detail), "{call}\n{said}");
    }
    assert_eq!(ids(&mizan).await, Vec::<String>::new());
    // The client cuts what is only too long, so that the end is heard of.
    let long = Deploy { why: "x".repeat(100_000), ..ended("a", DeployStatus::Failed) };
    assert_eq!(report(&mizan, &long).await.why.chars().count(), mizan_api::DEPLOY_WHY_MOST);
}

#[tokio::test]
async fn the_last_200_are_kept_and_the_labels_are_bounded() {
    let (app, mizan) = started(STATE).await;
    report(&mizan, &running("silent")).await;
    for number in 0..205_u64 {
        let end = ended(&format!("d{number}"), DeployStatus::Deployed);
        let deploy = Deploy { service: format!("api-{number}"), started_unix_ms: BEGAN + number, ..end };
        report(&mizan, &deploy).await;
    }
    let metrics = mizan.admin().metrics().await.expect("metrics");
    let families = metrics.lines().filter(|line| line.starts_with("deployment_success_total{"));
    assert_eq!(families.count(), 201);
    assert!(metrics.contains("deployment_success_total{environment=\"other\",service=\"other\"} 5\n"));
    let mizan = restarted(&app, mizan, STATE).await;
    let kept = ids(&mizan).await;
    assert_eq!((kept.len(), kept[0].as_str(), kept[199].as_str()), (200, "d204", "d5"));
}

#[tokio::test]
async fn a_damaged_history_is_moved_aside_and_never_an_outage() {
    let (app, mizan) = started(STATE).await;
    report(&mizan, &running("a")).await;
    let folder = mizan.kill().await;
    let file = folder.path().join("state/deploys.json");
    let whole = std::fs::read_to_string(&file).expect("it was written");
    let torn = &whole[..whole.len() / 2];
    let aside = folder.path().join("state/deploys.json.damaged");
    let next_version = whole.replacen("\"version\":1", "\"version\":2", 1);
    assert_ne!(next_version, whole);
    let mut folder = folder;
    for damaged in [torn, "", "\0\0\0", &next_version] {
        std::fs::write(&file, damaged).expect("it can be written");
        let mizan = Launch::default().start_in(folder, &one_service(&[&app], "", STATE)).await;
        mizan.log().wait_for_all(&["deploys.json", "begins anew", "deploys.json.damaged"]).await;
        assert_eq!(std::fs::read_to_string(&aside).expect("it is aside"), damaged);
        assert_eq!(mizan.get("/").await.status, 200);
        assert_eq!(ids(&mizan).await, Vec::<String>::new());
        report(&mizan, &running("b")).await;
        folder = mizan.kill().await;
    }
    let mizan = Launch::default().start_in(folder, &one_service(&[&app], "", STATE)).await;
    assert_eq!(ids(&mizan).await, ["b"]);
}

#[tokio::test]
async fn a_disk_that_is_full_costs_no_report() {
    let Some(disk) = Tmpfs::mount(256) else { return };
    let top = format!("state: {}/state", disk.path().display());
    let (app, mizan) = started(&top).await;
    report(&mizan, &running("a")).await;
    disk.fill();
    let mut events = mizan.admin().events(None).await.expect("events");
    report(&mizan, &ended("a", DeployStatus::Deployed)).await;
    report(&mizan, &running("b")).await;
    assert_eq!(told(&mut events).await.status, DeployStatus::Deployed);
    assert_eq!(ids(&mizan).await.len(), 2);
    mizan.log().wait_for_all(&["No space left", "in memory only"]).await;
    assert_eq!(mizan.log().text().matches("in memory only").count(), 1, "it is said once");
    disk.empty();
    // The next sign of life brings all of it to the disk.
    report(&mizan, &Deploy { updated_unix_ms: BEGAN + 2000, ..running("b") }).await;
    mizan.log().wait_for("on the disk again", 8 * SECOND).await;
    let mizan = restarted(&app, mizan, &top).await;
    let kept = mizan.admin().deploy("a").await.expect("it is kept");
    assert_eq!((kept.status, ids(&mizan).await.len()), (DeployStatus::Deployed, 2));
    let metrics = mizan.admin().metrics().await.expect("metrics");
    assert!(metrics.contains("deployment_success_total{environment=\"production\",service=\"api\"} 1\n"));
}

#[tokio::test]
async fn reports_at_once_are_all_kept() {
    let (app, mizan) = started(STATE).await;
    let reports: Vec<_> = (0..50)
        .map(|number| {
            let admin = mizan.admin();
            tokio::spawn(async move { admin.report_deploy(&running(&format!("d{number}"))).await.is_ok() })
        })
        .collect();
    for one in reports {
        assert!(one.await.expect("no panic"));
    }
    let mizan = restarted(&app, mizan, STATE).await;
    assert_eq!(ids(&mizan).await.len(), 50);
}

#[tokio::test]
async fn metrics_are_prometheus_text_and_the_document_has_the_calls() {
    let (_app, mizan) = started("").await;
    let said = say(&mizan, &get("/v1/metrics")).await;
    assert!(said.starts_with("HTTP/1.1 200 "), "{said}");
    assert!(said.contains("\r\ncontent-type: text/plain; version=0.0.4\r\n"), "{said}");
    let said = say(&mizan, &get("/v1/openapi.json")).await;
    let document: serde_json::Value =
        serde_json::from_str(said.split("\r\n\r\n").nth(1).expect("a body")).expect("JSON");
    let paths = &document["paths"];
    let answer = |path: &str, method: &str| paths[path][method]["responses"]["200"]["content"].clone();
    assert_eq!(answer("/v1/metrics", "get")["text/plain"]["schema"]["type"], "string");
    assert!(answer("/v1/deploys", "get")["application/json"].is_object());
    assert!(answer("/v1/deploys/{id}", "get")["application/json"].is_object());
    let put = &paths["/v1/deploys/{id}"]["put"];
    assert!(put["requestBody"]["required"] == true && put["responses"]["409"].is_object(), "{put}");
}

#[tokio::test]
async fn a_disk_that_hangs_holds_up_the_report_and_nobody_else() {
    let (_app, mizan) = started(STATE).await;
    report(&mizan, &running("a")).await;
    // Who opens it to write waits for a reader.
    let in_the_way = mizan.folder().join("state/deploys.json.new");
    mknodat(CWD, &in_the_way, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a pipe can be made");
    // More than there are threads for the data plane.
    let reports: Vec<_> = (0..20)
        .map(|number| {
            let admin = mizan.admin();
            tokio::spawn(async move { admin.report_deploy(&running(&format!("d{number}"))).await })
        })
        .collect();
    eventually("one is taken", 8 * SECOND, async || ids(&mizan).await.len() == 2).await;
    for _ in 0..20 {
        assert_eq!(mizan.get("/").await.status, 200);
        assert_eq!(mizan.status().await.deploys.len(), 2);
    }
    assert!(reports.iter().all(|report| !report.is_finished()), "the disk was waited for");
    // With a reader the first one goes on, and finds no file there; that removes the pipe.
    let reader = tokio::task::spawn_blocking(move || std::fs::read(in_the_way));
    for report in reports {
        let kept = report.await.expect("no panic");
        kept.expect("it is taken");
    }
    reader.await.expect("no panic").expect("it was a pipe");
    assert_eq!(ids(&mizan).await.len(), 21);
    mizan.log().wait_for("on the disk again", 8 * SECOND).await;
}
