//! One order, from its record in the ledger to a certificate, or from wherever a crash left it.

mod prove;

use crate::account;
use crate::answers::Answers;
use crate::client::Client;
use crate::clock::unix_now;
use crate::dns::Records;
use crate::settings::Settings;
use crate::store::{Began, Ledger, Lock, Store};
use crate::trouble::{Kind, Trouble, mentioned, words};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use instant_acme::{Account, CertificateIdentifier, Error, Identifier, NewOrder, Order, OrderStatus};
use mizan_certs::CertificateInfo;
use mizan_certs::kept::{self, Kept, Shelf};
use mizan_config::model::AcmeKey;
use rcgen::{CertificateParams, DistinguishedName, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384};
use rustls::pki_types::CertificateDer;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long an authority may take to decide.
const DECISION: Duration = Duration::from_secs(180);
const FIRST_LOOK: Duration = Duration::from_millis(150);
const SLOWEST_LOOK: Duration = Duration::from_secs(5);
/// Further tries at a step whose nonce was refused: the library has made three already.
pub(crate) const NONCES: u32 = 10;

/// Does a step again while only its nonce is refused.
macro_rules! again {
    ($step:expr) => {{
        let mut left = $crate::order::NONCES;
        loop {
            match $step.await {
                Err(error) if left > 0 && $crate::order::is_bad_nonce(&error) => left -= 1,
                done => break done,
            }
        }
    }};
}
pub(crate) use again;

/// A failed name is left out after so many failures, so that it does not take the others down.
const LEFT_OUT_AFTER: u32 = 2;

/// A name is not left out while a certificate in force is for it that has more than this part of its lifetime left.
const IN_TIME: i64 = 10;

/// What orders are made with.
pub(crate) struct Work {
    pub(crate) settings: Arc<Settings>,
    pub(crate) store: Store,
    pub(crate) client: Client,
    pub(crate) answers: Arc<Answers>,
    pub(crate) records: Option<Records>,
}

/// A certificate that was issued.
pub(crate) struct Issued {
    /// What it is for: the set, or what is left of it without names that fail.
    pub(crate) names: Vec<String>,
    /// Key first, then the chain.
    pub(crate) pem: String,
    pub(crate) info: CertificateInfo,
}

/// What there is before an order.
#[derive(Clone, Copy)]
struct Before<'a> {
    held: Option<&'a Kept>,
    anew: bool,
}

impl Before<'_> {
    /// Whether an order that had ended already brought what is held, and that is not enough.
    fn is(self, issued: &Issued) -> bool {
        self.anew && self.held.is_some_and(|held| held.info.fingerprint == issued.info.fingerprint)
    }
}

/// The names of the set but those that fail again and again and have no certificate to lose, unless all do.
pub(crate) fn good_names(set: &[String], ledger: &Ledger, shelf: &Shelf, now: i64) -> Vec<String> {
    let fails = |name: &&String| {
        ledger.troubled.get(*name).is_some_and(|trouble| trouble.failures >= LEFT_OUT_AFTER)
            && !shelf.has_time(name, now, IN_TIME)
    };
    let good: Vec<String> = set.iter().filter(|name| !fails(name)).cloned().collect();
    if good.is_empty() { set.to_vec() } else { good }
}

impl Work {
    /// Goes on with the order that the ledger has, or makes one for `names`. On an error the ledger is as it was when
    /// it happened: whoever called books the failure. `anew`: what is held already is not enough.
    pub(crate) async fn run(
        &self,
        set: &[String],
        names: &[String],
        ledger: &mut Ledger,
        held: Option<&Kept>,
        anew: bool,
    ) -> Result<Issued, Trouble> {
        self.store.test_writing(set)?;
        let client = self.client.fresh();
        let mut account = None;
        let mut issued = self.once(set, names, ledger, Before { held, anew }, &client, &mut account).await;
        if matches!(issued, Err(Trouble { kind: Kind::NoAccount, .. })) {
            tracing::warn!("{} does not know the account any more: making a new one", self.directory());
            {
                let _lock = self.account_lock().await?;
                account::forget(&self.store, account.as_deref())?;
            }
            ledger.order = None;
            issued = self.once(set, names, ledger, Before { held, anew }, &client, &mut account).await;
        }
        issued.map_err(|trouble| Trouble { retry_after: client.aside().retry_after, ..trouble })
    }

    fn directory(&self) -> &str {
        &self.settings.acme.directory
    }

    async fn once(
        &self,
        set: &[String],
        names: &[String],
        ledger: &mut Ledger,
        before: Before<'_>,
        client: &Client,
        account_id: &mut Option<String>,
    ) -> Result<Issued, Trouble> {
        if let Some((began, url)) = ledger.order.clone().and_then(|began| Some((began.clone(), began.url?))) {
            let account = self.account(client).await?;
            *account_id = Some(account.id().to_owned());
            match again!(account.order(url.clone())) {
                Ok(order) => {
                    let issued = self.drive(order, &began, ledger).await?;
                    if !before.is(&issued) {
                        return Ok(issued);
                    }
                    tracing::info!("the order that was under way has ended before; making another one");
                }
                Err(error) => {
                    let trouble = Trouble::from(error);
                    if trouble.kind.passes() || matches!(trouble.kind, Kind::NoAccount | Kind::AccountRefused)
                    {
                        return Err(trouble);
                    }
                    tracing::info!("the order that was under way is gone ({trouble}); making another one");
                }
            }
        }
        let began = self.begin(names)?;
        ledger.begin(began.clone());
        self.store.keep_ledger(set, ledger)?;
        let account = self.account(client).await?;
        *account_id = Some(account.id().to_owned());
        let order = self.place(&account, names, before.held).await?;
        if let Some(began) = &mut ledger.order {
            began.url = Some(order.url().to_owned());
        }
        self.store.keep_ledger(set, ledger)?;
        self.drive(order, &began, ledger).await
    }

    /// One process at a time opens or makes the account.
    pub(crate) async fn account(&self, client: &Client) -> Result<Account, Trouble> {
        let _lock = self.account_lock().await?;
        let mut left = NONCES;
        loop {
            match account::open(&self.settings, &self.store, client).await {
                Err(Trouble { kind: Kind::BadNonce, .. }) if left > 0 => left -= 1,
                done => break done,
            }
        }
    }

    async fn account_lock(&self) -> Result<Lock, Trouble> {
        let deadline = Instant::now() + DECISION;
        loop {
            match self.store.try_lock_account()? {
                Some(lock) => return Ok(lock),
                None if Instant::now() > deadline => {
                    return Err(Trouble::new("another process has held the account for minutes"));
                }
                None => sleep(FIRST_LOOK).await,
            }
        }
    }

    /// Key and request: kept before the authority hears of them.
    fn begin(&self, names: &[String]) -> Result<Began, Trouble> {
        let failed = |error: rcgen::Error| Trouble::new(format!("cannot make a request: {error}"));
        let algorithm = match self.settings.acme.key {
            AcmeKey::EcdsaP256 => &PKCS_ECDSA_P256_SHA256,
            AcmeKey::EcdsaP384 => &PKCS_ECDSA_P384_SHA384,
        };
        let key = KeyPair::generate_for(algorithm).map_err(failed)?;
        let mut params = CertificateParams::new(names.to_vec()).map_err(failed)?;
        params.distinguished_name = DistinguishedName::new();
        let csr = params.serialize_request(&key).map_err(failed)?;
        Ok(Began {
            at: unix_now(),
            names: names.to_vec(),
            key: key.serialize_pem(),
            csr: URL_SAFE_NO_PAD.encode(csr.der()),
            url: None,
            failures: 0,
        })
    }

    async fn place(
        &self,
        account: &Account,
        names: &[String],
        held: Option<&Kept>,
    ) -> Result<Order, Trouble> {
        let identifiers: Vec<Identifier> = names.iter().map(|name| identifier(name)).collect();
        let profile = self.profile(account)?;
        let new = || {
            let order = NewOrder::new(&identifiers);
            if let Some(profile) = profile { order.profile(profile) } else { order }
        };
        let replaced = held.and_then(certificate_id);
        if let Some(id) = replaced {
            let order = new().replaces(id);
            match again!(account.new_order(&order)) {
                Ok(order) => return Ok(order),
                // It keeps no such information, which is why it is not asked.
                Err(Error::Unsupported(_)) => {}
                Err(error) => {
                    let trouble = of_names(Trouble::from(error), names);
                    if !matches!(trouble.kind, Kind::Replaces | Kind::Other | Kind::Unreachable) {
                        return Err(trouble);
                    }
                    tracing::info!("ordering again without saying what it replaces: {trouble}");
                }
            }
        }
        let order = new();
        again!(account.new_order(&order)).map_err(|error| of_names(Trouble::from(error), names))
    }

    /// A profile that the authority does not have would be ignored in silence.
    fn profile(&self, account: &Account) -> Result<Option<&str>, Trouble> {
        let Some(wanted) = self.settings.acme.profile.as_deref() else { return Ok(None) };
        let mut known: Vec<&str> = account.profiles().map(|profile| profile.name).collect();
        if known.contains(&wanted) {
            return Ok(Some(wanted));
        }
        known.sort_unstable();
        let known =
            if known.is_empty() { "it has none".to_owned() } else { format!("it has {}", known.join(", ")) };
        Err(Trouble::new(format!("the authority has no profile `{wanted}`: {known}")))
    }

    /// From whatever state the order is in to its certificate.
    async fn drive(&self, mut order: Order, began: &Began, ledger: &Ledger) -> Result<Issued, Trouble> {
        let mut wait = Wait::new(DECISION);
        let mut finalized = false;
        loop {
            match order.state().status {
                OrderStatus::Pending => {
                    prove::prove(self, &mut order, ledger).await?;
                    wait = Wait::new(DECISION);
                }
                OrderStatus::Ready => {
                    // An authority that does not know yet what it was asked is asked again, not at once and not for ever.
                    if std::mem::replace(&mut finalized, true) {
                        wait.a_moment().await?;
                    }
                    let csr = URL_SAFE_NO_PAD.decode(&began.csr);
                    let csr = csr.map_err(|_| Trouble::new("the ledger's request is damaged"))?;
                    again!(order.finalize_csr(&csr)).map_err(|error| of_names(error.into(), &began.names))?;
                }
                OrderStatus::Processing => {
                    wait.a_moment().await?;
                    again!(order.refresh())?;
                }
                OrderStatus::Valid => break,
                OrderStatus::Invalid => return Err(prove::why(&mut order).await),
            }
        }
        let chain = again!(order.certificate())?;
        let chain =
            chain.ok_or_else(|| Trouble::new("the authority says `valid` and gives no certificate"))?;
        let pem = format!("{}{chain}", began.key);
        let from = Path::new("the authority's answer");
        let issued = kept::examine(&pem, from).map_err(|unsound| Trouble::new(unsound.to_string()))?;
        if !issued.covers(&began.names) {
            return Err(Trouble::new(format!(
                "the authority's certificate is for {}, not for {}",
                issued.info.names.join(", "),
                began.names.join(", ")
            )));
        }
        Ok(Issued { names: began.names.clone(), pem, info: issued.info })
    }
}

/// Looks that become rarer, until the time is over.
struct Wait {
    pause: Duration,
    until: Instant,
}

impl Wait {
    fn new(time: Duration) -> Self {
        Self { pause: FIRST_LOOK, until: Instant::now() + time }
    }

    async fn a_moment(&mut self) -> Result<(), Trouble> {
        if Instant::now() > self.until {
            let text = format!("the authority did not decide within {} s", DECISION.as_secs());
            return Err(Trouble::of(Kind::Unreachable, text));
        }
        sleep(self.pause).await;
        self.pause = self.pause.mul_f32(1.5).min(SLOWEST_LOOK);
        Ok(())
    }
}

pub(crate) fn is_bad_nonce(error: &Error) -> bool {
    let Error::Api(problem) = error else { return false };
    problem.r#type.as_deref() == Some("urn:ietf:params:acme:error:badNonce")
}

/// RFC 9773, 4.1.
pub(crate) fn certificate_id(kept: &Kept) -> Option<CertificateIdentifier<'static>> {
    let der = CertificateDer::from(kept.der().to_vec());
    CertificateIdentifier::try_from(&der).ok().map(CertificateIdentifier::into_owned)
}

fn identifier(name: &str) -> Identifier {
    match name.parse() {
        Ok(address) => Identifier::Ip(address),
        Err(_) => Identifier::Dns(name.to_owned()),
    }
}

/// An authority that refuses an order because of a name may say so in its text alone.
fn of_names(trouble: Trouble, names: &[String]) -> Trouble {
    if trouble.kind != Kind::Unproved || !trouble.names.is_empty() {
        return trouble;
    }
    let why = trouble.text.clone();
    let found: BTreeMap<String, String> =
        mentioned(&trouble.text, names).into_iter().map(|name| (name, why.clone())).collect();
    if found.is_empty() {
        Trouble { kind: Kind::Other, ..trouble }
    } else {
        Trouble { refused: true, ..Trouble::unproved(found) }
    }
}

/// What is wrong with an order as a whole.
fn of_order(order: &mut Order) -> Trouble {
    match &order.state().error {
        Some(problem) => Trouble::new(words(problem)),
        None => Trouble::new("the authority gave the order up and does not say why"),
    }
}
