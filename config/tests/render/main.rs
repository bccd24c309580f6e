//! What is rendered reads back as the same configuration.

mod acme;

use mizan_config::model::{
    Action, CertificateFiles, Config, HeaderTest, Hsts, ListenAddress, ListenProtocol, Listener, Place,
    Route, Service, SiteCertificates, SiteTls,
};
use mizan_config::secret::Secret;
use mizan_config::{load, parse, render};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::fmt::Write;
use std::fs;
use std::time::Duration;

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples");

fn config(text: &str) -> Config {
    let env = |name: &str| (name == "ODD").then(|| "${X} $$ $".to_owned());
    parse("mizan.yml", text, &env).unwrap_or_else(|e| panic!("{text}\n{e}"))
}

/// A sound file with some keys at the top, of its service, and of its route.
fn file(top: &str, service: &str, route: &str) -> String {
    let top =
        if top.contains("listen:") { top.to_owned() } else { format!("listen: {{ http: \":80\" }}\n{top}") };
    format!(
        "{top}\nservices:\n  app:\n    {service}\nsites:\n  - hosts: [example.com, \"*.example.com\", \"*\", \"[::1]\"]\n    routes:\n      - {{ {route} }}\n"
    )
}

const SERVICE: &str = "endpoints: app:3000";
const ROUTE: &str = "path: /, service: app";

/// Without what rendering cannot keep, and says so: order of mappings, lines, secrets.
fn comparable(config: &Config) -> Config {
    let mut config = config.clone();
    config.services.sort_by(|a, b| a.name.cmp(&b.name));
    config.services.iter_mut().for_each(comparable_service);
    config.sites.iter_mut().flat_map(|site| &mut site.routes).for_each(comparable_route);
    config.acme.iter_mut().for_each(acme::comparable);
    config
}

fn comparable_service(service: &mut Service) {
    let mut tracks: Vec<_> = service.tracks.drain(..).zip(service.split.drain(..)).collect();
    tracks.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
    (service.tracks, service.split) = tracks.into_iter().unzip();
    if let Some(health) = &mut service.health {
        health.headers.sort_by(|(a, _), (b, _)| a.cmp(b));
        health.headers.iter_mut().for_each(|(_, value)| *value = Secret::new("***".into()));
    }
}

fn comparable_route(route: &mut Route) {
    route.line = 0;
    route.headers.sort_by(|a, b| a.name.cmp(&b.name));
    for condition in route.headers.iter_mut().filter(|condition| condition.name == "authorization") {
        condition.test = HeaderTest::Equals("***".into());
    }
    if let Action::Respond(respond) = &mut route.action {
        respond.headers.sort();
    }
}

/// JSON that is YAML, too: YAML wants a few more characters escaped.
fn yaml(value: &Value) -> String {
    let mut text = String::new();
    for c in value.to_string().chars() {
        if ('\x7f'..='\u{9f}').contains(&c) || ('\u{fffe}'..='\u{ffff}').contains(&c) {
            write!(text, "\\u{:04x}", u32::from(c)).unwrap();
        } else {
            text.push(c);
        }
    }
    text
}

#[track_caller]
fn reads_back(original: &Config) {
    let rendered = yaml(&acme::with_secrets(render(original)));
    let back = parse("mizan.yml", &rendered, &|_| None).unwrap_or_else(|e| panic!("{rendered}\n{e}"));
    assert_eq!(comparable(&back), comparable(original), "{rendered}");
    assert_eq!(render(&back), render(original));
}

#[test]
fn every_example_reads_back_the_same() {
    let mut seen = 0;
    for entry in fs::read_dir(EXAMPLES).unwrap() {
        reads_back(&load(&entry.unwrap().path()).unwrap_or_else(|e| panic!("{e}")));
        seen += 1;
    }
    assert!(seen >= 4);
}

#[test]
fn a_file_without_services_reads_back_the_same() {
    reads_back(&config(
        "{ listen: { http: \":80\" }, sites: [{ hosts: a, routes: [{ path: /, respond: { status: 404 } }] }] }",
    ));
}

#[test]
fn every_way_to_write_a_value_reads_back_the_same() {
    for top in [
        "",
        "listen: { http: [\":0\", \"127.0.0.1:0\", \"[fe80::1%3]:80\", \"unix:/run/a $$b.sock\"] }",
        "admin: { socket: /run/x.sock }",
        "admin: { socket: /run/x.sock, owner: 1000 }\nstate: \"/var/${ODD}\"",
        "trusted_proxies: [\"::/0\", 192.0.2.1]\nforwarded: true\nunknown_host: close",
        "resolver: { servers: \"::1\", ipv6: true, interval: 1m1s1ms, obsolete_hold: 0, max_stale: 365d }",
        "limits: { connections: 1, head_size: 1m, target_size: 8193, body_rate: 0, idle_timeout: 23h59m59s999ms }",
        "limits: { handshake_timeout: 100ms, streams: 100000 }",
        "tls: { profile: modern, ticket_key: \"/run/$$x\" }",
        "tls: { versions: [1.3, 1.2], ciphers: [ECDHE-RSA-AES128-GCM-SHA256, TLS_AES_128_GCM_SHA256] }",
        "tls: { versions: 1.2, ciphers: TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 }",
        "drain: { timeout: 0, idle_grace: 1d }\nprobes: { health: false, ready: \"/$${up}\" }",
    ] {
        reads_back(&config(&file(top, SERVICE, ROUTE)));
    }
    for service in [
        "endpoints: [a_b:1, \"[fd00::1]:2\", 10.0.0.1:3, { address: \"unix:/a\", weight: 1000 }]",
        "tracks: { only: \"a:1\" }",
        "tracks: { \"1\": \"a:1\", \"true\": \"b:1\", null1: [\"c:1\", \"d:1\"] }\n    split: { \"true\": 10000 }",
        "tracks: { z: \"a:1\", a: \"b:1\" }\n    split: { z: 1, a: 2 }\n    force: { header: X-$a }",
        "tracks: { z: \"a:1\" }\n    force: { cookie: a$$$$b, from: \"::/0\" }",
        "tracks: { z: \"a:1\" }\n    sticky: { cookie: \"~\", max_age: 36h }",
        "endpoints: a:1\n    sticky: false\n    balance: round_robin\n    keepalive: 0",
        "endpoints: a:1\n    balance: random_two\n    timeouts: { connect: 1ms, read: 1d }",
        "endpoints: a:1\n    balance: { hash: { by: client_ip } }\n    passive: { max_fails: 0, fail_timeout: 100ms }",
        "endpoints: a:1\n    balance: { hash: { by: \"header X-$$\" } }\n    retries: { tries: 20, budget: 0%, min_per_second: 0 }",
        "endpoints: a:1\n    protocol: h2",
        "endpoints: a:443\n    protocol: auto\n    tls: true",
        "endpoints: a:1\n    tls: { verify: false, server_name: A.b }",
        "endpoints: a:1\n    tls: { ca: \"${ODD}\", server_name: \"::1\", certificate: c, key: k }",
        "endpoints: a:1\n    health: { path: \"/a?b=$$c\", status: [200, 300-399] }",
        "endpoints: a:1\n    health: { path: /, host: \"a:1\", headers: { X: a, Authorization: b } }",
    ] {
        reads_back(&config(&file("state: /s", service, ROUTE)));
    }
    for route in [
        "path: \"= /a*b/%D1%84 x\", service: app, methods: [GET, PROPFIND], upgrade: []",
        "path: \"^~ /a/*\", service: app, upgrade: [h2c, a/1], host: \"example.com:1\"",
        "path: /a, service: app, rewrite: { strip_prefix: /a }, merge_slashes: true",
        "path: /my%20files, service: app, rewrite: { replace_prefix: \"/$$\" }, forward_reduced_path: true",
        "path: \"~^/a$\", service: app",
        "path: \"~* \\\\$$\\\\{x}$\", service: app",
        "path: \"*.js, *.tar.gz\", service: app",
        "path: /, service: app, headers: { B: true, A: false, C: \"true\", D: 1.10, E: \"~  ^x$\", F: \"\", G: \"${ODD}\" }",
        "path: /, service: app, headers: { Authorization: hunter2 }",
        "path: /, respond: { status: 204 }",
        "path: /, respond: { status: 200, body: \"${ODD}\\0\\x7f\\x85\\u2028\\ufeff\\U0001F600\", headers: { X-$: \"$$\", a: b } }",
    ] {
        reads_back(&config(&file("", SERVICE, route)));
    }
}

#[test]
fn every_way_to_write_tls_reads_back_the_same() {
    let text = |site: &str| {
        file("listen: { https: [\":443\", \"unix:/run/s\"], http: \":80\" }", SERVICE, ROUTE)
            .replace("    routes:", &format!("    {site}\n    routes:"))
    };
    let pair = "tls: { certificate: \"${ODD}/a\", key: b/../c }";
    for site in [
        pair.to_owned(),
        "tls: { certificate: a, key: /k, ocsp: o, client_auth: { ca: ca, mode: optional, crl: r } }"
            .to_owned(),
        "tls: { certificates: [{ certificate: a, key: b }], client_auth: { ca: ca } }".to_owned(),
        "tls: { certificates: [{ certificate: a, key: b }, { certificate: c, key: b, ocsp: d }] }".to_owned(),
        format!("{pair}\n    redirect_to_https: true\n    hsts: true"),
        format!("{pair}\n    redirect_to_https: 301\n    hsts: {{ max_age: 0, preload: true }}"),
        format!("{pair}\n    redirect_to_https: {{ port: 1 }}\n    hsts: {{ include_subdomains: true }}"),
    ] {
        reads_back(&config(&text(&site)));
    }
    reads_back(&config(&text(pair).replace(", http: \":80\"", "")));
}

#[test]
fn defaults_are_written_out_in_the_units_of_the_file() {
    let rendered = render(&config(&file("", SERVICE, ROUTE)));
    assert_eq!(rendered["limits"]["head_size"], 32768);
    assert_eq!(rendered["limits"]["idle_timeout"], "1m15s");
    assert_eq!(rendered["probes"], json!({ "health": "/lb-health", "ready": "/lb-ready" }));
    let app = &rendered["services"]["app"];
    assert_eq!(app["endpoints"], json!([{ "address": "app:3000", "weight": 1 }]));
    assert_eq!(app["timeouts"], json!({ "connect": "2s", "first_try": "300ms", "read": "1m", "send": "1m" }));
    assert_eq!(app["retries"]["budget"], "20%");
    assert_eq!((&app["balance"], &app["sticky"]), (&json!("least_conn"), &json!(false)));
    assert_eq!(rendered["sites"][0]["routes"][0]["upgrade"], json!(["websocket"]));
    assert_eq!((&app["protocol"], &app["tls"]), (&json!("http1"), &json!(false)));
    let site = &rendered["sites"][0];
    assert_eq!(
        (&site["redirect_to_https"], &site["hsts"], &site["tls"]),
        (&json!(false), &json!(false), &Value::Null)
    );
    assert_eq!(rendered["tls"], json!({ "profile": "intermediate" }));
    assert_eq!(rendered["listen"], json!({ "http": [":80"] }));
    assert_eq!(rendered["unknown_host"], "421");
    for absent in ["admin", "state", "certificates"] {
        assert_eq!(rendered.get(absent), None::<&Value>);
    }
}

#[test]
fn no_secret_is_rendered() {
    let health =
        "endpoints: a:1\n    health: { path: /, headers: { X-Probe: hunter2, Authorization: hunter2 } }";
    for condition in ["hunter2", "\"~ hunter2\""] {
        for name in ["Authorization", "cookie", "X-Api-Key", "x-token"] {
            let route = format!("path: /, service: app, headers: {{ {name}: {condition}, A: b }}");
            let rendered = render(&config(&file("", health, &route)));
            assert!(!rendered.to_string().contains("hunter2"), "{rendered}");
            assert_eq!(rendered["services"]["app"]["health"]["headers"]["X-Probe"], "***");
            assert_eq!(rendered["sites"][0]["routes"][0]["headers"]["a"], "b");
        }
    }
    let acme = "external_account: { key_id: k, hmac_key: hunter22 }, \
                dns: { server: \"::1\", tsig: { name: k, secret: hunter22 } }";
    let rendered = render(&config(&file(&format!("certificates: {{ acme: {{ {acme} }} }}"), SERVICE, ROUTE)));
    assert!(!rendered.to_string().contains("hunter"), "{rendered}");
    let acme = &rendered["certificates"]["acme"];
    assert_eq!(
        (&acme["external_account"]["hmac_key"], &acme["dns"]["tsig"]["secret"]),
        (&json!("***"), &json!("***"))
    );
}

/// Of milliseconds, as all that a file can say.
fn duration(from: u64, to: u64) -> impl Strategy<Value = Duration> {
    (from..=to).prop_map(Duration::from_millis)
}

const DAY: u64 = 86_400_000;

fn certificate(path: &str) -> CertificateFiles {
    CertificateFiles { certificate: path.into(), key: path.into(), ocsp: None, place: Place::default() }
}

proptest! {
    #[test]
    fn any_value_reads_back_the_same(
        body in prop::collection::vec(any::<char>(), 0..20).prop_map(String::from_iter),
        value in "[!-}](\\PC*[!-~])?",
        regex in "[a-z$/{} ^]{0,3}[a-z]\\$?\\{?",
        connect in duration(300, DAY),
        (read, idle, max_age) in (duration(1, DAY), duration(100, DAY), duration(60_000, 400 * DAY)),
        (size, rate, weight) in (1024_usize..=1 << 20, 0_u64..=1 << 30, 0_u32..=10_000),
        ports in prop::collection::btree_set(1_u16.., 2..5),
        path in "[!-}](\\PC*[!-~])?",
    ) {
        let tracks = "tracks: { b: \"b:1\", a: \"a:1\" }\n    split: { b: 1 }\n    sticky: true";
        let route = "path: /, headers: { X: x, Y: y }, respond: { status: 200, headers: { Y: y } }";
        let mut config = config(&file("state: /s", tracks, route));
        config.limits.answer_head_size = size;
        config.limits.body_rate = rate;
        config.limits.idle_timeout = idle;
        config.listen = ports
            .into_iter()
            .enumerate()
            .map(|(at, port)| Listener {
                address: ListenAddress::AnyAddress(port),
                protocol: if at == 0 { ListenProtocol::Http } else { ListenProtocol::Https },
            })
            .collect();
        config.sites[0].tls = Some(SiteTls { certificates: SiteCertificates::Files(vec![certificate(&path)]), client_auth: None });
        config.sites[0].hsts = Some(Hsts { max_age: idle, ..Hsts::default() });
        let service = &mut config.services[0];
        service.split[1] = weight;
        service.timeouts.connect = connect;
        service.timeouts.read = read;
        service.sticky.as_mut().unwrap().max_age = max_age;
        let route = &mut config.sites[0].routes[0];
        route.headers[0].test = HeaderTest::Equals(value.clone());
        if regex::bytes::Regex::new(&regex).is_ok() && !regex.trim_start().is_empty() {
            route.headers[1].test = HeaderTest::Regex(regex.trim_start().into());
        }
        let Action::Respond(respond) = &mut route.action else { unreachable!() };
        respond.body = body;
        respond.headers[0].1 = value;
        reads_back(&config);
    }
}
