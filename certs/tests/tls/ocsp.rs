//! OCSP responses, made by `openssl`, stapled.

use crate::support::*;
use mizan_certs::Gravity;
use mizan_config::model::CertificateFiles;
use rcgen::SerialNumber;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, SignatureScheme};
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

const HOST: &str = "api.example.com";

#[test]
fn a_good_response_is_sent_until_it_is_out_of_date() {
    at(now());
    let scene = Scene::new();
    let response = scene.respond("V", 1);
    let config = config(vec![site(&[HOST], vec![scene.with(response.clone())])]);
    let tls = sound(&config);
    assert_eq!(scene.stapled(&tls), fs::read(&response).expect("a file"));
    assert!(tls.stamps().files().any(|file| file == response));
    later(8 * DAY);
    assert_eq!(scene.stapled(&tls), [0; 0], "out of date while it is in force");
    let (gravity, message) = fault(&config);
    assert_eq!(gravity, Gravity::Doubtful);
    assert!(message.starts_with("the OCSP response is not sent: it is out of date since "), "{message}");
}

#[test]
fn a_response_that_does_not_say_good_of_this_certificate_is_told_and_not_sent() {
    at(now());
    let scene = Scene::new();
    for (status, serial, why) in
        [("R", 1, "it says that the certificate is revoked"), ("V", 2, "it is for another certificate")]
    {
        let config = config(vec![site(&[HOST], vec![scene.with(scene.respond(status, serial))])]);
        let (gravity, message) = fault(&config);
        assert_eq!(gravity, Gravity::Doubtful);
        assert!(message.starts_with(&format!("the OCSP response is not sent: {why}: ")), "{message}");
        assert_eq!(scene.stapled(&load(&config).tls.expect("usable")), [0; 0]);
    }
    let config =
        config(vec![site(&[HOST], vec![scene.with(scene.folder.write("later.der", [0x30, 3, 10, 1, 3]))])]);
    assert!(fault(&config).1.contains("the responder gave none: try later"));
}

#[test]
fn what_is_not_a_response_is_unusable_and_no_damage_is_a_surprise() {
    at(now());
    let scene = Scene::new();
    let response = fs::read(scene.respond("V", 1)).expect("a file");
    let told = |bytes: &[u8]| {
        let files = scene.with(scene.folder.write("changed.der", bytes));
        load(&config(vec![site(&[HOST], vec![files])])).faults.first().map(|fault| fault.gravity)
    };
    assert_eq!(told(b"hello"), Some(Gravity::Unusable));
    assert_eq!(told(&[&response[..], b"x"].concat()), Some(Gravity::Unusable));
    for length in (0..response.len()).step_by(5) {
        assert_eq!(told(&response[..length]), Some(Gravity::Unusable), "{length}");
    }
    for at in (0..response.len()).step_by(3) {
        let mut changed = response.clone();
        changed[at] ^= 0xff;
        told(&changed);
    }
}

struct Scene {
    folder: Folder,
    root: Authority,
    issued: Issued,
    files: CertificateFiles,
}

impl Scene {
    fn new() -> Self {
        let (folder, root) = (Folder::new(), Authority::root("Root"));
        let issued = Self::numbered(&root, 1);
        let files = folder.pair("site", &(issued.pem.clone() + &root.0.pem()), &issued.key);
        Self { folder, root, issued, files }
    }

    fn numbered(root: &Authority, serial: u8) -> Issued {
        let mut params = between(&[HOST], clock() - DAY, clock() + 90 * DAY);
        params.serial_number = Some(SerialNumber::from(vec![serial]));
        root.issue_as(&params, key())
    }

    fn with(&self, response: PathBuf) -> CertificateFiles {
        CertificateFiles { ocsp: Some(response), ..self.files.clone() }
    }

    /// Of a certificate with the serial number, good for a week. `status` is the column of `openssl ca`'s index.
    fn respond(&self, status: &str, serial: u8) -> PathBuf {
        let revoked = if status == "R" { "260101000000Z" } else { "" };
        let index = format!("{status}\t400101000000Z\t{revoked}\t{serial:02X}\tunknown\t/CN=x\n");
        let other = Self::numbered(&self.root, serial);
        let certificate = if serial == 1 { &self.issued.pem } else { &other.pem };
        let text = |path: PathBuf| path.to_str().expect("text").to_owned();
        let index = text(self.folder.write("index.txt", index));
        let ca = text(self.folder.write("ca.pem", self.root.0.pem()));
        let ca_key = text(self.folder.write("ca.key", self.root.0.key().serialize_pem()));
        let certificate = text(self.folder.write("leaf.pem", certificate));
        let (request, response) =
            (text(self.folder.path("request.der")), self.folder.path(&format!("{serial}{status}.der")));
        openssl(&["ocsp", "-issuer", &ca, "-cert", &certificate, "-reqout", &request, "-no_nonce"]);
        let out = text(response.clone());
        openssl(&[
            "ocsp", "-index", &index, "-CA", &ca, "-rsigner", &ca, "-rkey", &ca_key, "-reqin", &request,
            "-respout", &out, "-ndays", "7",
        ]);
        response
    }

    /// What a client is sent with the certificate.
    fn stapled(&self, tls: &mizan_certs::ServerTls) -> Vec<u8> {
        let provider = Arc::new(default_provider());
        let inner = WebPkiServerVerifier::builder_with_provider(self.root.roots(), provider.clone()).build();
        let recorder = Arc::new(Recorder { inner: inner.expect("a verifier"), seen: Mutex::default() });
        let client = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .dangerous()
            .with_custom_certificate_verifier(recorder.clone())
            .with_no_client_auth();
        connect(tls, &Arc::new(client), HOST).expect("connected");
        recorder.seen.lock().expect("no panic").clone()
    }
}

/// Verifies as usual and keeps what was stapled.
#[derive(Debug)]
struct Recorder {
    inner: Arc<WebPkiServerVerifier>,
    seen: Mutex<Vec<u8>>,
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        *self.seen.lock().expect("no panic") = ocsp_response.to_vec();
        self.inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
