use super::*;
use crate::doctor::seen::{
    Answer, CaaRecord, CaaSeen, DirectoryView, LedgerView, Outcome, Port, Probe, Resolution,
};
use mizan_config::model::AcmeChallenge::{self, Dns01, Http01, TlsAlpn01};
use std::net::IpAddr;

const V4: &str = "203.0.113.9";
const V6: &str = "2600::9";

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn port(number: u16, probes: &[(&str, Outcome)]) -> Port {
    let probe =
        |(address, outcome): &(&str, Outcome)| Probe { address: ip(address), outcome: outcome.clone() };
    Port { number, probes: probes.iter().map(probe).collect() }
}

const WELL: Outcome = Outcome::Answered { redirects: 0 };

/// A name in perfect order.
fn healthy() -> Seen {
    Seen {
        name: "api.example.com".into(),
        authority: "acme.example".into(),
        challenges: vec![TlsAlpn01, Http01],
        dns: Resolution::Looked { v4: Answer::Records(vec![ip(V4)]), v6: Answer::Records(Vec::new()) },
        http: port(80, &[(V4, WELL)]),
        https: port(443, &[(V4, WELL)]),
        caa: CaaSeen::None,
        directory: Ok(DirectoryView { caa_identities: vec!["ca.example".into()], skew_seconds: Some(0) }),
        ledger: None,
    }
}

fn of(seen: &Seen, check: &str) -> Vec<(Verdict, String)> {
    let findings = judge(seen).into_iter().filter(|finding| finding.check == check);
    findings.map(|finding| (finding.verdict, finding.text)).collect()
}

fn one(seen: &Seen, check: &str) -> (Verdict, String) {
    let mut found = of(seen, check);
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

fn hint(seen: &Seen, check: &str) -> String {
    let finding = judge(seen).into_iter().find(|finding| finding.check == check && finding.hint.is_some());
    finding.expect("there is a hint").hint.unwrap()
}

#[test]
fn a_name_in_order_has_no_obstacle_and_every_check_is_there() {
    let findings = judge(&healthy());
    let checks: Vec<&str> = findings.iter().map(|finding| &*finding.check).collect();
    assert_eq!(checks, ["dns", "http_port", "https_port", "caa", "directory", "clock"]);
    assert!(findings.iter().all(|finding| finding.verdict == Verdict::Good), "{findings:?}");
    assert_eq!(first_obstacle(&findings), None);
}

#[test]
fn the_first_obstacle_is_the_text_of_the_first_bad_finding() {
    let mut seen = healthy();
    seen.directory = Err("connection refused".into());
    seen.dns = Resolution::Looked { v4: Answer::NoSuchName, v6: Answer::NoSuchName };
    assert_eq!(first_obstacle(&judge(&seen)).as_deref(), Some("api.example.com does not exist in the DNS"));
}

#[test]
fn what_the_dns_says_is_told() {
    let none = || Answer::Records(Vec::new());
    let failed = || Answer::Refused("SERVFAIL".to_owned());
    let silent = || Answer::Silent("no answer in time".to_owned());
    for (v4, v6, verdict, text) in [
        (Answer::NoSuchName, Answer::NoSuchName, Verdict::Bad, "does not exist in the DNS"),
        (none(), none(), Verdict::Bad, "has neither an A nor an AAAA record"),
        (failed(), failed(), Verdict::Bad, "the lookup of api.example.com fails: SERVFAIL"),
        (silent(), silent(), Verdict::Unknown, "could not be looked up from here: no answer in time"),
        (
            Answer::Records(vec![ip("10.0.0.1")]),
            none(),
            Verdict::Doubtful,
            "a public authority cannot reach 10.0.0.1",
        ),
        (
            Answer::Records(vec![ip(V4)]),
            Answer::Records(vec![ip(V6)]),
            Verdict::Good,
            "is 203.0.113.9, 2600::9",
        ),
    ] {
        let mut seen = healthy();
        seen.dns = Resolution::Looked { v4, v6 };
        let found = one(&seen, "dns");
        assert!(found.0 == verdict && found.1.contains(text), "{found:?}");
    }
    let mut seen = healthy();
    seen.dns = Resolution::Looked { v4: Answer::Records(vec![ip(V4)]), v6: failed() };
    assert_eq!(of(&seen, "dns")[1].0, Verdict::Doubtful, "one family fails, the other has an address");
}

#[test]
fn private_ranges_are_told_from_public_ones() {
    for private in
        ["127.0.0.1", "10.1.2.3", "192.168.1.1", "100.64.0.1", "169.254.1.1", "::1", "fd00::1", "fe80::1"]
    {
        let mut seen = healthy();
        seen.dns =
            Resolution::Looked { v4: Answer::Records(vec![ip(private)]), v6: Answer::Records(Vec::new()) };
        assert_eq!(one(&seen, "dns").0, Verdict::Doubtful, "{private}");
    }
    for public in ["100.128.0.1", "8.8.8.8", "2600::1"] {
        let mut seen = healthy();
        seen.dns =
            Resolution::Looked { v4: Answer::Records(vec![ip(public)]), v6: Answer::Records(Vec::new()) };
        assert_eq!(one(&seen, "dns").0, Verdict::Good, "{public}");
    }
}

#[test]
fn who_answers_in_our_place_is_named() {
    let server = Some("nginx/1.18".to_owned());
    let location = "https://other.example/".to_owned();
    for (outcome, text) in [
        (
            Outcome::Stranger { status: 404, server: server.clone() },
            "port 80 of api.example.com is answered by 203.0.113.9, not by this server: it said 404 (nginx/1.18)",
        ),
        (
            Outcome::Stranger { status: 200, server: None },
            "port 80 of api.example.com is answered by 203.0.113.9, not by this server: it said 200 with a text of its own",
        ),
        (
            Outcome::Elsewhere { status: 301, location, server },
            "port 80 of api.example.com is answered by 203.0.113.9, not by this server: it said 301 and leads to \
             https://other.example/ (nginx/1.18)",
        ),
        (Outcome::Refused, "nobody answers at port 80 of api.example.com (203.0.113.9): connection refused"),
        (Outcome::Silent, "nobody answers at port 80 of api.example.com (203.0.113.9): no answer in time"),
    ] {
        let mut seen = healthy();
        seen.challenges = vec![Http01];
        seen.http = port(80, &[(V4, outcome)]);
        assert_eq!(one(&seen, "http_port"), (Verdict::Bad, text.to_owned()));
        assert!(!hint(&seen, "http_port").is_empty());
    }
}

#[test]
fn a_port_in_bad_order_is_no_obstacle_where_another_way_works() {
    let refused = || port(80, &[(V4, Outcome::Refused)]);
    for (challenges, https, verdict) in [
        (&[TlsAlpn01, Http01][..], port(443, &[(V4, WELL)]), Verdict::Doubtful),
        (&[TlsAlpn01, Http01], port(443, &[(V4, Outcome::Silent)]), Verdict::Bad),
        (&[Http01, Dns01], port(443, &[]), Verdict::Doubtful),
        (&[Http01], port(443, &[]), Verdict::Bad),
        (&[TlsAlpn01], port(443, &[(V4, WELL)]), Verdict::Unknown),
    ] {
        let mut seen = healthy();
        seen.challenges = challenges.to_vec();
        (seen.http, seen.https) = (refused(), https);
        assert_eq!(one(&seen, "http_port").0, verdict, "{challenges:?}");
    }
}

#[test]
fn ipv6_that_fails_beside_ipv4_that_works_is_said_to_come_first() {
    let mut seen = healthy();
    seen.challenges = vec![Http01];
    seen.http = port(80, &[(V6, Outcome::Silent), (V4, WELL)]);
    let verdicts: Vec<Verdict> = of(&seen, "http_port").iter().map(|found| found.0).collect();
    assert_eq!(verdicts, [Verdict::Good, Verdict::Bad]);
    assert!(hint(&seen, "http_port").contains("the authority tries IPv6 first"));

    seen.http = port(80, &[(V6, Outcome::NoRoute), (V4, WELL)]);
    let found = &of(&seen, "http_port")[1];
    assert!(found.0 == Verdict::Doubtful && found.1.contains("no route to it from here"), "{found:?}");
}

#[test]
fn a_wildcard_asks_for_no_port() {
    let mut seen = healthy();
    seen.name = "*.example.com".into();
    seen.challenges = vec![TlsAlpn01, Http01, Dns01];
    (seen.http, seen.https) = (port(80, &[]), port(443, &[]));
    seen.dns = Resolution::Looked { v4: Answer::NoSuchName, v6: Answer::NoSuchName };
    for check in ["dns", "http_port", "https_port"] {
        let found = one(&seen, check);
        assert!(found.0 == Verdict::Unknown && found.1.contains("dns-01"), "{found:?}");
    }
}

#[test]
fn an_address_has_neither_dns_nor_caa() {
    let mut seen = healthy();
    (seen.name, seen.dns, seen.caa) = (V4.into(), Resolution::Address, CaaSeen::DoesNotApply);
    for check in ["dns", "caa"] {
        assert_eq!(one(&seen, check).0, Verdict::Unknown);
    }
    assert_eq!(one(&seen, "http_port").0, Verdict::Good);
}

fn caa(name: &str, challenges: &[AcmeChallenge], records: &[(&str, &str)]) -> (Verdict, String) {
    let mut seen = healthy();
    (seen.name, seen.challenges) = (name.into(), challenges.to_vec());
    let record = |(tag, value): &(&str, &str)| CaaRecord {
        critical: tag.starts_with('!'),
        tag: tag.trim_start_matches('!').to_owned(),
        value: (*value).to_owned(),
    };
    let records = records.iter().map(record).collect();
    seen.caa = CaaSeen::Found { domain: "example.com".into(), records };
    one(&seen, "caa")
}

#[test]
fn caa_records_let_in_whom_they_name() {
    let plain = |records: &[(&str, &str)]| caa("api.example.com", &[Http01], records).0;
    assert_eq!(plain(&[("issue", "CA.example")]), Verdict::Good);
    assert_eq!(plain(&[("issue", "ca.example; policy=ev")]), Verdict::Good);
    assert_eq!(plain(&[("issue", "other.example"), ("issue", " ca.example ")]), Verdict::Good);
    assert_eq!(plain(&[("issue", "other.example")]), Verdict::Bad);
    assert_eq!(plain(&[("issue", ";")]), Verdict::Bad);
    assert_eq!(plain(&[("issue", "")]), Verdict::Bad);
    assert_eq!(plain(&[("iodef", "mailto:a@example.com")]), Verdict::Good);
    assert_eq!(plain(&[("issuewild", ";")]), Verdict::Good, "it is for wildcards");
    assert_eq!(plain(&[("!tbs", "unknown")]), Verdict::Bad);
    assert_eq!(plain(&[("tbs", "unknown")]), Verdict::Good);
    let (_, text) = caa("api.example.com", &[Http01], &[("issue", "other.example")]);
    assert_eq!(text, "the CAA records of example.com allow other.example, not ca.example");
}

#[test]
fn a_wildcard_goes_by_issuewild_where_there_is_one() {
    let wild = |records: &[(&str, &str)]| caa("*.example.com", &[Dns01], records).0;
    assert_eq!(wild(&[("issue", "ca.example"), ("issuewild", ";")]), Verdict::Bad);
    assert_eq!(wild(&[("issue", ";"), ("issuewild", "ca.example")]), Verdict::Good);
    assert_eq!(wild(&[("issue", "ca.example")]), Verdict::Good);
    assert_eq!(wild(&[("issue", ";")]), Verdict::Bad);
}

#[test]
fn parameters_of_caa_records_are_heeded() {
    let dns_only = [("issue", "ca.example; validationmethods=dns-01")];
    assert_eq!(caa("api.example.com", &[Http01], &dns_only).0, Verdict::Bad);
    assert_eq!(caa("api.example.com", &[Http01, Dns01], &dns_only).0, Verdict::Good);
    let account = ("issue", "ca.example; accounturi=https://acme.example/acct/1");
    let (verdict, text) = caa("api.example.com", &[Http01], &[account]);
    assert!(verdict == Verdict::Doubtful && text.contains("https://acme.example/acct/1"), "{text}");
    assert_eq!(caa("api.example.com", &[Http01], &[account, ("issue", "ca.example")]).0, Verdict::Good);
}

#[test]
fn a_caa_lookup_that_fails_at_its_servers_is_an_obstacle_and_silence_is_not() {
    let mut seen = healthy();
    let (domain, why) = ("example.com".to_owned(), "SERVFAIL".to_owned());
    seen.caa = CaaSeen::Refused { domain: domain.clone(), why: why.clone() };
    assert_eq!(one(&seen, "caa").0, Verdict::Bad);
    seen.caa = CaaSeen::Silent { domain, why };
    assert_eq!(one(&seen, "caa").0, Verdict::Unknown);
}

#[test]
fn an_authority_that_does_not_say_who_it_is_leaves_caa_open() {
    let mut seen = healthy();
    let record = CaaRecord { critical: false, tag: "issue".into(), value: "x.example".into() };
    seen.caa = CaaSeen::Found { domain: "example.com".into(), records: vec![record] };
    seen.directory = Ok(DirectoryView { caa_identities: Vec::new(), skew_seconds: None });
    assert_eq!(one(&seen, "caa").0, Verdict::Unknown);
    assert_eq!(one(&seen, "clock").0, Verdict::Unknown);
}

#[test]
fn a_clock_is_told_of_from_half_a_minute_on() {
    for (skew, verdict, text) in [
        (0, Verdict::Good, "agrees with acme.example's"),
        (-30, Verdict::Good, "agrees"),
        (31, Verdict::Doubtful, "is 31 s behind acme.example's"),
        (-600, Verdict::Doubtful, "is 10 min ahead of acme.example's"),
        (601, Verdict::Bad, "is 10 min behind"),
        (-86_400, Verdict::Bad, "is 24 h ahead of"),
    ] {
        let mut seen = healthy();
        seen.directory = Ok(DirectoryView { caa_identities: Vec::new(), skew_seconds: Some(skew) });
        let found = one(&seen, "clock");
        assert!(found.0 == verdict && found.1.contains(text), "{found:?}");
    }
}

#[test]
fn a_directory_that_cannot_be_asked_is_an_obstacle_and_says_nothing_of_the_clock() {
    let mut seen = healthy();
    seen.directory = Err("connection refused".into());
    assert_eq!(
        one(&seen, "directory"),
        (Verdict::Bad, "acme.example cannot be asked: connection refused".to_owned())
    );
    assert_eq!(of(&seen, "clock"), []);
}

#[test]
fn the_ledger_is_passed_on() {
    let mut seen = healthy();
    let text = "the next attempt is in 5 min".to_owned();
    seen.ledger = Some(LedgerView { verdict: Verdict::Doubtful, text: text.clone(), hint: None });
    assert_eq!(one(&seen, "ledger"), (Verdict::Doubtful, text));
}
