//! `dns`: how records are written.

use super::{model, slip};
use mizan_config::model::{DnsUpdater, Rfc2136, TsigAlgorithm};
use std::time::Duration;

#[test]
fn records_are_written_by_a_command() {
    let by = |keys: &str| model(&format!("dns: {{ {keys} }}")).dns.unwrap();
    let command = |keys: &str| match by(keys).by {
        DnsUpdater::Command(words) => words,
        DnsUpdater::Rfc2136(server) => panic!("{server:?}"),
    };
    assert_eq!(command("command: dns-hook"), ["dns-hook"]);
    assert_eq!(command("command: [./dns-hook, ./a, \"\"]"), ["/etc/mizan/./dns-hook", "./a", ""]);
    assert_eq!(command("command: [/usr/bin/env, 1]"), ["/usr/bin/env", "1"]);
    assert_eq!(by("command: hook").propagation, Duration::from_mins(2));
    assert_eq!(by("command: hook, propagation: 5s").propagation, Duration::from_secs(5));
    slip("dns: { command: \"./dns-hook present\" }", "a program with arguments is a list");
    slip("dns: { command: [] }", "`command` is empty");
    slip("dns: { command: [\"\", a] }", "the name of a program, which is empty here");
    slip("dns: { command: [hook, \"a\\0\"] }", "cannot hold a NUL byte");
    slip("dns: { command: hook, propagation: 4s }", "`propagation` must be 5s to 1h, not `4s`");
    slip("dns: { command: hook, zone: example.com }", "`zone` beside `command`");
    slip("dns: { hook: ./x }", "did you mean `command`?");
    slip("dns: {}", "`dns` has neither `command` nor `server`");
    slip("dns: { command: a, server: \"::1\" }", "`dns` has both `command` and `server`");
    slip("dns: true", "`dns` must be a mapping");
}

#[test]
fn records_are_written_by_updates() {
    let server = |keys: &str| match model(&format!("dns: {{ {keys} }}")).dns.unwrap().by {
        DnsUpdater::Rfc2136(server) => server,
        DnsUpdater::Command(words) => panic!("{words:?}"),
    };
    for (written, expected) in [
        ("192.0.2.1", "192.0.2.1:53"),
        ("\"192.0.2.1:5353\"", "192.0.2.1:5353"),
        ("\"2001:db8::1\"", "[2001:db8::1]:53"),
        ("\"[2001:db8::1]\"", "[2001:db8::1]:53"),
        ("\"[2001:db8::1]:5353\"", "[2001:db8::1]:5353"),
    ] {
        let Rfc2136 { server, zone, tsig } = server(&format!("server: {written}"));
        assert_eq!((server, zone, tsig), (expected.parse().unwrap(), None, None));
    }
    let full = server(
        "server: 192.0.2.1, zone: Example.COM., tsig: { name: acme., algorithm: hmac-sha384, secret: aHVudGVyMg== }",
    );
    let tsig = full.tsig.unwrap();
    assert_eq!((full.zone.as_deref(), tsig.name.as_str()), (Some("example.com"), "acme"));
    assert_eq!((tsig.algorithm, tsig.secret.expose()), (TsigAlgorithm::HmacSha384, "aHVudGVyMg=="));
    let tsig = |keys: &str| format!("dns: {{ server: \"::1\", tsig: {{ {keys} }} }}");
    slip("dns: { server: ns.example.com }", "is no address of a name server");
    slip("dns: { server: \"[192.0.2.1]\" }", "is no address of a name server");
    slip("dns: { server: \"::1\", zone: \"*.example.com\" }", "is no zone");
    slip("dns: { server: \"::1\", zone: 192.0.2.1 }", "is no zone");
    slip(&tsig("name: a"), "`tsig` needs `secret`");
    slip(&tsig("name: \"a b\", secret: AAAA"), "is no name of a key");
    slip(&tsig("name: a, secret: AAAA, algorithm: hmac-md5"), "that one is too weak");
    slip(&tsig("name: a, secret: AAAA, algorithm: sha256"), "there is no algorithm `sha256`");
    slip(&tsig("name: a, secret: \"AAA-\""), "base64 has + and / where base64url has - and _");
    slip(&tsig("name: a, secret: AAA"), "with the = at its end");
    slip(&tsig("name: a, key: AAAA"), "did you mean `secret`?");
}
