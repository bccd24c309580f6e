//! `mizanctl status`: services, tracks and endpoints at a glance.

use crate::console::{Console, now_unix_ms};
use crate::exit::Failure;
use crate::view;
use clap::Args;
use mizan_api::Client;

/// Show services, tracks and endpoints: their state and why, and the requests under way
#[derive(Debug, Args)]
pub(super) struct StatusVerb {}

impl StatusVerb {
    pub(super) async fn run(self, client: &Client, console: Console) -> Result<(), Failure> {
        let status = client.status().await?;
        console.show(&status, |width, colour| view::status(&status, now_unix_ms(), width, colour))
    }
}
