//! Names of endpoints, looked up again and again, off the request path.
//!
//! [`Names`] has one watcher a name; a [`Watch`] says what the name is now and wakes whoever follows it. What an
//! answer means and when to ask again is decided in `mizan_policy::discover`; here are the sockets, the files and the
//! tasks. Servers are asked by hickory-resolver, one at a time and without its cache; the order is ours.

mod exchange;
mod follow;
mod lookup;
mod message;
mod names;
mod resolved;
mod servers;
#[cfg(test)]
mod test_server;
#[cfg(test)]
mod tests;
mod watch;

pub(crate) use names::{Names, NamesError};
pub(crate) use resolved::{Confirmation, Resolved};
pub(crate) use watch::Watch;
