//! What the resolver knows of a name: where its CNAMEs end, and which servers are authoritative for it.

use super::error::DnsError;
use super::plain;
use crate::resolver::server;
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{Name, RData, Record, RecordType};
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError as Said, NetError};
use hickory_resolver::system_conf::read_system_conf;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Of one query to one server.
const LIMIT: Duration = Duration::from_secs(2);

/// CNAMEs behind each other; resolvers follow no more either.
const HOPS: usize = 8;

/// A server that is authoritative for a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Authority {
    pub(super) name: String,
    /// Never empty.
    pub(super) addresses: Vec<IpAddr>,
}

/// The servers that are asked, the first that answers decides. Nothing is cached, and the system's are read anew each time.
pub(super) struct Recursive {
    servers: Vec<TokioResolver>,
}

impl Recursive {
    /// Empty: the system's servers.
    pub(super) fn open(servers: &[SocketAddr]) -> Self {
        let servers: Vec<NameServerConfig> = if servers.is_empty() {
            read_system_conf().map(|(config, _)| config.name_servers().to_vec()).unwrap_or_default()
        } else {
            servers.iter().map(server).collect()
        };
        Self { servers: servers.into_iter().filter_map(open).collect() }
    }

    /// What is at the end of the name's CNAMEs; the name itself where there are none.
    pub(super) async fn target(&self, name: Name) -> Result<Name, DnsError> {
        let mut target = name.clone();
        for _ in 0..HOPS {
            let found = match self.records(&target, RecordType::CNAME).await {
                Ok(found) => found,
                Err(why) => {
                    // A server for updates can be out of the resolver's sight: it will have its own say.
                    tracing::warn!(name = %target, why, "cannot ask whether the name of a challenge is a CNAME");
                    return Ok(target);
                }
            };
            let Some(RData::CNAME(next)) = found.into_iter().next() else { return Ok(target) };
            target = next.0;
        }
        Err(DnsError::Endless(plain(&name)))
    }

    /// The servers of the zone that the name is in; empty where they cannot be found.
    pub(super) async fn authorities(&self, name: &Name) -> Vec<Authority> {
        let mut zone = name.clone();
        while zone.num_labels() > 0 {
            let Ok(found) = self.records(&zone, RecordType::NS).await else { return Vec::new() };
            let mut authorities = Vec::new();
            for data in found {
                let RData::NS(server) = data else { continue };
                let addresses = self.addresses(&server.0).await;
                if !addresses.is_empty() {
                    authorities.push(Authority { name: plain(&server.0), addresses });
                }
            }
            if !authorities.is_empty() {
                return authorities;
            }
            zone = zone.base_name();
        }
        Vec::new()
    }

    /// Of this kind and exactly this name. Empty: there are none. An error says why nobody knows.
    pub(super) async fn records(&self, name: &Name, kind: RecordType) -> Result<Vec<RData>, String> {
        let mut why = "the system has no DNS server".into();
        for server in &self.servers {
            match server.lookup(name.clone(), kind).await {
                Ok(found) => return Ok(of(name, kind, &found.message().answers)),
                Err(NetError::Dns(Said::NoRecordsFound(none)))
                    if matches!(none.response_code, ResponseCode::NoError | ResponseCode::NXDomain) =>
                {
                    return Ok(Vec::new());
                }
                Err(error) => why = error.to_string(),
            }
        }
        Err(why)
    }

    async fn addresses(&self, server: &Name) -> Vec<IpAddr> {
        let (v4, v6) =
            tokio::join!(self.records(server, RecordType::A), self.records(server, RecordType::AAAA));
        let found = v4.unwrap_or_default().into_iter().chain(v6.unwrap_or_default());
        found.filter_map(|data| data.ip_addr()).collect()
    }
}

/// The records of this kind and name in an answer.
pub(super) fn of(name: &Name, kind: RecordType, answers: &[Record]) -> Vec<RData> {
    let mine = answers.iter().filter(|record| record.record_type() == kind && record.name == *name);
    mine.map(|record| record.data.clone()).collect()
}

/// One resolver a server: which is asked next is decided here. `None` where none can be made.
fn open(server: NameServerConfig) -> Option<TokioResolver> {
    let mut options = ResolverOpts::default();
    options.timeout = LIMIT;
    options.attempts = 1;
    options.edns0 = true;
    options.cache_size = 0;
    options.use_hosts_file = ResolveHosts::Never;
    options.ndots = 0;
    let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
    let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
    *builder.options_mut() = options;
    builder.build().ok()
}
