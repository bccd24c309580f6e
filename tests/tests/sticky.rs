//! Clients that stay on their track, and testers who choose theirs.

use mizan_tests::admin::{blue_green, commit};
use mizan_tests::raw::Answer;
use mizan_tests::{Mizan, Upstream};
use std::collections::BTreeMap;

const STATE: &str = "state: ${FOLDER}/state\ntrusted_proxies: [127.0.0.1]";

async fn get(mizan: &Mizan, fields: &str) -> Answer {
    let mut connection = mizan.connect().await;
    connection.send(format!("GET / HTTP/1.1\r\nHost: app.test\r\n{fields}\r\n")).await;
    connection.answer().await
}

/// `mizan=...` of a Set-Cookie field.
fn cookie(answer: &Answer) -> String {
    let set = answer.header("set-cookie").unwrap_or_else(|| panic!("no cookie in {}", answer.head));
    set.split(';').next().expect("a first part").to_owned()
}

#[tokio::test]
async fn a_client_gets_a_cookie_once_and_stays_where_it_is() {
    let (blue, green) = (Upstream::start("blue").await, Upstream::start("green").await);
    let mizan = Mizan::start(&blue_green(&[&blue], &[&green], "sticky: true", STATE)).await;
    mizan.admin().set_split("shop", &commit(&[("blue", 1), ("green", 1)])).await.expect("it is committed");
    let mut seen = BTreeMap::new();
    for _ in 0..40 {
        let first = get(&mizan, "").await;
        let set = first.header("set-cookie").expect("a new client gets one").to_owned();
        assert!(
            set.contains("; HttpOnly") && set.contains("; SameSite=Lax") && set.contains("; Path=/"),
            "{set}"
        );
        assert!(set.contains("; Max-Age=2592000") && !set.contains("Secure"), "{set}");
        for _ in 0..3 {
            let again = get(&mizan, &format!("Cookie: a=b; {}\r\n", cookie(&first))).await;
            assert_eq!((again.text(), again.header("set-cookie")), (first.text(), None));
        }
        *seen.entry(first.text()).or_insert(0) += 1;
    }
    assert_eq!(seen.len(), 2, "{seen:?}");
    let secure = get(&mizan, "X-Forwarded-Proto: https\r\n").await;
    assert!(secure.header("set-cookie").is_some_and(|set| set.ends_with("; Secure")), "{}", secure.head);
}

#[tokio::test]
async fn a_cookie_that_was_not_signed_here_is_not_believed() {
    let (blue, green) = (Upstream::start("blue").await, Upstream::start("green").await);
    let mizan =
        Mizan::start(&blue_green(&[&blue], &[&green], "sticky: { cookie: sid, max_age: 1h }", STATE)).await;
    let real = cookie(&get(&mizan, "").await);
    assert!(real.starts_with("sid="), "{real}");
    let last = real.chars().last().expect("it is not empty");
    let forged = format!("{}{}", &real[..real.len() - 1], if last == '0' { '1' } else { '0' });
    for wrong in
        [forged.as_str(), "sid=", "sid=0000000000000000.00000000000000000000000000000000", "sid=\"x\""]
    {
        let answer = get(&mizan, &format!("Cookie: {wrong}\r\n")).await;
        assert_ne!(cookie(&answer), wrong);
        assert!(
            answer.header("set-cookie").is_some_and(|set| set.contains("Max-Age=3600")),
            "{}",
            answer.head
        );
    }
}

#[tokio::test]
async fn a_tester_reaches_a_track_of_weight_0_and_is_counted_apart() {
    let (blue, green) = (Upstream::start("blue").await, Upstream::start("green").await);
    let service = "force: { header: X-Track, cookie: track }";
    let mizan = Mizan::start(&blue_green(&[&blue], &[&green], service, STATE)).await;
    assert_eq!(get(&mizan, "").await.text(), "blue");
    for fields in ["X-Track: green\r\n", "Cookie: track=green\r\n"] {
        assert_eq!(get(&mizan, fields).await.text(), "green");
    }
    assert_eq!(get(&mizan, "X-Track: yellow\r\n").await.text(), "blue");
    green.stop().await;
    // What a tester asked for is not answered by somebody else.
    assert_eq!(get(&mizan, "X-Track: green\r\n").await.status, 502);
    mizan_tests::eventually("they are counted", std::time::Duration::from_secs(5), || async {
        let stats = mizan.admin().stats("shop", None, None).await.expect("stats");
        let green = &stats.tracks[1].total;
        (green.requests, green.forced, green.forced_failed) == (0, 3, 1)
    })
    .await;
}

#[tokio::test]
async fn only_listed_addresses_may_choose() {
    let (blue, green) = (Upstream::start("blue").await, Upstream::start("green").await);
    let service = "force: { header: X-Track, from: 192.0.2.0/24 }";
    let mizan = Mizan::start(&blue_green(&[&blue], &[&green], service, STATE)).await;
    assert_eq!(get(&mizan, "X-Track: green\r\n").await.text(), "blue");
    let from = "X-Forwarded-For: 192.0.2.7\r\nX-Track: green\r\n";
    assert_eq!(get(&mizan, from).await.text(), "green");
}
