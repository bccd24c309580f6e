//! Splits that change under load, and an admin socket under siege: no request notices.

use mizan_tests::admin::{blue_green, commit};
use mizan_tests::load::Load;
use mizan_tests::mizan::Launch;
use mizan_tests::raw::{Answer, Raw};
use mizan_tests::wrk::Wrk;
use mizan_tests::{Mizan, Upstream};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

const STATE: &str = "state: ${FOLDER}/state";
const CHANGES: u32 = 1_000;
const CLIENTS: u32 = 10_000;
const REQUEST: &str = "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n";

async fn quiet(name: &str) -> Upstream {
    let upstream = Upstream::start(name).await;
    upstream.forget_requests();
    upstream
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_split_changes_lose_nothing_under_load() {
    let (blue, green) = (quiet("blue").await, quiet("green").await);
    let yaml = blue_green(&[&blue], &[&green], "", STATE);
    let mizan = Mizan::start(&yaml).await;
    let admin = mizan.admin();
    let load = Load::start(mizan.addr(), 8, REQUEST);
    let mut probe = mizan.connect().await;
    let (mut slowest, mut revision) = (Duration::ZERO, 0);
    let began = Instant::now();
    for change in 0..CHANGES {
        let track = if change % 2 == 0 { "green" } else { "blue" };
        let status = admin.set_split("shop", &commit(&[(track, 1)])).await.expect("it is committed");
        let replied = Instant::now();
        probe.send(REQUEST).await;
        assert_eq!(probe.answer().await.text(), track, "change {change} is not in force");
        slowest = slowest.max(replied.elapsed());
        assert!(status.revision > revision);
        revision = status.revision;
    }
    println!("{CHANGES} committed changes, each in force for the next request, in {:?}", began.elapsed());
    println!("from a reply to the end of the next request: {slowest:?} at most");
    for percent in [5, 30, 77] {
        admin
            .set_split("shop", &commit(&[("blue", 100 - percent), ("green", percent)]))
            .await
            .expect("it is committed");
        let mut on_green = 0;
        for _ in 0..4_000 {
            probe.send(REQUEST).await;
            on_green += u32::from(probe.answer().await.text() == "green");
        }
        let (share, p) = (f64::from(on_green) / 4_000.0, f64::from(percent) / 100.0);
        let bound = 4.0 * (p * (1.0 - p) / 4_000.0).sqrt();
        println!("{percent} %: {:.2} % of 4,000 requests", share * 100.0);
        assert!((share - p).abs() <= bound, "{share} instead of {p}");
    }
    let outcome = load.stop().await;
    outcome.assert_no_failure();
    println!("{} requests beside it, 0 failed", outcome.good);
    let last = admin.split("shop").await.expect("it has a split");
    let mizan = Launch::default().start_in(mizan.kill().await, &yaml).await;
    assert_eq!(mizan.admin().split("shop").await.expect("it has a split"), last);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_after_any_commit_restores_it_under_load() {
    let (blue, green) = (quiet("blue").await, quiet("green").await);
    let yaml = blue_green(&[&blue], &[&green], "", STATE);
    let mut mizan = Mizan::start(&yaml).await;
    for round in 1..=12 {
        let committed = mizan
            .admin()
            .set_split("shop", &commit(&[("blue", round), ("green", 1)]))
            .await
            .expect("committed");
        mizan = Launch::default().start_in(mizan.kill().await, &yaml).await;
        assert_eq!(mizan.admin().split("shop").await.expect("it has a split"), committed);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stuck_admin_clients_cost_the_data_plane_nothing_under_load() {
    let mizan = Mizan::start(
        "sites:\n  - hosts: [\"*\"]\n    routes:\n      - { path: /, respond: { status: 200, body: ok } }\n",
    )
    .await;
    let during = Duration::from_secs(2);
    let measure = async || {
        let report = Wrk::start(mizan.addr(), "app.test", "/", 16, during).report().await;
        report.assert_no_failure();
        report.per_second
    };
    let mut ratios = Vec::new();
    for _ in 0..3 {
        let alone = measure().await;
        let mut stuck = Vec::new();
        for number in 0..100 {
            stuck.push(tokio::spawn(annoy(mizan.socket(), number)));
        }
        let besieged = measure().await;
        stuck.iter().for_each(tokio::task::JoinHandle::abort);
        println!("{alone:.0} requests/s alone, {besieged:.0} beside 100 stuck admin clients");
        ratios.push(besieged / alone);
    }
    ratios.sort_by(f64::total_cmp);
    println!("median ratio {:.3}", ratios[1]);
    assert!(ratios[1] > 0.9, "{ratios:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_on_a_growing_canary_stays_on_it_under_load() {
    let (blue, green) = (quiet("blue").await, quiet("green").await);
    let mizan = Mizan::start(&blue_green(&[&blue], &[&green], "sticky: true", STATE)).await;
    let admin = mizan.admin();
    let mut connection = mizan.connect().await;
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let answer = ask(&mut connection, "").await;
        clients.push((cookie(&answer), answer.text() == "green"));
    }
    for percent in [1, 10, 25, 50, 100] {
        admin
            .set_split("shop", &commit(&[("blue", 100 - percent), ("green", percent)]))
            .await
            .expect("it is committed");
        let mut on_green = 0;
        for (cookie, was_green) in &mut clients {
            let is_green = ask(&mut connection, &format!("Cookie: {cookie}\r\n")).await.text() == "green";
            assert!(is_green || !*was_green, "a client left the canary at {percent} %");
            *was_green = is_green;
            on_green += u32::from(is_green);
        }
        let share = f64::from(on_green) * 100.0 / f64::from(CLIENTS);
        println!("{percent} %: {share} % of {CLIENTS} clients");
        // Four standard deviations.
        let p = f64::from(percent) / 100.0;
        let bound = 400.0 * (p * (1.0 - p) / f64::from(CLIENTS)).sqrt();
        assert!((share - f64::from(percent)).abs() <= bound, "{share} % at {percent} %");
    }
}

async fn ask(connection: &mut Raw, fields: &str) -> Answer {
    connection.send(format!("GET / HTTP/1.1\r\nHost: app.test\r\n{fields}\r\n")).await;
    connection.answer().await
}

/// `mizan=...` of a Set-Cookie field.
fn cookie(answer: &Answer) -> String {
    let set = answer.header("set-cookie").unwrap_or_else(|| panic!("no cookie in {}", answer.head));
    set.split(';').next().expect("a first part").to_owned()
}

/// Says too little, rubbish, or asks and never reads; comes back when it is closed.
async fn annoy(socket: std::path::PathBuf, number: usize) {
    let part: &[u8] = match number % 4 {
        0 => b"",
        1 => b"GET /v1/sta",
        2 => b"\x00\xff rubbish\r\n\r\n",
        _ => b"GET /v1/events HTTP/1.1\r\nHost: mizan\r\n\r\n",
    };
    loop {
        if let Ok(mut stream) = UnixStream::connect(&socket).await {
            let _ = stream.write_all(part).await;
            if number % 4 == 3 {
                std::future::pending::<()>().await;
            }
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }
        // It is a nuisance, not a flood.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
