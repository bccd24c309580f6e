//! Too much of one thing, or too little for too long.

use super::*;

/// The stream's answer; the connection lives on, and serves stream `next`.
async fn answer_to(edge: &Edge, fields: &[(&str, &str)]) -> Said {
    let mut client = edge.connect(&[]).await;
    client.request(1, fields, None).await;
    let said = client.said_until(4 * SECOND, |said| said.statuses.len() + said.resets.len() > 0).await;
    client.request(3, &GET, None).await;
    let next = client.said_until(4 * SECOND, |said| said.statuses.contains_key(&3)).await;
    assert_eq!(next.statuses.get(&3), Some(&200), "{said:?} {next:?}");
    said
}

#[tokio::test]
async fn heads_that_are_too_large_are_refused_and_the_connection_goes_on() {
    let edge = Edge::plain("").await;
    let before = edge.upstream.request_count();
    let large = "v".repeat(9000);
    let names: Vec<String> = (0..120).map(|n| format!("x-{n}")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1")).collect();
    let long = format!("/{}", "p".repeat(12_000));
    let fields = [&GET[..], &[("x-large", large.as_str()); 1][..]].concat();
    assert_eq!(answer_to(&edge, &fields).await.statuses.get(&1), Some(&200), "9 kB in a field are fine");
    assert_eq!(answer_to(&edge, &[&GET[..], &many[..]].concat()).await.statuses.get(&1), Some(&431));
    let target = [&GET[..3], &[(":path", long.as_str())]].concat();
    assert_eq!(answer_to(&edge, &target).await.statuses.get(&1), Some(&414));
    // Larger than `head_size`, in frames of the size that everybody may send.
    let mut client = edge.connect(&[]).await;
    let block = h2::block(&[&GET[..], &[("x-large", large.as_str()); 5][..]].concat());
    for (n, part) in block.chunks(16_000).enumerate() {
        let last = if (n + 1) * 16_000 >= block.len() { END_HEADERS } else { 0 };
        let (kind, end) = if n == 0 { (HEADERS, END_STREAM) } else { (CONTINUATION, 0) };
        client.frame(kind, last | end, 1, part).await;
    }
    client.request(3, &GET, None).await;
    let said = client.said_until(4 * SECOND, |said| said.statuses.contains_key(&3)).await;
    assert_eq!((said.statuses.get(&1), said.statuses.get(&3)), (Some(&431), Some(&200)), "{said:?}");
    assert_eq!(edge.upstream.request_count() - before, 5, "only what was answered with 200 was forwarded");
    edge.mizan.is_quiet().await;
}

#[tokio::test]
async fn more_streams_than_allowed_are_refused_and_the_others_go_on() {
    let edge = Edge::plain("limits: { streams: 10 }").await;
    let mut client = edge.connect(&[]).await;
    let fields = [&GET[..3], &[(":path", "/hang")]].concat();
    let all: Vec<u8> = (0..15).flat_map(|n| opened(2 * n + 1, &fields, END_STREAM)).collect();
    client.write(&all).await;
    let said = client.said_until(4 * SECOND, |said| said.resets.len() == 5).await;
    let refused: Vec<(u32, u32)> = said.resets.into_iter().collect();
    assert_eq!(refused, (10..15).map(|n| (2 * n + 1, REFUSED_STREAM)).collect::<Vec<_>>());
    eventually("ten are under way", 2 * SECOND, || async { edge.mizan.in_flight().await == 10 }).await;
    // One that is let go makes room for another.
    client.frame(RST_STREAM, 0, 1, &[0, 0, 0, 8]).await;
    eventually("nine are under way", 2 * SECOND, || async { edge.mizan.in_flight().await == 9 }).await;
    client.request(101, &GET, None).await;
    let said = client.said_until(4 * SECOND, |said| said.statuses.len() + said.resets.len() > 0).await;
    assert_eq!(said.statuses.get(&101), Some(&200), "{said:?}");
    drop(client);
    edge.mizan.is_quiet().await;
}

#[tokio::test]
async fn a_head_that_drips_is_ended_at_its_deadline() {
    let edge = Edge::plain("limits: { head_timeout: 600ms, idle_timeout: 30s }").await;
    let mut client = edge.connect(&[]).await;
    // The server's settings are acknowledged with the first answer: nothing may come between the frames of a head.
    client.request(1, &GET, None).await;
    assert_eq!(client.reply(4 * SECOND).await, h2::Reply::Status(200));
    let begin = Instant::now();
    let mut head = opened(3, &GET, END_STREAM).into_iter();
    let said = loop {
        // A byte now and then must not move the deadline.
        client.write(&[head.next().expect("more bytes than the deadline has tenths of seconds")]).await;
        let said = client.said(SECOND / 10).await;
        if said.closed || begin.elapsed() > 4 * SECOND {
            break said;
        }
    };
    assert_eq!(said.goaways.last().map(|(_, code)| *code), Some(ENHANCE_YOUR_CALM), "{said:?}");
    assert!(begin.elapsed() < 3 * SECOND, "{:?}", begin.elapsed());
    edge.mizan.log().wait_for_all(&["rule=\"h2-head-timeout\""]).await;
}

#[tokio::test]
async fn windows_that_stay_shut_let_the_upstream_go() {
    let service = "timeouts: { read: 500ms }";
    let upstream = upstream().await;
    let limits = "limits: { idle_timeout: 500ms, body_grace: 500ms, body_rate: 1000 }";
    let mizan = Mizan::before(&[&upstream], service, limits).await;
    let edge = Edge { upstream, mizan, tls: None };
    let fields = [&GET[..3], &[(":path", "/big")]].concat();
    for settings in [&[][..], &[(INITIAL_WINDOW_SIZE, 0)][..]] {
        let abandoned = edge.upstream.abandoned();
        let mut client = edge.connect(settings).await;
        client.request(1, &fields, None).await;
        // It reads all that it lets the server send, and never opens a window.
        let said = client.said(8 * SECOND).await;
        assert!(said.data <= 65_535, "{} bytes", said.data);
        assert!(said.closed || !said.resets.is_empty(), "{settings:?}: {said:?}");
        eventually("the upstream is let go", 4 * SECOND, || async { edge.upstream.abandoned() > abandoned })
            .await;
        edge.mizan.is_quiet().await;
    }
}

#[tokio::test]
async fn a_client_that_reads_nothing_at_all_lets_the_upstream_go() {
    let edge = Edge::plain("limits: { body_grace: 500ms, body_rate: 1000, idle_timeout: 30s }").await;
    let mut client = edge.connect(&[(INITIAL_WINDOW_SIZE, 0x7fff_ffff)]).await;
    client.frame(WINDOW_UPDATE, 0, 0, &0x7fff_0000_u32.to_be_bytes()).await;
    let fields = [&GET[..3], &[(":path", "/big")]].concat();
    client.request(1, &fields, None).await;
    eventually("it is under way", 2 * SECOND, || async { edge.mizan.in_flight().await == 1 }).await;
    eventually("the upstream is let go", 8 * SECOND, || async { edge.upstream.abandoned() == 1 }).await;
    edge.mizan.is_quiet().await;
    assert!(client.said(8 * SECOND).await.closed);
}

#[tokio::test]
async fn windows_that_overflow_are_errors_of_flow_control() {
    let edge = Edge::plain("").await;
    let mut client = edge.connect(&[]).await;
    client.write(&opened(1, &POST, 0)).await;
    client.frame(WINDOW_UPDATE, 0, 1, &0x7fff_ffff_u32.to_be_bytes()).await;
    let said = client.said_until(4 * SECOND, |said| !said.resets.is_empty()).await;
    assert_eq!(said.resets.get(&1), Some(&FLOW_CONTROL_ERROR), "{said:?}");
    client.frame(WINDOW_UPDATE, 0, 0, &0x7fff_ffff_u32.to_be_bytes()).await;
    let said = client.said(4 * SECOND).await;
    assert_eq!(said.goaways.last().map(|(_, code)| *code), Some(FLOW_CONTROL_ERROR), "{said:?}");
    assert!(said.closed);
    edge.mizan.is_quiet().await;
}

#[tokio::test]
async fn pings_and_settings_do_not_keep_an_idle_connection() {
    let edge = Edge::plain("limits: { idle_timeout: 600ms }").await;
    let mut client = edge.connect(&[]).await;
    client.request(1, &GET, None).await;
    assert_eq!(client.reply(4 * SECOND).await, h2::Reply::Status(200));
    let begin = Instant::now();
    while !client.said(SECOND / 10).await.closed {
        client.ping().await;
        client.frame(SETTINGS, 0, 0, &[]).await;
        assert!(begin.elapsed() < 4 * SECOND, "it is still open");
    }
}
