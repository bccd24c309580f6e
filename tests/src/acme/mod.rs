//! Certificate authorities and DNS servers for the tests of ACME: real ones (pebble, Caddy, named), and a fake one that
//! fails as it is told.
//!
//! The ports where an authority looks for challenges have to be known before it and the proxy start: [`Ports`] reserves
//! them. [`Edge`] is a proxy on such ports.

pub mod caddy;
pub mod challtestsrv;
pub mod edge;
pub mod fake;
pub mod fetch;
pub mod hook;
pub mod named;
pub mod pebble;
pub mod ports;
pub mod process;
pub mod served;
pub mod tmpfs;

pub use caddy::CaddyCa;
pub use challtestsrv::Challtestsrv;
pub use edge::{Ca, Edge};
pub use fake::FakeCa;
pub use named::Named;
pub use pebble::Pebble;
pub use ports::{Port, Ports};
pub use tmpfs::Tmpfs;
