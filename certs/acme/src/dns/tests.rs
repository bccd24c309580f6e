use super::test_server::{Zone, name, serve, txt};
use super::*;
use hickory_proto::op::{OpCode, ResponseCode};
use hickory_proto::rr::RData;
use hickory_proto::rr::rdata::CNAME;
use mizan_config::model::Rfc2136;
use std::time::Duration;

const NAME: &str = "_acme-challenge.example.com";

fn records(by: DnsUpdater, server: SocketAddr) -> Records {
    let updates = DnsUpdates { by, propagation: Duration::from_secs(20) };
    Records { port: server.port(), ..Records::new(&updates, &[server]) }
}

fn update(server: SocketAddr) -> DnsUpdater {
    DnsUpdater::Rfc2136(Rfc2136 { server, zone: None, tsig: None })
}

/// `example.com` leaves its challenges to `acme.example.net`, where updates are allowed.
fn delegated() -> (Zone, Zone) {
    let alias = |to| RData::CNAME(CNAME(name(to)));
    let from = Zone::new("example.com").with(NAME, alias("example-com.acme.example.net"));
    (from, Zone::new("acme.example.net").with("acme.example.net", txt("something else")))
}

async fn serve_both(from: Zone, to: Zone) -> SocketAddr {
    serve(move |asked| {
        let zone = [&from, &to].into_iter().find(|zone| zone.holds(asked.query().name()));
        Some(zone.map_or_else(|| asked.answer(ResponseCode::Refused), |zone| zone.answer(asked)))
    })
    .await
}

#[tokio::test]
async fn a_record_is_written_seen_and_removed_where_its_cname_leads() {
    let (from, to) = delegated();
    let server = serve_both(from.clone(), to.clone()).await;
    let records = records(update(server), server);
    let target = "example-com.acme.example.net";
    records.present(NAME, "apex").await.expect("written");
    records.present(NAME, "wildcard").await.expect("written");
    assert_eq!(to.texts(target), ["apex", "wildcard"]);
    assert!(from.texts(NAME).is_empty());
    records.until_seen(NAME, "wildcard").await.expect("seen");
    records.cleanup(NAME, "apex").await.expect("removed");
    assert_eq!(to.texts(target), ["wildcard"]);
}

#[tokio::test]
async fn a_program_is_told_the_name_at_the_end_too() {
    let (from, to) = delegated();
    let server = serve_both(from, to).await;
    let folder = tempfile::tempdir().expect("a folder");
    let said = folder.path().join("said");
    let script = format!("echo \"$@\" >> '{}'", said.display());
    let command = ["/bin/sh", "-c", &script, "hook"].map(Into::into).to_vec();
    let records = records(DnsUpdater::Command(command), server);
    records.present(NAME, "value").await.expect("it ran");
    records.cleanup(NAME, "value").await.expect("it ran");
    assert_eq!(
        std::fs::read_to_string(said).expect("it ran"),
        "present example-com.acme.example.net. value\ncleanup example-com.acme.example.net. value\n"
    );
}

#[tokio::test]
async fn cnames_in_a_circle_are_told() {
    let alias = |to| RData::CNAME(CNAME(name(to)));
    let zone = Zone::new("example.com").with(NAME, alias("b.example.com")).with("b.example.com", alias(NAME));
    let server = serve(move |asked| Some(zone.answer(asked))).await;
    let error = records(update(server), server).present(NAME, "value").await.expect_err("a circle");
    assert_eq!(
        error.to_string(),
        "`_acme-challenge.example.com` is a CNAME of a CNAME and so on, and there is no end to it"
    );
}

#[tokio::test]
async fn a_resolver_that_fails_does_not_stop_an_update() {
    let zone = Zone::new("example.com");
    let serving = zone.clone();
    let server = serve(move |asked| {
        let recursive =
            asked.message.metadata.op_code == OpCode::Query && asked.message.metadata.recursion_desired;
        Some(if recursive { asked.answer(ResponseCode::ServFail) } else { serving.answer(asked) })
    })
    .await;
    records(update(server), server).present(NAME, "value").await.expect("written");
    assert_eq!(zone.texts(NAME), ["value"]);
}

#[tokio::test]
async fn what_is_not_a_name_is_refused() {
    let records = records(DnsUpdater::Command(vec!["/bin/true".into()]), ([127, 0, 0, 1], 9).into());
    for bad in ["", ".", "a..b", &"x".repeat(64)] {
        let error = records.present(bad, "value").await.expect_err("refused");
        assert!(error.to_string().ends_with("is not a name that DNS knows"), "{error}");
    }
}
