//! The TXT records of `dns-01` (RFC 8555, 8.4): written, seen, removed.
//!
//! A program of the operator writes them, or an update to the primary server (RFC 2136). Where `_acme-challenge.NAME` is
//! a CNAME, the record at its end is the one that counts, so it is the one that is written. Two values of one name, as a
//! wildcard and its base domain have in one order, live side by side: each is added and removed alone.

mod error;
mod exchange;
mod hook;
mod propagation;
mod recursive;
#[cfg(test)]
mod test_server;
mod update;

pub(crate) use error::DnsError;

use hickory_proto::rr::Name;
use mizan_config::model::{DnsUpdater, DnsUpdates};
use recursive::Recursive;
use std::net::SocketAddr;
use update::Change;

/// Where authoritative servers listen.
const PORT: u16 = 53;

/// Writes and removes records, and waits for them.
#[derive(Debug)]
pub(crate) struct Records {
    updates: DnsUpdates,
    resolver: Vec<SocketAddr>,
    port: u16,
}

impl Records {
    /// `resolver`: who is asked about names. Empty: the system's servers.
    pub(crate) fn new(updates: &DnsUpdates, resolver: &[SocketAddr]) -> Self {
        Self { updates: updates.clone(), resolver: resolver.to_vec(), port: PORT }
    }

    /// Adds the record, beside others of the name.
    pub(crate) async fn present(&self, name: &str, value: &str) -> Result<(), DnsError> {
        self.change(Change::Present, name, value).await
    }

    /// Removes the record, and no other of the name. That it is gone already is no error.
    pub(crate) async fn cleanup(&self, name: &str, value: &str) -> Result<(), DnsError> {
        self.change(Change::Cleanup, name, value).await
    }

    /// Waits until each authoritative server of the name shows the value, no longer than `propagation`. Where none of
    /// them can be found or reached from here, the resolver's word is enough.
    pub(crate) async fn until_seen(&self, name: &str, value: &str) -> Result<(), DnsError> {
        let recursive = Recursive::open(&self.resolver);
        let target = recursive.target(parse(name)?).await?;
        propagation::until_seen(&recursive, &target, value, self.updates.propagation, self.port).await
    }

    async fn change(&self, change: Change, name: &str, value: &str) -> Result<(), DnsError> {
        let target = Recursive::open(&self.resolver).target(parse(name)?).await?;
        match &self.updates.by {
            DnsUpdater::Command(command) => {
                hook::run(command, change.verb(), &target.to_ascii(), value).await
            }
            DnsUpdater::Rfc2136(server) => update::send(server, change, &target, value).await,
        }
    }
}

/// Always from the root.
fn parse(name: &str) -> Result<Name, DnsError> {
    let mut parsed = Name::from_ascii(name).map_err(|_| DnsError::Name(name.into()))?;
    if parsed.num_labels() == 0 {
        return Err(DnsError::Name(name.into()));
    }
    parsed.set_fqdn(true);
    Ok(parsed)
}

/// As people write it: without the dot at the end.
fn plain(name: &Name) -> String {
    name.to_ascii().trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests;
