//! Answers to challenges, as the data plane gives them: by path on any port (HTTP-01), by ALPN on the TLS port
//! (TLS-ALPN-01).

use crate::store::{Answer, Challenges, is_token};
use aws_lc_rs::digest::{SHA256, digest};
use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, RwLock};
use std::time::Duration;
use tokio::sync::Semaphore;

/// RFC 8737, 6.2.
pub const ACME_TLS: &[u8] = b"acme-tls/1";

/// RFC 8555, 8.3.
pub const PATH: &str = "/.well-known/acme-challenge/";

/// How many clients may have the disk asked at once, by path and by handshake each.
const LOOKS: usize = 4;

/// How long the others wait for their turn before they are told that there is nothing.
const TURN: Duration = Duration::from_secs(1);

/// Answers of this process, and those that another one has left in the store that they share.
#[derive(Debug)]
pub struct Answers {
    mine: RwLock<Mine>,
    looks_by_path: Arc<Semaphore>,
    looks_by_name: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct Mine {
    /// From token to key authorization.
    by_token: HashMap<String, String>,
    /// From name to what a handshake needs.
    by_name: HashMap<String, Arc<ServerConfig>>,
    /// `state/acme/challenges`, where there is one.
    shared: Option<PathBuf>,
}

impl Default for Answers {
    fn default() -> Self {
        let looks = || Arc::new(Semaphore::new(LOOKS));
        Self { mine: RwLock::default(), looks_by_path: looks(), looks_by_name: looks() }
    }
}

impl Answers {
    /// The key authorization for a path of HTTP-01. `None`: it is none of ours, and the request goes its way.
    pub async fn http(&self, path: &str) -> Option<String> {
        let token = path.strip_prefix(PATH)?;
        if let Some(found) = self.mine().by_token.get(token) {
            return Some(found.clone());
        }
        if !is_token(token) {
            return None;
        }
        let token = token.to_owned();
        let look = move |challenges: Challenges| Some(challenges.get(&token)?.key_authorization);
        self.of_others(&self.looks_by_path, look).await
    }

    /// What a handshake with ALPN `acme-tls/1` for `name` needs.
    pub async fn tls(&self, name: &str) -> Option<Arc<ServerConfig>> {
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        if let Some(found) = self.mine().by_name.get(&name) {
            return Some(found.clone());
        }
        self.of_others(&self.looks_by_name, move |challenges| {
            let answer = challenges.for_name(&name)?;
            challenge_config(&name, &answer.key_authorization).ok()
        })
        .await
    }

    /// Asks the shared store, off the threads that serve.
    async fn of_others<T: Send + 'static>(
        &self,
        looks: &Arc<Semaphore>,
        look: impl FnOnce(Challenges) -> Option<T> + Send + 'static,
    ) -> Option<T> {
        let folder = self.mine().shared.clone()?;
        let permit = tokio::time::timeout(TURN, looks.clone().acquire_owned()).await.ok()?.ok()?;
        let looked = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            look(Challenges::new(folder))
        });
        looked.await.ok()?
    }

    pub(crate) fn share(&self, folder: Option<PathBuf>) {
        self.mine.write().expect("nothing panics while it holds the lock").shared = folder;
    }

    pub(crate) fn put_token(&self, token: &str, key_authorization: &str) {
        let mut mine = self.mine.write().expect("nothing panics while it holds the lock");
        mine.by_token.insert(token.to_owned(), key_authorization.to_owned());
    }

    pub(crate) fn put(&self, answer: &Answer) -> Result<(), String> {
        let config = challenge_config(&answer.name, &answer.key_authorization)?;
        self.put_token(&answer.token, &answer.key_authorization);
        let mut mine = self.mine.write().expect("nothing panics while it holds the lock");
        mine.by_name.insert(answer.name.clone(), config);
        Ok(())
    }

    pub(crate) fn remove(&self, token: &str, name: Option<&str>) {
        let mut mine = self.mine.write().expect("nothing panics while it holds the lock");
        mine.by_token.remove(token);
        if let Some(name) = name {
            mine.by_name.remove(name);
        }
    }

    fn mine(&self) -> std::sync::RwLockReadGuard<'_, Mine> {
        self.mine.read().expect("nothing panics while it holds the lock")
    }
}

/// A certificate for `name` that carries the digest of the key authorization (RFC 8737, 3), and speaks nothing else.
fn challenge_config(name: &str, key_authorization: &str) -> Result<Arc<ServerConfig>, String> {
    let proof = digest(&SHA256, key_authorization.as_bytes());
    let mut params = CertificateParams::new(vec![name.to_owned()]).map_err(|error| error.to_string())?;
    params.distinguished_name = DistinguishedName::new();
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(proof.as_ref())];
    let key = KeyPair::generate().map_err(|error| error.to_string())?;
    let certificate = params.self_signed(&key).map_err(|error| error.to_string())?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let signing = provider.key_provider.load_private_key(key).map_err(|error| error.to_string())?;
    let chain = vec![CertificateDer::from(certificate.der().to_vec())];
    // Not given as a certificate to be checked: its critical extension is one that only authorities know.
    let shown = SingleCertAndKey::from(CertifiedKey::new(chain, signing));
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(shown));
    config.alpn_protocols = vec![ACME_TLS.to_vec()];
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA";

    fn answer() -> Answer {
        Answer { name: "a.example.com".into(), token: TOKEN.into(), key_authorization: "k.t".into() }
    }

    #[tokio::test]
    async fn an_answer_is_given_until_it_is_taken_away() {
        let answers = Answers::default();
        let path = format!("{PATH}{TOKEN}");
        assert_eq!(answers.http(&path).await, None);
        answers.put(&answer()).expect("it can be made");
        assert_eq!(answers.http(&path).await.as_deref(), Some("k.t"));
        assert!(answers.tls("A.example.com.").await.is_some());
        assert!(answers.tls("b.example.com").await.is_none());
        answers.remove(TOKEN, Some("a.example.com"));
        assert_eq!(answers.http(&path).await, None);
        assert!(answers.tls("a.example.com").await.is_none());
    }

    #[tokio::test]
    async fn what_another_process_was_asked_is_answered_here() {
        let folder = tempfile::tempdir().expect("a folder");
        let challenges = Challenges::new(folder.path().to_owned());
        challenges.put(&answer()).expect("kept");
        let answers = Answers::default();
        answers.share(Some(folder.path().to_owned()));
        assert_eq!(answers.http(&format!("{PATH}{TOKEN}")).await.as_deref(), Some("k.t"));
        assert!(answers.tls("a.example.com").await.is_some());
        assert_eq!(answers.http(&format!("{PATH}../../etc/passwd")).await, None);
        assert_eq!(answers.http("/other").await, None);
    }
}
