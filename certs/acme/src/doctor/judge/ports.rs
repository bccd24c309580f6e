//! Whether the authority, when it comes to the name's ports, finds this server.

use super::{finding, hinted, list};
use crate::doctor::seen::{Outcome, Port, Probe, Seen};
use mizan_api::{DiagnosisFinding, Verdict};
use mizan_config::model::AcmeChallenge;
use std::fmt::Write;

/// One of the two ports, and what stands for it when it does not work.
struct Way<'a> {
    check: &'static str,
    challenge: AcmeChallenge,
    port: &'a Port,
    other: &'a Port,
    other_challenge: AcmeChallenge,
}

pub(super) fn judge(seen: &Seen) -> Vec<DiagnosisFinding> {
    use AcmeChallenge::{Http01, TlsAlpn01};
    let (http, https) = (&seen.http, &seen.https);
    let ways = [
        Way { check: "http_port", challenge: Http01, port: http, other: https, other_challenge: TlsAlpn01 },
        Way { check: "https_port", challenge: TlsAlpn01, port: https, other: http, other_challenge: Http01 },
    ];
    ways.iter().flat_map(|way| way.judge(seen)).collect()
}

impl Way<'_> {
    fn judge(&self, seen: &Seen) -> Vec<DiagnosisFinding> {
        if seen.is_wildcard() {
            let text = "does not apply: a wildcard is proved by dns-01";
            return vec![finding(self.check, Verdict::Unknown, text)];
        }
        if !seen.can_use(self.challenge) {
            let text = format!("does not apply: {} is not among `challenges`", self.challenge.name());
            return vec![finding(self.check, Verdict::Unknown, text)];
        }
        if self.port.probes.is_empty() {
            return vec![finding(self.check, Verdict::Unknown, "not looked at: there is no address to ask")];
        }
        let is_well = |probe: &&Probe| matches!(probe.outcome, Outcome::Answered { .. });
        let (well, ill): (Vec<&Probe>, Vec<&Probe>) = self.port.probes.iter().partition(is_well);
        let mut findings = Vec::new();
        if !well.is_empty() {
            findings.push(self.good(seen, &well));
        }
        findings.extend(ill.iter().map(|probe| self.bad(seen, probe, &well)));
        findings
    }

    fn good(&self, seen: &Seen, well: &[&Probe]) -> DiagnosisFinding {
        let addresses = list(well.iter().map(|probe| probe.address));
        let mut text =
            format!("port {} of {} is answered by this server ({addresses}", self.port.number, seen.name);
        let redirects = well.iter().map(|probe| match probe.outcome {
            Outcome::Answered { redirects } => redirects,
            _ => 0,
        });
        match redirects.max() {
            Some(0) | None => {}
            Some(1) => text += ", after a redirect",
            Some(more) => {
                let _ = write!(text, ", after {more} redirects");
            }
        }
        finding(self.check, Verdict::Good, text + ")")
    }

    fn bad(&self, seen: &Seen, probe: &Probe, well: &[&Probe]) -> DiagnosisFinding {
        let (name, port, address) = (&seen.name, self.port.number, probe.address);
        let nobody = format!("nobody answers at port {port} of {name} ({address})");
        let (text, hint) = match &probe.outcome {
            Outcome::Answered { .. } => return self.good(seen, &[probe]),
            Outcome::Stranger { status: 200, server } => (
                stranger(name, port, probe, &format!("it said 200 with a text of its own{}", by(server.as_deref()))),
                self.stranger_hint(seen),
            ),
            Outcome::Stranger { status, server } => (
                stranger(name, port, probe, &format!("it said {status}{}", by(server.as_deref()))),
                self.stranger_hint(seen),
            ),
            Outcome::Elsewhere { status, location, server } => (
                stranger(
                    name,
                    port,
                    probe,
                    &format!("it said {status} and leads to {location}{}", by(server.as_deref())),
                ),
                "who stands before this server must pass /.well-known/acme-challenge/ on as it is".to_owned(),
            ),
            Outcome::Refused => (
                format!("{nobody}: connection refused"),
                "is the port open in the firewall, and published in the Compose file? Does the name lead to this \
                 server?"
                    .to_owned(),
            ),
            Outcome::Silent => (
                format!("{nobody}: no answer in time"),
                "is the port open in the firewall, and published in the Compose file? Where the router does not lead \
                 its own public address back inside, ask from another network: \
                 curl http://NAME/.well-known/acme-challenge/x gets a 404 from mizan"
                    .replace("http://NAME", &self.url(name)),
            ),
            Outcome::NoRoute => (
                format!("port {port} of {name} ({address}) could not be tried: there is no route to it from here"),
                "an authority can reach it, perhaps; ask from another network".to_owned(),
            ),
            Outcome::Tls(why) => (
                format!("port {port} of {name} ({address}) does not speak TLS with us: {why}"),
                "is the port that of mizan's https listener, and does nothing before it end TLS?".to_owned(),
            ),
            Outcome::Failed(why) => (
                format!("port {port} of {name} ({address}) gives no sound answer: {why}"),
                self.stranger_hint(seen),
            ),
        };
        let hint = if address.is_ipv6() && well.iter().any(|probe| probe.address.is_ipv4()) {
            format!(
                "IPv4 works, but the authority tries IPv6 first: mend it, or take the AAAA record out; {hint}"
            )
        } else {
            hint
        };
        let verdict = if probe.outcome == Outcome::NoRoute || self.is_replaced(seen) {
            Verdict::Doubtful
        } else {
            Verdict::Bad
        };
        hinted(finding(self.check, verdict, text), hint)
    }

    /// Whether the name can be proved without this port.
    fn is_replaced(&self, seen: &Seen) -> bool {
        seen.can_use(AcmeChallenge::Dns01) || (seen.can_use(self.other_challenge) && self.other.is_good())
    }

    fn url(&self, name: &str) -> String {
        let (scheme, usual) =
            if self.challenge == AcmeChallenge::Http01 { ("http", 80) } else { ("https", 443) };
        match self.port.number {
            port if port == usual => format!("{scheme}://{name}"),
            port => format!("{scheme}://{name}:{port}"),
        }
    }

    fn stranger_hint(&self, seen: &Seen) -> String {
        format!(
            "does {} lead to this server, and is mizan, not another program, behind its port {}?",
            seen.name, self.port.number
        )
    }
}

fn stranger(name: &str, port: u16, probe: &Probe, said: &str) -> String {
    format!("port {port} of {name} is answered by {}, not by this server: {said}", probe.address)
}

fn by(server: Option<&str>) -> String {
    server.map(|server| format!(" ({server})")).unwrap_or_default()
}
