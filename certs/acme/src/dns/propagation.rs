//! Waiting until a record is seen where the authority will look.

use super::error::DnsError;
use super::recursive::{Authority, Recursive, of};
use super::{exchange, plain};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{Name, RData, RecordType};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

/// Between two looks, at most and at least.
const PAUSE: Duration = Duration::from_secs(2);
const SHORT_PAUSE: Duration = Duration::from_millis(250);

/// What one server shows.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Sight {
    Shown,
    /// It answered, but without the value: how.
    Missing(String),
    Mute,
}

/// What all of them together mean.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Seen,
    NotYet(String),
    /// Nothing can be said from here.
    Nobody,
}

/// Asks again and again, no longer than `limit`.
pub(super) async fn until_seen(
    recursive: &Recursive,
    name: &Name,
    value: &str,
    limit: Duration,
    port: u16,
) -> Result<(), DnsError> {
    let started = Instant::now();
    let mut why = "no DNS server answers".to_owned();
    let looking = async {
        let mut authorities = Vec::new();
        loop {
            if authorities.is_empty() {
                authorities = recursive.authorities(name).await;
            }
            // One that is down must not stand in the way for ever: the authority's resolvers pass it by, too.
            let waiting = started.elapsed() < limit / 2;
            let seen = match verdict(&look(&authorities, name, value, port).await, waiting) {
                Verdict::Nobody => resolved(recursive, name, value).await,
                verdict => verdict,
            };
            match seen {
                Verdict::Seen => return,
                Verdict::NotYet(reason) => why = reason,
                Verdict::Nobody => {}
            }
            sleep((limit / 20).clamp(SHORT_PAUSE, PAUSE)).await;
        }
    };
    match timeout(limit, looking).await {
        Ok(()) => Ok(()),
        Err(_) => Err(DnsError::NotSeen { name: plain(name), within: limit, why }),
    }
}

/// Asks all addresses of all servers at once.
async fn look(authorities: &[Authority], name: &Name, value: &str, port: u16) -> Vec<(String, Sight)> {
    let mut asking = JoinSet::new();
    for (index, authority) in authorities.iter().enumerate() {
        for &address in &authority.addresses {
            let (name, value) = (name.clone(), value.to_owned());
            asking.spawn(async move { (index, address, sight(address, port, &name, &value).await) });
        }
    }
    let mut sights: Vec<(String, Sight)> =
        authorities.iter().map(|authority| (authority.name.clone(), Sight::Mute)).collect();
    while let Some(Ok((index, address, sight))) = asking.join_next().await {
        let known = &mut sights[index];
        // An address that is out of reach from here says nothing, one that answers without the value says all.
        match (&known.1, &sight) {
            (Sight::Missing(_), _) | (_, Sight::Mute) => {}
            (_, Sight::Missing(_)) => *known = (format!("{} ({address})", authorities[index].name), sight),
            (_, Sight::Shown) => known.1 = sight,
        }
    }
    sights
}

async fn sight(address: IpAddr, port: u16, name: &Name, value: &str) -> Sight {
    let Ok(answer) = exchange::ask(SocketAddr::new(address, port), name, RecordType::TXT).await else {
        return Sight::Mute;
    };
    if has(&of(name, RecordType::TXT, &answer.answers), value) {
        return Sight::Shown;
    }
    Sight::Missing(match answer.metadata.response_code {
        ResponseCode::NoError | ResponseCode::NXDomain => "answers without it".into(),
        code => format!("answers `{code}`"),
    })
}

/// The resolver's word, where no authoritative server can be asked.
async fn resolved(recursive: &Recursive, name: &Name, value: &str) -> Verdict {
    match recursive.records(name, RecordType::TXT).await {
        Ok(found) if has(&found, value) => Verdict::Seen,
        Ok(_) => Verdict::NotYet(
            "the resolver answers without it, and no authoritative server can be asked from here".into(),
        ),
        Err(why) => Verdict::NotYet(format!("the resolver does not know: {why}")),
    }
}

/// `waiting`: those who say nothing are waited for.
fn verdict(sights: &[(String, Sight)], waiting: bool) -> Verdict {
    let missing = sights.iter().find_map(|(name, sight)| match sight {
        Sight::Missing(how) => Some(format!("{name} {how}")),
        Sight::Shown | Sight::Mute => None,
    });
    if let Some(missing) = missing {
        return Verdict::NotYet(missing);
    }
    if !sights.iter().any(|(_, sight)| *sight == Sight::Shown) {
        return Verdict::Nobody;
    }
    match sights.iter().find(|(_, sight)| *sight == Sight::Mute) {
        Some((name, _)) if waiting => Verdict::NotYet(format!("{name} does not answer")),
        _ => Verdict::Seen,
    }
}

/// Whether one of the records is this value. A long one comes in several strings (RFC 8555, 8.4).
fn has(found: &[RData], value: &str) -> bool {
    found.iter().any(|data| match data {
        RData::TXT(text) => text.txt_data.concat() == value.as_bytes(),
        _ => false,
    })
}

#[cfg(test)]
mod tests;
