//! What clients and listeners agree on.

use crate::support::*;
use mizan_config::model::{Cipher, TlsProfile, TlsVersion};
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{cipher_suite, default_provider, kx_group};
use rustls::version::{TLS12, TLS13};
use rustls::{CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme, SupportedCipherSuite};
use std::sync::Arc;

const HOST: &str = "api.example.com";

#[test]
fn a_present_client_gets_tls_1_3_and_a_key_exchange_for_the_time_after_quantum_computers() {
    let folder = Folder::new();
    let root = Authority::root("Root");
    let tls = sound(&config(vec![site(&[HOST], vec![folder.pair_of("site", &root, &[HOST])])]));
    let mut client = client(root.roots());
    client.alpn_protocols = vec![b"http/1.1".into(), b"h2".into()];
    let connected = connect(&tls, &Arc::new(client), HOST).expect("connected");
    assert_eq!(connected.client.protocol_version(), Some(ProtocolVersion::TLSv1_3));
    let group = connected.client.negotiated_key_exchange_group().expect("a group");
    assert_eq!(group.name(), NamedGroup::X25519MLKEM768);
    assert_eq!(connected.client.alpn_protocol(), Some(&b"h2"[..]));
}

#[test]
fn every_group_is_there_for_clients_that_know_no_other() {
    let folder = Folder::new();
    let root = Authority::root("Root");
    let tls = sound(&config(vec![site(&[HOST], vec![folder.pair_of("site", &root, &[HOST])])]));
    for group in [kx_group::X25519MLKEM768, kx_group::X25519, kx_group::SECP256R1, kx_group::SECP384R1] {
        let provider = CryptoProvider { kx_groups: vec![group], ..default_provider() };
        let client = client_builder(root.roots(), provider, &[&TLS13]).with_no_client_auth();
        let connected = connect(&tls, &Arc::new(client), HOST).expect("connected");
        assert_eq!(connected.client.negotiated_key_exchange_group().expect("a group").name(), group.name());
    }
}

#[test]
fn each_name_gets_its_own_certificate() {
    let folder = Folder::new();
    let root = Authority::root("Root");
    let tls = sound(&config(vec![
        site(&[HOST], vec![folder.pair_of("one", &root, &[HOST])]),
        site(&["*.example.com"], vec![folder.pair_of("two", &root, &["*.example.com"])]),
    ]));
    let client = Arc::new(client(root.roots()));
    connect(&tls, &client, HOST).expect("connected");
    connect(&tls, &client, "www.example.com").expect("connected");
    assert!(connect(&tls, &client, "a.b.example.com").is_err(), "a certificate's wildcard is one label");
    assert!(tls.find(Some("example.com")).is_none() && tls.find(None).is_none());
}

#[test]
fn modern_refuses_tls_1_2_and_intermediate_does_not() {
    let folder = Folder::new();
    let root = Authority::root("Root");
    let mut config = config(vec![site(&[HOST], vec![folder.pair_of("site", &root, &[HOST])])]);
    let client = Arc::new(client_builder(root.roots(), default_provider(), &[&TLS12]).with_no_client_auth());
    connect(&sound(&config), &client, HOST).expect("connected");
    config.tls.profile = TlsProfile::Modern;
    connect(&sound(&config), &client, HOST).expect_err("refused");
}

#[test]
fn versions_and_ciphers_stand_in_for_the_profile() {
    let folder = Folder::new();
    let root = Authority::root("Root");
    let mut config = config(vec![site(&[HOST], vec![folder.pair_of("site", &root, &[HOST])])]);
    config.tls.versions = vec![TlsVersion::Tls12];
    config.tls.ciphers = vec![Cipher::EcdheEcdsaChacha20Poly1305Sha256];
    let connected = connect(&sound(&config), &Arc::new(client(root.roots())), HOST).expect("connected");
    let suite = connected.client.negotiated_cipher_suite().expect("a suite").suite();
    assert_eq!(suite, CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256);
}

#[test]
fn the_client_says_which_cipher_it_likes_best() {
    let folder = Folder::new();
    let root = Authority::root("Root");
    let tls = sound(&config(vec![site(&[HOST], vec![folder.pair_of("site", &root, &[HOST])])]));
    for suite in [cipher_suite::TLS13_CHACHA20_POLY1305_SHA256, cipher_suite::TLS13_AES_128_GCM_SHA256] {
        let mut provider = default_provider();
        provider.cipher_suites.sort_by_key(|other| *other != suite);
        let client = client_builder(root.roots(), provider, &[&TLS13]).with_no_client_auth();
        let connected = connect(&tls, &Arc::new(client), HOST).expect("connected");
        assert_eq!(connected.client.negotiated_cipher_suite(), Some(suite));
    }
}

#[test]
fn of_two_certificates_the_client_gets_the_one_it_can_use() {
    let folder = Folder::new();
    let root = Authority::root("Root");
    let rsa = root.issue_for(&[HOST], rsa_key());
    let ecdsa = root.issue(&[HOST]);
    let pairs = vec![
        folder.pair("rsa", &(rsa.pem.clone() + &root.0.pem()), &rsa.key),
        folder.pair("ecdsa", &(ecdsa.pem.clone() + &root.0.pem()), &ecdsa.key),
    ];
    let tls = sound(&config(vec![site(&[HOST], pairs)]));
    let chosen = |provider, versions: &[&'static rustls::SupportedProtocolVersion]| {
        let client = client_builder(root.roots(), provider, versions).with_no_client_auth();
        let connected = connect(&tls, &Arc::new(client), HOST).expect("connected");
        let shown = connected.client.peer_certificates().expect("certificates")[0].clone();
        if shown == ecdsa.der { "ecdsa" } else { "rsa" }
    };
    let only_suites = |name: &str| {
        let fits = |suite: &SupportedCipherSuite| format!("{:?}", suite.suite()).contains(name);
        let cipher_suites = default_provider().cipher_suites.into_iter().filter(fits).collect();
        CryptoProvider { cipher_suites, ..default_provider() }
    };
    let without_ecdsa = || {
        let mut provider = default_provider();
        let mapping = provider.signature_verification_algorithms.mapping;
        let rsa: Vec<_> = mapping
            .iter()
            .copied()
            .filter(|(scheme, _)| *scheme == SignatureScheme::RSA_PSS_SHA256)
            .collect();
        provider.signature_verification_algorithms.mapping = Vec::leak(rsa);
        provider
    };
    assert_eq!(chosen(default_provider(), rustls::ALL_VERSIONS), "ecdsa");
    assert_eq!(chosen(default_provider(), &[&TLS12]), "ecdsa");
    assert_eq!(chosen(only_suites("ECDHE_ECDSA"), &[&TLS12]), "ecdsa");
    assert_eq!(chosen(only_suites("ECDHE_RSA"), &[&TLS12]), "rsa");
    assert_eq!(chosen(without_ecdsa(), &[&TLS13]), "rsa");
    assert_eq!(chosen(without_ecdsa(), &[&TLS12]), "rsa");
}
