//! How it stands with every certificate, for the admin API and for readiness.

use crate::agent::{Agent, Standing};
use mizan_api::{
    Certificate, CertificateSource, CertificateState, Certificates, MissingName, Renewal, RenewalError,
    ServedCertificate,
};
use mizan_certs::{CertificateInfo, SiteCertificate};

impl Agent {
    /// `sites`: what is in force; `now`: Unix seconds.
    pub fn overview(&self, sites: &[SiteCertificate], now: i64) -> Certificates {
        Certificates { certificates: sites.iter().map(|site| self.certificate(site, now)).collect() }
    }

    /// The certificate that `name` belongs to.
    pub fn certificate_of(&self, name: &str, sites: &[SiteCertificate], now: i64) -> Option<Certificate> {
        let name = name.to_ascii_lowercase();
        let site = sites.iter().find(|site| site.names.contains(&name))?;
        Some(self.certificate(site, now))
    }

    /// Names without a certificate, and why: `api.example.com (port 80 ...)`.
    pub fn waiting(&self, sites: &[SiteCertificate]) -> Vec<String> {
        let mut waiting = Vec::new();
        for site in sites.iter().filter(|site| !site.missing.is_empty()) {
            let mut standing = self.standing(&site.names);
            if let Some((obstacle, _)) = standing.as_mut().and_then(|standing| standing.obstacle.as_mut()) {
                // It names folders, and anybody may ask whether the proxy is ready.
                "the store cannot be used: see `mizan certificates`".clone_into(obstacle);
            }
            for name in &site.missing {
                waiting.push(format!("{name} ({})", why(name, standing.as_ref())));
            }
        }
        waiting
    }

    fn certificate(&self, site: &SiteCertificate, now: i64) -> Certificate {
        let standing = site.acme.then(|| self.standing(&site.names)).flatten();
        let missing: Vec<MissingName> = site
            .missing
            .iter()
            .map(|name| MissingName { name: name.clone(), why: why(name, standing.as_ref()) })
            .collect();
        let expired = site.served.as_ref().is_some_and(|served| served.not_after < now);
        let state = match (&site.served, missing.is_empty()) {
            (None, _) => CertificateState::Waiting,
            (Some(_), _) if expired => CertificateState::Expired,
            (Some(_), true) => CertificateState::Valid,
            (Some(_), false) => CertificateState::Degraded,
        };
        Certificate {
            names: site.names.clone(),
            source: if site.acme { CertificateSource::Acme } else { CertificateSource::Files },
            state,
            served: site.served.as_ref().map(served),
            missing,
            renewal: standing.map(|standing| self.renewal(&standing)),
        }
    }

    fn renewal(&self, standing: &Standing) -> Renewal {
        let directory = self.plan().map(|plan| plan.work.settings.acme.directory.clone());
        let (next, reason) = match (standing.running, standing.due) {
            (false, _) if standing.obstacle.is_some() => (
                Some(millis(crate::clock::unix_now() + 60)),
                "what is in the way is looked at again".to_owned(),
            ),
            (true, _) => (None, "an order is under way".to_owned()),
            (false, Some(due)) => (Some(millis(due.at)), due.reason.to_string()),
            (false, None) => (None, "it is about to be looked at".to_owned()),
        };
        let ledger = standing.ledger.as_ref();
        let of_ledger = ledger
            .and_then(|ledger| ledger.last_error.as_ref())
            .map(|error| RenewalError { at_unix_ms: millis(error.at), text: error.text.clone() });
        let last_error = match &standing.obstacle {
            Some((text, since)) => Some(RenewalError { at_unix_ms: millis(*since), text: text.clone() }),
            None => of_ledger,
        };
        Renewal {
            directory: directory.unwrap_or_default(),
            next_unix_ms: next,
            reason,
            failures: ledger.map_or(0, |ledger| ledger.failures),
            last_error,
        }
    }
}

fn served(info: &CertificateInfo) -> ServedCertificate {
    ServedCertificate {
        names: info.names.clone(),
        issuer: info.issuer.clone(),
        not_before_unix_ms: millis(info.not_before),
        not_after_unix_ms: millis(info.not_after),
        fingerprint: info.fingerprint.clone(),
        key: info.key.to_owned(),
        file: info.file.display().to_string(),
    }
}

fn millis(seconds: i64) -> u64 {
    seconds.max(0).unsigned_abs().saturating_mul(1000)
}

fn why(name: &str, standing: Option<&Standing>) -> String {
    let Some(standing) = standing else { return "it is about to be ordered".to_owned() };
    if let Some((obstacle, _)) = &standing.obstacle {
        return obstacle.clone();
    }
    let ledger = standing.ledger.as_ref();
    if let Some(trouble) = ledger.and_then(|ledger| ledger.troubled.get(name)) {
        return trouble.last.text.clone();
    }
    if let Some(error) = ledger.and_then(|ledger| ledger.last_error.as_ref()) {
        return error.text.clone();
    }
    if standing.running { "it is being ordered".to_owned() } else { "it is about to be ordered".to_owned() }
}
