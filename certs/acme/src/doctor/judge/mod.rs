//! From what was seen to what it means. Pure: everything that is known comes in one value.

mod authority;
mod caa;
mod dns;
mod ports;
#[cfg(test)]
mod tests;

use super::seen::Seen;
use mizan_api::{DiagnosisFinding, Verdict};

/// In the order in which an authority comes across them.
pub(crate) fn judge(seen: &Seen) -> Vec<DiagnosisFinding> {
    let mut findings = dns::judge(seen);
    findings.extend(ports::judge(seen));
    findings.push(caa::judge(seen));
    findings.extend(authority::judge(seen));
    findings
}

/// The first that stands in the way: for the error of an order that failed.
pub(crate) fn first_obstacle(findings: &[DiagnosisFinding]) -> Option<String> {
    findings.iter().find(|finding| finding.verdict == Verdict::Bad).map(|finding| finding.text.clone())
}

fn finding(check: &str, verdict: Verdict, text: impl Into<String>) -> DiagnosisFinding {
    DiagnosisFinding { check: check.to_owned(), verdict, text: text.into(), hint: None }
}

fn hinted(finding: DiagnosisFinding, hint: impl Into<String>) -> DiagnosisFinding {
    DiagnosisFinding { hint: Some(hint.into()), ..finding }
}

fn list<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}
