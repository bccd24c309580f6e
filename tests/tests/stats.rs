//! What is counted, and where: by track and by step, with aborts, testers and probes apart.

use mizan_api::{ServiceStats, TrackStats};
use mizan_tests::admin::{blue_green, commit};
use mizan_tests::script::{Gate, Script};
use mizan_tests::{Mizan, Upstream, eventually};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const SLOW: &str = "GET /slow HTTP/1.1\r\nHost: app.test\r\n\r\n";
const STATE: &str = "state: ${FOLDER}/state";

async fn stats(mizan: &Mizan) -> ServiceStats {
    mizan.admin().stats("shop", None, Some(1)).await.expect("stats")
}

fn track<'a>(stats: &'a ServiceStats, name: &str) -> &'a TrackStats {
    stats.tracks.iter().find(|track| track.track == name).expect("the track is there")
}

#[tokio::test]
async fn requests_are_counted_by_track_status_and_latency() {
    let (blue, green) = (Upstream::start("blue").await, Upstream::start("green").await);
    blue.on("/bad", Script::answer(500, &[], "no"));
    blue.on("/lost", Script::answer(404, &[], "no"));
    let mizan = Mizan::start(&blue_green(&[&blue], &[&green], "", STATE)).await;
    for path in ["/", "/", "/bad", "/lost", "/lb-health"] {
        mizan.get(path).await;
    }
    mizan.admin().set_mark("shop", "here").await.expect("a mark is set");
    mizan.get("/").await;
    eventually("all are counted", 5 * SECOND, || async {
        track(&stats(&mizan).await, "blue").total.requests == 5
    })
    .await;
    let all = mizan.admin().stats("shop", Some("here"), None).await.expect("stats");
    let blue = track(&all, "blue");
    let total = &blue.total;
    assert_eq!((total.status.successful, total.status.client_error, total.status.server_error), (3, 1, 1));
    assert_eq!((total.failed, total.client_aborts, total.forced), (1, 0, 0));
    assert_eq!(
        (total.latency.len(), total.latency.iter().sum::<u64>()),
        (all.latency_bounds_ms.len() + 1, 5)
    );
    assert_eq!(blue.since_mark.as_ref().map(|since| since.requests), Some(1));
    assert_eq!((blue.last_10s.requests, blue.step.tally.requests), (5, 5));
    assert_eq!((blue.step.active, blue.step.clients_failed.once), (0, 1));
    assert_eq!(track(&all, "green").total.requests, 0);
}

#[tokio::test]
async fn a_request_belongs_to_the_step_it_was_routed_in() {
    let (blue, green) = (Upstream::start("blue").await, Upstream::start("green").await);
    let gate = Gate::new();
    blue.on("/slow", Script::gated(&gate));
    let mizan = Mizan::start(&blue_green(&[&blue], &[&green], "", STATE)).await;
    let mut slow = mizan.connect().await;
    slow.send(SLOW).await;
    eventually("it is under way", 5 * SECOND, || async {
        track(&stats(&mizan).await, "blue").step.active == 1
    })
    .await;
    let before = stats(&mizan).await;
    mizan.admin().set_split("shop", &commit(&[("blue", 1), ("green", 1)])).await.expect("it is committed");
    let after = stats(&mizan).await;
    assert!(after.step > before.step && track(&after, "blue").step.active == 0, "{after:?}");
    gate.open();
    assert_eq!(slow.answer().await.status, 200);
    eventually("it is counted", 5 * SECOND, || async {
        track(&stats(&mizan).await, "blue").total.requests == 1
    })
    .await;
    assert_eq!(track(&stats(&mizan).await, "blue").step.tally.requests, 0);
}

#[tokio::test]
async fn who_leaves_is_no_failure_and_who_waits_grows_old() {
    let (blue, green) = (Upstream::start("blue").await, Upstream::start("green").await);
    blue.on("/slow", Script::gated(&Gate::new()));
    let mizan = Mizan::start(&blue_green(&[&blue], &[&green], "", STATE)).await;
    let mut slow = mizan.connect().await;
    slow.send(SLOW).await;
    eventually("it grows old", 8 * SECOND, || async {
        track(&stats(&mizan).await, "blue").step.active_old == 1
    })
    .await;
    slow.reset();
    eventually("it is gone", 5 * SECOND, || async {
        let stats = stats(&mizan).await;
        let blue = track(&stats, "blue");
        blue.total.client_aborts == 1 && blue.step.active == 0
    })
    .await;
    let stats = stats(&mizan).await;
    let total = &track(&stats, "blue").total;
    assert_eq!((total.requests, total.failed), (0, 0));
}

#[tokio::test]
async fn failed_tries_are_told_by_kind_and_a_rescue_is_a_failure_of_the_track() {
    let (blue, green) = (Upstream::start("blue").await, Upstream::start("green").await);
    green.stop().await;
    let service = "passive: { max_fails: 0, fail_timeout: 1s }";
    let mizan = Mizan::start(&blue_green(&[&blue], &[&green], service, STATE)).await;
    mizan.admin().set_split("shop", &commit(&[("blue", 1), ("green", 1000)])).await.expect("it is committed");
    for _ in 0..3 {
        assert_eq!(mizan.get("/").await.text(), "blue");
    }
    let stats = stats(&mizan).await;
    let green = &track(&stats, "green").total;
    assert!(green.requests >= 2 && green.tries_failed.connect >= 1, "{green:?}");
    assert!(
        green.failed >= 1 && green.fallbacks >= green.failed && green.status.server_error == 0,
        "{green:?}"
    );
    assert_eq!(green.latency.iter().sum::<u64>(), 0);
}
