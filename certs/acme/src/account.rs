//! The account with an authority: its key is kept before the authority hears of it, so that a crash leaves none behind that
//! nobody has the key of. With an external account the library makes the key, and such a crash may leave one behind.

use crate::client::Client;
use crate::settings::Settings;
use crate::store::{Store, StoreError, read_secret, write_secret};
use crate::trouble::{Kind, Trouble};
use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, URL_SAFE_NO_PAD};
use instant_acme::{Account, ExternalAccountKey, Key, NewAccount};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde::{Deserialize, Serialize};

/// Authorities print it with padding or without.
const HMAC_KEY: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// `account.json`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    directory: String,
    /// base64url of PKCS #8.
    key: String,
    /// The account's URL; `None`: the authority may not have heard of it.
    id: Option<String>,
    email: Option<String>,
}

/// The account that is kept, or a new one.
pub(crate) async fn open(settings: &Settings, store: &Store, client: &Client) -> Result<Account, Trouble> {
    match read(store)? {
        Some(Stored { key, id: Some(id), email, directory }) if directory == settings.acme.directory => {
            let pkcs8 = decode(&key, store)?;
            let http = Box::new(client.clone());
            let account = Account::builder_with_http(http)
                .from_parts(id.clone(), PrivatePkcs8KeyDer::from(pkcs8), directory.clone())
                .await?;
            if email != settings.acme.email {
                account
                    .update_contacts(&contacts(settings).iter().map(String::as_str).collect::<Vec<_>>())
                    .await?;
                let email = settings.acme.email.clone();
                write(store, &Stored { directory, key, id: Some(id), email })?;
            }
            Ok(account)
        }
        Some(stored) if stored.directory == settings.acme.directory => {
            let pkcs8 = decode(&stored.key, store)?;
            create(settings, store, client, pkcs8).await
        }
        _ => create(settings, store, client, new_key()?).await,
    }
}

/// Forgets the account `id` that the authority does not know any more; not one that has come in its place since. Its key
/// is kept aside. Whoever calls has the account's lock.
pub(crate) fn forget(store: &Store, id: Option<&str>) -> Result<(), StoreError> {
    let file = store.account_file();
    if read(store)?.is_some_and(|stored| id.is_some() && stored.id.as_deref() != id) {
        return Ok(());
    }
    let aside = file.with_extension("json.gone");
    match std::fs::rename(&file, &aside) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(StoreError::Write { file, source }),
    }
}

async fn create(
    settings: &Settings,
    store: &Store,
    client: &Client,
    pkcs8: Vec<u8>,
) -> Result<Account, Trouble> {
    let directory = settings.acme.directory.clone();
    let mut stored = Stored {
        directory: directory.clone(),
        key: URL_SAFE_NO_PAD.encode(&pkcs8),
        id: None,
        email: settings.acme.email.clone(),
    };
    write(store, &stored)?;
    let builder = Account::builder_with_http(Box::new(client.clone()));
    let contacts = contacts(settings);
    let contacts: Vec<&str> = contacts.iter().map(String::as_str).collect();
    let account = if let Some(external) = &settings.acme.external_account {
        let hmac = HMAC_KEY.decode(external.hmac_key.expose()).map_err(|_| {
            Trouble::of(Kind::AccountRefused, "`hmac_key` of `external_account` is not base64url")
        })?;
        let binding = ExternalAccountKey::new(external.key_id.clone(), &hmac);
        let new =
            NewAccount { contact: &contacts, terms_of_service_agreed: true, only_return_existing: false };
        // The library makes this account's key itself.
        let (account, credentials) = builder.create(&new, directory, Some(&binding)).await?;
        stored.key = URL_SAFE_NO_PAD.encode(credentials.private_key().secret_pkcs8_der());
        account
    } else {
        let key = Key::from_pkcs8_der(PrivatePkcs8KeyDer::from(pkcs8.clone()))?;
        let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pkcs8));
        let (account, _) = builder.create_from_key((key, der), directory).await?;
        if !contacts.is_empty() {
            account.update_contacts(&contacts).await?;
        }
        account
    };
    stored.id = Some(account.id().to_owned());
    write(store, &stored)?;
    tracing::info!("account with {} made: {}", settings.acme.directory, account.id());
    Ok(account)
}

fn contacts(settings: &Settings) -> Vec<String> {
    settings.acme.email.iter().map(|email| format!("mailto:{email}")).collect()
}

fn new_key() -> Result<Vec<u8>, Trouble> {
    let (_, pkcs8) = Key::generate_pkcs8()?;
    Ok(pkcs8.secret_pkcs8_der().to_vec())
}

fn decode(key: &str, store: &Store) -> Result<Vec<u8>, StoreError> {
    URL_SAFE_NO_PAD.decode(key).map_err(|error| damaged(store, error.to_string()))
}

fn damaged(store: &Store, why: String) -> StoreError {
    StoreError::Damaged { file: store.account_file(), why, then: "then a new account is made" }
}

fn read(store: &Store) -> Result<Option<Stored>, StoreError> {
    let Some(text) = read_secret(&store.account_file())? else { return Ok(None) };
    serde_json::from_slice(&text).map(Some).map_err(|error| damaged(store, error.to_string()))
}

fn write(store: &Store, stored: &Stored) -> Result<(), StoreError> {
    let text = serde_json::to_vec_pretty(stored).expect("texts are JSON");
    write_secret(&store.account_file(), &text)
}
