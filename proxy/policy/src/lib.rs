//! What the proxy decides, as functions over plain values.
//!
//! No engine, no runtime, no clock, no IO: values and `now` in, values out. The compiler keeps it so, since none of
//! them is among this crate's dependencies. Fuzz targets, benchmarks and simulations build it alone.

pub mod balance;
pub mod discover;
pub mod forwarded;
pub mod grpc;
pub mod h2;
pub mod head;
pub mod health;
pub mod rate;
pub mod redirect;
pub mod retry;
pub mod route;
pub mod secure;
pub mod split;
pub mod stats;
