//! The harness of the end-to-end tests.
//!
//! Everything binds port 0 and hands its address over; everything that is started is stopped in `Drop`; waiting is
//! always for a condition and always bounded (see [`eventually`]). What speaks HTTP here is written on raw sockets,
//! because half of the tests are about bytes that no HTTP library would send or accept.

pub mod acme;
pub mod admin;
pub mod authority;
pub mod cli;
pub mod dns;
pub mod dnsmasq;
pub mod docker;
pub mod eventually;
pub mod grpc;
pub mod h2;
pub mod h2_server;
pub mod https;
pub mod load;
pub mod mizan;
pub mod net;
pub mod nginx;
pub mod raw;
pub mod recorded;
pub mod script;
pub mod stream;
pub mod tls;
pub mod upstream;
pub mod wrk;

pub use authority::Authority;
pub use dns::{Dns, Say};
pub use eventually::{always, eventually};
pub use https::Https;
pub use mizan::Mizan;
pub use raw::{Answer, Raw};
pub use script::{Script, Step};
pub use tls::TlsClient;
pub use upstream::Upstream;
