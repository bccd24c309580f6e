//! Asking the DNS: the servers of mizan.yml, or else the system's.

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Of one query.
const QUERY: Duration = Duration::from_secs(2);

/// `servers`: empty for those of the system.
pub(crate) fn build(
    servers: &[SocketAddr],
    adjust: impl FnOnce(&mut ResolverOpts),
) -> Result<TokioResolver, String> {
    let builder = if servers.is_empty() {
        TokioResolver::builder_tokio()
    } else {
        let config = ResolverConfig::from_parts(None, Vec::new(), servers.iter().map(server).collect());
        Ok(TokioResolver::builder_with_config(config, TokioRuntimeProvider::default()))
    };
    let built = builder.and_then(|mut builder| {
        builder.options_mut().timeout = QUERY;
        adjust(builder.options_mut());
        builder.build()
    });
    built.map_err(|error| format!("no resolver can be made: {error}"))
}

/// A server of mizan.yml, by UDP and TCP.
pub(crate) fn server(address: &SocketAddr) -> NameServerConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = address.port();
        connection
    });
    NameServerConfig::new(address.ip(), true, connections.to_vec())
}

/// The addresses of a host, as this system knows it: with its hosts file. The system's own function is not there in a
/// static binary.
pub(crate) async fn addresses(servers: &[SocketAddr], host: &str) -> Result<Vec<IpAddr>, String> {
    if let Ok(address) = host.parse() {
        return Ok(vec![address]);
    }
    let resolver = build(servers, |_| {})?;
    let found =
        resolver.lookup_ip(host).await.map_err(|error| format!("its name is not resolved: {error}"))?;
    let found: Vec<IpAddr> = found.iter().collect();
    if found.is_empty() { Err("its name has no address".to_owned()) } else { Ok(found) }
}
