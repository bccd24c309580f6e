//! What is behind: services, their tracks, and the endpoints that answer.

mod address;
mod checked;
mod dial;
mod endpoint;
mod failure;
mod guard;
mod members;
mod patient;
mod service;
mod track;

pub(crate) use address::Address;
pub(crate) use endpoint::{Endpoint, Lane};
pub(crate) use failure::Failure;
pub(crate) use guard::InFlight;
pub(crate) use service::{Picked, Service};
pub(crate) use track::Track;
