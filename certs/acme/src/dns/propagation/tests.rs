use super::super::test_server::{Zone, is_text, name, serve, serve_at, txt};
use super::*;
use hickory_proto::rr::Record;
use hickory_proto::rr::rdata::{A, NS};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const NAME: &str = "_acme-challenge.example.com";
const FIRST: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const SECOND: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);

/// A zone with two servers.
fn zone() -> Zone {
    Zone::new("example.com")
        .with("example.com", RData::NS(NS(name("ns1.example.com"))))
        .with("example.com", RData::NS(NS(name("ns2.example.com"))))
        .with("ns1.example.com", RData::A(A(FIRST)))
        .with("ns2.example.com", RData::A(A(SECOND)))
}

fn with_value(zone: Zone) -> Zone {
    zone.with(NAME, txt("another")).with(NAME, txt("value"))
}

/// The resolver, which sees the zone as it is before any challenge.
async fn resolver() -> SocketAddr {
    let zone = zone();
    serve(move |asked| Some(zone.answer(asked))).await
}

async fn seen(resolver: SocketAddr, limit: Duration) -> Result<(), String> {
    let recursive = Recursive::open(&[resolver]);
    let seen = until_seen(&recursive, &name(NAME), "value", limit, resolver.port()).await;
    seen.map_err(|error| error.to_string())
}

#[tokio::test]
async fn each_authoritative_server_has_to_show_it() {
    let resolver = resolver().await;
    let asked = Arc::new(AtomicUsize::new(0));
    let (counting, first, second) = (asked.clone(), with_value(zone()), zone());
    serve_at(FIRST.into(), resolver.port(), move |asked| Some(first.answer(asked))).await;
    // The second has it when it is asked for the third time.
    serve_at(SECOND.into(), resolver.port(), move |asked| {
        if is_text(asked) && counting.fetch_add(1, Ordering::Relaxed) == 2 {
            second.add(Record::from_rdata(name(NAME), 60, txt("value")));
        }
        Some(second.answer(asked))
    })
    .await;
    assert_eq!(seen(resolver, Duration::from_secs(20)).await, Ok(()));
    assert_eq!(asked.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn the_one_that_never_shows_it_is_named() {
    let resolver = resolver().await;
    let (first, second) = (with_value(zone()), zone().with(NAME, txt("another")));
    serve_at(FIRST.into(), resolver.port(), move |asked| Some(first.answer(asked))).await;
    serve_at(SECOND.into(), resolver.port(), move |asked| Some(second.answer(asked))).await;
    let error = seen(resolver, Duration::from_secs(1)).await.expect_err("it is not there");
    assert_eq!(
        error,
        "the TXT record of `_acme-challenge.example.com` is not seen after 1 s: ns2.example.com (127.0.0.3) answers \
         without it"
    );
}

#[tokio::test]
async fn without_authoritative_servers_the_resolver_is_asked() {
    let zone = zone();
    let (serving, asked) = (zone.clone(), Arc::new(AtomicUsize::new(0)));
    let resolver = serve(move |query| {
        if is_text(query) && asked.fetch_add(1, Ordering::Relaxed) == 1 {
            serving.add(Record::from_rdata(name(NAME), 60, txt("value")));
        }
        Some(serving.answer(query))
    })
    .await;
    // Nobody listens at the addresses of the zone's servers.
    assert_eq!(seen(resolver, Duration::from_secs(20)).await, Ok(()));
    assert_eq!(zone.texts(NAME), ["value"]);
}

#[tokio::test]
async fn an_answer_that_does_not_fit_comes_by_tcp() {
    let zone = with_value(zone());
    let server = serve(move |asked| {
        let mut answer = zone.answer(asked);
        if !asked.tcp {
            answer.answers.clear();
            answer.metadata.truncation = true;
        }
        Some(answer)
    })
    .await;
    let answer = exchange::ask(server, &name(NAME), RecordType::TXT).await.expect("an answer");
    assert!(has(&of(&name(NAME), RecordType::TXT, &answer.answers), "value"));
}

#[test]
fn all_that_answer_must_show_it_and_the_mute_are_waited_for_a_while() {
    let missing = || Sight::Missing("answers without it".into());
    let judge = |sights: &[Sight], waiting| {
        let named: Vec<_> = (1..).map(|at| format!("ns{at}")).zip(sights.iter().cloned()).collect();
        verdict(&named, waiting)
    };
    for waiting in [true, false] {
        assert_eq!(judge(&[], waiting), Verdict::Nobody);
        assert_eq!(judge(&[Sight::Mute, Sight::Mute], waiting), Verdict::Nobody);
        assert_eq!(judge(&[Sight::Shown, Sight::Shown], waiting), Verdict::Seen);
        let not_yet = Verdict::NotYet("ns3 answers without it".into());
        assert_eq!(judge(&[Sight::Shown, Sight::Mute, missing()], waiting), not_yet);
    }
    let mute = [Sight::Shown, Sight::Mute];
    assert_eq!(judge(&mute, true), Verdict::NotYet("ns2 does not answer".into()));
    assert_eq!(judge(&mute, false), Verdict::Seen);
}

#[test]
fn a_value_in_several_strings_is_one() {
    let split = hickory_proto::rr::rdata::TXT::new(vec!["val".into(), "ue".into()]);
    assert!(has(&[txt("another"), RData::TXT(split)], "value"));
    assert!(!has(&[txt("val"), txt("ue"), txt("value2")], "value"));
}
