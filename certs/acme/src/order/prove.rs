//! Proving the names of an order: answers are put up, the authority is told, and they are taken away when it has decided.

use super::{NONCES, Wait, Work, again, is_bad_nonce, of_order};
use crate::store::{Answer, Ledger};
use crate::trouble::{Trouble, words};
use instant_acme::{AuthorizationStatus, ChallengeStatus, ChallengeType, Error, Order, OrderStatus};
use mizan_config::model::AcmeChallenge;
use std::collections::BTreeMap;

/// What was put up for one name.
enum Proof {
    Token { token: String, name: Option<String> },
    Record { name: String, value: String },
}

/// From a pending order to one that is decided. Whatever happens, nothing stays put up.
pub(super) async fn prove(work: &Work, order: &mut Order, ledger: &Ledger) -> Result<(), Trouble> {
    let mut proofs = Proofs { work, up: Vec::new() };
    let proved = put_up_and_wait(work, order, ledger, &mut proofs).await;
    proofs.take_down().await;
    proved
}

async fn put_up_and_wait(
    work: &Work,
    order: &mut Order,
    ledger: &Ledger,
    proofs: &mut Proofs<'_>,
) -> Result<(), Trouble> {
    fetch(order).await?;
    let chosen = put_up(work, order, ledger, proofs).await?;
    proofs.until_seen().await?;
    tell(order, &chosen).await?;
    let mut wait = Wait::new(super::DECISION);
    loop {
        wait.a_moment().await?;
        if again!(order.refresh())?.status != OrderStatus::Pending {
            return Ok(());
        }
        // Some authorities leave an order pending whose name they have given up.
        let failed = failures(order).await?;
        if !failed.is_empty() {
            return Err(Trouble::unproved(failed));
        }
    }
}

/// Asks for every authorization, so that later looks at them ask for nothing. One whose nonce is refused is lost to the
/// look that it happened in.
async fn fetch(order: &mut Order) -> Result<(), Trouble> {
    let mut left = NONCES;
    'again: loop {
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            match authorization {
                Err(error) if left > 0 && is_bad_nonce(&error) => {
                    left -= 1;
                    continue 'again;
                }
                authorization => {
                    authorization?;
                }
            }
        }
        return Ok(());
    }
}

/// Puts an answer up for each name that is not proved yet; says which way was chosen for each authorization, by its URL.
async fn put_up(
    work: &Work,
    order: &mut Order,
    ledger: &Ledger,
    proofs: &mut Proofs<'_>,
) -> Result<BTreeMap<String, ChallengeType>, Trouble> {
    let mut chosen = BTreeMap::new();
    let mut impossible = BTreeMap::new();
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        if authorization.status != AuthorizationStatus::Pending {
            continue;
        }
        let name = authorization.identifier().to_string();
        let offered: Vec<&ChallengeType> = authorization.challenges.iter().map(|one| &one.r#type).collect();
        let ways: Vec<AcmeChallenge> =
            work.settings.ways(&name).into_iter().filter(|way| offered.contains(&&kind(*way))).collect();
        let failures = ledger.troubled.get(&name).map_or(ledger.failures, |trouble| trouble.failures);
        // What has failed is not what is tried next.
        let Some(way) = ways.get(failures as usize % ways.len().max(1)).copied() else {
            let why = "no challenge that the authority offers can be answered: see `challenges`, `dns` and `listen`";
            impossible.insert(name, why.to_owned());
            continue;
        };
        let url = authorization.url().to_owned();
        let challenge = authorization.challenge(kind(way)).expect("the authority offers it");
        let authorization = challenge.key_authorization();
        match way {
            AcmeChallenge::Dns01 => {
                let record = format!("_acme-challenge.{}", name.trim_start_matches("*."));
                // Not the name's fault: the one who writes records fails for all.
                proofs.put_record(record, authorization.dns_value()).await.map_err(Trouble::new)?;
            }
            AcmeChallenge::Http01 | AcmeChallenge::TlsAlpn01 => {
                let answer = Answer {
                    name: name.clone(),
                    token: challenge.token.clone(),
                    key_authorization: authorization.as_str().to_owned(),
                };
                proofs.put_answer(&answer)?;
            }
        }
        chosen.insert(url, kind(way));
    }
    if impossible.is_empty() { Ok(chosen) } else { Err(Trouble::unproved(impossible)) }
}

/// Tells the authority what it may look at.
async fn tell(order: &mut Order, chosen: &BTreeMap<String, ChallengeType>) -> Result<(), Trouble> {
    let mut failed = BTreeMap::new();
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        let name = authorization.identifier().to_string();
        let Some(kind) = chosen.get(authorization.url()) else { continue };
        let Some(mut challenge) = authorization.challenge(kind.clone()) else { continue };
        if challenge.status != ChallengeStatus::Pending {
            continue;
        }
        match again!(challenge.set_ready()) {
            Ok(()) => {}
            // Some authorities look at once, and say here what they found.
            Err(Error::Api(problem)) => drop(failed.insert(name, words(&problem))),
            Err(error) => return Err(error.into()),
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(Trouble::unproved(failed)) }
}

/// Why an order is invalid.
pub(super) async fn why(order: &mut Order) -> Trouble {
    match failures(order).await {
        Ok(failed) if failed.is_empty() => of_order(order),
        Ok(failed) => Trouble::unproved(failed),
        Err(trouble) => trouble,
    }
}

/// What the authority says of names that it has given up.
async fn failures(order: &mut Order) -> Result<BTreeMap<String, String>, Trouble> {
    fetch(order).await?;
    let mut failed = BTreeMap::new();
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        again!(authorization.refresh())?;
        if authorization.status != AuthorizationStatus::Invalid {
            continue;
        }
        let name = authorization.identifier().to_string();
        let error = authorization.challenges.iter().find_map(|challenge| {
            let error = challenge.error.as_ref()?;
            Some(format!("{} ({})", words(error), shown(&challenge.r#type)))
        });
        failed.insert(name, error.unwrap_or_else(|| "the authority does not say why".to_owned()));
    }
    Ok(failed)
}

fn kind(way: AcmeChallenge) -> ChallengeType {
    match way {
        AcmeChallenge::TlsAlpn01 => ChallengeType::TlsAlpn01,
        AcmeChallenge::Http01 => ChallengeType::Http01,
        AcmeChallenge::Dns01 => ChallengeType::Dns01,
    }
}

fn shown(kind: &ChallengeType) -> &'static str {
    match kind {
        ChallengeType::Http01 => "http-01",
        ChallengeType::Dns01 => "dns-01",
        ChallengeType::TlsAlpn01 => "tls-alpn-01",
        _ => "another challenge",
    }
}

/// What is put up, to be taken down.
struct Proofs<'a> {
    work: &'a Work,
    up: Vec<Proof>,
}

impl Proofs<'_> {
    fn put_answer(&mut self, answer: &Answer) -> Result<(), Trouble> {
        let failed = |why: String| Trouble::new(format!("cannot answer for {}: {why}", answer.name));
        if answer.name.parse::<std::net::IpAddr>().is_ok() {
            // Proved by path alone: no handshake names an address.
            self.work.answers.put_token(&answer.token, &answer.key_authorization);
        } else {
            self.work.answers.put(answer).map_err(failed)?;
        }
        self.up.push(Proof::Token { token: answer.token.clone(), name: Some(answer.name.clone()) });
        self.work.store.challenges().put(answer).map_err(|error| failed(error.to_string()))
    }

    async fn put_record(&mut self, name: String, value: String) -> Result<(), String> {
        let Some(records) = &self.work.records else { return Err("`dns` is not there".to_owned()) };
        // Noted first: what is half there has to go, too.
        self.up.push(Proof::Record { name: name.clone(), value: value.clone() });
        records.present(&name, &value).await.map_err(|error| error.to_string())
    }

    async fn until_seen(&self) -> Result<(), Trouble> {
        let Some(records) = &self.work.records else { return Ok(()) };
        for proof in &self.up {
            if let Proof::Record { name, value } = proof {
                records.until_seen(name, value).await.map_err(|error| Trouble::new(error.to_string()))?;
            }
        }
        Ok(())
    }

    async fn take_down(&mut self) {
        for proof in std::mem::take(&mut self.up) {
            match proof {
                Proof::Token { token, name } => self.take_token(&token, name.as_deref()),
                Proof::Record { name, value } => {
                    let Some(records) = &self.work.records else { continue };
                    if let Err(error) = records.cleanup(&name, &value).await {
                        tracing::warn!("the record {name} was not taken away: {error}");
                    }
                }
            }
        }
    }

    fn take_token(&self, token: &str, name: Option<&str>) {
        self.work.answers.remove(token, name);
        self.work.store.challenges().remove(token);
    }
}

/// A task that is given up leaves no answers; records are taken away by the next attempt's clean-up, or stay.
impl Drop for Proofs<'_> {
    fn drop(&mut self) {
        for proof in std::mem::take(&mut self.up) {
            if let Proof::Token { token, name } = proof {
                self.take_token(&token, name.as_deref());
            }
        }
    }
}
