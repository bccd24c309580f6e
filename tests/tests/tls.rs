//! What a TLS handshake settles: names, versions, ciphers, keys, protocols.

use mizan_tests::authority::Wanted;
use mizan_tests::https::{Https, Site, folder};
use mizan_tests::tls::session;
use mizan_tests::{Authority, TlsClient};
use rustls::crypto::SupportedKxGroup;
use rustls::crypto::aws_lc_rs::kx_group;
use rustls::pki_types::CertificateDer;
use rustls::version::{TLS12, TLS13};
use rustls::{NamedGroup, ProtocolVersion};
use std::io;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// The certificate that the server showed.
fn shown(stream: &TlsStream<TcpStream>) -> &CertificateDer<'static> {
    let chain = session(stream).peer_certificates().expect("a server shows a certificate");
    chain.first().expect("its own is the first")
}

/// The handshake failed because the server has no such name.
fn assert_unrecognized(handshake: io::Result<TlsStream<TcpStream>>) {
    let error = handshake.expect_err("the server has no certificate for the name");
    assert!(error.to_string().contains("UnrecognisedName"), "{error}");
}

/// A proxy with three sites: an exact name, a wildcard, and `last`.
async fn three_sites(last: &str) -> (Https, [CertificateDer<'static>; 3]) {
    let (authority, folder) = (Authority::new("Test"), folder());
    let exact = authority.server(&["www.wild.test"]);
    let wild = authority.server(&["*.wild.test"]);
    let other = authority.server(&["other.test", "127.0.0.1", "wild.test"]);
    exact.write(folder.path(), "exact");
    wild.write(folder.path(), "wild");
    other.write(folder.path(), "other");
    let sites =
        [Site::new("www.wild.test", "exact"), Site::new("*.wild.test", "wild"), Site::new(last, "other")];
    let https = Https::start_in(folder, authority, &sites, "").await;
    (https, [exact.der, wild.der, other.der])
}

#[tokio::test]
async fn the_name_chooses_the_certificate_exact_before_wildcard_before_any() {
    let (https, [exact, wild, other]) = three_sites("*").await;
    for (name, certificate) in [
        ("www.wild.test", &exact),
        ("WWW.Wild.Test", &exact),
        ("shop.wild.test", &wild),
        ("wild.test", &other),
        ("other.test", &other),
        // An address is no name: none is sent.
        ("127.0.0.1", &other),
    ] {
        let stream =
            https.client().connect(https.addr(), name).await.unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(shown(&stream), certificate, "{name}");
        drop(stream);
        assert_eq!(https.client().get(https.addr(), name, "/").await.text(), "one", "{name}");
    }
}

#[tokio::test]
async fn a_client_without_sni_gets_the_certificate_of_the_site_for_all() {
    let (https, [_, _, other]) = three_sites("*").await;
    let client = https.client().without_sni();
    let stream = client.connect(https.addr(), "other.test").await.expect("it is served");
    assert_eq!(shown(&stream), &other);
    let finished = https.openssl("", "-quiet").await;
    assert!(finished.stdout.starts_with("HTTP/1.1 200"), "{finished:?}");
}

#[tokio::test]
async fn an_unknown_name_and_none_at_all_are_refused_with_an_alert() {
    let (https, _) = three_sites("other.test").await;
    assert_unrecognized(https.client().connect(https.addr(), "nobody.test").await);
    assert_unrecognized(https.client().connect(https.addr(), "wild.test").await);
    assert_unrecognized(https.client().without_sni().connect(https.addr(), "other.test").await);
    for (name, version) in [("nobody.test", "-tls1_3"), ("nobody.test", "-tls1_2"), ("", "-tls1_3")] {
        let finished = https.openssl(name, version).await;
        assert_eq!(finished.code, Some(1), "{finished:?}");
        assert!(finished.stderr.contains("unrecognized name"), "{name}: {}", finished.stderr);
    }
    assert_eq!(https.client().get(https.addr(), "www.wild.test", "/").await.status, 200);
    assert_eq!(https.upstream.request_count(), 1);
}

#[tokio::test]
async fn alpn_chooses_h2_before_http1_and_without_alpn_it_is_http1() {
    let https = Https::start("").await;
    for (offered, chosen) in [
        (&["h2", "http/1.1"][..], Some(&b"h2"[..])),
        (&["http/1.1", "h2"], Some(b"h2")),
        (&["http/1.1"], Some(b"http/1.1")),
        (&["h2"], Some(b"h2")),
        (&[], None),
    ] {
        let client = https.client().alpn(offered);
        let stream =
            client.connect(https.addr(), "app.test").await.unwrap_or_else(|e| panic!("{offered:?}: {e}"));
        assert_eq!(session(&stream).alpn_protocol(), chosen, "{offered:?}");
    }
    assert_eq!(https.client().alpn(&[]).get(https.addr(), "app.test", "/").await.text(), "one");
    let refused = https.client().alpn(&["spdy/3"]).connect(https.addr(), "app.test").await;
    let error = refused.expect_err("it speaks nothing of that");
    assert!(error.to_string().contains("NoApplicationProtocol"), "{error}");
}

#[tokio::test]
async fn curl_speaks_http2_and_http1() {
    let https = Https::start("").await;
    for (version, words) in [("2", &["--http2"][..]), ("1.1", &["--http1.1"]), ("1.1", &["--no-alpn"])] {
        let written = ["-w", " %{http_version} %{ssl_verify_result}"];
        let finished = https.curl("app.test", "/x", &[words, &written[..]].concat()).await;
        assert_eq!(finished.stdout, format!("one {version} 0"), "{words:?}: {finished:?}");
    }
    for request in https.upstream.requests() {
        assert_eq!(request.header("x-forwarded-proto"), Some("https"), "{}", request.head);
        assert_eq!(request.header("host"), Some(&*format!("app.test:{}", https.addr().port())));
    }
}

#[tokio::test]
async fn tls_1_2_and_1_3_are_spoken_and_nothing_older() {
    let https = Https::start("").await;
    for (version, told) in [("-tls1_2", "Protocol  : TLSv1.2"), ("-tls1_3", "New, TLSv1.3")] {
        let finished = https.openssl("app.test", version).await;
        assert_eq!(finished.code, Some(0), "{version}: {finished:?}");
        assert!(finished.stdout.contains(told), "{version}: {}", finished.stdout);
        assert!(finished.stdout.contains("HTTP/1.1 200"), "{version}: {}", finished.stdout);
    }
    for version in ["-tls1_1", "-tls1"] {
        // OpenSSL itself speaks them only when nothing is asked of security.
        let finished = https.openssl("app.test", &format!("{version} -cipher DEFAULT@SECLEVEL=0")).await;
        assert_eq!(finished.code, Some(1), "{version}: {finished:?}");
        assert!(finished.stderr.contains(" alert "), "{version}: {}", finished.stderr);
        assert!(finished.stdout.contains("Cipher is (NONE)"), "{version}: {}", finished.stdout);
    }
}

#[tokio::test]
async fn the_modern_profile_refuses_tls_1_2() {
    let https = Https::start("tls: { profile: modern }").await;
    let old = TlsClient::with(&https.authority, None, &[&TLS12]);
    let error = old.connect(https.addr(), "app.test").await.expect_err("it is too old");
    assert!(error.to_string().contains("ProtocolVersion"), "{error}");
    let new = TlsClient::with(&https.authority, None, &[&TLS13]);
    assert_eq!(new.get(https.addr(), "app.test", "/").await.status, 200);
}

#[tokio::test]
async fn listed_versions_and_ciphers_are_spoken_and_no_others() {
    let https = Https::start("tls: { versions: \"1.2\", ciphers: [ECDHE-ECDSA-AES256-GCM-SHA384] }").await;
    let stream = https.client().connect(https.addr(), "app.test").await.expect("TLS 1.2 is there");
    assert_eq!(session(&stream).protocol_version(), Some(ProtocolVersion::TLSv1_2));
    let suite = session(&stream).negotiated_cipher_suite().expect("one was chosen").suite();
    assert_eq!(suite, rustls::CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384);
    let refused = https.openssl("app.test", "-tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256").await;
    assert!(refused.stderr.contains("alert handshake failure"), "{}", refused.stderr);
    let new = TlsClient::with(&https.authority, None, &[&TLS13]);
    assert!(new.connect(https.addr(), "app.test").await.is_err(), "TLS 1.3 was not listed");
}

#[tokio::test]
async fn there_are_no_ciphers_without_forward_secrecy_or_with_cbc() {
    let https = Https::start("").await;
    for cipher in [
        "AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES128-SHA",
        "DHE-RSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES128-SHA256",
    ] {
        let finished = https.openssl("app.test", &format!("-tls1_2 -cipher {cipher}@SECLEVEL=0")).await;
        assert!(finished.stderr.contains("alert handshake failure"), "{cipher}: {}", finished.stderr);
    }
}

#[tokio::test]
async fn the_hybrid_key_exchange_is_taken_where_it_is_offered_and_x25519_where_not() {
    let https = Https::start("").await;
    let hybrid = kx_group::X25519MLKEM768;
    for (offered, taken) in [
        (vec![hybrid, kx_group::X25519], NamedGroup::X25519MLKEM768),
        (vec![hybrid], NamedGroup::X25519MLKEM768),
        (vec![kx_group::X25519], NamedGroup::X25519),
        (vec![kx_group::SECP384R1], NamedGroup::secp384r1),
    ] {
        let names: Vec<_> = offered.iter().map(|group| group.name()).collect();
        let client = TlsClient::with_groups(&https.authority, offered);
        let stream =
            client.connect(https.addr(), "app.test").await.unwrap_or_else(|e| panic!("{names:?}: {e}"));
        let group = session(&stream).negotiated_key_exchange_group().map(SupportedKxGroup::name);
        assert_eq!(group, Some(taken), "{names:?}");
    }
}

/// `app.test` with an ECDSA and an RSA certificate.
async fn two_keys() -> Https {
    let (authority, folder) = (Authority::new("Test"), folder());
    authority.server(&["app.test"]).write(folder.path(), "app");
    authority.issue(&Wanted::server(&["app.test"]).rsa()).write(folder.path(), "rsa");
    let upstream = mizan_tests::Upstream::start("one").await;
    let yaml = mizan_tests::https::sites(&upstream, &[Site::new("app.test", "app")], "").replace(
        "{ certificate: app.pem, key: app.key }",
        "{ certificates: [{ certificate: rsa.pem, key: rsa.key }, { certificate: app.pem, key: app.key }] }",
    );
    let mizan = mizan_tests::mizan::Launch::default().listeners(2).start_in(folder, &yaml).await;
    Https { mizan, authority, upstream }
}

#[tokio::test]
async fn of_two_certificates_a_client_gets_the_one_that_it_can_verify() {
    let https = two_keys().await;
    for (words, kind) in [
        ("-tls1_3", "ECDSA"),
        ("-tls1_3 -sigalgs ecdsa_secp256r1_sha256", "ECDSA"),
        ("-tls1_3 -sigalgs rsa_pss_rsae_sha256", "RSA-PSS"),
        ("-tls1_2", "ECDSA"),
        ("-tls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256", "RSA"),
        ("-tls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256 -sigalgs RSA+SHA256", "RSA"),
        ("-tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256", "ECDSA"),
    ] {
        let finished = https.openssl("app.test", words).await;
        let told = finished.stdout.lines().find_map(|line| line.strip_prefix("Peer signature type: "));
        assert!(told.is_some_and(|told| told.starts_with(kind)), "{words}: {told:?} {finished:?}");
        assert!(finished.stdout.contains("HTTP/1.1 200"), "{words}: {finished:?}");
    }
}

#[tokio::test]
async fn early_data_is_not_offered() {
    let https = Https::start("").await;
    let first = https.openssl("app.test", "-tls1_3 -sess_out session").await;
    assert!(first.stdout.contains("Max Early Data: 0"), "{}", first.stdout);
    std::fs::write(https.mizan.folder().join("early"), "GET /early HTTP/1.1\r\nHost: app.test\r\n\r\n")
        .expect("written");
    let second = https.openssl("app.test", "-tls1_3 -sess_in session -early_data early").await;
    assert!(!second.stdout.contains("Early data was accepted"), "{}", second.stdout);
    assert!(https.upstream.requests_for("/early").is_empty(), "{:?}", https.upstream.requests());
}
