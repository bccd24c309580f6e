//! `mizan certificates`: what is served, what is waited for, and why.

mod doctor;
mod import;
mod list;
mod renew;
#[cfg(test)]
mod sample;
mod text;

use super::fail;
use clap::{Args, Subcommand};
use mizan_api::{Client, ClientError, Problem};
use mizan_config::Config;
use serde::Serialize;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// List the certificates of a running mizan: what is served, until when, what is renewed next, and what is missing.
///
/// It asks over the admin socket that `admin.socket` of mizan.yml names.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  mizan certificates                              all of them\n  \
                  mizan certificates doctor api.example.com       what stands between a name and its certificate\n  \
                  mizan certificates renew api.example.com        at once, and wait for it\n  \
                  mizan certificates import /etc/letsencrypt      take over what certbot got")]
pub(super) struct Certificates {
    /// The file that the running mizan was started with
    #[arg(short, long, value_name = "FILE", default_value = "mizan.yml", global = true)]
    config: PathBuf,
    /// The admin socket, instead of the one that the file names
    #[arg(long, value_name = "PATH", env = "MIZAN_SOCKET", global = true)]
    socket: Option<PathBuf>,
    /// Print the admin API's JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Renew(renew::Renew),
    Doctor(doctor::Doctor),
    Import(import::Import),
}

/// Why a verb did not do what it was asked for, in words for the person who asked.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Call(#[from] ClientError),
    #[error("{0}")]
    Said(String),
    /// On stdout already.
    #[error("")]
    Told,
    #[error("{0}")]
    Output(#[from] io::Error),
}

impl Certificates {
    pub(super) fn run(self) -> ExitCode {
        match self.outcome() {
            Ok(()) => ExitCode::SUCCESS,
            Err(Failure::Told) => ExitCode::FAILURE,
            // Whoever read the output has gone: no news.
            Err(Failure::Output(error)) if error.kind() == ErrorKind::BrokenPipe => ExitCode::FAILURE,
            Err(Failure::Call(ClientError::Refused(problem))) => fail(text::clean(&refusal(&problem))),
            Err(failure) => fail(text::clean(&failure.to_string())),
        }
    }

    fn outcome(self) -> Result<(), Failure> {
        if let Some(Verb::Import(verb)) = &self.verb {
            return verb.run(&self.config);
        }
        let client = Client::new(socket(self.socket, &self.config)?);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            match &self.verb {
                None => list::run(&client, self.json).await,
                Some(Verb::Renew(verb)) => verb.run(&client, self.json).await,
                Some(Verb::Doctor(verb)) => verb.run(&client, self.json).await,
                Some(Verb::Import(_)) => Ok(()),
            }
        })
    }
}

/// Where to ask.
fn socket(given: Option<PathBuf>, file: &Path) -> Result<PathBuf, Failure> {
    if let Some(socket) = given {
        return Ok(socket);
    }
    let config = load(file, "the admin socket is not known; name it with --socket, or mend the file")?;
    config.admin.map(|admin| admin.socket).ok_or_else(|| {
        let file = file.display();
        Failure::Said(format!(
            "{file} has no `admin.socket`, so there is nobody to ask: add it, and start mizan anew"
        ))
    })
}

/// The file, or why not in one line.
fn load(file: &Path, consequence: &str) -> Result<Config, Failure> {
    mizan_config::load(file).map_err(|problems| {
        let first = problems.lines().next().unwrap_or_default();
        Failure::Said(format!("{consequence}: {first}"))
    })
}

fn refusal(problem: &Problem) -> String {
    format!("{}: {}", problem.title, problem.detail)
}

/// The reply as JSON, or as the text made of it for a width.
fn show<T: Serialize>(reply: &T, json: bool, text: impl FnOnce(usize) -> String) -> Result<(), Failure> {
    if json {
        let text = serde_json::to_string_pretty(reply).map_err(ClientError::from)?;
        print(&format!("{text}\n"))
    } else {
        print(&text(text::width()))
    }
}

fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    Ok(stdout.flush()?)
}

#[cfg(test)]
mod tests {
    use crate::cli::Cli;
    use clap::{CommandFactory, Parser};

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn options_stand_before_and_behind_the_verb() {
        for line in [
            "mizan certificates",
            "mizan certificates --json --config x.yml",
            "mizan certificates --socket /s renew a.example --force",
            "mizan certificates renew a.example --socket /s",
            "mizan certificates doctor a.example --json",
            "mizan certificates import /etc/letsencrypt --config x.yml",
        ] {
            assert!(Cli::try_parse_from(line.split(' ')).is_ok(), "{line}");
        }
        for line in ["mizan certificates renew", "mizan certificates import", "mizan certificates a.example"]
        {
            assert_eq!(Cli::try_parse_from(line.split(' ')).unwrap_err().exit_code(), 2, "{line}");
        }
    }
}
