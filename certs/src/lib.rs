//! Certificates. So far: the workspace's one crypto provider, and what it signs.

mod sign;

pub use sign::{KEY_SIZE, NoRandomness, Signer, new_key};

/// Makes aws-lc-rs the process's only crypto provider.
///
/// Called first in every `main`: Pingora would install ring otherwise, and two providers without a default make rustls
/// panic at the first handshake. Calling it again changes nothing.
pub fn install_crypto_provider() {
    // An error means that a provider is installed already, which is what was asked for.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}
