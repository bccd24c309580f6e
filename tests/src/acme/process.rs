//! A server that is not ours, and everything that it prints.

use crate::mizan::Log;
use std::process::Stdio;
use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, Command};

/// A running program; killed when dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    log: Log,
}

impl Process {
    /// # Panics
    /// When it cannot be started: with the advice.
    pub fn start(mut command: Command, advice: &str) -> Self {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        let both = writer.try_clone().expect("a pipe has more than one end to write");
        command.stdin(Stdio::null()).stdout(writer).stderr(both).kill_on_drop(true);
        let child = command.spawn().unwrap_or_else(|e| panic!("start {:?}: {e}; {advice}", command.as_std()));
        // The command holds the ends to write: without it the log ends with the process.
        drop(command);
        let log = Log::follow(Receiver::from_owned_fd(reader.into()).expect("a pipe's end to read"));
        Self { child, log }
    }

    /// What it printed, on either stream.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// # Panics
    /// When it has ended: with what it printed.
    pub fn must_live(&mut self) {
        if let Ok(Some(status)) = self.child.try_wait() {
            panic!("it ended with {status}; it printed:\n{}", self.log.text());
        }
    }

    /// SIGKILL, and waits for the end.
    pub async fn stop(&mut self) {
        self.child.kill().await.expect("it is ours to be killed");
    }
}
