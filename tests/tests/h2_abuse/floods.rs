//! Frames that cost the server more than they cost the client, as many as it takes.

use super::*;

/// Another client, for as long as the attack lasts.
struct Bystander {
    stop: Arc<AtomicBool>,
    served: Arc<AtomicU32>,
    task: tokio::task::JoinHandle<Duration>,
}

impl Bystander {
    fn start(addr: SocketAddr, tls: Option<TlsClient>) -> Self {
        let (stop, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
        let (stopping, counted) = (stop.clone(), served.clone());
        let task = tokio::spawn(async move {
            let mut slowest = Duration::ZERO;
            while !stopping.load(Ordering::Relaxed) {
                let begin = Instant::now();
                let answer = match &tls {
                    Some(tls) => tls.clone().alpn(&["http/1.1"]).get(addr, "app.test", "/").await,
                    None => mizan_tests::raw::get(addr, "app.test", "/").await,
                };
                assert_eq!(answer.status, 200, "the bystander was not served");
                slowest = slowest.max(begin.elapsed());
                counted.fetch_add(1, Ordering::Relaxed);
            }
            slowest
        });
        Self { stop, served, task }
    }

    /// Was served throughout, and in time.
    async fn holds(self) {
        let before = self.served.load(Ordering::Relaxed);
        eventually("the bystander is served", 5 * SECOND, || async {
            self.served.load(Ordering::Relaxed) > before
        })
        .await;
        self.stop.store(true, Ordering::Relaxed);
        let slowest = self.task.await.expect("the bystander was served");
        assert!(slowest < 4 * SECOND, "a bystander waited {slowest:?}");
    }
}

/// An attack: its first bytes, and then rounds of more until the server has had enough.
struct Attack {
    rule: &'static str,
    settings: &'static [(u16, u32)],
    first: Vec<u8>,
    rounds: u32,
    round: fn(u32) -> Vec<u8>,
}

/// Runs it, and holds the server to everything that is promised.
async fn is_ended(edge: &Edge, attack: Attack) {
    let Attack { rule, settings, first, rounds, round } = attack;
    // Whatever is set up once is not the attack's.
    let mut warm = edge.connect(&[]).await;
    warm.request(1, &GET, None).await;
    assert_eq!(warm.reply(4 * SECOND).await, h2::Reply::Status(200));
    drop(warm);
    let before = edge.mizan.resident();
    let bystander = Bystander::start(edge.mizan.addr(), edge.tls.clone());
    let mut client = edge.connect(settings).await;
    client.write(&first).await;
    let mut sent = 0;
    while sent < rounds {
        // In batches, as fast as the server takes them.
        let batch: Vec<u8> = (sent..(sent + 500).min(rounds)).flat_map(round).collect();
        if !client.write(&batch).await {
            break;
        }
        sent = (sent + 500).min(rounds);
    }
    let said = client.said(6 * SECOND).await;
    let peak = edge.mizan.resident();
    println!(
        "{rule}: {sent} of {rounds} rounds sent; memory grew by {} KiB",
        peak.saturating_sub(before) / 1024
    );
    let codes: Vec<u32> = said.goaways.iter().map(|(_, code)| *code).collect();
    assert_eq!(codes, [ENHANCE_YOUR_CALM], "{rule}: {}", edge.mizan.log().text());
    assert!(said.closed, "{rule}: the connection is still open");
    edge.mizan.log().wait_for_all(&["mizan::refused", &format!("rule=\"{rule}\"")]).await;
    let lines = edge.mizan.log().lines();
    assert_eq!(
        lines.iter().filter(|line| line.contains("HTTP/2 connection closed")).count(),
        1,
        "{lines:#?}"
    );
    bystander.holds().await;
    drop(client);
    edge.mizan.is_quiet().await;
    eventually("its connection is let go", 5 * SECOND, || async {
        // The one that asks by the admin socket is not counted.
        edge.mizan.status().await.connections == 0
    })
    .await;
    let grown = edge.mizan.resident().max(peak).saturating_sub(before);
    assert!(grown < GROWTH, "{rule}: memory grew by {} MiB", grown / MIB);
}

fn rapid_reset() -> Attack {
    Attack {
        rule: "h2-resets",
        settings: &[],
        first: Vec::new(),
        rounds: 100_000,
        round: |n| {
            [opened(2 * n + 1, &GET, END_STREAM), frame(RST_STREAM, 0, 2 * n + 1, &[0, 0, 0, 8])].concat()
        },
    }
}

fn pings() -> Attack {
    Attack {
        rule: "h2-pings",
        settings: &[],
        first: Vec::new(),
        rounds: 100_000,
        round: |n| frame(PING, 0, 0, &u64::from(n).to_be_bytes()),
    }
}

fn endless_continuations() -> Attack {
    Attack {
        rule: "h2-continuations",
        settings: &[],
        first: frame(HEADERS, END_STREAM, 1, &h2::block(&GET)),
        rounds: 20_000,
        round: |_| frame(CONTINUATION, 0, 1, &h2::block(&[("x", "y")])),
    }
}

#[tokio::test]
async fn rapid_reset_is_ended() {
    is_ended(&Edge::plain("").await, rapid_reset()).await;
}

#[tokio::test]
async fn rapid_reset_over_tls_is_ended() {
    is_ended(&Edge::tls().await, rapid_reset()).await;
}

#[tokio::test]
async fn a_ping_flood_is_ended() {
    is_ended(&Edge::plain("").await, pings()).await;
}

#[tokio::test]
async fn a_ping_flood_over_tls_is_ended() {
    is_ended(&Edge::tls().await, pings()).await;
}

#[tokio::test]
async fn an_endless_head_is_ended() {
    is_ended(&Edge::plain("").await, endless_continuations()).await;
}

#[tokio::test]
async fn an_endless_head_over_tls_is_ended() {
    is_ended(&Edge::tls().await, endless_continuations()).await;
}

#[tokio::test]
async fn a_client_that_makes_the_server_reset_is_ended() {
    // Each stream is broken by a window that overflows, and the server resets it (CVE-2025-8671).
    let round = |n| {
        let id = 2 * n + 1;
        [opened(id, &POST, 0), frame(WINDOW_UPDATE, 0, id, &0x7fff_ffff_u32.to_be_bytes())].concat()
    };
    let attack =
        Attack { rule: "h2-provoked-resets", settings: &[], first: Vec::new(), rounds: 100_000, round };
    is_ended(&Edge::plain("").await, attack).await;
}

#[tokio::test]
async fn a_settings_flood_is_ended() {
    let round = |n: u32| settings_frame(&[(INITIAL_WINDOW_SIZE, 1000 + n % 2)]);
    let attack = Attack { rule: "h2-settings", settings: &[], first: Vec::new(), rounds: 100_000, round };
    is_ended(&Edge::plain("").await, attack).await;
}

#[tokio::test]
async fn a_flood_of_empty_data_is_ended() {
    let round = |_| frame(DATA, 0, 1, &[]);
    let attack =
        Attack { rule: "h2-empty-frames", settings: &[], first: opened(1, &POST, 0), rounds: 100_000, round };
    is_ended(&Edge::plain("").await, attack).await;
}

#[tokio::test]
async fn a_flood_of_empty_continuations_is_ended() {
    let round = |_| frame(CONTINUATION, 0, 1, &[]);
    let first = frame(HEADERS, END_STREAM, 1, &[]);
    let attack = Attack { rule: "h2-empty-frames", settings: &[], first, rounds: 100_000, round };
    is_ended(&Edge::plain("").await, attack).await;
}

#[tokio::test]
async fn a_priority_flood_is_ended() {
    let round = |n: u32| frame(PRIORITY, 0, 2 * (n % 1000) + 1, &[0, 0, 0, 0, 16]);
    let attack = Attack { rule: "h2-priorities", settings: &[], first: Vec::new(), rounds: 100_000, round };
    is_ended(&Edge::plain("").await, attack).await;
}

#[tokio::test]
async fn a_window_update_flood_is_ended() {
    let round = |_| frame(WINDOW_UPDATE, 0, 0, &1u32.to_be_bytes());
    let attack =
        Attack { rule: "h2-window-updates", settings: &[], first: Vec::new(), rounds: 100_000, round };
    is_ended(&Edge::plain("").await, attack).await;
}

#[tokio::test]
async fn an_answer_in_windows_of_a_byte_is_ended() {
    let round = |_| frame(WINDOW_UPDATE, 0, 1, &1u32.to_be_bytes());
    let fields = [&GET[..3], &[(":path", "/big")]].concat();
    let attack = Attack {
        rule: "h2-window-updates",
        settings: &[(INITIAL_WINDOW_SIZE, 0)],
        first: opened(1, &fields, END_STREAM),
        rounds: 100_000,
        round,
    };
    is_ended(&Edge::plain("").await, attack).await;
}

#[tokio::test]
async fn a_flood_of_unknown_frames_is_ended() {
    let round = |n: u32| frame(0x42, 0, n % 7, b"what?");
    let attack =
        Attack { rule: "h2-unknown-frames", settings: &[], first: Vec::new(), rounds: 100_000, round };
    is_ended(&Edge::plain("").await, attack).await;
}

#[tokio::test]
async fn a_body_that_comes_byte_by_byte_is_ended() {
    let round = |_| frame(DATA, 0, 1, b"x");
    let first = opened(1, &POST, 0);
    let attack = Attack { rule: "h2-tiny-data", settings: &[], first, rounds: 50_000, round };
    is_ended(&Edge::plain("").await, attack).await;
}
