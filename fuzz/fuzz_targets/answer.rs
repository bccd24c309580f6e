//! An upstream's answer and forwarding fields, over any names and values: nothing panics, an answer that is accepted has
//! one certain end, and a client behind a trusted proxy cannot choose its own address.
#![no_main]

use std::net::{IpAddr, Ipv4Addr};

use libfuzzer_sys::fuzz_target;
use mizan_policy::forwarded::{Client, Scheme, TrustedProxies};
use mizan_policy::head::{Asked, answer_removals, check_answer, host_of};

fuzz_target!(|data: &[u8]| {
    let [status, flags, lines @ ..] = data else { return };
    let status = 100 + u16::from(*status) * 2;
    let asked = Asked { head_method: flags & 1 == 1, upgrade: flags & 2 == 2 };
    let fields: Vec<(&str, &[u8])> = lines
        .split(|&b| b == b'\n')
        .filter_map(|line| {
            let colon = line.iter().position(|&b| b == b':')?;
            Some((std::str::from_utf8(&line[..colon]).ok()?, &line[colon + 1..]))
        })
        .collect();
    if check_answer(status, fields.iter().copied(), asked, 4096).is_ok() {
        let count = |name: &str| fields.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).count();
        assert!(count("content-length") + count("transfer-encoding") <= 1);
        assert!(status != 101 || asked.upgrade);
        assert!(fields.iter().all(|(_, value)| !value.iter().any(|b| matches!(b, 0 | b'\r' | b'\n'))));
    }
    for name in answer_removals(fields.iter().copied(), asked.upgrade).iter() {
        assert!(!["content-length", "transfer-encoding", "set-cookie", "content-type"].contains(&name));
    }
    forwarding(lines);
});

fn forwarding(said: &[u8]) {
    let trusted = TrustedProxies::from(vec!["10.0.0.0/8".parse().expect("a network")]);
    let proxy = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
    let _ = Client::find(proxy, &trusted, [said].into_iter());

    // What a trusted proxy appends wins over all that the client wrote before it.
    let mut sent = said.to_vec();
    sent.extend_from_slice(b", 192.0.2.7");
    let client = Client::find(proxy, &trusted, [sent.as_slice()].into_iter());
    assert_eq!(client.address, IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)));

    // From a peer that is not trusted nothing of it goes on.
    let stranger = Client::find(client.address, &trusted, [said].into_iter());
    let mut out = String::new();
    stranger.write_forwarded_for([said].into_iter(), &mut out);
    assert_eq!(out, "192.0.2.7");
    assert_eq!(stranger.forwarded_proto(Some(said), Scheme::Http), Scheme::Http);
    assert_eq!(stranger.forwarded_host(Some(said), Some("a")), Some("a"));
    let host = client.forwarded_host(Some(said), None);
    assert!(host.is_none_or(|host| host_of(host).is_some()));
}
