//! Looking at a name as an authority would, with a token that this very process answers.

use super::schedule::{WEEK, allows};
use super::{Agent, Plan};
use crate::answers::PATH;
use crate::clock::unix_now;
use crate::doctor::{DirectoryView, Doctor, LedgerView, Token, first_obstacle, judge};
use crate::order::Work;
use crate::store::{Answer, Ledger};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mizan_api::{Diagnosis, Verdict};
use mizan_certs::kept;
use mizan_config::model::AcmeChallenge;
use std::sync::Arc;

impl Agent {
    /// What stands between `name` and its certificate. `None`: no site with `tls: acme` has it.
    pub async fn diagnose(self: &Arc<Self>, name: &str) -> Option<Diagnosis> {
        let (plan, name) = (self.plan()?, name.to_ascii_lowercase());
        let name = name.as_str();
        let set = plan.work.settings.sets.iter().find(|set| set.iter().any(|known| known == name))?.clone();
        let ledger = self.standing(&set).and_then(|standing| {
            Some(match standing.obstacle {
                Some((obstacle, _)) => LedgerView { verdict: Verdict::Bad, text: obstacle, hint: None },
                None => view(&standing.ledger?, unix_now()),
            })
        });
        let findings = self.findings(&plan, name, ledger).await;
        Some(Diagnosis { name: name.to_owned(), findings })
    }

    async fn findings(
        self: &Arc<Self>,
        plan: &Plan,
        name: &str,
        ledger: Option<LedgerView>,
    ) -> Vec<mizan_api::DiagnosisFinding> {
        let settings = &plan.work.settings;
        let directory = &settings.acme.directory;
        let authority = directory.split_once("://").map_or(directory.as_str(), |(_, rest)| rest);
        let doctor = Doctor {
            resolver: settings.resolvers.clone(),
            http_port: settings.acme.http_port,
            https_port: settings.acme.https_port,
            challenges: ways(plan, name),
            authority: authority.split('/').next().unwrap_or_default().to_owned(),
        };
        let token = Up::put(self, plan).await;
        let mut seen = doctor.look(name, &token.token, directory_view(plan)).await;
        seen.ledger = ledger;
        judge(&seen)
    }
}

/// The first thing that stands in the way of `name`, seen from here; for the error of an order that failed.
pub(super) async fn obstacle(agent: &Arc<Agent>, plan: &Plan, name: &str) -> Option<String> {
    first_obstacle(&agent.findings(plan, name, None).await)
}

fn ways(plan: &Plan, name: &str) -> Vec<AcmeChallenge> {
    plan.work.settings.ways(name)
}

/// A token that is answered as long as this lives.
struct Up {
    agent: Arc<Agent>,
    work: Arc<Work>,
    token: Token,
}

impl Up {
    /// Also in the store: where another process answers that shares it, the name is ours as well.
    async fn put(agent: &Arc<Agent>, plan: &Plan) -> Self {
        let mut bytes = [0; 32];
        // Without randomness it is a token that somebody could guess: nothing hangs on it but this look.
        let _ = aws_lc_rs::rand::fill(&mut bytes);
        let token = URL_SAFE_NO_PAD.encode(bytes);
        let key_authorization = format!("{token}.{}", kept::slug(&[PATH, &token]));
        agent.answers.put_token(&token, &key_authorization);
        let work = plan.work.clone();
        // Of no name: no handshake is to be answered with it.
        let answer = Answer {
            name: String::new(),
            token: token.clone(),
            key_authorization: key_authorization.clone(),
        };
        // Where it cannot be written this process still answers.
        let _ = tokio::task::spawn_blocking(move || work.store.challenges().put(&answer)).await;
        Self { agent: agent.clone(), work: plan.work.clone(), token: Token { token, key_authorization } }
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        self.agent.answers.remove(&self.token.token, None);
        self.work.store.challenges().remove(&self.token.token);
    }
}

async fn directory_view(plan: &Plan) -> Result<DirectoryView, String> {
    let client = plan.work.client.fresh();
    let body = client.get(&plan.work.settings.acme.directory).await.map_err(|error| error.to_string())?;
    let directory: serde_json::Value = serde_json::from_slice(&body)
        .map_err(|_| "what answers is no ACME directory: see `directory`".to_owned())?;
    if directory.get("newOrder").is_none() {
        return Err("what answers is no ACME directory: see `directory`".to_owned());
    }
    let identities = directory.pointer("/meta/caaIdentities").and_then(|list| list.as_array());
    let identities = identities.into_iter().flatten().filter_map(|one| one.as_str().map(str::to_owned));
    Ok(DirectoryView { caa_identities: identities.collect(), skew_seconds: client.aside().skew })
}

/// What the ledger allows.
fn view(ledger: &Ledger, now: i64) -> LedgerView {
    let week = ledger.issued_within(now, WEEK);
    let counts = format!("{week} issued within a week, {} failed in a row", ledger.failures);
    let last = ledger.last_error.as_ref().map_or(String::new(), |last| format!("; the last: {}", last.text));
    let counts = format!("{counts}{last}");
    match allows(ledger, now) {
        Err(why) => LedgerView { verdict: Verdict::Doubtful, text: format!("{counts}; {why}"), hint: None },
        Ok(()) if ledger.failures > 0 => LedgerView {
            verdict: Verdict::Doubtful,
            text: format!("{counts}; the next attempt waits"),
            hint: Some("mend what is in the way, then: mizan certificates renew NAME".to_owned()),
        },
        Ok(()) => LedgerView { verdict: Verdict::Good, text: counts, hint: None },
    }
}
