//! Certificates of clients.

use crate::support::*;
use mizan_certs::{ClientIdentity, Gravity, ServerTls};
use mizan_config::model::{ClientAuth, Place};
use rcgen::{CertificateRevocationListParams, DnType, KeyIdMethod, RevokedCertParams, SerialNumber};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::PrivateKeyDer;
use rustls::{AlertDescription, CertificateError, ClientConfig, Error};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

const HOST: &str = "api.example.com";

struct Scene {
    folder: Folder,
    server: Authority,
    clients: Authority,
}

impl Scene {
    fn new() -> Self {
        Self {
            folder: Folder::new(),
            server: Authority::root("Servers"),
            clients: Authority::root("Clients"),
        }
    }

    fn config(&self, required: bool, crl: Option<PathBuf>) -> mizan_config::Config {
        let ca = self.folder.write("ca.pem", self.clients.0.pem());
        let auth = ClientAuth { ca, required, crl, place: Place(40..50) };
        let files = self.folder.pair_of("site", &self.server, &[HOST]);
        config(vec![with_client_auth(site(&[HOST], vec![files]), auth)])
    }

    fn tls(&self, required: bool) -> ServerTls {
        sound(&self.config(required, None))
    }

    fn client(&self, issued: Option<&Issued>) -> Arc<ClientConfig> {
        let builder = client_builder(self.server.roots(), default_provider(), rustls::ALL_VERSIONS);
        Arc::new(match issued {
            None => builder.with_no_client_auth(),
            Some(Issued { der, key, .. }) => builder
                .with_client_auth_cert(vec![der.clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
                .expect("a certificate"),
        })
    }

    fn numbered(&self, serial: u8) -> Issued {
        let mut params = between(&["client"], NOON - DAY, NOON + 90 * DAY);
        params.serial_number = Some(SerialNumber::from(vec![serial]));
        self.clients.issue_as(&params, key())
    }

    fn revocation_list(&self, name: &str, revoked: u8, until: u64) -> PathBuf {
        let epoch = rcgen::date_time_ymd(1970, 1, 1);
        let list = CertificateRevocationListParams {
            this_update: epoch + Duration::from_secs(NOON - 10 * DAY),
            next_update: epoch + Duration::from_secs(until),
            crl_number: SerialNumber::from(vec![1]),
            issuing_distribution_point: None,
            revoked_certs: vec![RevokedCertParams {
                serial_number: SerialNumber::from(vec![revoked]),
                revocation_time: epoch + Duration::from_secs(NOON - 10 * DAY),
                reason_code: None,
                invalidity_date: None,
            }],
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = list.signed_by(&self.clients.0).expect("made");
        self.folder.write(name, list.pem().expect("text"))
    }
}

#[test]
fn required_takes_who_is_vouched_for_and_nobody_else() {
    let scene = Scene::new();
    let tls = scene.tls(true);
    let known = scene.clients.issue(&["client"]);
    let connected = connect(&tls, &scene.client(Some(&known)), HOST).expect("connected");
    let shown = connected.server.peer_certificates().expect("a certificate");
    assert_eq!(ClientIdentity::of(&shown[0]), ClientIdentity::of(&known.der));
    let refused = connect(&tls, &scene.client(None), HOST).expect_err("refused");
    assert_eq!(refused, Error::NoCertificatesPresented);
    let stranger = Authority::root("Clients").issue(&["client"]);
    connect(&tls, &scene.client(Some(&stranger)), HOST).expect_err("refused");
}

#[test]
fn optional_takes_who_shows_none_and_refuses_strangers() {
    let scene = Scene::new();
    let tls = scene.tls(false);
    let connected = connect(&tls, &scene.client(None), HOST).expect("connected");
    assert!(connected.server.peer_certificates().is_none());
    connect(&tls, &scene.client(Some(&scene.clients.issue(&["client"]))), HOST).expect("connected");
    let stranger = Authority::root("Clients").issue(&["client"]);
    connect(&tls, &scene.client(Some(&stranger)), HOST).expect_err("refused");
}

#[test]
fn an_expired_client_is_refused_by_the_clock_that_was_given() {
    let scene = Scene::new();
    let tls = scene.tls(true);
    let params = between(&["client"], NOON - 2 * DAY, NOON + DAY);
    let issued = scene.clients.issue_as(&params, key());
    connect(&tls, &scene.client(Some(&issued)), HOST).expect("connected");
    later(2 * DAY);
    let refused = connect(&tls, &scene.client(Some(&issued)), HOST).expect_err("refused");
    assert!(
        matches!(refused, Error::InvalidCertificate(CertificateError::ExpiredContext { .. })),
        "{refused:?}"
    );
}

#[test]
fn a_revoked_client_is_refused_and_the_others_are_not() {
    let scene = Scene::new();
    let crl = scene.revocation_list("crl.pem", 7, NOON + DAY);
    let tls = sound(&scene.config(true, Some(crl)));
    connect(&tls, &scene.client(Some(&scene.numbered(8))), HOST).expect("connected");
    let refused = connect(&tls, &scene.client(Some(&scene.numbered(7))), HOST).expect_err("refused");
    assert_eq!(refused, Error::InvalidCertificate(CertificateError::Revoked));
    // What the client is told.
    assert_eq!(AlertDescription::from(CertificateError::Revoked), AlertDescription::CertificateRevoked);
}

#[test]
fn an_outdated_revocation_list_is_told_and_still_revokes() {
    let scene = Scene::new();
    let crl = scene.revocation_list("crl.pem", 7, NOON - DAY);
    let loaded = load(&scene.config(true, Some(crl)));
    let [fault] = &loaded.faults[..] else { panic!("one fault: {:?}", loaded.faults) };
    assert_eq!(fault.gravity, Gravity::Doubtful);
    assert!(fault.message.starts_with("the revocation list of Clients is out of date since 2026-02-28"));
    assert_eq!(fault.place.0, 40..50);
    let tls = loaded.tls.expect("usable");
    connect(&tls, &scene.client(Some(&scene.numbered(8))), HOST).expect("connected");
    connect(&tls, &scene.client(Some(&scene.numbered(7))), HOST).expect_err("refused");
}

#[test]
fn another_revocation_list_is_another_id() {
    let scene = Scene::new();
    let id = |crl| {
        sound(&scene.config(true, crl)).find(Some(HOST)).expect("a site").client_auth.expect("asked for")
    };
    let [one, two] = [7, 8].map(|serial| scene.revocation_list(&format!("{serial}.pem"), serial, NOON + DAY));
    assert_eq!(id(Some(one.clone())), id(Some(one.clone())));
    assert_ne!(id(Some(one.clone())), id(Some(two)));
    assert_ne!(id(Some(one)), id(None));
}

#[test]
fn files_that_vouch_for_nobody_are_unusable() {
    let scene = Scene::new();
    let not_one = scene.folder.write("not.pem", "hello");
    let (gravity, message) = fault(&scene.config(true, Some(not_one.clone())));
    assert_eq!(gravity, Gravity::Unusable);
    assert!(
        message.starts_with("the revocation list holds no revocation list (`BEGIN X509 CRL`): "),
        "{message}"
    );
    let garbled = scene.folder.write("bad.pem", "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n");
    assert!(
        fault(&scene.config(true, Some(garbled)))
            .1
            .starts_with("number 1 in the revocation list is not one: ")
    );
    let mut config = scene.config(true, None);
    config.sites[0].tls.as_mut().expect("TLS").client_auth.as_mut().expect("asked for").ca = not_one;
    let (gravity, message) = fault(&config);
    assert_eq!(gravity, Gravity::Unusable);
    assert!(message.starts_with("the file of client authorities holds no certificate"), "{message}");
}

#[test]
fn an_identity_is_text_that_can_stand_in_a_header() {
    let mut params = between(&["client"], NOON, NOON + DAY);
    params.serial_number = Some(SerialNumber::from(vec![0xab, 0xcd]));
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CountryName, "DE");
    params.distinguished_name.push(DnType::OrganizationName, "Zoë, Inc.");
    params.distinguished_name.push(DnType::CustomDnType(vec![1, 2, 3, 4]), "x");
    params.distinguished_name.push(DnType::CommonName, "shop\r\nX-Admin: 1");
    let issued = Authority::root("Clients").issue_as(&params, key());
    let identity = ClientIdentity::of(&issued.der).expect("a certificate");
    assert_eq!(identity.subject, "CN=shop\\0D\\0AX-Admin: 1,1.2.3.4=#0c0178,O=Zo\\C3\\AB\\, Inc.,C=DE");
    assert_eq!(identity.serial, "ABCD");
    assert_eq!(identity.fingerprint.len(), 64);
    assert_eq!(identity.not_after, (NOON + DAY).cast_signed());
    assert_eq!(ClientIdentity::of(&b"hello"[..].into()), None);
}
