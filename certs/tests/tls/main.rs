//! Certificates made for the occasion, read from real files, shown in real handshakes; no sockets.

mod client_auth;
mod faults;
mod handshake;
mod kept;
mod ocsp;
mod resumption;
mod support;
mod upstream;
