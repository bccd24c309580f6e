//! Questions to the DNS, as an authority would put them: without a hosts file, a search list or a cache.

use super::seen::{Answer, CaaRecord};
use crate::resolver;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::ResolveHosts;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Of one query; there are two of each at most.
const QUERY: Duration = Duration::from_secs(2);

/// Of one question, however many servers there are.
const QUESTION: Duration = Duration::from_secs(5);

pub(super) struct Dns(Result<TokioResolver, String>);

impl Dns {
    /// `servers`: empty for those of the system.
    pub(super) fn new(servers: &[SocketAddr]) -> Self {
        Self(resolver::build(servers, |options| {
            options.timeout = QUERY;
            options.attempts = 1;
            options.edns0 = true;
            options.cache_size = 0;
            options.use_hosts_file = ResolveHosts::Never;
        }))
    }

    pub(super) async fn v4(&self, domain: &str) -> Answer<IpAddr> {
        let take = |data: &RData| match data {
            RData::A(address) => Some(IpAddr::V4(address.0)),
            _ => None,
        };
        self.ask(domain, RecordType::A, take).await
    }

    pub(super) async fn v6(&self, domain: &str) -> Answer<IpAddr> {
        let take = |data: &RData| match data {
            RData::AAAA(address) => Some(IpAddr::V6(address.0)),
            _ => None,
        };
        self.ask(domain, RecordType::AAAA, take).await
    }

    pub(super) async fn caa(&self, domain: &str) -> Answer<CaaRecord> {
        let take = |data: &RData| match data {
            RData::CAA(caa) => Some(CaaRecord {
                critical: caa.issuer_critical,
                tag: caa.tag.to_ascii_lowercase(),
                value: String::from_utf8_lossy(&caa.value).into_owned(),
            }),
            _ => None,
        };
        self.ask(domain, RecordType::CAA, take).await
    }

    async fn ask<T>(&self, domain: &str, kind: RecordType, take: impl Fn(&RData) -> Option<T>) -> Answer<T> {
        let resolver = match &self.0 {
            Ok(resolver) => resolver,
            Err(why) => return Answer::Silent(why.clone()),
        };
        let Ok(mut name) = Name::from_ascii(domain) else {
            return Answer::Refused("it is not a name that the DNS can have".to_owned());
        };
        name.set_fqdn(true);
        match tokio::time::timeout(QUESTION, resolver.lookup(name, kind)).await {
            Ok(Ok(found)) => {
                Answer::Records(found.answers().iter().filter_map(|record| take(&record.data)).collect())
            }
            Ok(Err(error)) => failed(error),
            Err(_) => Answer::Silent("no answer in time".to_owned()),
        }
    }
}

fn failed<T>(error: NetError) -> Answer<T> {
    match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => match none.response_code {
            ResponseCode::NXDomain => Answer::NoSuchName,
            ResponseCode::NoError => Answer::Records(Vec::new()),
            code => Answer::Refused(in_words(code)),
        },
        NetError::Dns(DnsError::ResponseCode(code)) => Answer::Refused(in_words(code)),
        NetError::Timeout => Answer::Silent("no answer in time".to_owned()),
        error => Answer::Silent(error.to_string()),
    }
}

fn in_words(code: ResponseCode) -> String {
    match code {
        ResponseCode::ServFail => "its servers failed (SERVFAIL)".to_owned(),
        ResponseCode::Refused => "its servers refused to answer (REFUSED)".to_owned(),
        code => format!("its servers said {code}"),
    }
}
