//! One question to one server, by hickory-resolver: by UDP, and by TCP when the answer does not fit.
//!
//! Of the resolver only the exchange is used. It has one server, no cache, no hosts file, no search list and no second
//! attempt: which server is asked next, and when a name is asked for again, is decided elsewhere. It takes a new source
//! port for every query, which matters: a socket that is kept stays deaf once the server behind it was restarted.

use super::message::Question;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use mizan_policy::discover::answers::{Answer, Failure, Negative};
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

/// The UDP payload we take: what passes every network in one piece (DNS flag day 2020). Longer answers come by TCP.
const UDP_PAYLOAD: u16 = 1232;

/// Queries under way at one server; names beyond it wait for the next lookup.
const ACTIVE: usize = 4096;

/// One server, and how it is asked.
pub(super) struct Server {
    address: SocketAddr,
    resolver: TokioResolver,
}

impl Server {
    /// `None` where no resolver can be made for the address.
    pub(super) fn new(address: SocketAddr, limit: Duration) -> Option<Self> {
        let mut options = ResolverOpts::default();
        options.timeout = limit;
        options.attempts = 0;
        options.edns0 = true;
        options.edns_payload_len = UDP_PAYLOAD;
        options.cache_size = 0;
        options.use_hosts_file = ResolveHosts::Never;
        options.ndots = 0;
        options.max_active_requests = ACTIVE;
        let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
            connection.port = address.port();
            connection
        });
        let server = NameServerConfig::new(address.ip(), true, connections.to_vec());
        let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
        let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        *builder.options_mut() = options;
        Some(Self { address, resolver: builder.build().ok()? })
    }

    /// Asks, and waits for an answer no longer than `limit`.
    pub(super) async fn ask(&self, question: &Question, limit: Duration) -> Answer {
        match tokio::time::timeout(limit, self.resolver.lookup(question.name(), question.kind())).await {
            Ok(Ok(found)) => question.answer(found.message()),
            Ok(Err(error)) => failed(&error),
            Err(_) => Answer::Failed(Failure::Timeout),
        }
    }
}

/// What the resolver's error says of the name. Only a server's own word is a negative answer.
fn failed(error: &NetError) -> Answer {
    Answer::Failed(match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => match none.response_code {
            ResponseCode::NXDomain => return Answer::Negative(Negative::NoSuchName),
            ResponseCode::NoError => return Answer::Negative(Negative::NoAddress),
            code => Failure::Code(code.into()),
        },
        NetError::Dns(DnsError::ResponseCode(code)) => Failure::Code((*code).into()),
        NetError::Timeout => Failure::Timeout,
        NetError::Io(_) | NetError::NoConnections => Failure::Unreachable,
        _ => Failure::Garbage,
    })
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)
    }
}
