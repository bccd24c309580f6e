//! `mizan schema`: the JSON Schema of mizan.yml.

use clap::Args;
use std::io::Write;
use std::process::ExitCode;

/// Print the JSON Schema of mizan.yml, for editors that complete and check it.
///
/// With the YAML language server: `mizan schema > mizan.schema.json`, then begin mizan.yml with
/// `# yaml-language-server: $schema=mizan.schema.json`.
#[derive(Debug, Args)]
pub(super) struct Schema {}

impl Schema {
    #[expect(clippy::unused_self, reason = "every verb is run the same way")]
    pub(super) fn run(self) -> ExitCode {
        // A reader that has seen enough (`| head`) is no error.
        let _ = writeln!(std::io::stdout(), "{:#}", mizan_config::schema());
        ExitCode::SUCCESS
    }
}
