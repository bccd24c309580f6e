//! What stands between a name and its certificate.

use super::text::words;
use super::{Failure, show};
use clap::Args;
use mizan_api::{Client, Diagnosis, Verdict};

/// Look at everything that stands between a name and its certificate: DNS, both ports, CAA records, the authority, the
/// clock and earlier attempts. Exit code 0: nothing is in the way, 1: something is.
///
/// The running mizan looks, from where it stands: a firewall between it and the authority it cannot see.
#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// A host of a site
    #[arg(value_name = "NAME")]
    name: String,
}

impl Doctor {
    pub(super) async fn run(&self, client: &Client, json: bool) -> Result<(), Failure> {
        let reply = client.diagnose_certificate(&self.name).await?;
        show(&reply, json, |width| render(&reply, width))?;
        let is_bad = reply.findings.iter().any(|finding| finding.verdict == Verdict::Bad);
        if is_bad { Err(Failure::Told) } else { Ok(()) }
    }
}

/// A finding a line, its hint below it.
fn render(diagnosis: &Diagnosis, width: usize) -> String {
    let checks = diagnosis.findings.iter().map(|finding| finding.check.chars().count());
    let column = checks.max().unwrap_or(0);
    let mut text = format!("{}\n", super::text::clean(&diagnosis.name));
    for finding in &diagnosis.findings {
        let head = format!("  {:4}  {:column$}  ", mark(finding.verdict), super::text::clean(&finding.check));
        let indent = head.chars().count();
        text += &words(&head, indent, &finding.text, width);
        if let Some(hint) = &finding.hint {
            text += &words(&" ".repeat(indent), indent, &format!("({hint})"), width);
        }
    }
    text
}

fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Good => "ok",
        Verdict::Doubtful => "warn",
        Verdict::Bad => "bad",
        Verdict::Unknown => "-",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mizan_api::DiagnosisFinding;

    #[test]
    fn findings_have_a_mark_and_their_hint_below() {
        let finding = |check: &str, verdict, text: &str, hint: Option<&str>| DiagnosisFinding {
            check: check.into(),
            verdict,
            text: text.into(),
            hint: hint.map(str::to_owned),
        };
        let nobody = "nobody answers at port 80 of api.example.com (203.0.113.9): connection refused";
        let diagnosis = Diagnosis {
            name: "api.example.com".into(),
            findings: vec![
                finding("dns", Verdict::Good, "api.example.com is 203.0.113.9", None),
                finding("http_port", Verdict::Bad, nobody, Some("is the port open in the firewall?")),
                finding("caa", Verdict::Unknown, "does not apply", None),
                finding("clock", Verdict::Doubtful, "40 s behind", None),
            ],
        };
        assert_eq!(
            render(&diagnosis, 80),
            "api.example.com\n  \
             ok    dns        api.example.com is 203.0.113.9\n  \
             bad   http_port  nobody answers at port 80 of api.example.com (203.0.113.9):\n                   \
             connection refused\n                   \
             (is the port open in the firewall?)\n  \
             -     caa        does not apply\n  \
             warn  clock      40 s behind\n"
        );
    }
}
