//! Sessions that clients take up again.

use crate::support::*;
use mizan_config::model::{ClientAuth, Place, TlsVersion};
use rustls::HandshakeKind::{Full, Resumed};
use rustls::client::{Resumption, Tls12Resumption};
use rustls::{ClientConfig, HandshakeKind};
use std::sync::Arc;

const HOST: &str = "api.example.com";

fn kind(tls: &mizan_certs::ServerTls, client: &Arc<ClientConfig>) -> HandshakeKind {
    let mut connected = connect(tls, client, HOST).expect("connected");
    assert!(connected.server.early_data().is_none());
    connected.server.handshake_kind().expect("a handshake")
}

#[test]
fn a_session_outlives_a_reload_and_a_new_process_starts_afresh() {
    for version in [TlsVersion::Tls12, TlsVersion::Tls13] {
        let folder = Folder::new();
        let root = Authority::root("Root");
        let mut config = config(vec![site(&[HOST], vec![folder.pair_of("site", &root, &[HOST])])]);
        config.tls.versions = vec![version];
        let first = sound(&config);
        let client = Arc::new(client(root.roots()));
        assert_eq!(kind(&first, &client), Full);
        assert_eq!(kind(&first, &client), Resumed);
        let second = after(&config, Some(&first));
        assert_eq!(kind(&second, &client), Resumed);
        assert_eq!(kind(&sound(&config), &client), Full);
    }
}

#[test]
fn instances_with_one_ticket_key_resume_each_others_sessions() {
    let folder = Folder::new();
    let root = Authority::root("Root");
    let mut config = config(vec![site(&[HOST], vec![folder.pair_of("site", &root, &[HOST])])]);
    config.tls.ticket_key = Some(ticket_key(folder.write("ticket.key", [7; 80])));
    let client = Arc::new(client(root.roots()));
    assert_eq!(kind(&sound(&config), &client), Full);
    let other = sound(&config);
    assert_eq!(kind(&other, &client), Resumed);
    folder.write("ticket.key", [8; 80]);
    assert!(other.stamps().files().any(|file| file.ends_with("ticket.key")));
    assert_eq!(kind(&after(&config, Some(&other)), &client), Full);
}

#[test]
fn sessions_end_with_their_period_and_the_next() {
    let folder = Folder::new();
    let root = Authority::root("Root");
    let config = config(vec![site(&[HOST], vec![folder.pair_of("site", &root, &[HOST])])]);
    let tls = sound(&config);
    let client = Arc::new(client(root.roots()));
    assert_eq!(kind(&tls, &client), Full);
    later(7 * 60 * 60);
    assert_eq!(kind(&tls, &client), Resumed);
    later(17 * 60 * 60);
    assert_eq!(kind(&tls, &client), Full);
}

#[test]
fn a_change_of_the_authorities_of_clients_ends_sessions() {
    let folder = Folder::new();
    let root = Authority::root("Root");
    let files = folder.pair_of("site", &root, &[HOST]);
    let ca = folder.write("ca.pem", root.0.pem());
    let with = |required| {
        let auth = ClientAuth { ca: ca.clone(), required, crl: None, place: Place::default() };
        config(vec![with_client_auth(site(&[HOST], vec![files.clone()]), auth)])
    };
    let issued = root.issue(&["client"]);
    let client =
        client_builder(root.roots(), rustls::crypto::aws_lc_rs::default_provider(), rustls::ALL_VERSIONS)
            .with_client_auth_cert(
                vec![issued.der.clone()],
                rustls::pki_types::PrivateKeyDer::Pkcs8(issued.key.serialize_der().into()),
            );
    let client = Arc::new(client.expect("a certificate"));
    let first = sound(&with(true));
    assert_eq!(kind(&first, &client), Full);
    let same = after(&with(true), Some(&first));
    assert_eq!(kind(&same, &client), Resumed);
    let id = |tls: &mizan_certs::ServerTls| tls.find(Some(HOST)).expect("a site").client_auth;
    assert_eq!(id(&first), id(&same));
    folder.write("ca.pem", root.0.pem() + &Authority::root("Another").0.pem());
    let changed = after(&with(true), Some(&same));
    assert_ne!(id(&changed), id(&same));
    assert_eq!(kind(&changed, &client), Full);
    let optional = after(&with(false), Some(&changed));
    assert_ne!(id(&optional), id(&changed));
    assert_eq!(kind(&optional, &client), Full);
    let none = after(&config(vec![site(&[HOST], vec![files.clone()])]), Some(&optional));
    assert_eq!(kind(&none, &client), Full);
}

#[test]
fn early_data_is_never_taken() {
    let folder = Folder::new();
    let root = Authority::root("Root");
    let tls = sound(&config(vec![site(&[HOST], vec![folder.pair_of("site", &root, &[HOST])])]));
    let mut client = client(root.roots());
    client.enable_early_data = true;
    let client = Arc::new(client);
    assert_eq!(kind(&tls, &client), Full);
    let name = rustls::pki_types::ServerName::try_from(HOST).expect("a name");
    let mut again = rustls::ClientConnection::new(client.clone(), name).expect("a connection");
    assert!(again.early_data().is_none(), "no ticket allows it");
    assert_eq!(kind(&tls, &client), Resumed);
}

#[test]
fn nothing_is_kept_for_clients_without_tickets() {
    let folder = Folder::new();
    let root = Authority::root("Root");
    let mut config = config(vec![site(&[HOST], vec![folder.pair_of("site", &root, &[HOST])])]);
    config.tls.versions = vec![TlsVersion::Tls12];
    let tls = sound(&config);
    let mut client = client(root.roots());
    client.resumption = Resumption::in_memory_sessions(8).tls12_resumption(Tls12Resumption::SessionIdOnly);
    let client = Arc::new(client);
    assert_eq!(kind(&tls, &client), Full);
    assert_eq!(kind(&tls, &client), Full);
}
