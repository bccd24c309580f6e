//! Which CAA records count for a name.

use super::dns::Dns;
use super::seen::{Answer, CaaSeen};

/// From the name upwards to the top-level domain; the first set that is there counts (RFC 8659, 3).
pub(super) async fn climb(dns: &Dns, domain: &str) -> CaaSeen {
    let mut at = Some(domain);
    while let Some(domain) = at {
        match dns.caa(domain).await {
            Answer::Records(records) if !records.is_empty() => {
                return CaaSeen::Found { domain: domain.to_owned(), records };
            }
            Answer::Records(_) | Answer::NoSuchName => {}
            Answer::Refused(why) => return CaaSeen::Refused { domain: domain.to_owned(), why },
            Answer::Silent(why) => return CaaSeen::Silent { domain: domain.to_owned(), why },
        }
        at = domain.split_once('.').map(|(_, parent)| parent);
    }
    CaaSeen::None
}
