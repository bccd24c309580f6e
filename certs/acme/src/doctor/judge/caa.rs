//! Whether the name's CAA records let the authority issue (RFC 8659, and RFC 8657's parameters).

use super::{finding, hinted, list};
use crate::doctor::seen::{CaaRecord, CaaSeen, Seen};
use mizan_api::{DiagnosisFinding, Verdict};
use mizan_config::model::AcmeChallenge;

const CHECK: &str = "caa";

/// Tags that every authority understands, critical or not.
const KNOWN: [&str; 6] = ["issue", "issuewild", "iodef", "issuemail", "contactemail", "contactphone"];

pub(super) fn judge(seen: &Seen) -> DiagnosisFinding {
    match &seen.caa {
        CaaSeen::DoesNotApply => finding(CHECK, Verdict::Unknown, "does not apply: the name is an address"),
        CaaSeen::None => finding(
            CHECK,
            Verdict::Good,
            format!("no CAA records for {}: every authority may", seen.domain()),
        ),
        CaaSeen::Refused { domain, why } => hinted(
            finding(CHECK, Verdict::Bad, format!("the lookup of CAA records of {domain} fails: {why}")),
            "an authority must not issue then (RFC 8659, 3); ask who runs the name's DNS",
        ),
        CaaSeen::Silent { domain, why } => {
            let text = format!("the CAA records of {domain} could not be looked up from here: {why}");
            finding(CHECK, Verdict::Unknown, text)
        }
        CaaSeen::Found { domain, records } => found(seen, domain, records),
    }
}

fn found(seen: &Seen, domain: &str, records: &[CaaRecord]) -> DiagnosisFinding {
    let strange = records.iter().find(|record| record.critical && !KNOWN.contains(&&*record.tag));
    if let Some(CaaRecord { tag, .. }) = strange {
        let text = format!("{domain} has a critical CAA record `{tag}`, which authorities do not know");
        return hinted(
            finding(CHECK, Verdict::Bad, text),
            "they must not issue then (RFC 8659, 4.5); remove it",
        );
    }
    let of = |tag: &str| records.iter().filter(|record| record.tag == tag).collect::<Vec<_>>();
    let wild = of("issuewild");
    // RFC 8659, 4.3: `issue` is not looked at for a wildcard where there is an `issuewild`.
    let (tag, relevant) =
        if seen.is_wildcard() && !wild.is_empty() { ("issuewild", wild) } else { ("issue", of("issue")) };
    if relevant.is_empty() {
        let text = format!("the CAA records of {domain} restrict no authority for {}", seen.name);
        return finding(CHECK, Verdict::Good, text);
    }
    let values: Vec<Value> = relevant.iter().map(|record| Value::parse(&record.value)).collect();
    let allowed = list(values.iter().map(|value| match &*value.issuer {
        "" => "nobody",
        issuer => issuer,
    }));
    let identities = match &seen.directory {
        Ok(view) if !view.caa_identities.is_empty() => &view.caa_identities,
        _ => {
            let text = format!(
                "the CAA records of {domain} allow {allowed}; {} did not say who it is",
                seen.authority
            );
            return finding(CHECK, Verdict::Unknown, text);
        }
    };
    let is_us =
        |value: &&Value| identities.iter().any(|identity| identity.eq_ignore_ascii_case(&value.issuer));
    let ours: Vec<&Value> = values.iter().filter(is_us).collect();
    if ours.is_empty() {
        let who = &identities[0];
        let text = format!("the CAA records of {domain} allow {allowed}, not {}", list(identities));
        let hint = format!("add the record: {domain}. CAA 0 {tag} \"{who}\"");
        return hinted(finding(CHECK, Verdict::Bad, text), hint);
    }
    parameters(seen, domain, &ours)
}

/// What else records ask for that name the authority: one that asks for nothing that is missing is enough.
fn parameters(seen: &Seen, domain: &str, ours: &[&Value]) -> DiagnosisFinding {
    let usable: Vec<&&Value> = ours.iter().filter(|value| value.lets(seen)).collect();
    let Some(first) = usable.first() else {
        let methods = list(ours.iter().filter_map(|value| value.methods.as_deref()));
        let text = format!("the CAA records of {domain} want the name proved by {methods}");
        let hint = "allow one of them under `challenges`, or take `validationmethods` out of the record";
        return hinted(finding(CHECK, Verdict::Bad, text), hint);
    };
    if usable.iter().all(|value| value.account.is_some()) {
        let account = first.account.as_deref().unwrap_or_default();
        let text = format!("the CAA records of {domain} allow the account {account} alone");
        let hint = "mizan has an account of its own: that in account.json below `state`; enter its URL";
        return hinted(finding(CHECK, Verdict::Doubtful, text), hint);
    }
    finding(CHECK, Verdict::Good, format!("the CAA records of {domain} allow {}", first.issuer))
}

/// The value of `issue` and `issuewild` (RFC 8659, 4.2).
struct Value {
    /// Empty: nobody.
    issuer: String,
    /// `validationmethods` (RFC 8657, 4).
    methods: Option<String>,
    /// `accounturi` (RFC 8657, 3).
    account: Option<String>,
}

impl Value {
    fn parse(text: &str) -> Self {
        let mut parts = text.split(';').map(str::trim);
        let issuer = parts.next().unwrap_or_default().trim_end_matches('.').to_ascii_lowercase();
        let mut value = Self { issuer, methods: None, account: None };
        for (key, content) in parts.filter_map(|part| part.split_once('=')) {
            let content = Some(content.trim().to_owned());
            match &*key.trim().to_ascii_lowercase() {
                "validationmethods" => value.methods = content,
                "accounturi" => value.account = content,
                _ => {}
            }
        }
        value
    }

    fn lets(&self, seen: &Seen) -> bool {
        let Some(methods) = &self.methods else { return true };
        let every = [AcmeChallenge::TlsAlpn01, AcmeChallenge::Http01, AcmeChallenge::Dns01];
        methods.split(',').any(|method| {
            every.iter().any(|challenge| challenge.name() == method.trim() && seen.can_use(*challenge))
        })
    }
}
