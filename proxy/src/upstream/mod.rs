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
mod steering;
mod track;
mod transport;

pub(crate) use address::Address;
pub(crate) use endpoint::{Endpoint, Lane};
pub(crate) use failure::Failure;
pub(crate) use guard::InFlight;
pub(crate) use service::{Ground, GroundError, Picked, Service, Sticky};
pub(crate) use steering::{InForce, Steer, SteerError};
pub(crate) use track::Track;
pub(crate) use transport::Transport;
