use super::seen::{CaaRecord, Outcome};
use super::test_servers::{Say, Zone, dead, dns, say, web};
use super::{CaaSeen, DirectoryView, Doctor, LedgerView, Resolution, Seen, Token, first_obstacle, judge};
use mizan_api::Verdict;
use mizan_config::model::AcmeChallenge::{Dns01, Http01, TlsAlpn01};
use std::future::{Ready, ready};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

const NAME: &str = "api.example.com";
const ANSWER: &str = "abc.thumbprint";

fn token() -> Token {
    Token { token: "abc".into(), key_authorization: ANSWER.into() }
}

/// The token's answer, as this server gives it.
fn ours() -> Say {
    Arc::new(|head| {
        assert!(head.starts_with("GET /.well-known/acme-challenge/abc HTTP/1.1\r\n"), "{head}");
        assert!(head.contains("host: api.example.com:") || head.contains("host: 127.0.0.1:"), "{head}");
        say("200 OK", "", &format!("{ANSWER}\n"))
    })
}

fn always(reply: String) -> Say {
    Arc::new(move |_| reply.clone())
}

fn local() -> (&'static str, Zone) {
    (NAME, Zone::Address(Ipv4Addr::LOCALHOST))
}

async fn doctor(zones: &[(&str, Zone)], plain: u16, tls: u16) -> Doctor {
    Doctor {
        resolver: vec![dns(zones).await],
        http_port: plain,
        https_port: tls,
        challenges: vec![TlsAlpn01, Http01],
        authority: "acme.example".into(),
    }
}

fn view() -> Ready<Result<DirectoryView, String>> {
    ready(Ok(DirectoryView { caa_identities: vec!["ca.example".into()], skew_seconds: Some(0) }))
}

/// What a web server's answer to the plain request is taken for.
async fn outcome(reply: Say) -> Outcome {
    let http = web(false, reply).await;
    let (_held, https) = dead();
    let seen = doctor(&[local()], http, https).await.look(NAME, &token(), view()).await;
    seen.http.probes[0].outcome.clone()
}

#[tokio::test]
async fn a_name_that_leads_here_is_in_order() {
    let (http, https) = (web(false, ours()).await, web(true, ours()).await);
    let doctor = doctor(&[local()], http, https).await;
    let mut seen = doctor.look("API.example.com", &token(), view()).await;
    let (verdict, text) = (Verdict::Good, "nothing failed".to_owned());
    seen.ledger = Some(LedgerView { verdict, text, hint: None });
    assert!(seen.http.is_good() && seen.https.is_good(), "{seen:?}");
    let findings = judge(&seen);
    assert_eq!(first_obstacle(&findings), None, "{findings:?}");
    assert_eq!(findings.last().unwrap().check, "ledger");
}

#[tokio::test]
async fn somebody_else_is_told_by_status_and_server() {
    let found = outcome(always(say("404 Not Found", "Server: nginx/1.18\r\n", "no"))).await;
    assert_eq!(found, Outcome::Stranger { status: 404, server: Some("nginx/1.18".into()) });
    let found = outcome(always(say("200 OK", "", "welcome"))).await;
    assert_eq!(found, Outcome::Stranger { status: 200, server: None });
    let found = outcome(always(say("200 OK", "", &"x".repeat(100_000)))).await;
    assert_eq!(found, Outcome::Stranger { status: 200, server: None });
    assert!(matches!(outcome(always("SSH-2.0-OpenSSH\r\n".into())).await, Outcome::Failed(_)));
}

#[tokio::test]
async fn what_a_stranger_wrote_is_cut_and_made_printable() {
    let server = format!("Server: \t\u{1}{}\r\n", "x".repeat(200));
    let found = outcome(always(say("404 Not Found", &server, ""))).await;
    match found {
        Outcome::Stranger { server: Some(server), .. } => {
            assert!(server.chars().count() == 41 && !server.contains(char::is_control), "{server}");
        }
        // Hyper may refuse the field altogether.
        Outcome::Failed(_) => {}
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn nobody_and_silence_are_told_apart() {
    let (_held, port) = dead();
    let doctor = doctor(&[local()], port, web(true, always(String::new())).await).await;
    let seen = doctor.look(NAME, &token(), view()).await;
    assert_eq!(seen.http.probes[0].outcome, Outcome::Refused);
    assert_eq!(seen.https.probes[0].outcome, Outcome::Silent);
    let obstacle = first_obstacle(&judge(&seen)).unwrap();
    assert!(obstacle.ends_with("(127.0.0.1): connection refused"), "{obstacle}");
}

#[tokio::test]
async fn plain_http_on_the_tls_port_is_no_tls() {
    let http = web(false, ours()).await;
    let doctor = doctor(&[local()], http, web(false, always(say("400 Bad Request", "", ""))).await).await;
    let seen = doctor.look(NAME, &token(), view()).await;
    assert!(matches!(seen.https.probes[0].outcome, Outcome::Tls(_)), "{seen:?}");
}

#[tokio::test]
async fn redirects_to_the_same_host_are_followed_and_others_are_told() {
    let https = web(true, ours()).await;
    let path = "/.well-known/acme-challenge/abc";
    for (location, wanted) in [
        (format!("https://{NAME}:{https}{path}"), Some(1)),
        (format!("https://API.example.com{path}"), Some(1)),
        (format!("https://other.example{path}"), None),
        (format!("https://{NAME}:1{path}"), None),
        ("ftp://x/".to_owned(), None),
        ("//other.example/".to_owned(), None),
    ] {
        let reply = say("301 Moved Permanently", &format!("Location: {location}\r\n"), "");
        let http = web(false, always(reply)).await;
        let seen = doctor(&[local()], http, https).await.look(NAME, &token(), view()).await;
        let found = &seen.http.probes[0].outcome;
        match wanted {
            Some(redirects) => assert_eq!(*found, Outcome::Answered { redirects }, "{location}"),
            None => assert_eq!(*found, Outcome::Elsewhere { status: 301, location, server: None }),
        }
    }
}

#[tokio::test]
async fn a_loop_of_redirects_ends() {
    let reply = say("302 Found", "Location: /.well-known/acme-challenge/abc\r\n", "");
    assert!(matches!(outcome(always(reply)).await, Outcome::Elsewhere { status: 302, .. }));
}

#[tokio::test]
async fn caa_records_are_looked_for_upwards_until_there_are_some() {
    let (_held, port) = dead();
    for (zones, wanted) in [
        (vec![local()], CaaSeen::None),
        (
            vec![local(), ("example.com", Zone::Caa("ca.example")), ("com", Zone::Caa(";"))],
            CaaSeen::Found {
                domain: "example.com".into(),
                records: vec![CaaRecord { critical: false, tag: "issue".into(), value: "ca.example".into() }],
            },
        ),
    ] {
        let seen = doctor(&zones, port, port).await.look(NAME, &token(), view()).await;
        assert_eq!(seen.caa, wanted);
    }
    let failing = doctor(&[local(), ("example.com", Zone::Failing)], port, port).await;
    let seen = failing.look(NAME, &token(), view()).await;
    assert!(
        matches!(&seen.caa, CaaSeen::Refused { domain, .. } if domain == "example.com"),
        "{:?}",
        seen.caa
    );
}

#[tokio::test]
async fn a_name_that_is_not_there_has_no_ports() {
    let (_held, port) = dead();
    let seen = doctor(&[], port, port).await.look(NAME, &token(), view()).await;
    assert_eq!(first_obstacle(&judge(&seen)).unwrap(), "api.example.com does not exist in the DNS");
    assert!(seen.http.probes.is_empty() && seen.https.probes.is_empty());
}

#[tokio::test]
async fn for_a_wildcard_no_port_is_asked() {
    let (_held, port) = dead();
    let mut doctor = doctor(&[("example.com", Zone::Address(Ipv4Addr::LOCALHOST))], port, port).await;
    doctor.challenges.push(Dns01);
    let seen = doctor.look("*.example.com", &token(), view()).await;
    assert!(seen.http.probes.is_empty() && seen.https.probes.is_empty());
    assert!(matches!(&seen.dns, Resolution::Looked { v4, .. } if v4.records().len() == 1), "{seen:?}");
    assert_eq!(first_obstacle(&judge(&seen)), None);
}

#[tokio::test]
async fn an_address_is_asked_without_the_dns() {
    let (http, https) = (web(false, ours()).await, web(true, ours()).await);
    let mut doctor = doctor(&[], http, https).await;
    doctor.resolver = vec![SocketAddr::from(([127, 0, 0, 1], 1))];
    let seen: Seen = doctor.look("127.0.0.1", &token(), view()).await;
    assert!(seen.dns == Resolution::Address && seen.caa == CaaSeen::DoesNotApply);
    assert!(seen.http.is_good() && seen.https.is_good(), "{seen:?}");
}
