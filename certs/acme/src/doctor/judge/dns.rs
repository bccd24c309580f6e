//! Whether the name leads anywhere.

use super::{finding, hinted, list};
use crate::doctor::seen::{Answer, Resolution, Seen};
use mizan_api::{DiagnosisFinding, Verdict};
use std::net::IpAddr;

const CHECK: &str = "dns";

pub(super) fn judge(seen: &Seen) -> Vec<DiagnosisFinding> {
    let Resolution::Looked { v4, v6 } = &seen.dns else {
        return vec![finding(CHECK, Verdict::Unknown, "does not apply: the name is an address")];
    };
    let domain = seen.domain();
    let addresses: Vec<IpAddr> = [v4, v6].into_iter().flat_map(Answer::records).copied().collect();
    if !seen.needs_ports() {
        let text = if addresses.is_empty() {
            format!("{domain} has no address; dns-01, which is used, needs none")
        } else {
            format!("{domain} is {}; dns-01 is used, which needs no address", list(&addresses))
        };
        return vec![finding(CHECK, Verdict::Unknown, text)];
    }
    if addresses.is_empty() {
        return vec![nowhere(domain, v4, v6)];
    }
    let mut findings = vec![found(domain, &addresses)];
    for (kind, answer) in [("A", v4), ("AAAA", v6)] {
        if let Answer::Refused(why) = answer {
            // Authorities give up a name whose lookup fails, even where the other family has an address.
            let text = format!("the lookup of {kind} records of {domain} fails: {why}");
            findings.push(hinted(
                finding(CHECK, Verdict::Doubtful, text),
                "an authority may refuse the name for it; ask who runs its DNS",
            ));
        }
    }
    findings
}

fn nowhere(domain: &str, v4: &Answer<IpAddr>, v6: &Answer<IpAddr>) -> DiagnosisFinding {
    match (v4, v6) {
        (Answer::NoSuchName, _) | (_, Answer::NoSuchName) => hinted(
            finding(CHECK, Verdict::Bad, format!("{domain} does not exist in the DNS")),
            format!("add an A or AAAA record for {domain} with this server's public address"),
        ),
        (Answer::Refused(why), _) | (_, Answer::Refused(why)) => hinted(
            finding(CHECK, Verdict::Bad, format!("the lookup of {domain} fails: {why}")),
            "ask who runs the name's DNS: its servers, or their DNSSEC, are not in order",
        ),
        (Answer::Silent(why), _) | (_, Answer::Silent(why)) => hinted(
            finding(CHECK, Verdict::Unknown, format!("{domain} could not be looked up from here: {why}")),
            "are `resolver.servers`, or those of /etc/resolv.conf, the right ones?",
        ),
        (Answer::Records(_), Answer::Records(_)) => hinted(
            finding(
                CHECK,
                Verdict::Bad,
                format!("{domain} is in the DNS, but has neither an A nor an AAAA record"),
            ),
            format!("add one for {domain} with this server's public address"),
        ),
    }
}

fn found(domain: &str, addresses: &[IpAddr]) -> DiagnosisFinding {
    let private: Vec<&IpAddr> = addresses.iter().filter(|address| !is_public(**address)).collect();
    if private.is_empty() {
        return finding(CHECK, Verdict::Good, format!("{domain} is {}", list(addresses)));
    }
    hinted(
        finding(
            CHECK,
            Verdict::Doubtful,
            format!("{domain} is {}: a public authority cannot reach {}", list(addresses), list(private)),
        ),
        "enter the public address, or prove the name by dns-01, which needs none",
    )
}

/// Whether somebody on the internet could get there (RFC 6890).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            let shared = a == 100 && (64..128).contains(&b);
            !(v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_unspecified() || shared)
        }
        IpAddr::V6(v6) => {
            !(v6.is_loopback() || v6.is_unspecified() || v6.is_unique_local() || v6.is_unicast_link_local())
        }
    }
}
