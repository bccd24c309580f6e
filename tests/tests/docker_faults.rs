//! Containers that are killed, paused and cut off from the network under load: what is lost is bounded.

use mizan_api::EndpointState;
use mizan_tests::docker::Docker;
use mizan_tests::load::Load;
use mizan_tests::mizan::{Launch, one_service_at};
use mizan_tests::{Mizan, eventually};
use std::net::SocketAddr;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const BACKEND: &str = env!("CARGO_BIN_EXE_test-backend");
const REQUEST: &str = "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n";
const CLIENTS: usize = 8;

/// Two containers of one service, mizan before them, and clients that ask all the time.
struct Scene {
    docker: Docker,
    victim: String,
    other: String,
    mizan: Mizan,
    load: Load,
}

impl Scene {
    async fn start(service: &str) -> Option<Self> {
        let docker = Docker::start(BACKEND)?;
        let inside = docker.inside();
        let env = ["DELAY=5"];
        let (victim, other) = (docker.backend_with("app_svc", &env), docker.backend_with("app_svc", &env));
        let top = "listen: { http: \"0.0.0.0:0\" }\nresolver: { servers: [127.0.0.11], interval: 1s }";
        let yaml = one_service_at("\"app_svc:3000\"", service, top);
        let mizan = Launch::default().by(&inside.words()).start(&yaml).await;
        let addr = SocketAddr::from((inside.ip(), mizan.addr().port()));
        eventually("it is ready", 10 * SECOND, || async {
            mizan_tests::raw::get(addr, "app.test", "/lb-ready").await.status == 200
        })
        .await;
        let load = Load::start(addr, CLIENTS, REQUEST);
        let scene = Self { docker, victim, other, mizan, load };
        scene.is_served_by_both().await;
        Some(scene)
    }

    fn answers(&self, name: &str) -> u64 {
        self.load.by_body().get(name).copied().unwrap_or_default()
    }

    async fn is_served_by_both(&self) {
        let (victim, other) = (self.answers(&self.victim), self.answers(&self.other));
        eventually("both serve", 10 * SECOND, || async {
            self.answers(&self.victim) > victim + 20 && self.answers(&self.other) > other + 20
        })
        .await;
    }

    /// Five hundred more from the one that is left.
    async fn goes_on_without(&self) {
        let other = self.answers(&self.other);
        eventually("the other serves on", 10 * SECOND, || async { self.answers(&self.other) > other + 500 })
            .await;
    }

    async fn becomes(&self, wanted: EndpointState) {
        eventually(format!("the victim is {wanted:?}"), 10 * SECOND, || async {
            self.mizan.endpoints().await.get(&self.address()).is_some_and(|e| e.state == wanted)
        })
        .await;
    }

    fn address(&self) -> String {
        format!("{}:3000", self.docker.address(&self.victim))
    }

    /// What was under way on the victim, at this address, has had its time.
    async fn nothing_waits_at(&self, address: &str) {
        eventually("nothing is under way on the victim", 10 * SECOND, || async {
            self.mizan.endpoints().await.get(address).is_none_or(|e| e.in_flight == 0)
        })
        .await;
    }

    /// Only what was under way on the victim may be lost: one request a client.
    async fn ends(self, what: &str) {
        let outcome = self.load.stop().await;
        println!("{what}: {} good, {} failed: {:#?}", outcome.good, outcome.failed, outcome.bad);
        assert!(outcome.failed <= CLIENTS as u64, "{} failed: {:#?}", outcome.failed, outcome.bad);
        assert_eq!(outcome.refused, 0, "mizan itself was there all the time");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_two_that_is_killed_costs_at_most_what_was_under_way_on_it() {
    let Some(scene) = Scene::start("").await else { return };
    scene.docker.kill(&scene.victim).await;
    scene.mizan.has_endpoints(1).await;
    scene.goes_on_without().await;
    scene.ends("kill").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_two_that_is_paused_is_taken_out_by_its_check_and_comes_back() {
    let service = "health: { path: /up, interval: 200ms, timeout: 200ms, healthy: 2, unhealthy: 2 }\n\
                   timeouts: { read: 2s }\n\
                   passive: { max_fails: 0 }";
    let Some(scene) = Scene::start(service).await else { return };
    scene.becomes(EndpointState::Up).await;
    scene.docker.pause(&scene.victim).await;
    scene.becomes(EndpointState::Unhealthy).await;
    scene.nothing_waits_at(&scene.address()).await;
    scene.goes_on_without().await;
    scene.docker.unpause(&scene.victim).await;
    scene.becomes(EndpointState::Up).await;
    scene.is_served_by_both().await;
    scene.ends("pause").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_two_that_is_cut_off_from_the_network_leaves_and_comes_back() {
    let Some(scene) = Scene::start("timeouts: { read: 2s }").await else { return };
    let address = scene.address();
    scene.docker.disconnect(&scene.victim).await;
    scene.mizan.has_endpoints(1).await;
    scene.nothing_waits_at(&address).await;
    scene.goes_on_without().await;
    scene.docker.connect(&scene.victim, "app_svc").await;
    scene.mizan.has_endpoints(2).await;
    scene.is_served_by_both().await;
    scene.ends("network disconnect").await;
}
