//! A new certificate at once.

use super::text::{clean, date, seen_from};
use super::{Failure, print, show};
use crate::clock;
use clap::Args;
use mizan_api::{Certificate, Client, ClientError, ProblemKind, RenewRequest};
use std::time::Duration;
use tokio::time::Instant;

/// An order is waited for no longer than this.
const WAIT: Duration = Duration::from_secs(120);

/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(500);

/// Order a new certificate for the site that has this host, and wait for it, 2 minutes at most. Exit code 0: it is served,
/// 1: it is not, with the reason.
#[derive(Debug, Args)]
pub(super) struct Renew {
    /// A host of a site with `tls: acme`
    #[arg(value_name = "NAME")]
    name: String,
    /// Although the authority asked to wait, or its limits are near
    #[arg(long)]
    force: bool,
}

/// How an order goes, seen from outside.
#[derive(Debug, PartialEq, Eq)]
enum Progress {
    Waiting,
    Renewed,
    /// In words.
    Failed(String),
}

impl Renew {
    pub(super) async fn run(&self, client: &Client, json: bool) -> Result<(), Failure> {
        let before = self.look(client).await?;
        let request = RenewRequest { force: self.force };
        let begun =
            client.renew_certificate(&self.name, &request).await.map_err(|error| self.refused(error))?;
        if !json {
            print(&announcement(&begun))?;
        }
        let deadline = Instant::now() + WAIT;
        let mut now = begun;
        loop {
            match progress(&before, &now) {
                Progress::Renewed => return show(&now, json, |_| renewed(&now, clock::unix_ms())),
                Progress::Failed(why) => return Err(Failure::Said(format!("{}: {why}", self.name))),
                Progress::Waiting if Instant::now() >= deadline => {
                    let (name, seconds) = (&self.name, WAIT.as_secs());
                    return Err(Failure::Said(format!(
                        "{name}: not finished within {seconds} s; it goes on, and `mizan certificates` tells how"
                    )));
                }
                Progress::Waiting => tokio::time::sleep(PAUSE).await,
            }
            now = self.look(client).await?;
        }
    }

    /// Says what could be done about a refusal for the time being.
    fn refused(&self, error: ClientError) -> Failure {
        match error {
            ClientError::Refused(mut problem) if problem.kind == ProblemKind::NotNow && !self.force => {
                if !problem.detail.contains("--force") {
                    problem.detail += "; --force orders nevertheless";
                }
                ClientError::Refused(problem).into()
            }
            error => error.into(),
        }
    }

    /// The certificate as it is now.
    async fn look(&self, client: &Client) -> Result<Certificate, Failure> {
        let reply = client.certificates().await?;
        let has_name = |certificate: &Certificate| {
            certificate.names.iter().any(|name| name.eq_ignore_ascii_case(&self.name))
        };
        reply.certificates.into_iter().find(has_name).ok_or_else(|| {
            Failure::Said(format!(
                "no site with a certificate has the host {}; `mizan certificates` lists them",
                self.name
            ))
        })
    }
}

/// Another certificate is served, or another failure is told, than before the order.
fn progress(before: &Certificate, now: &Certificate) -> Progress {
    let fingerprint =
        |certificate: &Certificate| certificate.served.as_ref().map(|served| served.fingerprint.clone());
    let error = |certificate: &Certificate| {
        certificate.renewal.as_ref().and_then(|renewal| renewal.last_error.clone())
    };
    let failures = |certificate: &Certificate| certificate.renewal.as_ref().map(|renewal| renewal.failures);
    let is_under_way = now.renewal.as_ref().is_some_and(|renewal| renewal.next_unix_ms.is_none());
    if now.served.is_some() && fingerprint(now) != fingerprint(before) {
        return Progress::Renewed;
    }
    match error(now) {
        // The same text within a second is still another failure.
        Some(last)
            if !is_under_way
                && (Some(&last) != error(before).as_ref() || failures(now) > failures(before)) =>
        {
            Progress::Failed(last.text)
        }
        _ => Progress::Waiting,
    }
}

fn announcement(certificate: &Certificate) -> String {
    let names = clean(&certificate.names.join(", "));
    let at = certificate.renewal.as_ref().map(|renewal| format!(" at {}", clean(&renewal.directory)));
    format!(
        "{names}: ordering a certificate{}; this takes seconds, or minutes with dns-01\n",
        at.unwrap_or_default()
    )
}

fn renewed(certificate: &Certificate, now: u64) -> String {
    let served = certificate.served.iter().map(|served| {
        let (names, issuer) = (clean(&served.names.join(", ")), clean(&served.issuer));
        let until = served.not_after_unix_ms;
        format!("{names}: renewed by {issuer}, until {} ({})", date(until), seen_from(now, until))
    });
    let missing = certificate.missing.iter();
    let missing =
        missing.map(|missing| format!("{}: still missing: {}", clean(&missing.name), clean(&missing.why)));
    served.chain(missing).map(|line| line + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::super::sample::{NOW, certificate};
    use super::*;
    use mizan_api::{Problem, RenewalError};

    fn failing(at_unix_ms: u64) -> Certificate {
        let mut one = certificate(&["a.example"]);
        let error = RenewalError { at_unix_ms, text: "the authority said no".into() };
        one.renewal.as_mut().unwrap().last_error = Some(error);
        one
    }

    #[test]
    fn another_certificate_is_a_success_whatever_failed_before() {
        let before = failing(1);
        let mut now = failing(1);
        now.served.as_mut().unwrap().fingerprint = "2".into();
        assert_eq!(progress(&before, &now), Progress::Renewed);

        let (mut waiting, served) = (before.clone(), before);
        waiting.served = None;
        assert_eq!(progress(&waiting, &served), Progress::Renewed, "the first one");
    }

    #[test]
    fn an_old_failure_is_waited_out_and_a_new_one_is_told() {
        assert_eq!(progress(&failing(1), &failing(1)), Progress::Waiting);
        assert_eq!(progress(&failing(1), &failing(2)), Progress::Failed("the authority said no".into()));
        assert_eq!(
            progress(&certificate(&["a.example"]), &failing(1)),
            Progress::Failed("the authority said no".into())
        );
    }

    #[test]
    fn the_same_words_in_the_same_second_are_another_failure() {
        let mut now = failing(1);
        now.renewal.as_mut().unwrap().failures += 1;
        assert_eq!(progress(&failing(1), &now), Progress::Failed("the authority said no".into()));
    }

    #[test]
    fn an_order_under_way_is_waited_for() {
        let mut now = failing(2);
        now.renewal.as_mut().unwrap().next_unix_ms = None;
        assert_eq!(progress(&failing(1), &now), Progress::Waiting);
    }

    #[test]
    fn a_refusal_for_the_time_being_names_the_way_out() {
        let refused = |kind, force| {
            let problem = Problem::new(kind, "the next attempt is in 5 min");
            let verb = Renew { name: "a.example".into(), force };
            verb.refused(ClientError::Refused(Box::new(problem))).to_string()
        };
        let not_now = ProblemKind::NotNow;
        assert!(
            refused(not_now, false).ends_with("the next attempt is in 5 min; --force orders nevertheless")
        );
        assert!(refused(not_now, true).ends_with("in 5 min"));
        assert!(refused(ProblemKind::NotFound, false).ends_with("in 5 min"));
    }

    #[test]
    fn a_success_says_until_when() {
        let mut one = certificate(&["a.example"]);
        one.served.as_mut().unwrap().names = vec!["a.example".into()];
        assert_eq!(renewed(&one, NOW), "a.example: renewed by E7, until 2026-05-01 (in 61 days)\n");
        assert!(
            announcement(&one)
                .starts_with("a.example: ordering a certificate at https://acme.example/directory")
        );
    }
}
