//! `protocol` and `tls` of a service: what the model holds of them, and what a person who slips is told.

use mizan_config::model::UpstreamProtocol;
use mizan_config::{Config, Problems, examine, parse};
use std::path::Path;

const SOUND: &str = r#"listen: { http: ":80" }
services:
  app:
    endpoints: app:3000
sites:
  - hosts: [example.com]
    routes:
      - { path: /, service: app }
"#;
const ENDPOINTS: &str = "    endpoints: app:3000";

fn changed(service: &str) -> String {
    SOUND.replace(ENDPOINTS, service)
}

#[track_caller]
fn config(service: &str) -> Config {
    parse("/etc/mizan/mizan.yml", &changed(service), &|_| None).unwrap_or_else(|e| panic!("{e}"))
}

fn lines(problems: &Problems) -> Vec<String> {
    problems.lines().collect()
}

/// One problem, and nothing else.
#[track_caller]
fn told(service: &str, expected: &str) {
    let text = changed(service);
    let lines = lines(&parse("mizan.yml", &text, &|_| None).expect_err(&text));
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].contains(expected), "{lines:#?} lacks {expected:?}");
}

#[track_caller]
fn warnings(text: &str) -> Vec<String> {
    lines(&examine("mizan.yml", text, &|_| None).unwrap_or_else(|e| panic!("{e}")).warnings)
}

/// No problem, and one warning.
#[track_caller]
fn warned(service: &str, expected: &str) {
    let lines = warnings(&changed(service));
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].contains(expected), "{lines:#?} lacks {expected:?}");
}

#[track_caller]
fn silent(service: &str) {
    assert_eq!(warnings(&changed(service)), [""; 0]);
}

/// `SOUND` with further keys of the service.
fn service(keys: &str) -> String {
    format!("{ENDPOINTS}\n    {keys}")
}

#[test]
fn endpoints_are_spoken_to_as_the_service_says() {
    let app = |keys: &str| config(&service(keys)).services.remove(0);
    assert_eq!((app("keepalive: 1").protocol, app("tls: false").tls), (UpstreamProtocol::Http1, None));
    assert_eq!(app("protocol: h2").protocol, UpstreamProtocol::H2);
    let auto = app("protocol: auto\n    tls: true");
    assert_eq!(auto.protocol, UpstreamProtocol::Auto);
    let tls = auto.tls.unwrap();
    assert_eq!((tls.verify, tls.ca, tls.server_name, tls.client), (true, None, None, None));
    let tls =
        app("tls: { ca: ca.pem, server_name: API.internal, certificate: c.pem, key: c.key }").tls.unwrap();
    assert_eq!(tls.ca.as_deref(), Some(Path::new("/etc/mizan/ca.pem")));
    assert_eq!(tls.server_name.as_deref(), Some("api.internal"));
    assert_eq!(tls.client.unwrap().key, Path::new("/etc/mizan/c.key"));
    for (written, name) in [("127.0.0.1", "127.0.0.1"), ("\"[0::1]\"", "::1"), ("\"0::1\"", "::1")] {
        let tls = app(&format!("tls: {{ server_name: {written} }}")).tls.unwrap();
        assert_eq!(tls.server_name.as_deref(), Some(name));
    }
}

#[test]
fn the_place_of_tls_to_endpoints_is_its_key() {
    let text = changed(&service("tls: { certificate: c.pem, key: c.key }"));
    let tls = parse("mizan.yml", &text, &|_| None).unwrap().services.remove(0).tls.unwrap();
    assert_eq!(&text[tls.place.0], "tls");
    assert_eq!(&text[tls.client.unwrap().place.0], "c.pem");
}

#[test]
fn slips_in_tls_to_endpoints_are_told() {
    told(&service("protocol: auto"), "`protocol: auto` without `tls`");
    told(&service("protocol: auto\n    tsl: true"), "did you mean `tls`?");
    told(&service("protocol: h2c"), "did you mean `h2`?");
    told(&service("protocol: https"), "write `tls: true`");
    told(&service("protocol: [h2]"), "`protocol` must be text, not a list");
    told(&service("tls: yes"), "`tls` must be true, false or a mapping, not text");
    told(&service("tls: { certificate: a }"), "`certificate` without `key`");
    told(&service("tls: { key: a }"), "`key` without `certificate`");
    told(&service("tls: { sni: a }"), "did you mean `server_name`?");
    told(&service("tls: { insecure_skip_verify: true }"), "did you mean `verify`?");
    told(&service("tls: { server_name: \"a:443\" }"), "a name or an address, not `a:443`");
    told(&service("tls: { verify: false, ca: ca.pem }"), "`ca` beside `verify: false`");
    warned(&service("tls: { verify: false }"), "can read and change what is sent");
    told("    endpoints: https://app/", "drop the `https://`: app:443, and give the service `tls: true`");
}

#[test]
fn an_endpoint_without_a_name_needs_one_to_be_verified() {
    let socket = |keys: &str| format!("    endpoints: \"unix:/run/app.sock\"\n    {keys}");
    told(&socket("tls: true"), "`unix:/run/app.sock` has no name that a certificate could prove");
    silent(&socket("tls: { server_name: app }"));
    told(&socket("tls: { server_name: \"a b\" }"), "must be a name or an address");
    warned(&socket("tls: { verify: false }"), "can read and change");
    silent("    endpoints: \"10.0.0.1:8443\"\n    tls: true");
}

#[test]
fn plain_http_to_the_port_of_https_is_a_warning() {
    warned("    endpoints: app:443", "`app:443` is sent plain HTTP, on the port of HTTPS");
    warned("    endpoints: [app:80, 10.0.0.1:443]\n    tls: false", "`10.0.0.1:443` is sent plain");
    warned("    tracks: { blue: \"app:443\" }", "`app:443`");
    silent("    endpoints: app:443\n    tls: true");
}

#[test]
fn a_route_that_upgrades_to_http_2_is_a_warning_unless_it_is_the_default() {
    let said = |route: &str| warnings(&changed(&service("protocol: h2")).replace("service: app }", route));
    assert_eq!(said("service: app }"), [""; 0]);
    assert_eq!(said("service: app, upgrade: [] }"), [""; 0]);
    let lines = said("service: app, upgrade: [websocket] }");
    assert!(lines[0].contains("`upgrade` to the service `app`, which speaks HTTP/2"), "{lines:?}");
}
