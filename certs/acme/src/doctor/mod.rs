//! What stands between a name and its certificate, for people.
//!
//! [`Doctor::look`] gathers what an authority would see: the DNS, the two ports, CAA records, the directory. [`judge`] says
//! what that means, and is pure. The name is looked at from where this server stands; what only the authority sees, such as
//! a firewall between the two, stays unknown.

mod caa;
mod dns;
mod judge;
mod probe;
mod seen;
#[cfg(test)]
mod test_servers;
#[cfg(test)]
mod tests;

pub(crate) use judge::{first_obstacle, judge};
pub(crate) use seen::{DirectoryView, LedgerView, Seen};

use dns::Dns;
use mizan_config::model::AcmeChallenge;
use probe::Asked;
use seen::{CaaSeen, Outcome, Port, Probe, Resolution};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::task::JoinSet;

/// For all that is asked at a name once its addresses are known.
const LIMIT: Duration = Duration::from_secs(12);

/// More addresses of a name are not asked.
const ADDRESSES: usize = 8;

/// How names are looked at.
#[derive(Debug, Clone)]
pub(crate) struct Doctor {
    /// Whom to ask for names. Empty: the system's servers.
    pub(crate) resolver: Vec<SocketAddr>,
    /// Where the authority looks for `http-01`.
    pub(crate) http_port: u16,
    /// Where the authority looks for `tls-alpn-01`.
    pub(crate) https_port: u16,
    /// In which ways names may be proved.
    pub(crate) challenges: Vec<AcmeChallenge>,
    /// The host of the directory.
    pub(crate) authority: String,
}

/// An answer of `http-01` that this server gives, under a name that no order uses.
#[derive(Clone)]
pub(crate) struct Token {
    pub(crate) token: String,
    pub(crate) key_authorization: String,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token").field("token", &self.token).finish_non_exhaustive()
    }
}

impl Doctor {
    /// Takes no longer than half a minute. `directory` is asked meanwhile; the ledger is for the caller to add.
    pub(crate) async fn look(
        &self,
        name: &str,
        token: &Token,
        directory: impl Future<Output = Result<DirectoryView, String>>,
    ) -> Seen {
        let name = name.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        let mut seen = Seen {
            authority: self.authority.clone(),
            challenges: self.challenges.clone(),
            dns: Resolution::Address,
            http: Port { number: self.http_port, probes: Vec::new() },
            https: Port { number: self.https_port, probes: Vec::new() },
            caa: CaaSeen::DoesNotApply,
            directory: Err(String::new()),
            ledger: None,
            name,
        };
        let at_the_name = async {
            if let Ok(address) = seen.name.parse::<IpAddr>() {
                self.knock(&mut seen, vec![address], token).await;
            } else {
                self.look_at_name(&mut seen, token).await;
            }
        };
        let ((), directory) = tokio::join!(at_the_name, directory);
        seen.directory = directory;
        seen
    }

    async fn look_at_name(&self, seen: &mut Seen, token: &Token) {
        let dns = Dns::new(&self.resolver);
        let domain = seen.domain().to_owned();
        let (v4, v6) = tokio::join!(dns.v4(&domain), dns.v6(&domain));
        let addresses: Vec<IpAddr> =
            [&v6, &v4].into_iter().flat_map(seen::Answer::records).copied().collect();
        seen.dns = Resolution::Looked { v4, v6 };
        let ((), caa) = tokio::join!(
            self.knock(seen, addresses, token),
            tokio::time::timeout(LIMIT, caa::climb(&dns, &domain))
        );
        seen.caa = caa.unwrap_or_else(|_| CaaSeen::Silent { domain, why: "no answer in time".to_owned() });
    }

    /// Asks each address at the ports that the authority comes to, all at once.
    async fn knock(&self, seen: &mut Seen, mut addresses: Vec<IpAddr>, token: &Token) {
        addresses.truncate(ADDRESSES);
        let mut under_way = JoinSet::new();
        for (tls, challenge) in [(false, AcmeChallenge::Http01), (true, AcmeChallenge::TlsAlpn01)] {
            if !seen.can_use(challenge) {
                continue;
            }
            for (at, &address) in addresses.iter().enumerate() {
                let asked = Asked {
                    host: seen.name.clone(),
                    address,
                    http_port: self.http_port,
                    https_port: self.https_port,
                };
                let token = token.clone();
                under_way.spawn(async move {
                    let probe = tokio::time::timeout(LIMIT, asked.probe(tls, &token));
                    (tls, at, probe.await.unwrap_or(Outcome::Silent))
                });
            }
        }
        let mut found = under_way.join_all().await;
        found.sort_by_key(|(tls, at, _)| (*tls, *at));
        for (tls, at, outcome) in found {
            let port = if tls { &mut seen.https } else { &mut seen.http };
            port.probes.push(Probe { address: addresses[at], outcome });
        }
    }
}
