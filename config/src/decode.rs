//! The tree of a file into a draft of the model, with every problem on the way.
//!
//! After a problem the decoder goes on with a stand-in value, so that one run finds everything; a draft with problems
//! never becomes a configuration.

mod acme;
mod address;
mod certificate;
mod cipher;
mod context;
mod directory;
mod dns;
mod draft;
mod encoded;
mod fields;
mod force;
mod health;
mod host;
mod http;
mod https;
mod listen;
mod path;
mod regex;
mod route;
mod route_path;
mod scalar;
mod secret;
mod sensitive;
mod service;
mod site;
mod site_tls;
mod sticky;
mod tls;
mod top;
mod upstream;

pub(crate) use self::context::Context;
pub(crate) use self::directory::is_public;
pub(crate) use self::draft::{
    Draft, DraftAcme, DraftListen, DraftRoute, DraftService, DraftSite, Keyed, Placed,
};
pub use self::regex::REGEX_SIZE_LIMIT;
pub(crate) use self::scalar::Text;
pub(crate) use self::sensitive::is_sensitive;
pub(crate) use self::top::decode;
