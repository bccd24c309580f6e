//! `mizan healthcheck`: what a container's health check runs.

use mizan_tests::cli::{Finished, mizan};
use mizan_tests::mizan::Launch;
use mizan_tests::script::Gate;
use mizan_tests::{Mizan, Script, Upstream, eventually};
use rustix::process::Signal;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const SECOND: Duration = Duration::from_secs(1);
const SITE: &str = "sites: [{ hosts: [\"*\"], routes: [{ path: /, respond: { status: 204 } }] }]\n";

/// Asks as `mizan healthcheck` in a folder whose mizan.yml has these listeners.
async fn healthcheck(listen: &str, more: &str) -> Finished {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("mizan.yml"),
        format!("listen: {{ http: \"{listen}\" }}\n{more}\n{SITE}"),
    )
    .unwrap();
    mizan(folder.path(), &["healthcheck"], &[]).await
}

/// Exit code 1, and one line that says this.
fn assert_sick(finished: &Finished, why: &str) {
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(finished.stderr.contains(why), "{finished:?}");
    assert_eq!(finished.stderr.lines().count(), 1, "{finished:?}");
}

#[tokio::test]
async fn one_that_serves_is_healthy_whatever_its_listener_is_called() {
    let running = Mizan::start(&format!("listen: {{ http: \"0.0.0.0:0\" }}\n{SITE}")).await;
    let port = running.addr().port();
    for listen in [format!("127.0.0.1:{port}"), format!("0.0.0.0:{port}"), format!(":{port}")] {
        let finished = healthcheck(&listen, "").await;
        assert_eq!((finished.code, finished.stderr.as_str()), (Some(0), ""), "{listen}");
    }
}

#[tokio::test]
async fn a_unix_socket_and_a_renamed_probe_are_found_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("http.sock");
    let text =
        format!("listen: {{ http: \"unix:{}\" }}\nprobes: {{ health: /up }}\n{SITE}", socket.display());
    let _running = Launch::default().start(&text).await;
    let file = folder.path().join("other.yml");
    std::fs::write(&file, &text).unwrap();
    let finished = mizan(Path::new("/"), &["healthcheck", "--config", file.to_str().unwrap()], &[]).await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
}

#[tokio::test]
async fn one_that_drains_is_not_healthy() {
    let upstream = Upstream::start("slow").await;
    let gate = Gate::new();
    upstream.on("/held", Script::gated(&gate));
    let running = Mizan::before(&[&upstream], "", "drain: { idle_grace: 5s }").await;
    let mut open = running.connect().await;
    open.send("GET /held HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    eventually("it is under way", 5 * SECOND, || async { running.in_flight().await == 1 }).await;
    running.signal(Signal::TERM);
    // It accepts nothing any more: refused.
    let port = running.addr().port();
    eventually("it is not healthy", 5 * SECOND, || async {
        healthcheck(&format!("127.0.0.1:{port}"), "").await.code == Some(1)
    })
    .await;
    gate.open();
    assert_eq!(open.answer().await.status, 200);
}

#[tokio::test]
async fn every_reason_is_one_line() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = nobody.local_addr().unwrap().to_string();
    drop(nobody);
    assert_sick(&healthcheck(&address, "").await, &format!("{address}: cannot connect"));
    assert_sick(&healthcheck(&address, "probes: { health: false }").await, "nothing to ask");
    assert_sick(&healthcheck("127.0.0.1:0", "").await, "chosen by the system");
    assert_sick(&healthcheck(&address, "prbes: {}").await, "mizan.yml");
}

#[tokio::test]
async fn another_answer_than_200_and_none_at_all_are_told() {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let (mut first, _) = server.accept().await.unwrap();
        let _ = first.read(&mut [0; 1024]).await.unwrap();
        first.write_all(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        let _silent = server.accept().await.unwrap();
        std::future::pending::<()>().await;
    });
    assert_sick(&healthcheck(&address, "").await, "answered 503");
    let begin = Instant::now();
    assert_sick(&healthcheck(&address, "").await, "no answer within 2 s");
    assert!(begin.elapsed() < 4 * SECOND, "{:?}", begin.elapsed());
}
