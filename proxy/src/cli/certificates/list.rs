//! The table of certificates.

use super::text::{clean, cut, date, date_and_time, seen_from, words};
use super::{Failure, show};
use crate::clock;
use mizan_api::{Certificate, CertificateSource, CertificateState, Certificates, Client};

const TITLES: [&str; 5] = ["NAMES", "STATE", "ISSUER", "EXPIRES", "NEXT"];

/// The first column, from and to: it gives way where the page is narrow. A name that is longer has a line of its own.
const NAME: (usize, usize) = (16, 40);

/// As much of an issuer, from and to: it gives way behind the names.
const ISSUER: (usize, usize) = (12, 40);

/// Where the issuer stands in a row.
const AT_ISSUER: usize = 2;

const GAP: usize = 2;

pub(super) async fn run(client: &Client, json: bool) -> Result<(), Failure> {
    let reply = client.certificates().await?;
    show(&reply, json, |width| render(&reply, clock::unix_ms(), width))
}

/// A row for each, and below it what else there is to say.
fn render(reply: &Certificates, now: u64, width: usize) -> String {
    if reply.certificates.is_empty() {
        return words("", 0, "no site has a certificate: `tls: acme` of a site gets it one", width);
    }
    let rows: Vec<[String; 5]> = reply.certificates.iter().map(|certificate| row(certificate, now)).collect();
    let widths = fit(&rows, width);
    let mut text = line(&TITLES.map(str::to_owned), &widths);
    for (certificate, row) in reply.certificates.iter().zip(&rows) {
        text += &line(row, &widths);
        text += &below(certificate, now, width);
    }
    text
}

fn row(certificate: &Certificate, now: u64) -> [String; 5] {
    let name = certificate.names.first().map_or("-", String::as_str);
    let served = certificate.served.as_ref();
    let issuer = served.map_or("-", |served| &served.issuer);
    let expires = served.map_or_else(
        || "-".to_owned(),
        |served| format!("{} ({})", date(served.not_after_unix_ms), seen_from(now, served.not_after_unix_ms)),
    );
    let next = match (&certificate.renewal, certificate.source) {
        (Some(renewal), _) => match renewal.next_unix_ms {
            Some(next) if next <= now => "now".to_owned(),
            Some(next) => seen_from(now, next),
            None => "under way".to_owned(),
        },
        (None, CertificateSource::Files) => "by file".to_owned(),
        (None, CertificateSource::Acme) => "-".to_owned(),
    };
    [clean(name), state(certificate.state).to_owned(), clean(issuer), expires, next]
}

fn state(state: CertificateState) -> &'static str {
    match state {
        CertificateState::Valid => "valid",
        CertificateState::Degraded => "degraded",
        CertificateState::Waiting => "waiting",
        CertificateState::Expired => "expired",
    }
}

fn fit(rows: &[[String; 5]], width: usize) -> [usize; 5] {
    let mut widths = [0; 5];
    for (at, column) in widths.iter_mut().enumerate() {
        let cells = rows.iter().map(|row| row[at].chars().count());
        *column = cells.chain([TITLES[at].len()]).max().unwrap_or(0);
    }
    for (at, (least, most)) in [(0, NAME), (AT_ISSUER, ISSUER)] {
        let others: usize = widths.iter().sum::<usize>() - widths[at] + GAP * (widths.len() - 1);
        widths[at] = widths[at].min(width.saturating_sub(others).clamp(least, most));
    }
    widths
}

fn line(row: &[String; 5], widths: &[usize; 5]) -> String {
    let (above, first) = match row[0].as_str() {
        name if name.chars().count() > widths[0] => (format!("{name}\n"), ""),
        name => (String::new(), name),
    };
    let cells = std::iter::once(first).chain(row[1..].iter().map(String::as_str)).zip(widths);
    let cells = cells.map(|(cell, &width)| format!("{:width$}", cut(cell, width)));
    let joined = cells.collect::<Vec<_>>().join(&" ".repeat(GAP));
    above + joined.trim_end() + "\n"
}

/// The other names, what is missing and why, when the next order is and why, and how the last one failed.
fn below(certificate: &Certificate, now: u64, width: usize) -> String {
    let mut text = String::new();
    let mut say = |head: &str, said: &str| text += &words(&format!("  {head}"), 4, said, width);
    if let Some(others) = certificate.names.get(1..).filter(|others| !others.is_empty()) {
        say("also ", &others.join(", "));
    }
    if certificate.served.is_none() && certificate.source == CertificateSource::Acme {
        say("", "clients get one that signed itself meanwhile");
    }
    for missing in &certificate.missing {
        say("missing ", &format!("{}: {}", missing.name, missing.why));
    }
    if let Some(renewal) = &certificate.renewal {
        match renewal.next_unix_ms {
            Some(next) if renewal.reason.is_empty() => say("next ", &date_and_time(next)),
            Some(next) => say("next ", &format!("{}: {}", date_and_time(next), renewal.reason)),
            None => say("next ", &format!("an order is under way at {}", renewal.directory)),
        }
        if let Some(error) = &renewal.last_error {
            let times = match renewal.failures {
                0 | 1 => String::new(),
                times => format!(", {times} times in a row"),
            };
            say("failed ", &format!("{}{times}: {}", seen_from(now, error.at_unix_ms), error.text));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::sample::{DAY, NOW, certificate, renewal, served};
    use super::*;
    use mizan_api::{MissingName, RenewalError};

    fn rendered(certificates: Vec<Certificate>, width: usize) -> String {
        let text = render(&Certificates { certificates }, NOW, width);
        assert!(text.lines().all(|line| line.chars().count() <= width), "{text}");
        text
    }

    #[test]
    fn a_row_says_what_is_served_until_when_and_what_comes_next() {
        let one = certificate(&["api.example.com", "www.example.com"]);
        assert_eq!(
            rendered(vec![one], 80),
            "NAMES            STATE  ISSUER  EXPIRES                  NEXT\n\
             api.example.com  valid  E7      2026-05-01 (in 61 days)  in 31 days\n  \
             also www.example.com\n  \
             next 2026-04-01 12:00 UTC: two thirds of its lifetime\n"
        );
    }

    #[test]
    fn one_that_is_waited_for_says_why() {
        let mut one = certificate(&["api.example.com"]);
        (one.state, one.served) = (CertificateState::Waiting, None);
        let why =
            "port 80 of api.example.com is answered by 203.0.113.9, not by this server: it said 404 (nginx)";
        one.missing = vec![MissingName { name: "api.example.com".into(), why: why.into() }];
        let mut failed = renewal();
        (failed.failures, failed.reason) = (3, "after 3 failed attempts".into());
        failed.next_unix_ms = Some(NOW + 300_000);
        failed.last_error =
            Some(RenewalError { at_unix_ms: NOW - 60_000, text: "the authority said no".into() });
        one.renewal = Some(failed);
        assert_eq!(
            rendered(vec![one], 80),
            "NAMES            STATE    ISSUER  EXPIRES  NEXT\n\
             api.example.com  waiting  -       -        in 5 min\n  \
             clients get one that signed itself meanwhile\n  \
             missing api.example.com: port 80 of api.example.com is answered by\n    \
             203.0.113.9, not by this server: it said 404 (nginx)\n  \
             next 2026-03-01 12:05 UTC: after 3 failed attempts\n  \
             failed 60 s ago, 3 times in a row: the authority said no\n"
        );
    }

    #[test]
    fn an_order_under_way_has_no_time() {
        let mut one = certificate(&["api.example.com"]);
        one.renewal.as_mut().unwrap().next_unix_ms = None;
        let text = rendered(vec![one], 80);
        assert!(
            text.contains("under way\n") && text.contains("an order is under way at https://acme.example/")
        );
    }

    #[test]
    fn files_are_renewed_by_somebody_else() {
        let mut one = certificate(&["api.example.com"]);
        (one.source, one.renewal) = (CertificateSource::Files, None);
        let text = rendered(vec![one], 80);
        assert!(text.ends_with("by file\n"), "{text}");
    }

    #[test]
    fn long_names_and_issuers_give_way_to_the_width() {
        let mut one = certificate(&[&format!("{}.example.com", "x".repeat(50))]);
        let mut long = served();
        long.issuer = "An Authority With A Long Name".into();
        long.not_after_unix_ms = NOW - 400 * DAY;
        (one.served, one.state) = (Some(long), CertificateState::Expired);
        let both = vec![certificate(&["a.example.com"]), one];
        let wide = rendered(both.clone(), 160);
        assert!(wide.contains("An Authority With A Long Name  2025"), "{wide}");
        let text = rendered(both, 80);
        assert!(text.contains(".example.com\n ") && text.contains("An Authority"), "{text}");
        assert!(text.contains("…  ") && text.contains("(400 days ago)"), "{text}");
    }

    #[test]
    fn nothing_at_all_says_how_to_have_one() {
        assert!(rendered(Vec::new(), 80).contains("`tls: acme`"));
    }

    #[test]
    fn what_others_wrote_does_not_steer_the_terminal() {
        let mut one = certificate(&["a.example.com"]);
        one.served.as_mut().unwrap().issuer = "\u{1b}[2J".into();
        one.renewal.as_mut().unwrap().reason = "\u{1b}[2J".into();
        assert!(!rendered(vec![one], 80).contains('\u{1b}'));
    }
}
