//! Names of endpoints, looked up again and again, off the request path.
//!
//! [`Names`] has one watcher a name; a [`Watch`] says what the name is now and wakes whoever follows it. What an
//! answer means and when to ask again is decided in `mizan_policy::discover`; here are the sockets, the files and the
//! tasks. Messages are read and written by hickory-proto; asking is ours, because what counts is in the small print:
//! a new source port for every query, no cache, a refused port known at once, the next server without a wait.

mod exchange;
mod follow;
mod lookup;
mod message;
mod names;
mod servers;
#[cfg(test)]
mod test_server;
#[cfg(test)]
mod tests;
mod watch;

pub(crate) use names::{Names, NamesError};
pub(crate) use watch::{Confirmation, Resolved, Watch};
