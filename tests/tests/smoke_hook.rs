//! deploy/hooks/smoke-curl as it is shipped, against a real server.

use mizan_tests::cli::{Finished, run};
use mizan_tests::recorded::Recorded;
use mizan_tests::script::Script;
use mizan_tests::upstream::Upstream;
use std::path::Path;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/hooks/smoke-curl");

async fn smoke(upstream: &Upstream, env: &[(&str, &str)]) -> Finished {
    let url = format!("http://{}/", upstream.addr());
    let mut all = vec![("MIZAN_URL", url.as_str()), ("MIZAN_TRACK", "green")];
    all.extend_from_slice(env);
    run(SCRIPT, Path::new("/"), &[], &all).await
}

#[tokio::test]
async fn every_path_is_asked_of_the_forced_track() {
    let upstream = Upstream::start("api").await;
    let env = [("MIZAN_FORCE_HEADER", "X-Track"), ("MIZAN_SMOKE_PATHS", "/health api/*?q=[1]")];
    let finished = smoke(&upstream, &env).await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let lines: Vec<&str> = finished.stdout.lines().collect();
    assert!(lines[0].starts_with("/health: 200 in 0.") && lines[0].ends_with(" s"), "{lines:?}");
    assert!(lines[1].starts_with("api/*?q=[1]: 200 in 0."), "{lines:?}");
    let requests = upstream.requests();
    assert_eq!(requests.iter().map(Recorded::target).collect::<Vec<_>>(), ["/health", "/api/*?q=[1]"]);
    assert!(requests.iter().all(|one| one.all("x-track") == ["green"]), "{requests:?}");

    let upstream = Upstream::start("api").await;
    let finished = smoke(&upstream, &[("MIZAN_FORCE_COOKIE", "api_track")]).await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert_eq!(upstream.only_request().all("cookie"), ["api_track=green"]);
}

#[tokio::test]
async fn a_bad_answer_is_tried_again_and_then_a_failure() {
    let upstream = Upstream::start("api").await;
    let forced = ("MIZAN_FORCE_HEADER", "X-Track");
    upstream.once("/", Script::answer(503, &[], ""));
    let finished = smoke(&upstream, &[forced]).await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert_eq!(upstream.requests().len(), 2);

    let upstream = Upstream::start("api").await;
    upstream.on("/broken", Script::answer(500, &[], ""));
    let finished =
        smoke(&upstream, &[forced, ("MIZAN_SMOKE_PATHS", "/broken /"), ("MIZAN_SMOKE_TRIES", "2")]).await;
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert_eq!(finished.stderr, "smoke-curl: 1 of the paths failed\n");
    assert_eq!(upstream.requests_for("/broken").len(), 2);
    assert_eq!(upstream.requests_for("/").len(), 1, "the others are looked at, too");
}

#[tokio::test]
async fn nobody_there_is_a_failure_with_curls_reason() {
    let upstream = Upstream::start("api").await;
    upstream.stop().await;
    let finished = smoke(&upstream, &[("MIZAN_FORCE_HEADER", "X-Track"), ("MIZAN_SMOKE_TRIES", "1")]).await;
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(finished.stdout.contains("/: 000 in 0.") && finished.stdout.contains("(curl ended with 7)"));
    assert!(finished.stderr.starts_with("curl: (7) "), "{finished:?}");
}

#[tokio::test]
async fn a_track_that_cannot_be_forced_is_a_failure_and_no_track_is_none() {
    let upstream = Upstream::start("api").await;
    let finished = smoke(&upstream, &[]).await;
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(finished.stderr.contains("give the service `force` in mizan.yml"), "{finished:?}");
    assert_eq!(upstream.requests().len(), 0);

    let finished = smoke(&upstream, &[("MIZAN_TRACK", "")]).await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let finished = smoke(&upstream, &[("MIZAN_URL", "")]).await;
    assert!(finished.stderr.contains("MIZAN_URL is empty"), "{finished:?}");
}
