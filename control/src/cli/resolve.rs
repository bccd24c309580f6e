//! `mizanctl resolve`: look names up at once.

use crate::console::Console;
use crate::exit::Failure;
use crate::view;
use clap::Args;
use mizan_api::Client;

/// Look names up at once: all of them, or one service's
#[derive(Debug, Args)]
pub(super) struct ResolveVerb {
    /// The service, as mizan.yml names it
    service: Option<String>,
}

impl ResolveVerb {
    pub(super) async fn run(self, client: &Client, console: Console) -> Result<(), Failure> {
        let reply = client.resolve(self.service.as_deref()).await?;
        console.show(&reply, |width, colour| {
            if reply.names.is_empty() {
                "no names: all addresses are written out\n".to_owned()
            } else {
                view::names(&reply.names, width, colour)
            }
        })?;
        if reply.names.iter().any(|name| name.last_error.is_some()) { Err(Failure::Told) } else { Ok(()) }
    }
}
