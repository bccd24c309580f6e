//! The image and the Compose example as they are shipped, with both generations of Compose.

use mizan_api::Client;
use mizan_tests::docker::compose::{Compose, Version};
use mizan_tests::eventually;
use mizan_tests::load::Load;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);
const BACKEND: &str = env!("CARGO_BIN_EXE_test-backend");
const REQUEST: &str = "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_example_keeps_its_promises_with_docker_compose_1() {
    the_example_keeps_its_promises(Version::One).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_example_keeps_its_promises_with_compose_v2() {
    the_example_keeps_its_promises(Version::Two).await;
}

async fn the_example_keeps_its_promises(version: Version) {
    let Some(compose) = Compose::prepare(version, BACKEND) else { return };
    let begin = Instant::now();
    compose.run(&["up", "-d"]).await;
    let mizan = compose.containers("mizan").pop().expect("mizan runs");
    assert_eq!(compose.containers("api").len(), 2, "`deploy.replicas` is heeded");
    let addr = compose.address(&mizan);
    serves(&compose, 2).await;
    println!("{version:?}: serves {:?} after `up`", begin.elapsed());
    eventually("it is healthy", 20 * SECOND, || async {
        compose.inspect(&mizan, "{{.State.Health.Status}}") == "healthy"
    })
    .await;
    println!("{version:?}: healthy {:?} after `up`", begin.elapsed());
    let state = std::fs::metadata(compose.state()).expect("root sees the engine's volumes");
    assert_eq!((state.uid(), state.gid(), state.mode() & 0o777), (65532, 65532, 0o750));

    let load = Load::start(addr, 8, REQUEST);
    for count in [3, 1] {
        let begin = Instant::now();
        compose.scale_api(count).await;
        serves(&compose, count).await;
        println!("{version:?}: scaled to {count} in {:?}", begin.elapsed());
        let good = load.good();
        eventually("requests go on", 10 * SECOND, || async { load.good() > good + 200 }).await;
    }
    assert_eq!(compose.containers("mizan"), [mizan.as_str()], "mizan itself is the same");

    compose.run(&["kill", "-s", "HUP", "mizan"]).await;
    let client = Client::new(compose.socket());
    eventually("the reload is in force", 5 * SECOND, || async {
        client.status().await.is_ok_and(|status| status.generation == 2)
    })
    .await;
    let outcome = load.stop().await;
    outcome.assert_no_failure();
    assert!(outcome.by_body.len() >= 3, "all three have served: {:?}", outcome.by_body);
    println!("{version:?}: {} requests, none failed: {:?}", outcome.good, outcome.by_body);

    let begin = Instant::now();
    compose.run(&["stop", "mizan"]).await;
    let ended = begin.elapsed();
    println!("{version:?}: stopped in {ended:?}");
    assert_eq!(compose.inspect(&mizan, "{{.State.ExitCode}} {{.State.OOMKilled}}"), "0 false");
    assert!(ended < 35 * SECOND, "{ended:?}: it was within its grace of 40 s");
}

/// The admin socket, as the host has it, says that so many containers of api take requests.
async fn serves(compose: &Compose, count: usize) {
    let client = Client::new(compose.socket());
    eventually(format!("{count} take requests"), 20 * SECOND, || async {
        let Ok(status) = client.status().await else { return false };
        let tracks = status.services.iter().flat_map(|service| &service.tracks);
        let endpoints: Vec<_> = tracks.flat_map(|track| &track.endpoints).collect();
        let up = |e: &&&mizan_api::EndpointStatus| e.state == mizan_api::EndpointState::Up;
        status.ready && endpoints.iter().filter(up).count() == count && endpoints.len() == count
    })
    .await;
}
