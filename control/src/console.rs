//! Where the output goes: a terminal with a width, or a file.

pub(crate) mod in_place;

pub(crate) use in_place::InPlace;

use crate::exit::Failure;
use serde::Serialize;
use std::io::{IsTerminal, Write};

/// Width where nobody says one.
const WIDTH: usize = 160;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Console {
    pub(crate) json: bool,
    /// stdout is a terminal that can be drawn on.
    pub(crate) live: bool,
    pub(crate) colour: bool,
}

impl Console {
    pub(crate) fn new(json: bool) -> Self {
        let live = std::io::stdout().is_terminal();
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        Self { json, live: live && !dumb, colour: live && !dumb && !set("NO_COLOR") }
    }

    /// The reply as JSON, or as the text made of it for a width and with or without colour.
    pub(crate) fn show<T: Serialize>(
        self,
        reply: &T,
        text: impl FnOnce(usize, bool) -> String,
    ) -> Result<(), Failure> {
        if self.json {
            let json = serde_json::to_string_pretty(reply).map_err(mizan_api::ClientError::from)?;
            print(&format!("{json}\n"))
        } else {
            print(&text(size().0, self.colour))
        }
    }
}

pub(crate) fn now_unix_ms() -> u64 {
    std::time::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_millis() as u64)
}

/// Columns and lines, as they are now.
pub(crate) fn size() -> (usize, usize) {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok().filter(|size| size.ws_col > 0);
    let columns = || std::env::var("COLUMNS").ok()?.parse().ok();
    size.map_or_else(
        || (columns().unwrap_or(WIDTH), 24),
        |size| (size.ws_col.into(), usize::from(size.ws_row.max(2))),
    )
}

pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    Ok(stdout.flush()?)
}
