//! What a configuration asks of ACME.

use mizan_certs::kept;
use mizan_config::model::{Acme, AcmeChallenge, Config, ListenProtocol};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// What is wanted: from whom, for which names, and what there is to prove them with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    pub(crate) acme: Acme,
    pub(crate) state: PathBuf,
    /// DNS servers; empty: those of the system.
    pub(crate) resolvers: Vec<SocketAddr>,
    /// The hosts of each site, as certificates write them.
    pub(crate) sets: Vec<Vec<String>>,
    plain: bool,
    tls: bool,
}

impl Settings {
    /// `None`: no site wants ACME.
    pub fn of(config: &Config) -> Option<Self> {
        let of_acme = config
            .sites
            .iter()
            .filter(|site| site.tls.as_ref().is_some_and(|tls| tls.certificates.is_acme()));
        let sets: Vec<Vec<String>> =
            of_acme.map(|site| site.hosts.iter().map(kept::name_of).collect()).collect();
        let (acme, state) = (config.acme.clone()?, config.state.clone()?);
        let listens = |wanted| config.listen.iter().any(|one| one.protocol == wanted);
        (!sets.is_empty()).then(|| Self {
            acme,
            state,
            resolvers: config.resolver.servers.clone(),
            sets,
            plain: listens(ListenProtocol::Http),
            tls: listens(ListenProtocol::Https),
        })
    }

    /// How `name` can be proved, the preferred way first.
    pub(crate) fn ways(&self, name: &str) -> Vec<AcmeChallenge> {
        let (wildcard, address) = (name.starts_with("*."), name.parse::<IpAddr>().is_ok());
        if wildcard {
            return self.acme.dns.iter().map(|_| AcmeChallenge::Dns01).collect();
        }
        let possible = |way: &AcmeChallenge| match way {
            AcmeChallenge::TlsAlpn01 => self.tls && !address,
            AcmeChallenge::Http01 => self.plain,
            AcmeChallenge::Dns01 => self.acme.dns.is_some() && !address,
        };
        self.acme.challenges.iter().copied().filter(possible).collect()
    }
}
