//! `mizanctl schema`: the JSON Schema of deploy.yml.

use crate::console::print;
use crate::exit::Failure;
use clap::Args;

/// Print the JSON Schema of deploy.yml, for editors
#[derive(Debug, Args)]
pub(super) struct SchemaVerb {}

impl SchemaVerb {
    #[expect(clippy::unused_self, reason = "as every verb")]
    pub(super) fn run(self) -> Result<(), Failure> {
        let schema = serde_json::to_string_pretty(&mizan_config::deploy::schema());
        print(&(schema.map_err(mizan_api::ClientError::from)? + "\n"))
    }
}
