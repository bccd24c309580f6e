//! deploy.yml: how new versions are rolled out, checked into the model that mizanctl runs.

mod decode;
mod dialect;
mod keys;
mod load;
pub mod model;

pub use load::{Examined, examine, examine_file, load};
pub use model::DeployFile;

/// JSON Schema 2020-12 of deploy.yml, for editors; as [`crate::schema()`] is of mizan.yml.
pub fn schema() -> serde_json::Value {
    crate::schema::document(&keys::TOP, "How mizanctl rolls out new versions.")
}
