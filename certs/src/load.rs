//! One reading of everything that the TLS listeners of a configuration need.

use crate::certificate::CertificateInfo;
use crate::chain;
use crate::client_auth::{ClientAuthId, Verifier};
use crate::fault::{Fault, Finding, Gravity};
use crate::files::Files;
use crate::kept::{self, Kept, Shelf, Unsaved};
use crate::ocsp;
use crate::pair::Pair;
use crate::profile::Profile;
use crate::resolver::{Offer, Resolver, Stapled};
use crate::server::{ServerTls, SiteCertificate, SiteTls};
use crate::stand_in::StandIn;
use crate::tickets::{self, Ticketer, Tickets};
use crate::{Clock, NoRandomness};
use mizan_config::Config;
use mizan_config::model::{self, CertificateFiles, HostPattern, Place, Site, SiteCertificates};
use rustls::ServerConfig;
use rustls::pki_types::UnixTime;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::time_provider::TimeProvider;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Hosts of a site that are shown the same.
struct Group {
    hosts: Vec<HostPattern>,
    offers: Vec<Offer>,
    stand_in: bool,
}

/// How much was gathered at some moment.
pub(crate) struct Mark {
    faults: usize,
    certificates: usize,
    sites: usize,
    stand_ins: usize,
    pairs: HashSet<[u8; 32]>,
}

/// What is gathered while a configuration is read.
pub(crate) struct Loader<'a> {
    last: Option<&'a ServerTls>,
    clock: Clock,
    now: i64,
    profile: Profile,
    files: Files,
    pub(crate) faults: Vec<Fault>,
    pub(crate) certificates: Vec<CertificateInfo>,
    pub(crate) sites: Vec<SiteCertificate>,
    pub(crate) pairs: HashSet<[u8; 32]>,
    pub(crate) shelf: Shelf,
    /// Of authorities that other configurations asked.
    pub(crate) others: Vec<Shelf>,
    pub(crate) stand_ins: Vec<StandIn>,
    ticketers: HashMap<Option<ClientAuthId>, Arc<Ticketer>>,
}

impl<'a> Loader<'a> {
    pub(crate) fn new(tls: &model::Tls, last: Option<&'a ServerTls>, clock: Clock) -> Self {
        let mut findings = Vec::new();
        let profile = Profile::of(tls, &mut findings);
        let mut loader = Self {
            last,
            clock,
            now: clock().cast_signed(),
            profile,
            files: Files::default(),
            faults: Vec::new(),
            certificates: Vec::new(),
            sites: Vec::new(),
            pairs: HashSet::new(),
            shelf: Shelf::default(),
            others: Vec::new(),
            stand_ins: Vec::new(),
            ticketers: HashMap::new(),
        };
        loader.tell(findings, &Place::default());
        loader
    }

    fn tell(&mut self, findings: impl IntoIterator<Item = Finding>, place: &Place) {
        self.faults.extend(findings.into_iter().map(|finding| finding.at(place)));
    }

    pub(crate) fn tickets(&mut self, tls: &model::Tls) -> Option<Tickets> {
        let mut findings = Vec::new();
        let tickets = match &tls.ticket_key {
            Some(key) => ticket_file(&key.file, &mut self.files, &mut findings),
            None => Tickets::of_process(self.last.map(|last| &last.tickets))
                .map_err(|error @ NoRandomness| Finding::unusable(error.to_string())),
        };
        let place = tls.ticket_key.as_ref().map(|key| key.place.clone()).unwrap_or_default();
        self.tell(findings, &place);
        tickets.map_err(|finding| self.tell([finding], &place)).ok()
    }

    /// Reads the certificates that the proxy got by itself; gives back what was looked at.
    pub(crate) fn shelve(&mut self, authority: &Path, unsaved: &Unsaved, config: &Config) -> Vec<PathBuf> {
        let mut findings = Vec::new();
        let last = self.last.map_or(&[][..], |last| &last.kept);
        self.shelf = Shelf::read(authority, unsaved, last, &self.profile.provider, &mut findings);
        let place = config.acme.as_ref().map(|acme| acme.place.clone()).unwrap_or_default();
        self.tell(findings, &place);
        let mut looked_at = self.shelf.files.clone();
        for other in kept::other_authorities(authority) {
            // What is wrong with them is in nobody's way.
            let read = Shelf::read(&other, unsaved, last, &self.profile.provider, &mut Vec::new());
            looked_at.extend(read.files.clone());
            self.others.push(read);
        }
        looked_at
    }

    /// What is gathered so far, to come back to.
    pub(crate) fn mark(&self) -> Mark {
        Mark {
            faults: self.faults.len(),
            certificates: self.certificates.len(),
            sites: self.sites.len(),
            stand_ins: self.stand_ins.len(),
            pairs: self.pairs.clone(),
        }
    }

    /// Whether nothing that was read since stands in a change's way.
    pub(crate) fn is_good_since(&self, mark: &Mark) -> bool {
        self.faults[mark.faults..].iter().all(|fault| fault.gravity == Gravity::Doubtful)
    }

    /// Forgets what was read since, but for its faults.
    pub(crate) fn back_to(&mut self, mark: Mark) {
        self.certificates.truncate(mark.certificates);
        self.sites.truncate(mark.sites);
        self.stand_ins.truncate(mark.stand_ins);
        self.pairs = mark.pairs;
    }

    /// The hosts of a site with what serves each. `None`: something is unusable, and was told.
    pub(crate) fn site(
        &mut self,
        site: &Site,
        wanted: &model::SiteTls,
        tickets: Option<&Tickets>,
    ) -> Option<Vec<(Vec<HostPattern>, SiteTls)>> {
        let (groups, place) = match &wanted.certificates {
            SiteCertificates::Files(files) => {
                (self.group_of_files(files, site), files.first().map(|files| files.place.clone()))
            }
            SiteCertificates::Acme(place) => (self.groups_of_kept(site, place), Some(place.clone())),
        };
        let place = place.unwrap_or_default();
        let verifier = match &wanted.client_auth {
            Some(auth) => Some(self.verifier(auth)?),
            None => None,
        };
        let groups = groups?;
        if self.profile.versions.is_empty() {
            return None;
        }
        let (verifier, client_auth) = match verifier {
            Some(Verifier { verifier, id }) => (verifier, Some(id)),
            None => (WebPkiClientVerifier::no_client_auth(), None),
        };
        let mut sites = Vec::new();
        for Group { hosts, offers, stand_in } in groups {
            let resolver = Resolver::new(offers, self.clock)?;
            let config = self.server_config(resolver, verifier.clone(), client_auth, tickets?, &place)?;
            sites.push((hosts, SiteTls { config: Arc::new(config), client_auth, stand_in }));
        }
        Some(sites)
    }

    fn server_config(
        &mut self,
        resolver: Resolver,
        verifier: Arc<dyn ClientCertVerifier>,
        client_auth: Option<ClientAuthId>,
        tickets: &Tickets,
        place: &Place,
    ) -> Option<ServerConfig> {
        let time = Arc::new(ClockTime(self.clock));
        let builder = ServerConfig::builder_with_details(self.profile.provider.clone(), time)
            .with_protocol_versions(&self.profile.versions)
            .map_err(|error| self.tell([Finding::unusable(format!("TLS cannot be served: {error}"))], place))
            .ok()?;
        let mut config = builder.with_client_cert_verifier(verifier).with_cert_resolver(Arc::new(resolver));
        config.alpn_protocols = vec![b"h2".into(), b"http/1.1".into()];
        config.ignore_client_order = false;
        // A session that is kept here is one that another instance does not have; a ticket goes everywhere.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.ticketer = self.ticketer(tickets, client_auth);
        // Requests in early data can be replayed (RFC 8446, 8), answers in half-RTT data go to nobody in particular.
        config.max_early_data_size = 0;
        config.send_half_rtt_data = false;
        Some(config)
    }

    fn group_of_files(&mut self, files: &[CertificateFiles], site: &Site) -> Option<Vec<Group>> {
        let offers: Vec<_> = files.iter().map(|files| self.offer(files, &site.hosts)).collect();
        let offers: Vec<Offer> = offers.into_iter().collect::<Option<_>>()?;
        let first = files.first().and_then(|files| {
            self.certificates.iter().find(|certificate| certificate.file == files.certificate)
        });
        self.sites.push(SiteCertificate {
            names: site.hosts.iter().map(kept::name_of).collect(),
            acme: false,
            served: first.cloned(),
            missing: Vec::new(),
        });
        Some(vec![Group { hosts: site.hosts.clone(), offers, stand_in: false }])
    }

    /// Each host has the best certificate that there is for it, or else a stand-in.
    fn groups_of_kept(&mut self, site: &Site, place: &Place) -> Option<Vec<Group>> {
        let names: Vec<String> = site.hosts.iter().map(kept::name_of).collect();
        let mut chosen: Vec<(Arc<Kept>, Vec<HostPattern>)> = Vec::new();
        let mut waiting: Vec<HostPattern> = Vec::new();
        for host in &site.hosts {
            // Of an authority that was asked before: better than none until the one that is asked now has issued.
            let of_others = || self.others.iter().find_map(|other| other.best(host, self.now));
            let Some(best) = self.shelf.best(host, self.now).or_else(of_others) else {
                waiting.push(host.clone());
                continue;
            };
            match chosen.iter_mut().find(|(kept, _)| Arc::ptr_eq(kept, best)) {
                Some((_, hosts)) => hosts.push(host.clone()),
                None => chosen.push((best.clone(), vec![host.clone()])),
            }
        }
        let ended =
            chosen.iter().filter(|(kept, _)| !kept.is_in_force(self.now)).flat_map(|(_, hosts)| hosts);
        let missing = waiting.iter().chain(ended).map(kept::name_of).collect();
        let most = chosen
            .iter()
            .max_by_key(|(kept, hosts)| (kept.is_in_force(self.now), hosts.len(), kept.info.not_before));
        self.sites.push(SiteCertificate {
            names,
            acme: true,
            served: most.map(|(kept, _)| kept.info.clone()),
            missing,
        });
        let mut groups = Vec::new();
        for (kept, hosts) in chosen {
            // It is renewed until it is good again: no reason to serve nothing.
            let findings = chain::validity(&kept.pair.chain, self.now, &kept.info.file);
            self.tell(findings.into_iter().map(Finding::only_doubtful), place);
            if !self.certificates.contains(&kept.info) {
                self.certificates.push(kept.info.clone());
            }
            let offers = vec![Offer { plain: Arc::new(kept.pair.certified.clone()), stapled: None }];
            groups.push(Group { hosts, offers, stand_in: false });
        }
        if !waiting.is_empty() {
            let stand_in = self.stand_in(&waiting, place)?;
            let offers = vec![Offer { plain: stand_in.certified.clone(), stapled: None }];
            self.stand_ins.push(stand_in);
            groups.push(Group { hosts: waiting, offers, stand_in: true });
        }
        Some(groups)
    }

    fn stand_in(&mut self, hosts: &[HostPattern], place: &Place) -> Option<StandIn> {
        let last = self.last.and_then(|last| last.stand_ins.iter().find(|one| one.serves(hosts, self.now)));
        if let Some(last) = last {
            return Some(last.clone());
        }
        let made = StandIn::make(hosts, self.now, &self.profile.provider);
        made.map_err(|finding| self.tell([finding], place)).ok()
    }

    fn offer(&mut self, paths: &CertificateFiles, hosts: &[HostPattern]) -> Option<Offer> {
        let mut findings = Vec::new();
        let offer = self.read_offer(paths, hosts, &mut findings);
        self.tell(findings, &paths.place);
        offer.map_err(|finding| self.tell([finding], &paths.place)).ok()
    }

    fn read_offer(
        &mut self,
        paths: &CertificateFiles,
        hosts: &[HostPattern],
        findings: &mut Vec<Finding>,
    ) -> Result<Offer, Finding> {
        let pair = Pair::read(paths, &mut self.files, &self.profile.provider, findings)?;
        let in_force = self.last.is_some_and(|last| last.pairs.contains(&pair.digest));
        let validity = chain::validity(&pair.chain, self.now, &paths.certificate).into_iter();
        findings.extend(validity.map(|finding| match finding.gravity {
            Gravity::Invalid if in_force => Finding { gravity: Gravity::Doubtful, ..finding },
            _ => finding,
        }));
        let own = pair.own();
        findings.extend(chain::hosts(own, hosts, &paths.certificate));
        findings.extend(chain::order(&pair.chain, chain::system_roots(), &paths.certificate));
        let stapled = self.staple(paths, &pair, findings)?;
        let info = own.info(&paths.certificate);
        if !self.certificates.contains(&info) {
            self.certificates.push(info);
        }
        self.pairs.insert(pair.digest);
        Ok(Offer { plain: Arc::new(pair.certified), stapled })
    }

    fn staple(
        &mut self,
        paths: &CertificateFiles,
        pair: &Pair,
        findings: &mut Vec<Finding>,
    ) -> Result<Option<Stapled>, Finding> {
        let Some(path) = &paths.ocsp else { return Ok(None) };
        let der = self.files.read(path, "the OCSP response")?.bytes;
        let shown = path.display();
        let response = ocsp::parse(&der).map_err(|ocsp::Malformed| {
            Finding::unusable(format!("this is not an OCSP response in DER: {shown}"))
                .hint("write one: openssl ocsp ... -respout FILE")
        })?;
        match ocsp::judge(&response, pair.own(), self.now) {
            Ok(until) => {
                let mut key = pair.certified.clone();
                key.ocsp = Some(der.to_vec());
                Ok(Some(Stapled { key: Arc::new(key), until }))
            }
            Err(why) => {
                findings.push(Finding::doubtful(format!("the OCSP response is not sent: {why}: {shown}")));
                Ok(None)
            }
        }
    }

    fn verifier(&mut self, auth: &model::ClientAuth) -> Option<Verifier> {
        let mut findings = Vec::new();
        let read = Verifier::read(auth, &mut self.files, &self.profile.provider, self.now, &mut findings);
        self.tell(findings, &auth.place);
        read.map_err(|finding| self.tell([finding], &auth.place)).ok()
    }

    fn ticketer(&mut self, tickets: &Tickets, context: Option<ClientAuthId>) -> Arc<Ticketer> {
        let clock = self.clock;
        self.ticketers.entry(context).or_insert_with(|| tickets.ticketer(context, clock)).clone()
    }
}

fn ticket_file(path: &Path, files: &mut Files, findings: &mut Vec<Finding>) -> Result<Tickets, Finding> {
    let content = files.read_secret(path, "the ticket key", findings)?;
    let (size, shown) = (content.bytes.len(), path.display());
    if tickets::FILE_SIZES.contains(&size) {
        return Ok(Tickets::of_file(&content.bytes));
    }
    let (least, most) = tickets::FILE_SIZES.into_inner();
    let message = format!("the ticket key has {size} bytes; it must have {least} to {most}: {shown}");
    Err(Finding::unusable(message).hint(format!("make one: openssl rand -out {shown} 80")))
}

/// The time that certificates of clients are verified at.
#[derive(Debug)]
struct ClockTime(Clock);

impl TimeProvider for ClockTime {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_secs((self.0)())))
    }
}
