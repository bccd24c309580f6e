//! Whether the authority can be asked, whether our clock agrees with its, and what the ledger says.

use super::{finding, hinted};
use crate::doctor::seen::Seen;
use mizan_api::{DiagnosisFinding, Verdict};

/// From when on a clock is told of, in seconds.
const NOTICEABLE: u64 = 30;

/// From when on certificates seem not to be in force yet, or no longer.
const TOO_FAR: u64 = 600;

pub(super) fn judge(seen: &Seen) -> Vec<DiagnosisFinding> {
    let mut findings = vec![match &seen.directory {
        Ok(_) => finding("directory", Verdict::Good, format!("{} answers", seen.authority)),
        Err(why) => hinted(
            finding("directory", Verdict::Bad, format!("{} cannot be asked: {why}", seen.authority)),
            "may this server connect to the internet, and is `certificates.acme.directory` right?",
        ),
    }];
    if let Ok(view) = &seen.directory {
        findings.push(clock(view.skew_seconds, &seen.authority));
    }
    if let Some(ledger) = &seen.ledger {
        let told = finding("ledger", ledger.verdict, ledger.text.clone());
        findings.push(DiagnosisFinding { hint: ledger.hint.clone(), ..told });
    }
    findings
}

fn clock(skew: Option<i64>, authority: &str) -> DiagnosisFinding {
    let Some(skew) = skew else {
        return finding("clock", Verdict::Unknown, format!("{authority} does not say what time it is"));
    };
    let away = skew.unsigned_abs();
    let direction = if skew > 0 { "behind" } else { "ahead of" };
    let text = match away {
        0..120 => format!("this server's clock is {away} s {direction} {authority}'s"),
        120..7200 => format!("this server's clock is {} min {direction} {authority}'s", away / 60),
        _ => format!("this server's clock is {} h {direction} {authority}'s", away / 3600),
    };
    let hint = "set it, and have it kept right: timedatectl set-ntp true";
    match away {
        0..=NOTICEABLE => {
            finding("clock", Verdict::Good, format!("this server's clock agrees with {authority}'s"))
        }
        away if away <= TOO_FAR => hinted(finding("clock", Verdict::Doubtful, text), hint),
        _ => hinted(finding("clock", Verdict::Bad, text), hint),
    }
}
