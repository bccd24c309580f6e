//! mizan.yml in, answers out: listeners, probes, hosts, the proxy's own error answers.

use mizan_tests::mizan::{Launch, one_service};
use mizan_tests::net::Refuses;
use mizan_tests::nginx::Nginx;
use mizan_tests::raw::{Raw, exchange, get, try_exchange};
use mizan_tests::{Answer, Dns, Mizan, Say, Script, Upstream, cli, eventually};
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_request_reaches_the_upstream_and_the_answer_comes_back() {
    let upstream = Upstream::start("one").await;
    upstream.on("/hello", Script::answer(201, &[("x-from", "app"), ("x-from", "again")], "made"));
    let mizan = Mizan::before(&[&upstream], "", "").await;
    let answer = mizan.get("/hello?a=1&b=%20").await;
    assert_eq!((answer.status, answer.text().as_str()), (201, "made"));
    assert_eq!(answer.all("x-from"), ["app", "again"]);
    let request = upstream.only_request();
    assert_eq!(request.line(), "GET /hello?a=1&b=%20 HTTP/1.1");
    assert_eq!(request.header("host"), Some("app.test"));
}

#[tokio::test]
async fn nginx_behind_and_curl_before_agree() {
    let nginx = Nginx::start("location / { if_modified_since before; }").await;
    nginx.put("f.txt", b"0123456789");
    let yaml = mizan_tests::mizan::one_service_at(&format!("\"{}\"", nginx.addr()), "", "");
    let mizan = Mizan::start(&yaml).await;
    let url = format!("http://{}/f.txt", mizan.addr());
    let curl = async |words: &[&str]| {
        let finished = cli::run("curl", mizan.folder(), &[&["-sS", &url][..], words].concat(), &[]).await;
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        finished.stdout
    };
    assert_eq!(curl(&[]).await, "0123456789");
    assert_eq!(curl(&["-r", "2-4"]).await, "234");
    assert!(curl(&["-I"]).await.to_lowercase().contains("content-length: 10"));
    let since = curl(&["-H", "If-Modified-Since: Fri, 01 Jan 2038 00:00:00 GMT", "-w", "%{http_code}"]).await;
    assert_eq!(since, "304");
}

#[tokio::test]
async fn an_upstream_connection_is_used_again() {
    let upstream = Upstream::start("one").await;
    let mizan = Mizan::before(&[&upstream], "", "").await;
    // One client connection: a client of its own may ask before the last one's has gone back to the pool.
    let mut client = mizan.connect().await;
    for _ in 0..20 {
        client.send("GET / HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
        assert_eq!(client.answer().await.status, 200);
    }
    assert_eq!(upstream.connection_count(), 1);
}

#[tokio::test]
async fn keepalive_0_uses_no_upstream_connection_twice() {
    let upstream = Upstream::start("one").await;
    let mizan = Mizan::before(&[&upstream], "keepalive: 0", "").await;
    for _ in 0..5 {
        assert_eq!(mizan.get("/").await.status, 200);
    }
    assert_eq!(upstream.connection_count(), 5);
}

#[tokio::test]
async fn a_client_connection_is_used_again() {
    let upstream = Upstream::start("one").await;
    let mizan = Mizan::before(&[&upstream], "", "").await;
    let mut raw = mizan.connect().await;
    for _ in 0..20 {
        raw.send("GET / HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
        assert_eq!(raw.answer().await.text(), "one");
    }
}

#[tokio::test]
async fn several_listeners_and_a_unix_socket_serve_the_same() {
    let upstream = Upstream::start("one").await;
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("http.sock");
    let listen =
        format!("listen: {{ http: [\"127.0.0.1:0\", \"127.0.0.2:0\", \"unix:{}\"] }}", socket.display());
    let mizan = Launch::default().listeners(3).start(&one_service(&[&upstream], "", &listen)).await;
    assert_eq!(mizan.addresses().len(), 2);
    for addr in mizan.addresses() {
        assert_eq!(get(*addr, "app.test", "/").await.text(), "one");
    }
    let mut stream = tokio::net::UnixStream::connect(&socket).await.unwrap();
    stream.write_all(b"GET /lb-health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    assert!(text.starts_with("HTTP/1.1 200") && text.ends_with("ok\n"), "{text}");
    let status = mizan.status().await;
    assert_eq!(status.listeners.len(), 3, "{status:?}");
    assert!(status.listeners.contains(&format!("unix:{}", socket.display())), "{status:?}");
}

#[tokio::test]
async fn a_unix_socket_can_be_an_endpoint() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("app.sock");
    let _nginx =
        Nginx::start(&format!("listen unix:{}; location / {{ return 200 unix; }}", socket.display())).await;
    let yaml = mizan_tests::mizan::one_service_at(&format!("\"unix:{}\"", socket.display()), "", "");
    let mizan = Mizan::start(&yaml).await;
    assert_eq!(mizan.get("/").await.text(), "unix");
}

#[tokio::test]
async fn lb_health_says_ok_on_every_listener_even_when_all_services_are_down() {
    let refuses = Refuses::new();
    let yaml = mizan_tests::mizan::one_service_at(
        &format!("\"{}\"", refuses.addr()),
        "",
        "listen: { http: [\"127.0.0.1:0\", \"127.0.0.2:0\"] }",
    );
    let mizan = Launch::default().listeners(2).start(&yaml).await;
    assert_eq!(mizan.get("/").await.status, 502);
    for addr in mizan.addresses() {
        for host in ["app.test", "whatever.example", "127.0.0.1"] {
            let answer = get(*addr, host, "/lb-health").await;
            assert_eq!((answer.status, answer.text().as_str()), (200, "ok\n"), "{host}");
            let kind = answer.header("content-type").unwrap_or_default();
            assert!(kind.starts_with("text/plain"), "{}", answer.head);
        }
    }
}

#[tokio::test]
async fn lb_ready_names_the_services_that_discovery_has_not_answered_for() {
    let dns = Dns::start().await;
    dns.say("late.test", Say::Silence).set("soon.test", &[Ipv4Addr::LOCALHOST]);
    let mizan = Mizan::start(&format!(
        "
        resolver: {{ servers: [\"{}\"], interval: 200ms, timeout: 200ms }}
        services:
          prompt: {{ endpoints: \"soon.test:1\" }}
          tardy: {{ endpoints: \"late.test:1\" }}
        sites:
          - hosts: [\"*\"]
            routes:
              - {{ path: /, service: tardy }}
              - {{ path: /p, service: prompt }}
        ",
        dns.addr()
    ))
    .await;
    eventually("the prompt service is ready", 3 * SECOND, || async {
        !mizan.get("/lb-ready").await.text().contains("prompt")
    })
    .await;
    let answer = mizan.get("/lb-ready").await;
    assert_eq!(answer.status, 503);
    assert!(answer.text().contains("tardy"), "{}", answer.text());
    assert_eq!(mizan.get("/lb-health").await.status, 200);
    assert!(!mizan.status().await.ready);
    dns.set("late.test", &[Ipv4Addr::LOCALHOST]);
    mizan.is_ready().await;
    assert!(mizan.status().await.ready);
}

#[tokio::test]
async fn probes_can_be_renamed_or_taken_away() {
    let upstream = Upstream::start("one").await;
    let mizan = Mizan::before(&[&upstream], "", "probes: { health: /alive, ready: false }").await;
    assert_eq!(mizan.get("/alive").await.text(), "ok\n");
    assert_eq!(mizan.get("/lb-health").await.text(), "one");
    assert_eq!(mizan.get("/lb-ready").await.text(), "one");
}

#[tokio::test]
async fn an_unknown_host_gets_421() {
    let mizan = Mizan::start(&fixed("")).await;
    assert_eq!(get(mizan.addr(), "known.test", "/").await.text(), "known");
    let answer = get(mizan.addr(), "other.test", "/").await;
    assert_eq!(answer.status, 421);
    assert_has_request_id(&answer);
}

#[tokio::test]
async fn an_unknown_host_is_closed_without_an_answer_where_the_file_says_so() {
    let mizan = Mizan::start(&fixed("unknown_host: close")).await;
    assert_eq!(get(mizan.addr(), "known.test", "/").await.text(), "known");
    let nothing = try_exchange(mizan.addr(), "GET / HTTP/1.1\r\nHost: other.test\r\n\r\n").await;
    assert!(nothing.is_err(), "{nothing:?}");
    assert_eq!(get(mizan.addr(), "other.test", "/lb-health").await.status, 200);
}

#[tokio::test]
async fn a_route_that_nobody_has_is_404() {
    let mizan = Mizan::start(&fixed("")).await;
    let answer = get(mizan.addr(), "known.test", "/elsewhere").await;
    assert_eq!(answer.status, 404);
    assert_has_request_id(&answer);
}

#[tokio::test]
async fn a_refused_connect_is_502() {
    let refuses = Refuses::new();
    assert_plain_error(&[&refuses.addr().to_string()], 502, "").await;
}

#[tokio::test]
async fn an_upstream_that_says_nothing_is_504() {
    let upstream = Upstream::start("one").await;
    upstream.otherwise(Script::hang());
    assert_plain_error(&[&upstream.addr().to_string()], 504, "timeouts: { read: 200ms }").await;
}

#[tokio::test]
async fn a_connect_that_hangs_is_504() {
    let hole = mizan_tests::net::Blackhole::new().await;
    assert_plain_error(&[&hole.addr().to_string()], 504, "timeouts: { connect: 200ms }").await;
}

#[tokio::test]
async fn a_service_without_endpoints_is_503_at_once() {
    let dns = Dns::start().await;
    dns.say("app.test", Say::Empty);
    let top = format!("resolver: {{ servers: [\"{}\"], interval: 200ms }}", dns.addr());
    let mizan = Mizan::start(&mizan_tests::mizan::one_service_at("\"app.test:80\"", "", &top)).await;
    dns.heard("app.test", 1).await;
    let begin = Instant::now();
    let answer = mizan.get("/").await;
    assert_eq!(answer.status, 503);
    assert_has_request_id(&answer);
    assert!(begin.elapsed() < SECOND, "{:?}", begin.elapsed());
}

#[tokio::test]
async fn every_request_has_an_id_of_its_own() {
    let upstream = Upstream::start("one").await;
    let mizan = Mizan::before(&[&upstream], "", "").await;
    mizan.get("/").await;
    mizan.get("/").await;
    let ids: Vec<String> = upstream
        .requests()
        .iter()
        .map(|r| r.header("x-request-id").expect("the upstream gets the request's id").to_owned())
        .collect();
    assert_ne!(ids[0], ids[1]);
}

#[tokio::test]
async fn beyond_the_connection_limit_only_the_health_probe_is_answered() {
    let upstream = Upstream::start("one").await;
    let mizan = Mizan::before(&[&upstream], "", "limits: { connections: 4 }").await;
    let mut kept = Vec::new();
    for _ in 0..4 {
        let mut raw = mizan.connect().await;
        raw.send("GET / HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
        assert_eq!(raw.answer().await.status, 200);
        kept.push(raw);
    }
    let health = get(mizan.addr(), "app.test", "/lb-health").await;
    assert_eq!(health.status, 200);
    let other = try_exchange(mizan.addr(), "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    assert!(other.as_ref().map_or(true, |a| a.status == 503), "{other:?}");
    drop(kept);
    eventually("there is room again", SECOND, || async {
        let answer = try_exchange(mizan.addr(), mizan_tests::raw::request("app.test", "/")).await;
        answer.is_ok_and(|a| a.status == 200)
    })
    .await;
}

#[tokio::test]
async fn a_taken_port_is_told_in_one_line() {
    let upstream = Upstream::start("one").await;
    let folder = tempfile::tempdir().unwrap();
    let yaml = one_service(&[&upstream], "", &format!("listen: {{ http: \"{}\" }}", upstream.addr()));
    std::fs::write(folder.path().join("mizan.yml"), yaml).unwrap();
    let finished = cli::mizan(folder.path(), &["run", "--config", "mizan.yml"], &[]).await;
    assert!(finished.code.is_some_and(|c| c != 0), "{finished:?}");
    let port = upstream.addr().port().to_string();
    let naming: Vec<&str> = finished.stderr.lines().filter(|l| l.contains(&port)).collect();
    assert_eq!(naming.len(), 1, "{}", finished.stderr);
    assert!(
        !finished.stderr.contains("panicked") && finished.stderr.lines().count() < 4,
        "{}",
        finished.stderr
    );
}

#[tokio::test]
async fn the_admin_socket_is_for_its_owner_and_group_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let upstream = Upstream::start("one").await;
    let mizan = Mizan::before(&[&upstream], "", "").await;
    let status = mizan.status().await;
    assert_eq!((status.pid, status.draining, status.generation), (mizan.pid(), false, 1));
    let mode = std::fs::metadata(mizan.socket()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
}

/// One site with a fixed answer at /.
fn fixed(top: &str) -> String {
    format!(
        "{top}
services: {{}}
sites:
  - hosts: [known.test]
    routes:
      - {{ path: \"= /\", respond: {{ status: 200, body: known }} }}
"
    )
}

/// The answer is this status, small, plain, with the request's id and without an inner address.
async fn assert_plain_error(endpoints: &[&str], status: u16, service: &str) {
    let list: Vec<String> = endpoints.iter().map(|e| format!("\"{e}\"")).collect();
    let yaml = mizan_tests::mizan::one_service_at(&format!("[{}]", list.join(", ")), service, "");
    let mizan = Mizan::start(&yaml).await;
    let answer = exchange(mizan.addr(), "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    assert_eq!(answer.status, status, "{}\n{}", answer.head, mizan.log().text());
    assert_has_request_id(&answer);
    let everything = format!("{}{}", answer.head, answer.text());
    for endpoint in endpoints {
        let port = endpoint.rsplit(':').next().unwrap();
        assert!(!everything.contains(port) && !everything.contains("127.0.0.1"), "{everything}");
    }
    mizan.is_quiet().await;
}

fn assert_has_request_id(answer: &Answer) {
    let id = answer.header("x-request-id").unwrap_or_else(|| panic!("no request id:\n{}", answer.head));
    assert!(answer.text().contains(id) && answer.body.len() < 512, "{}", answer.text());
    let kind = answer.header("content-type").unwrap_or_default();
    assert!(kind.starts_with("text/plain"), "{}", answer.head);
}

#[tokio::test]
async fn an_idle_client_does_not_keep_others_waiting() {
    let upstream = Upstream::start("one").await;
    let mizan = Mizan::before(&[&upstream], "", "").await;
    let mut idle = Vec::new();
    for _ in 0..50 {
        idle.push(Raw::connect(mizan.addr()).await);
    }
    assert_eq!(mizan.get("/").await.status, 200);
}
