//! mizan.yml: the file a person writes, checked into the model the proxy runs.

pub mod model;
pub mod secret;
