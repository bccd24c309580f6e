//! What the TLS listeners of one configuration need, read from disk.

use crate::Clock;
use crate::certificate::CertificateInfo;
use crate::client_auth::ClientAuthId;
use crate::fault::{Fault, Gravity};
use crate::kept::{self, Kept, Shelf, Unsaved};
use crate::load::Loader;
use crate::sni::Names;
use crate::stamps::Stamps;
use crate::stand_in::StandIn;
use crate::tickets::Tickets;
use mizan_config::Config;
use mizan_config::model;
use rustls::ServerConfig;
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

/// What TLS listeners of one configuration need. Immutable; swapped whole.
#[derive(Debug)]
pub struct ServerTls {
    names: Names<Arc<SiteTls>>,
    stamps: Stamps,
    certificates: Vec<CertificateInfo>,
    sites: Vec<SiteCertificate>,
    /// Digests of the pairs of certificate and key in force.
    pub(crate) pairs: HashSet<[u8; 32]>,
    /// Certificates that the proxy got by itself.
    pub(crate) kept: Vec<Arc<Kept>>,
    /// When the first of these ends that was in force when they were read, in Unix seconds.
    next_end: Option<i64>,
    pub(crate) stand_ins: Vec<StandIn>,
    pub(crate) tickets: Tickets,
}

/// What the clients of a site are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteCertificate {
    /// Its hosts as certificates write them.
    pub names: Vec<String>,
    /// Whether the proxy gets its certificates by itself.
    pub acme: bool,
    /// The certificate in force for most of its hosts. `None`: none has one.
    pub served: Option<CertificateInfo>,
    /// Those of `names` that no certificate in force is for.
    pub missing: Vec<String>,
}

/// What a site's handshakes need.
#[derive(Debug)]
pub struct SiteTls {
    pub config: Arc<ServerConfig>,
    /// `None`: clients are not asked for certificates.
    pub client_auth: Option<ClientAuthId>,
    /// There is no certificate yet: what clients are shown signed itself.
    pub stand_in: bool,
}

/// What came of reading.
#[derive(Debug)]
pub struct Loaded {
    /// `None` when any fault is [`Gravity::Unusable`].
    pub tls: Option<ServerTls>,
    pub faults: Vec<Fault>,
}

impl ServerTls {
    /// `last`: what is in force. Its secret for tickets is taken over, so that clients resume across a reload; and a pair
    /// that is [`Gravity::Invalid`] but byte for byte one of its own is only doubtful, so that an expired certificate
    /// does not stand in the way of a change that has nothing to do with it.
    ///
    /// `unsaved`: certificates that the disk did not take.
    pub fn load(config: &Config, last: Option<&Self>, unsaved: &Unsaved, clock: Clock) -> Loaded {
        let (tls, faults) = Self::read(config, last, None, unsaved, clock);
        let usable = faults.iter().all(|fault| fault.gravity != Gravity::Unusable);
        Loaded { tls: tls.filter(|_| usable), faults }
    }

    /// What can be put in force although files of some sites are no good: those show what `last` shows. So that a broken
    /// file of one site does not keep the renewed certificate of another from being served.
    pub fn load_around(config: &Config, last: &Self, unsaved: &Unsaved, clock: Clock) -> Option<Self> {
        let (tls, _) = Self::read(config, Some(last), Some(last), unsaved, clock);
        // The files are still to be looked at until they are good.
        Some(Self { stamps: last.stamps.clone(), ..tls? })
    }

    /// `instead`: what shows the sites whose files are no good.
    fn read(
        config: &Config,
        last: Option<&Self>,
        instead: Option<&Self>,
        unsaved: &Unsaved,
        clock: Clock,
    ) -> (Option<Self>, Vec<Fault>) {
        let authority = authority_of(config);
        let mut files = files_of(config);
        files.extend(authority.as_deref().map(kept::certificates_folder));
        let stamps = Stamps::take(files);
        let mut loader = Loader::new(&config.tls, last, clock);
        let stamps = match &authority {
            Some(authority) => stamps.and(loader.shelve(authority, unsaved, config)),
            None => stamps,
        };
        let tickets = loader.tickets(&config.tls).or_else(|| Some(instead?.tickets.clone()));
        let mut names = Names::new();
        for site in &config.sites {
            let Some(wanted) = &site.tls else { continue };
            let known = loader.mark();
            let groups = loader.site(site, wanted, tickets.as_ref());
            if let Some(instead) = instead.filter(|_| !loader.is_good_since(&known)) {
                loader.back_to(known);
                for host in &site.hosts {
                    names.insert_some(host, instead.names.of_host(host));
                }
                continue;
            }
            for (hosts, tls) in groups.into_iter().flatten() {
                let tls = Arc::new(tls);
                for host in &hosts {
                    names.insert(host, &tls);
                }
            }
        }
        let Loader { faults, mut certificates, mut sites, mut pairs, shelf, others, stand_ins, .. } = loader;
        let kept: Vec<Arc<Kept>> =
            [&shelf].into_iter().chain(&others).flat_map(Shelf::kept).cloned().collect();
        let now = clock().cast_signed();
        let in_force = kept.iter().filter(|kept| kept.is_in_force(now));
        let next_end = in_force.map(|kept| kept.info.not_after).min();
        if let Some(instead) = instead {
            pairs.extend(&instead.pairs);
            let of_files = |site: &&SiteCertificate| !sites.iter().any(|known| known.names == site.names);
            let missing: Vec<SiteCertificate> = instead.sites.iter().filter(of_files).cloned().collect();
            certificates.extend(missing.iter().filter_map(|site| site.served.clone()));
            sites.extend(missing);
        }
        let tls = tickets.map(|tickets| Self {
            names,
            stamps,
            certificates,
            sites,
            pairs,
            kept,
            next_end,
            stand_ins,
            tickets,
        });
        (tls, faults)
    }

    /// What serves a ClientHello: the site with that name among its hosts, else the one with the longest wildcard above
    /// it, else the site `*`. Without a name the site `*`, else the first that has an IP address among its hosts.
    /// `None`: to be answered with the alert unrecognized_name (RFC 6066, 3).
    pub fn find(&self, server_name: Option<&str>) -> Option<&Arc<SiteTls>> {
        self.names.find(server_name)
    }

    /// Every file that was read, for watching.
    pub fn stamps(&self) -> &Stamps {
        &self.stamps
    }

    /// Whether something is due that no file announces: a stand-in is made for a few days, and where a certificate has
    /// ended another one may still be in force.
    pub fn is_stale(&self, now: i64) -> bool {
        self.stand_ins.iter().any(|stand_in| stand_in.is_old(now))
            || self.next_end.is_some_and(|end| now > end)
    }

    /// What each site with TLS shows, in file order.
    pub fn sites(&self) -> &[SiteCertificate] {
        &self.sites
    }

    /// The certificates in force, each once, in file order.
    pub fn describe(&self) -> impl Iterator<Item = &CertificateInfo> {
        self.certificates.iter()
    }
}

/// Where the certificates lie that the proxy gets by itself. `None`: it gets none.
fn authority_of(config: &Config) -> Option<PathBuf> {
    let mut sites = config.sites.iter().filter_map(|site| site.tls.as_ref());
    let wanted = sites.any(|tls| tls.certificates.is_acme());
    let (acme, state) = (config.acme.as_ref()?, config.state.as_ref()?);
    wanted.then(|| kept::authority_folder(state, &acme.directory))
}

fn files_of(config: &Config) -> Vec<PathBuf> {
    let sites = config.sites.iter().filter_map(|site| site.tls.as_ref());
    let of_site = |tls: &model::SiteTls| {
        let pairs = tls.certificates.files().iter().flat_map(|files| {
            [Some(files.certificate.clone()), Some(files.key.clone()), files.ocsp.clone()]
                .into_iter()
                .flatten()
        });
        let client = tls
            .client_auth
            .iter()
            .flat_map(|auth| [Some(auth.ca.clone()), auth.crl.clone()].into_iter().flatten());
        pairs.chain(client).collect::<Vec<_>>()
    };
    config.tls.ticket_key.iter().map(|key| key.file.clone()).chain(sites.flat_map(of_site)).collect()
}
