//! The tree of a file into a draft of the model, with every problem on the way.
//!
//! After a problem the decoder goes on with a stand-in value, so that one run finds everything; a draft with problems
//! never becomes a configuration.

mod acme;
mod address;
mod certificate;
mod cipher;
mod command;
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
mod url;

pub(crate) use self::context::Context;
pub(crate) use self::directory::is_public;
pub(crate) use self::draft::{
    Draft, DraftAcme, DraftListen, DraftRoute, DraftService, DraftSite, Keyed, Placed,
};
pub(crate) use self::fields::Fields;
pub use self::regex::REGEX_SIZE_LIMIT;
pub(crate) use self::scalar::{Text, printable_line};
pub(crate) use self::secret::secret;
pub(crate) use self::sensitive::is_sensitive;
pub(crate) use self::service::check_name;
pub(crate) use self::top::decode;
pub(crate) use self::url::Url;
