//! Certificates: what TLS needs from disk, and the workspace's one crypto provider.
//!
//! [`ServerTls`] is what listeners need: it is read whole, told of with every [`Fault`] it has, and swapped whole.
//! [`load_upstream`] is the same for connections to endpoints. The crate knows rustls and files, never Pingora or tokio,
//! and reads the time from the [`Clock`] it is given.

mod certificate;
mod chain;
mod client_auth;
mod dates;
mod digest;
pub mod durable;
mod fault;
mod files;
mod identity;
pub mod kept;
mod load;
mod names;
mod ocsp;
mod pair;
mod pem;
mod profile;
pub mod renewal;
mod resolver;
mod server;
mod sign;
mod sni;
mod stamps;
mod stand_in;
pub mod stored;
mod tickets;
mod unverified;
mod upstream;

pub use certificate::CertificateInfo;
pub use client_auth::ClientAuthId;
pub use fault::{Fault, Gravity};
pub use identity::ClientIdentity;
pub use kept::Unsaved;
pub use server::{Loaded, ServerTls, SiteCertificate, SiteTls};
pub use sign::{KEY_SIZE, NoRandomness, Signer, new_key};
pub use stamps::Stamps;
pub use upstream::{ClientTls, load_upstream};

/// Tells the time, in Unix seconds.
pub type Clock = fn() -> u64;

/// Makes aws-lc-rs the process's only crypto provider.
///
/// Called first in every `main`: Pingora would install ring otherwise, and two providers without a default make rustls
/// panic at the first handshake. Calling it again changes nothing.
pub fn install_crypto_provider() {
    // An error means that a provider is installed already, which is what was asked for.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}
