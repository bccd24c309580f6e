//! Which endpoints can take a request: what live requests, checks and DNS say of each.

pub mod active;
pub mod cell;
pub mod confidence;
pub mod fitness;
pub mod passive;
