//! Docker Compose and the Docker engine, as a deploy needs them.
//!
//! Compose makes containers, the engine says what became of it, and stops and removes chosen ones.

mod driver;
mod engine;

pub(crate) use driver::{Driver, Images};
pub(crate) use engine::{Container, ContainerState, Engine, Health};

/// Why Docker or Compose did not do what was asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DockerError {
    /// The engine cannot be reached.
    #[error("{0}")]
    Unreachable(String),
    /// It refused, or Compose did.
    #[error("{0}")]
    Refused(String),
    /// Compose said yes, and the engine shows that it is not so.
    #[error("{0}")]
    Unverified(String),
    /// The project was made by another Compose.
    #[error("{0}")]
    OtherCompose(String),
    /// Not in time.
    #[error("{0}")]
    Deadline(String),
}

/// What others wrote, safe to print: lines and tabs stay, other control characters are escaped.
fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.replace("\r\n", "\n").chars() {
        match c {
            '\n' | '\t' => out.push(c),
            // Progress that is drawn over itself.
            '\r' => out.push('\n'),
            _ if c.is_control() => out.extend(c.escape_default()),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests;
