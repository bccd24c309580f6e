//! A certificate authority of the test's own: a root, an intermediate, and what they issue.

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertificateSigningRequestParams,
    CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, RevokedCertParams, SerialNumber, date_time_ymd,
};
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, CertificateSigningRequestDer};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

/// A root and its intermediate.
#[derive(Debug)]
pub struct Authority {
    root: CertifiedIssuer<'static, KeyPair>,
    intermediate: CertifiedIssuer<'static, KeyPair>,
    next_serial: AtomicU64,
}

/// A certificate and its key.
#[derive(Debug)]
pub struct Issued {
    /// The certificate and its intermediate, in PEM.
    pub chain: String,
    /// The certificate alone.
    pub leaf: String,
    pub key: String,
    pub der: CertificateDer<'static>,
    serial: u64,
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Wanted {
    names: Vec<String>,
    common_name: String,
    rsa: bool,
    client: bool,
    /// Years, months and days.
    from: (i32, u8, u8),
    until: (i32, u8, u8),
}

impl Wanted {
    /// For a server of these names or addresses; the first is its common name as well.
    pub fn server(names: &[&str]) -> Self {
        Self {
            names: names.iter().map(ToString::to_string).collect(),
            common_name: names.first().copied().unwrap_or_default().to_owned(),
            rsa: false,
            client: false,
            from: (2020, 1, 1),
            until: (2099, 1, 1),
        }
    }

    /// For a client that is called so.
    pub fn client(common_name: &str) -> Self {
        Self { names: Vec::new(), common_name: common_name.to_owned(), client: true, ..Self::server(&[]) }
    }

    /// With an RSA key of 2048 bits; otherwise it is ECDSA P-256.
    #[must_use]
    pub fn rsa(mut self) -> Self {
        self.rsa = true;
        self
    }

    #[must_use]
    pub fn from(mut self, year: i32, month: u8, day: u8) -> Self {
        self.from = (year, month, day);
        self
    }

    #[must_use]
    pub fn until(mut self, year: i32, month: u8, day: u8) -> Self {
        self.until = (year, month, day);
        self
    }
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let params = |name: String| {
            let mut params = CertificateParams::default();
            params.distinguished_name.push(DnType::CommonName, name);
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
            params.not_before = date_time_ymd(2020, 1, 1);
            params.not_after = date_time_ymd(2099, 1, 1);
            params
        };
        let key = || KeyPair::generate().expect("a key");
        let root = CertifiedIssuer::self_signed(params(format!("{name} root")), key()).expect("a root");
        let intermediate = CertifiedIssuer::signed_by(params(format!("{name} intermediate")), key(), &root)
            .expect("an intermediate");
        Self { root, intermediate, next_serial: AtomicU64::new(1) }
    }

    /// The root in PEM: what clients trust.
    pub fn root(&self) -> String {
        self.root.pem()
    }

    pub fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.der().clone()).expect("a root that was just made");
        roots
    }

    /// For a server of these names, ECDSA, valid.
    pub fn server(&self, names: &[&str]) -> Issued {
        self.issue(&Wanted::server(names))
    }

    /// For a client that is called so.
    pub fn client(&self, common_name: &str) -> Issued {
        self.issue(&Wanted::client(common_name))
    }

    pub fn issue(&self, wanted: &Wanted) -> Issued {
        let serial = self.next_serial.fetch_add(1, Ordering::Relaxed);
        let mut params = CertificateParams::new(wanted.names.clone()).expect("names");
        params.distinguished_name.push(DnType::CommonName, wanted.common_name.clone());
        params.serial_number = Some(SerialNumber::from(serial));
        params.use_authority_key_identifier_extension = true;
        let usage = if wanted.client {
            ExtendedKeyUsagePurpose::ClientAuth
        } else {
            ExtendedKeyUsagePurpose::ServerAuth
        };
        params.extended_key_usages = vec![usage];
        params.not_before = date_time_ymd(wanted.from.0, wanted.from.1, wanted.from.2);
        params.not_after = date_time_ymd(wanted.until.0, wanted.until.1, wanted.until.2);
        let algorithm = if wanted.rsa { &PKCS_RSA_SHA256 } else { &PKCS_ECDSA_P256_SHA256 };
        let key = KeyPair::generate_for(algorithm).expect("a key");
        let leaf = params.signed_by(&key, &self.intermediate).expect("a certificate");
        Issued {
            chain: leaf.pem() + &self.intermediate.pem(),
            leaf: leaf.pem(),
            key: key.serialize_pem(),
            der: leaf.der().clone(),
            serial,
        }
    }

    /// What a request (PKCS #10, in DER) asks for, and the intermediate, in PEM.
    ///
    /// # Panics
    /// When the request is none, or its signature is wrong.
    pub fn sign(&self, request: &[u8], from: SystemTime, until: SystemTime) -> String {
        let serial = self.next_serial.fetch_add(1, Ordering::Relaxed);
        let request = CertificateSigningRequestDer::from(request);
        let mut request = CertificateSigningRequestParams::from_der(&request).expect("a request");
        request.params.serial_number = Some(SerialNumber::from(serial));
        request.params.use_authority_key_identifier_extension = true;
        request.params.not_before = from.into();
        request.params.not_after = until.into();
        let leaf = request.signed_by(&self.intermediate).expect("a certificate");
        leaf.pem() + &self.intermediate.pem()
    }

    /// A revocation list of the intermediate, in PEM.
    pub fn revoke(&self, revoked: &[&Issued]) -> String {
        let revoked = revoked.iter().map(|issued| RevokedCertParams {
            serial_number: SerialNumber::from(issued.serial),
            revocation_time: date_time_ymd(2024, 1, 1),
            reason_code: None,
            invalidity_date: None,
        });
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2024, 1, 1),
            next_update: date_time_ymd(2099, 1, 1),
            crl_number: SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.intermediate).and_then(|list| list.pem()).expect("a revocation list")
    }
}

impl Issued {
    /// `NAME.pem` (the chain) and `NAME.key`, each in one step, as certbot and Kubernetes write them.
    pub fn write(&self, folder: &Path, name: &str) {
        put(&folder.join(format!("{name}.key")), &self.key);
        put(&folder.join(format!("{name}.pem")), &self.chain);
    }
}

/// Writes a file whole or not at all.
pub fn put(path: &Path, text: &str) {
    let new = path.with_extension("new");
    std::fs::write(&new, text).unwrap_or_else(|e| panic!("write {}: {e}", new.display()));
    std::fs::rename(&new, path).unwrap_or_else(|e| panic!("rename to {}: {e}", path.display()));
}
