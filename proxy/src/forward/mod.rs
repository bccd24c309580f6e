//! One request through the engine: what is decided where, and what the client gets when it fails.

mod answer;
mod choose;
mod context;
mod errors;
mod grpc;
mod pingora;
mod prepare;
mod reply;
mod request;
mod request_id;
mod secure;
mod track;
mod view;

pub(crate) use errors::reason;
pub(crate) use pingora::Forwarder;
pub(crate) use request_id::RequestId;
