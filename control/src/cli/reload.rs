//! `mizanctl reload`: mizan.yml as it is now.

use crate::console::Console;
use crate::exit::Failure;
use crate::view::{self, Style};
use clap::Args;
use mizan_api::{Client, ReloadReply};

/// Put mizan.yml in force as it is now; when it has problems, the last configuration serves on
#[derive(Debug, Args)]
pub(super) struct ReloadVerb {}

impl ReloadVerb {
    pub(super) async fn run(self, client: &Client, console: Console) -> Result<(), Failure> {
        let reply = client.reload().await?;
        console.show(&reply, |_, _| text(&reply))
    }
}

fn text(reply: &ReloadReply) -> String {
    let warnings = reply.warnings.iter().map(|warning| format!("{} [warning]", view::file_problem(warning)));
    let lines = warnings.chain([format!("configuration {} is in force", reply.generation)]);
    lines.map(|line| Style::Plain.paint(&line, false) + "\n").collect()
}
