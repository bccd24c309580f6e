//! What a file says is what the model holds.

use mizan_config::model::{
    Action, Balance, Cipher, EndpointAddress, HashKey, HeaderTest, HostPattern, Hsts, ListenAddress,
    ListenProtocol, PathPattern, Probes, RedirectToHttps, Rewrite, Sticky, TlsProfile, UnknownHost,
    UpstreamProtocol,
};
use mizan_config::{Config, load, parse};
use std::path::Path;
use std::time::Duration;

const SOUND: &str = r#"listen: { http: ":80" }
services:
  app: { endpoints: app:3000 }
sites:
  - hosts: "*"
    routes:
      - { path: /, service: app }
"#;

fn config(text: &str) -> Config {
    parse("mizan.yml", text, &|name| (name == "PORT").then(|| "3000".into()))
        .unwrap_or_else(|e| panic!("{e}"))
}

fn full() -> Config {
    load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/full.yml"))
        .unwrap_or_else(|e| panic!("{e}"))
}

#[test]
fn what_the_file_leaves_out_has_its_documented_default() {
    let config = config(SOUND);
    assert_eq!(config.listen[0].address, ListenAddress::AnyAddress(80));
    assert_eq!((config.admin, config.state), (None, None));
    assert_eq!(config.resolver, mizan_config::model::Resolver::default());
    assert_eq!(config.limits, mizan_config::model::Limits::default());
    assert_eq!(config.drain, mizan_config::model::Drain::default());
    assert_eq!(config.probes, Probes::default());
    assert_eq!(config.unknown_host, UnknownHost::Misdirected);
    let app = &config.services[0];
    assert_eq!((app.name.as_str(), app.tracks.len(), app.tracks[0].name.as_str()), ("app", 1, ""));
    assert_eq!(
        (app.split.as_slice(), app.keepalive, app.balance.clone()),
        ([1].as_slice(), 64, Balance::LeastConn)
    );
    assert_eq!(app.timeouts, mizan_config::model::Timeouts::default());
    assert_eq!(app.passive, mizan_config::model::Passive::default());
    assert_eq!(app.retries, mizan_config::model::Retries::default());
    assert_eq!(app.health, None);
    assert_eq!((app.protocol, &app.tls), (UpstreamProtocol::Http1, &None));
    assert_eq!(config.tls, mizan_config::model::Tls::default());
    let site = &config.sites[0];
    assert_eq!((&site.tls, site.redirect_to_https, site.hsts), (&None, None, None));
    assert_eq!((&app.force, &app.sticky), (&None, &None));
    let route = &config.sites[0].routes[0];
    assert_eq!((route.line, route.methods.len(), route.headers.len()), (7, 0, 0));
    let Action::Service(forward) = &route.action else { panic!("{route:?}") };
    assert_eq!((forward.rewrite.clone(), forward.host.clone()), (Rewrite::Keep, None));
    assert_eq!(forward.upgrade, ["websocket"]);
    assert!(!forward.merge_slashes && !forward.forward_reduced_path);
}

#[test]
fn the_defaults_that_the_full_example_states_are_the_defaults() {
    let config = full();
    assert_eq!(config.limits, mizan_config::model::Limits::default());
    assert_eq!(config.drain, mizan_config::model::Drain::default());
    assert_eq!(config.probes, Probes::default());
    let api = &config.services[0];
    assert_eq!(api.timeouts, mizan_config::model::Timeouts::default());
    assert_eq!(api.passive, mizan_config::model::Passive::default());
    assert_eq!(api.retries, mizan_config::model::Retries::default());
    assert_eq!((api.keepalive, api.balance.clone()), (64, Balance::LeastConn));
}

#[test]
fn sockets_and_networks_are_as_the_full_example_says() {
    let config = full();
    let listen: Vec<_> = config.listen.iter().map(|listener| listener.address.clone()).collect();
    let expected = [
        ListenAddress::AnyAddress(80),
        ListenAddress::Tcp("127.0.0.1:8080".parse().unwrap()),
        ListenAddress::Tcp("[::1]:8081".parse().unwrap()),
        ListenAddress::Unix("/run/mizan/http.sock".into()),
        ListenAddress::AnyAddress(443),
        ListenAddress::Unix("/run/mizan/https.sock".into()),
    ];
    assert_eq!(listen, expected);
    let https = config.listen.iter().filter(|listener| listener.protocol == ListenProtocol::Https);
    assert_eq!(https.count(), 2);
    assert_eq!(
        config.resolver.servers,
        ["127.0.0.11:53".parse().unwrap(), "127.0.0.1:5353".parse().unwrap()]
    );
    let admin = config.admin.as_ref().unwrap();
    assert_eq!((admin.owner.as_deref(), admin.group.as_deref()), (Some("mizan"), Some("deploy")));
    assert_eq!(config.resolver.interval, Some(Duration::from_secs(2)));
    assert_eq!(config.resolver.max_stale, Some(Duration::from_hours(1)));
    let trusted: Vec<_> = config.trusted_proxies.iter().map(ToString::to_string).collect();
    assert_eq!(trusted, ["10.0.0.0/8", "fd00::/8", "192.0.2.1/32"]);
}

#[test]
fn services_are_as_the_full_example_says() {
    let config = full();
    let endpoints = &config.services[0].tracks[0].endpoints;
    assert_eq!(endpoints[0].address, EndpointAddress::Name { host: "api".into(), port: 3000 });
    assert_eq!(endpoints[1].address, EndpointAddress::Ip("10.0.0.7:3000".parse().unwrap()));
    assert_eq!(endpoints[1].weight, 3);
    assert_eq!(endpoints[2].address, EndpointAddress::Unix("/run/api.sock".into()));
    let health = config.services[0].health.as_ref().unwrap();
    assert_eq!(health.status, [(200, 399)]);
    assert_eq!(health.host.as_deref(), Some("api.internal"));
    assert_eq!(health.headers[1].0, "Authorization");
    assert_eq!(health.headers[1].1.expose(), "Bearer none");
    let shop = &config.services[1];
    let names: Vec<_> = shop.tracks.iter().map(|track| track.name.as_str()).collect();
    assert_eq!(
        (names.as_slice(), shop.split.as_slice()),
        (["blue", "green"].as_slice(), [100, 0].as_slice())
    );
    assert_eq!(shop.balance, Balance::Hash(HashKey::Cookie("session".into())));
    let force = shop.force.as_ref().unwrap();
    assert_eq!((force.header.as_deref(), force.cookie.as_deref()), (Some("x-track"), Some("track")));
    assert_eq!(force.from, ["10.0.0.0/8".parse().unwrap(), "192.0.2.1/32".parse().unwrap()]);
    assert_eq!(shop.sticky, Some(Sticky::default()));
}

#[test]
fn tls_is_as_the_full_example_says() {
    let config = full();
    assert_eq!(config.tls.profile, TlsProfile::Intermediate);
    assert_eq!((config.tls.versions.len(), config.tls.ciphers.len()), (2, Cipher::ALL.len()));
    let keys = |at: usize| {
        let tls = config.sites[at].tls.as_ref().unwrap();
        tls.certificates.files().iter().map(|files| files.key.file_name().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(
        (keys(0), keys(2)),
        (vec!["privkey.pem".as_ref()], vec!["any-ecdsa.key".as_ref(), "any-rsa.key".as_ref()])
    );
    assert!(config.sites[1].tls.as_ref().unwrap().certificates.is_acme());
    assert!(!config.sites[0].tls.as_ref().unwrap().client_auth.as_ref().unwrap().required);
    assert_eq!(config.sites[0].redirect_to_https, Some(RedirectToHttps { status: 308, port: Some(443) }));
    let hsts = Hsts { max_age: Duration::from_hours(730 * 24), include_subdomains: true, preload: true };
    assert_eq!((config.sites[0].hsts, config.sites[2].hsts), (Some(hsts), None));
    let ledger = &config.services[2];
    assert_eq!(ledger.protocol, UpstreamProtocol::H2);
    assert_eq!(ledger.tls.as_ref().unwrap().server_name.as_deref(), Some("ledger.internal"));
}

#[test]
fn routes_are_as_the_full_example_says() {
    let config = full();
    let hosts: Vec<_> = config.sites.iter().flat_map(|site| site.hosts.clone()).collect();
    let expected = [
        HostPattern::Exact("api.example.com".into()),
        HostPattern::Wildcard("api.example.com".into()),
        HostPattern::Exact("www.example.com".into()),
        HostPattern::Any,
    ];
    assert_eq!(hosts, expected);
    let routes = &config.sites[0].routes;
    let Action::Respond(pong) = &routes[0].action else { panic!("{:?}", routes[0]) };
    assert_eq!((routes[0].path.clone(), pong.status), (PathPattern::Exact("/ping".into()), 200));
    assert_eq!(pong.body, "pong\n");
    assert_eq!(routes[1].methods, ["GET", "HEAD"]);
    assert_eq!(routes[1].headers[0].name, "x-beta");
    assert_eq!(routes[1].headers[0].test, HeaderTest::Regex("^(1|yes)$".into()));
    let rewrites: Vec<_> = routes[3..5]
        .iter()
        .map(|route| match &route.action {
            Action::Service(forward) => forward.rewrite.clone(),
            Action::Respond(_) => Rewrite::Keep,
        })
        .collect();
    let expected = [Rewrite::StripPrefix("/old".into()), Rewrite::ReplacePrefix("/v1".into(), "/v2".into())];
    assert_eq!(rewrites, expected);
    let prefix = |prefix: &str, whole_segment, before_patterns| PathPattern::Prefix {
        prefix: prefix.into(),
        whole_segment,
        before_patterns,
    };
    let paths: Vec<_> = config.sites[2].routes.iter().map(|route| route.path.clone()).collect();
    let expected = [
        prefix("/", true, false),
        prefix("/download", false, false),
        prefix("/static", true, true),
        PathPattern::Regex { pattern: "^/user/[0-9]+$".into(), ignore_case: false },
        PathPattern::Suffixes(vec![".php".into(), ".asp".into()]),
    ];
    assert_eq!(paths, expected);
}

#[test]
fn conditions_tell_presence_from_values() {
    let text = SOUND.replace(
        "service: app }",
        "service: app, headers: { A: true, B: false, C: \"true\", D: 1.10, E: \"~ ^x\" } }",
    );
    let config = config(&text);
    let tests: Vec<_> = config.sites[0].routes[0].headers.iter().map(|header| header.test.clone()).collect();
    let expected = [
        HeaderTest::Present,
        HeaderTest::Absent,
        HeaderTest::Equals("true".into()),
        HeaderTest::Equals("1.10".into()),
        HeaderTest::Regex("^x".into()),
    ];
    assert_eq!(tests, expected);
}

#[test]
fn variables_expand_in_text_numbers_and_booleans() {
    let text = SOUND
        .replace("app:3000", "\"app:${PORT}\", keepalive: \"${PORT}\"")
        .replace("services:", "forwarded: ${ON:-true}\nservices:");
    let config = config(&text);
    assert_eq!(
        config.services[0].tracks[0].endpoints[0].address,
        EndpointAddress::Name { host: "app".into(), port: 3000 }
    );
    assert_eq!(config.services[0].keepalive, 3000);
    assert!(config.forwarded);
}

#[test]
fn a_variable_never_becomes_structure() {
    let text = SOUND.replace("service: app", "service: ${NAME}");
    let env = |_: &str| Some("app }\n      - { path: /x, service: app".to_owned());
    let problems = parse("mizan.yml", &text, &env).unwrap_err();
    assert_eq!(problems.len(), 1);
}

#[test]
fn a_status_may_be_a_list() {
    let text = SOUND.replace("app:3000", "app:3000, health: { path: \"/h?x=1\", status: [200, 300-399] }");
    assert_eq!(config(&text).services[0].health.as_ref().unwrap().status, [(200, 200), (300, 399)]);
}

#[test]
fn the_first_try_is_never_longer_than_the_connect_timeout() {
    let text = SOUND.replace("app:3000", "app:3000, timeouts: { connect: 100ms }");
    assert_eq!(config(&text).services[0].timeouts.first_try, Duration::from_millis(100));
}
