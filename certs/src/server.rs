//! What the TLS listeners of one configuration need, read from disk.

use crate::certificate::CertificateInfo;
use crate::chain;
use crate::client_auth::{ClientAuthId, Verifier};
use crate::fault::{Fault, Finding, Gravity};
use crate::files::Files;
use crate::ocsp;
use crate::pair::Pair;
use crate::profile::Profile;
use crate::resolver::{Offer, Resolver, Stapled};
use crate::sni::Names;
use crate::stamps::Stamps;
use crate::tickets::{self, Ticketer, Tickets};
use crate::{Clock, NoRandomness};
use mizan_config::Config;
use mizan_config::model::{self, CertificateFiles, HostPattern, Place, Site};
use rustls::ServerConfig;
use rustls::pki_types::UnixTime;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::time_provider::TimeProvider;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// What TLS listeners of one configuration need. Immutable; swapped whole.
#[derive(Debug)]
pub struct ServerTls {
    names: Names<Arc<SiteTls>>,
    stamps: Stamps,
    certificates: Vec<CertificateInfo>,
    /// Digests of the pairs of certificate and key in force.
    pairs: HashSet<[u8; 32]>,
    tickets: Tickets,
}

/// What a site's handshakes need.
#[derive(Debug)]
pub struct SiteTls {
    pub config: Arc<ServerConfig>,
    /// `None`: clients are not asked for certificates.
    pub client_auth: Option<ClientAuthId>,
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
    pub fn load(config: &Config, last: Option<&Self>, clock: Clock) -> Loaded {
        let stamps = Stamps::take(files_of(config));
        let mut loader = Loader::new(&config.tls, last, clock);
        let tickets = loader.tickets(&config.tls);
        let mut names = Names::new();
        for site in &config.sites {
            let Some(wanted) = &site.tls else { continue };
            let Some(tls) = loader.site(site, wanted, tickets.as_ref()) else { continue };
            let tls = Arc::new(tls);
            for host in &site.hosts {
                names.insert(host, &tls);
            }
        }
        let Loader { faults, certificates, pairs, .. } = loader;
        let usable = faults.iter().all(|fault| fault.gravity != Gravity::Unusable);
        let tls =
            tickets.filter(|_| usable).map(|tickets| Self { names, stamps, certificates, pairs, tickets });
        Loaded { tls, faults }
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

    /// The certificates in force, each once, in file order.
    pub fn describe(&self) -> impl Iterator<Item = &CertificateInfo> {
        self.certificates.iter()
    }
}

fn files_of(config: &Config) -> Vec<PathBuf> {
    let sites = config.sites.iter().filter_map(|site| site.tls.as_ref());
    let of_site = |tls: &model::SiteTls| {
        let pairs = tls.certificates.iter().flat_map(|files| {
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

/// What is gathered while a configuration is read.
struct Loader<'a> {
    last: Option<&'a ServerTls>,
    clock: Clock,
    now: i64,
    profile: Profile,
    files: Files,
    faults: Vec<Fault>,
    certificates: Vec<CertificateInfo>,
    pairs: HashSet<[u8; 32]>,
    ticketers: HashMap<Option<ClientAuthId>, Arc<Ticketer>>,
}

impl<'a> Loader<'a> {
    fn new(tls: &model::Tls, last: Option<&'a ServerTls>, clock: Clock) -> Self {
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
            pairs: HashSet::new(),
            ticketers: HashMap::new(),
        };
        loader.tell(findings, &Place::default());
        loader
    }

    fn tell(&mut self, findings: impl IntoIterator<Item = Finding>, place: &Place) {
        self.faults.extend(findings.into_iter().map(|finding| finding.at(place)));
    }

    fn tickets(&mut self, tls: &model::Tls) -> Option<Tickets> {
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

    /// `None`: something is unusable, and was told.
    fn site(&mut self, site: &Site, wanted: &model::SiteTls, tickets: Option<&Tickets>) -> Option<SiteTls> {
        let offers: Vec<_> = wanted.certificates.iter().map(|files| self.offer(files, &site.hosts)).collect();
        let verifier = match &wanted.client_auth {
            Some(auth) => Some(self.verifier(auth)?),
            None => None,
        };
        let offers: Vec<Offer> = offers.into_iter().collect::<Option<_>>()?;
        if self.profile.versions.is_empty() {
            return None;
        }
        let (verifier, client_auth) = match verifier {
            Some(Verifier { verifier, id }) => (verifier, Some(id)),
            None => (WebPkiClientVerifier::no_client_auth(), None),
        };
        let place = wanted.certificates.first().map(|files| files.place.clone()).unwrap_or_default();
        let resolver = Resolver::new(offers, self.clock)?;
        let time = Arc::new(ClockTime(self.clock));
        let builder = ServerConfig::builder_with_details(self.profile.provider.clone(), time)
            .with_protocol_versions(&self.profile.versions)
            .map_err(|error| self.tell([Finding::unusable(format!("TLS cannot be served: {error}"))], &place))
            .ok()?;
        let mut config = builder.with_client_cert_verifier(verifier).with_cert_resolver(Arc::new(resolver));
        config.alpn_protocols = vec![b"h2".into(), b"http/1.1".into()];
        config.ignore_client_order = false;
        // A session that is kept here is one that another instance does not have; a ticket goes everywhere.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.ticketer = self.ticketer(tickets?, client_auth);
        // Requests in early data can be replayed (RFC 8446, 8), answers in half-RTT data go to nobody in particular.
        config.max_early_data_size = 0;
        config.send_half_rtt_data = false;
        Some(SiteTls { config: Arc::new(config), client_auth })
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
