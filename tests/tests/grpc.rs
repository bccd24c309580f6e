//! gRPC, by grpcio's client and server: every kind of call, over TLS and without, and what a proxy must say by itself.

use mizan_api::EndpointState;
use mizan_tests::cli::run;
use mizan_tests::grpc::{GrpcClient, GrpcServer};
use mizan_tests::h2_server::{Does, H2Server};
use mizan_tests::mizan::{Launch, one_service_at};
use mizan_tests::net::{Blackhole, Refuses};
use mizan_tests::{Authority, Mizan, eventually};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn config(server: SocketAddr, service: &str, top: &str) -> String {
    one_service_at(&format!("\"{server}\""), &format!("protocol: h2\n{service}"), top)
}

async fn plain(service: &str) -> (GrpcServer, Mizan, GrpcClient) {
    let server = GrpcServer::start().await;
    let mizan = Mizan::start(&config(server.addr(), service, "")).await;
    let client = GrpcClient::plain(mizan.addr());
    (server, mizan, client)
}

/// TLS on both sides; the endpoint has its own authority.
async fn secure() -> (GrpcServer, Mizan, GrpcClient) {
    let (outside, inside) = (Authority::new("outside"), Authority::new("inside"));
    let server = GrpcServer::start_tls(&inside.server(&["grpc.internal"])).await;
    let folder = tempfile::Builder::new().prefix("mzt").tempdir().expect("a temporary folder");
    outside.server(&["app.test"]).write(folder.path(), "app");
    std::fs::write(folder.path().join("ca.pem"), inside.root()).expect("write the root");
    let text = format!(
        "listen: {{ https: \"127.0.0.1:0\" }}\n\
         services:\n  app:\n    endpoints: \"{}\"\n    protocol: h2\n    \
         tls: {{ ca: ca.pem, server_name: grpc.internal }}\n\
         sites:\n  - hosts: [app.test]\n    tls: {{ certificate: app.pem, key: app.key }}\n    \
         routes:\n      - {{ path: /, service: app }}\n",
        server.addr()
    );
    let mizan = Launch::default().start_in(folder, &text).await;
    let client = GrpcClient::tls(mizan.addr(), &outside, mizan.folder());
    (server, mizan, client)
}

fn code(answer: &Value) -> &str {
    answer["code"].as_str().expect("every call ends with a code")
}

async fn started(client: &GrpcClient, count: u64) {
    eventually("the server has begun", 10 * SECOND, || async {
        client.report().await["started"].as_u64() == Some(count)
    })
    .await;
}

async fn every_kind_of_call_works(client: &GrpcClient) {
    let unary = client.run("call", "Unary hello").await;
    assert_eq!((code(&unary), &unary["got"]), ("OK", &json!("echo:hello")));
    let server_stream = client.run("server_stream", "5000").await;
    assert_eq!(code(&server_stream), "OK");
    let wanted: Vec<String> = (0..5000).map(|n| n.to_string()).collect();
    assert_eq!(server_stream["got"], json!(wanted));
    let client_stream = client.run("client_stream", "5000").await;
    assert_eq!((code(&client_stream), &client_stream["got"]), ("OK", &json!("5000 500000")));
    let bidi = client.run("bidi", "200").await;
    assert_eq!((code(&bidi), &bidi["right"]), ("OK", &json!(true)));
    assert_eq!(client.run("big", "1048576").await["right"], json!(true));
    assert_eq!(client.run("server_stream", "0").await["got"], json!([]));
}

async fn endings_are_kept(client: &GrpcClient) {
    let good = client.run("call", "Trailers").await;
    let trailing = json!([["trailing", "two"], ["raw-bin", [0, 255, 128]]]);
    assert_eq!((code(&good), &good["trailing"]), ("OK", &trailing));
    let initial = good["initial"].as_array().expect("metadata");
    assert!(initial.contains(&json!(["initial", "one"])), "{initial:?}");
    let bad = client.run("call", "Fail").await;
    assert_eq!((code(&bad), &bad["details"]), ("FAILED_PRECONDITION", &json!("bad: 100% \u{e9}\n")));
    assert_eq!(bad["trailing"], trailing);
    let late = client.run("stream", "FailLate").await;
    assert_eq!((code(&late), &late["details"]), ("DATA_LOSS", &json!("half of it is gone")));
    assert_eq!((&late["got"], &late["trailing"]), (&json!(["0", "1", "2"]), &json!([["trailing", "two"]])));
    assert_eq!(code(&client.run("call", "Nonsense").await), "UNIMPLEMENTED");
}

#[tokio::test]
async fn every_kind_of_call_works_over_plain_connections() {
    let (_server, _mizan, client) = plain("").await;
    every_kind_of_call_works(&client).await;
}

#[tokio::test]
async fn every_kind_of_call_works_over_tls() {
    let (_server, _mizan, client) = secure().await;
    every_kind_of_call_works(&client).await;
}

#[tokio::test]
async fn statuses_details_and_trailers_are_the_server_s_own() {
    let (_server, _mizan, client) = plain("").await;
    endings_are_kept(&client).await;
}

#[tokio::test]
async fn statuses_details_and_trailers_are_the_server_s_own_over_tls() {
    let (_server, _mizan, client) = secure().await;
    endings_are_kept(&client).await;
}

#[tokio::test]
async fn metadata_reaches_the_server_with_who_the_client_is() {
    let (_server, _mizan, client) = secure().await;
    let got = client.run("metadata", "").await["got"].clone();
    let got = got.as_array().expect("pairs");
    let all = |name: &str| -> Vec<&Value> { got.iter().filter(|p| p[0] == name).map(|p| &p[1]).collect() };
    assert_eq!(all("x-own"), [&json!("mine")]);
    let twice: String = all("twice").iter().filter_map(|v| v.as_str()).collect::<Vec<_>>().join(",");
    assert_eq!(twice.replace(' ', ""), "1,2");
    // HTTP/2 may send a cookie in crumbs, and may get it so.
    assert_eq!(all("cookie"), [&json!("a=1"), &json!("b=2")]);
    assert_eq!(all("raw-bin"), [&json!([0, 255, 128])]);
    assert_eq!(all("x-forwarded-for"), [&json!("127.0.0.1")]);
    assert_eq!(all("x-forwarded-proto"), [&json!("https")]);
    assert_eq!(all("x-forwarded-host"), [&json!("app.test")]);
    assert!(all("user-agent")[0].as_str().is_some_and(|agent| agent.starts_with("grpc-python/")), "{got:?}");
    assert_eq!(all("x-request-id").len(), 1);
}

#[tokio::test]
async fn a_call_that_is_cancelled_is_cancelled_at_the_server() {
    for (service, argument) in [("", "silent"), ("", "chatty")] {
        let (server, mizan, client) = plain(service).await;
        let cancelled = client.run("cancel", argument).await;
        assert_eq!((code(&cancelled), &cancelled["first"]), ("CANCELLED", &json!("first")));
        let direct = GrpcClient::plain(server.addr());
        eventually("the server knows", 10 * SECOND, || async {
            direct.report().await["cancelled"] == json!(1)
        })
        .await;
        mizan.is_quiet().await;
        // The connection to the server is as good as before.
        assert_eq!(code(&client.run("call", "Unary x").await), "OK");
    }
}

#[tokio::test]
async fn a_deadline_reaches_the_server_and_holds_at_the_client() {
    let (server, mizan, client) = plain("").await;
    let late = client.run("deadline", "0.5").await;
    assert_eq!(code(&late), "DEADLINE_EXCEEDED");
    assert!((0.3..3.0).contains(&late["took"].as_f64().expect("a time")), "{late}");
    let report = GrpcClient::plain(server.addr()).report().await;
    let left = report["deadlines"][0].as_f64().expect("the server was told");
    assert!(left > 0.0 && left <= 0.5, "{report}");
    mizan.is_quiet().await;
}

#[tokio::test]
async fn nobody_listening_is_unavailable_with_the_request_s_id() {
    let refuses = Refuses::new();
    let mizan = Mizan::start(&config(refuses.addr(), "", "")).await;
    let answer = GrpcClient::plain(mizan.addr()).run("call", "Unary x").await;
    assert_eq!(code(&answer), "UNAVAILABLE");
    let details = answer["details"].as_str().expect("details");
    assert!(details.starts_with("502 Bad Gateway, request id "), "{details}");
    let id = details.rsplit(' ').next().expect("an id");
    mizan.log().wait_for_all(&["request failed", id, "502"]).await;
    let stats = mizan.admin().stats("app", None, None).await.expect("stats");
    let total = &stats.tracks[0].total;
    assert_eq!((total.requests, total.status.server_error, total.status.successful), (1, 1, 0), "{total:?}");
}

#[tokio::test]
async fn an_error_of_the_proxy_is_trailers_alone_with_200() {
    let refuses = Refuses::new();
    let mizan = Mizan::start(&config(refuses.addr(), "", "")).await;
    let url = format!("http://{}/mizan.Test/Unary", mizan.addr());
    let words = [
        "-sS",
        "-i",
        "--http2-prior-knowledge",
        "-H",
        "content-type: application/grpc",
        "-H",
        "te: trailers",
        "-d",
        "",
        &url,
    ];
    let finished = run("curl", mizan.folder(), &words, &[]).await;
    let said = finished.stdout.to_lowercase();
    assert!(said.starts_with("http/2 200"), "{said}{}", finished.stderr);
    for part in [
        "content-type: application/grpc\r\n",
        "grpc-status: 14\r\n",
        "grpc-message: 502 bad gateway, request id",
    ] {
        assert!(said.contains(part), "{part} is not in {said}");
    }
    assert!(said.ends_with("\r\n\r\n"), "there is a body: {said}");
}

#[tokio::test]
async fn no_route_and_an_unknown_host_have_codes() {
    let server = GrpcServer::start().await;
    let text = format!(
        "services: {{ app: {{ endpoints: \"{}\", protocol: h2 }} }}\n\
         sites:\n  - hosts: [app.test]\n    routes: [ {{ path: /mizan.Test, service: app }}, {{ path: /no, respond: {{ status: 403 }} }} ]\n",
        server.addr()
    );
    let mut mizan = Mizan::start(&text).await;
    let client = GrpcClient::plain(mizan.addr());
    assert_eq!(code(&client.run("call", "Unary x").await), "OK");
    let lost = client.run("call", "/other.Test/Unary x").await;
    assert_eq!(code(&lost), "UNIMPLEMENTED");
    assert!(lost["details"].as_str().is_some_and(|d| d.starts_with("404 Not Found, request id")), "{lost}");
    mizan.reload(&text.replace("app.test", "else.test")).await;
    let stranger = client.run("call", "Unary x").await;
    assert!(stranger["details"].as_str().is_some_and(|d| d.contains("request id")), "{stranger}");
    assert_eq!(code(&stranger), "UNKNOWN");
}

#[tokio::test]
async fn a_server_that_dies_in_the_middle_of_a_stream_is_unavailable() {
    for scenario in ["stream", "stream_without_deadline"] {
        let (mut server, mizan, client) = plain("").await;
        let stream = client.begin(scenario, "ForEver chatty");
        started(&client, 1).await;
        server.kill().await;
        let ended = stream.await.expect("it ends");
        assert_eq!(code(&ended), "UNAVAILABLE", "{ended}");
        assert_eq!(ended["got"][0], json!("first"));
        assert!(ended["details"].as_str().is_some_and(|d| d.contains("request id")), "{ended}");
        mizan.is_quiet().await;
    }
}

#[tokio::test]
async fn a_server_that_dies_before_it_answers_is_unavailable() {
    let (mut server, mizan, client) = plain("").await;
    let call = client.begin("without_deadline", "Sleep 30");
    started(&client, 1).await;
    server.kill().await;
    let ended = call.await.expect("it ends");
    assert_eq!(code(&ended), "UNAVAILABLE", "{ended}");
    mizan.is_quiet().await;
}

#[tokio::test]
async fn a_server_that_is_silent_for_too_long_is_unavailable() {
    let (server, mizan, client) = plain("timeouts: { read: 500ms }").await;
    let call = client.run("without_deadline", "Sleep 30").await;
    assert_eq!(code(&call), "UNAVAILABLE", "{call}");
    assert!(call["details"].as_str().is_some_and(|d| d.starts_with("504 ")), "{call}");
    let stream = client.run("stream_without_deadline", "ForEver silent").await;
    assert_eq!((code(&stream), &stream["got"]), ("UNAVAILABLE", &json!(["first"])), "{stream}");
    // The server need not go on either.
    let direct = GrpcClient::plain(server.addr());
    eventually("the server knows", 10 * SECOND, || async { direct.report().await["cancelled"] == json!(1) })
        .await;
    mizan.is_quiet().await;
}

#[tokio::test]
async fn a_stream_in_which_nobody_speaks_ends_and_takes_no_endpoint_out() {
    let (one, two) = (GrpcServer::start().await, GrpcServer::start().await);
    let service = "protocol: h2\npassive: { max_fails: 1 }\ntimeouts: { read: 300ms }";
    let endpoints = format!("[\"{}\", \"{}\"]", one.addr(), two.addr());
    let mizan = Mizan::start(&one_service_at(&endpoints, service, "")).await;
    let client = GrpcClient::plain(mizan.addr());
    for (scenario, argument) in
        [("silent_bidi", "0"), ("silent_bidi", "1"), ("stream_without_deadline", "ForEver silent")]
    {
        let ended = client.run(scenario, argument).await;
        assert_eq!(code(&ended), "UNAVAILABLE", "{scenario} {argument}: {ended}");
        let states: Vec<EndpointState> = mizan.endpoints().await.values().map(|e| e.state).collect();
        assert!(!states.contains(&EndpointState::Ejected), "{scenario} {argument}: {states:?}");
    }
}

#[tokio::test]
async fn a_client_s_short_deadline_takes_no_endpoint_out() {
    let (one, two) = (H2Server::start(Does::Nothing).await, H2Server::start(Does::Nothing).await);
    let endpoints = format!("[\"{}\", \"{}\"]", one.addr(), two.addr());
    let service = "protocol: h2\npassive: { max_fails: 1 }";
    let mizan = Mizan::start(&one_service_at(&endpoints, service, "")).await;
    let url = format!("http://{}/mizan.Test/Unary", mizan.addr());
    for timeout in ["20m", "1n", "0S", "50m"] {
        let timeout = format!("grpc-timeout: {timeout}");
        let words = [
            "-sS",
            "-i",
            "--http2-prior-knowledge",
            "-H",
            "content-type: application/grpc",
            "-H",
            &timeout,
            "-d",
            "",
            &url,
        ];
        let finished = run("curl", mizan.folder(), &words, &[]).await;
        assert!(finished.stdout.contains("grpc-status: 4\r\n"), "{timeout}: {finished:?}");
        let states: Vec<EndpointState> = mizan.endpoints().await.values().map(|e| e.state).collect();
        assert!(!states.contains(&EndpointState::Ejected), "{timeout}: {states:?}");
    }
}

#[tokio::test]
async fn a_connect_that_hangs_is_unavailable_and_ends_with_the_client_s_deadline() {
    let hole = Blackhole::new().await;
    let mizan = Mizan::start(&config(hole.addr(), "timeouts: { connect: 400ms }", "")).await;
    let client = GrpcClient::plain(mizan.addr());
    let call = client.run("without_deadline", "Unary x").await;
    assert_eq!(code(&call), "UNAVAILABLE", "{call}");
    let call = client.run("deadline", "0.1").await;
    assert_eq!(code(&call), "DEADLINE_EXCEEDED", "{call}");
}

#[tokio::test]
async fn a_stream_outlives_a_reload() {
    let (server, mut mizan, client) = plain("").await;
    let stream = client.begin("stream", "Held");
    started(&client, 1).await;
    let text = config(server.addr(), "balance: round_robin", "");
    mizan.reload(&text).await;
    mizan.reload(&text.replace("round_robin", "random_two")).await;
    assert_eq!(code(&client.run("call", "Open").await), "OK");
    let ended = stream.await.expect("it ends");
    assert_eq!((code(&ended), &ended["got"]), ("OK", &json!(["first", "0", "1", "2"])));
}

#[tokio::test]
async fn a_drain_lets_a_stream_finish() {
    let (server, mut mizan, client) = plain("").await;
    let stream = client.begin("stream", "Held");
    started(&client, 1).await;
    mizan.signal(Signal::TERM);
    mizan.log().wait_for("drain", 5 * SECOND).await;
    let direct = GrpcClient::plain(server.addr());
    assert_eq!(code(&direct.run("call", "Open").await), "OK");
    let ended = stream.await.expect("it ends");
    assert_eq!((code(&ended), &ended["got"]), ("OK", &json!(["first", "0", "1", "2"])));
    assert!(mizan.ended(10 * SECOND).await.success());
}

#[tokio::test]
async fn a_stream_that_outlives_the_drain_s_end_is_told_so() {
    let server = GrpcServer::start().await;
    let top = "drain: { timeout: 500ms, idle_grace: 100ms }";
    let mut mizan = Mizan::start(&config(server.addr(), "", top)).await;
    let client = GrpcClient::plain(mizan.addr());
    let stream = client.begin("stream_without_deadline", "ForEver chatty");
    started(&client, 1).await;
    mizan.signal(Signal::TERM);
    let ended = stream.await.expect("it ends");
    assert_ne!(code(&ended), "OK", "{ended}");
    mizan.ended(10 * SECOND).await;
}

#[tokio::test]
async fn reloads_lose_no_call() {
    let (server, mut mizan, client) = plain("").await;
    let calls = client.begin("for_a_while", "4");
    eventually("calls are made", 10 * SECOND, || async {
        mizan.endpoints().await.values().any(|endpoint| endpoint.requests > 20)
    })
    .await;
    let text = config(server.addr(), "balance: round_robin", "");
    for n in 0..10 {
        mizan.reload(&text.replace("round_robin", ["round_robin", "random_two"][n % 2])).await;
    }
    let calls = calls.await.expect("they end");
    assert_eq!(calls["failed"], json!({}), "{calls}");
    assert!(calls["right"].as_u64() > Some(100), "{calls}");
}

#[tokio::test]
async fn pings_of_a_client_do_not_cost_it_the_connection() {
    let (_server, mizan, client) = plain("").await;
    // Four pings in silence.
    let call = client.run("pinging:call", "Sleep 4.5").await;
    assert_eq!(code(&call), "OK", "{call}");
    assert!(!mizan.log().has("request failed"), "{}", mizan.log().text());
}

#[tokio::test]
async fn two_thousand_calls_all_end_well_under_load() {
    let (_server, mizan, client) = plain("").await;
    for at_a_time in ["1", "50"] {
        let calls = client.run("many", &format!("1000 {at_a_time}")).await;
        assert_eq!((&calls["failed"], calls["right"].as_u64()), (&json!({}), Some(1000)), "{calls}");
    }
    mizan.is_quiet().await;
    let total = mizan.admin().stats("app", None, None).await.expect("stats").tracks[0].total.clone();
    assert_eq!((total.requests, total.status.successful, total.failed), (2000, 2000, 0), "{total:?}");
}

#[tokio::test]
async fn two_thousand_calls_all_end_well_over_tls_under_load() {
    let (_server, _mizan, client) = secure().await;
    for at_a_time in ["1", "50"] {
        let calls = client.run("many", &format!("1000 {at_a_time}")).await;
        assert_eq!((&calls["failed"], calls["right"].as_u64()), (&json!({}), Some(1000)), "{calls}");
    }
}
