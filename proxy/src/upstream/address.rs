//! Where an endpoint is reached.

use mizan_config::model::EndpointAddress;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Address {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp(address) => address.fmt(f),
            Address::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// An endpoint's entry as mizan.yml writes it.
pub(super) fn entry_name(entry: &EndpointAddress) -> String {
    match entry {
        EndpointAddress::Name { host, port } => format!("{host}:{port}"),
        EndpointAddress::Ip(address) => address.to_string(),
        EndpointAddress::Unix(path) => format!("unix:{}", path.display()),
    }
}
