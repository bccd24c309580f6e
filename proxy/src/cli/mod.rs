//! The command line: one file a verb.

mod certificates;
mod check;
mod demo;
mod healthcheck;
mod run;
mod schema;
mod version;

use crate::lifecycle::{Candidate, Unfit};
use crate::observe;
use crate::tls::Strictness;
use clap::{Parser, Subcommand};
use mizan_certs::Unsaved;
use std::path::Path;
use std::process::ExitCode;

/// Mizan: a reverse proxy and load balancer for applications that run with Docker Compose.
///
/// One file, mizan.yml, says what is served and how. Start with `mizan demo`, write a file, ask `mizan check` about it,
/// and serve it with `mizan run`.
#[derive(Debug, Parser)]
#[command(
    name = "mizan",
    version,
    after_help = "Examples:\n  mizan demo                         a proxy with three backends in one process, to try things on\n  \
                  mizan check mizan.yml              every problem of the file, with line and column\n  \
                  mizan run --config mizan.yml       serve\n  \
                  kill -HUP $(pidof mizan)           read the file again; a bad one is refused and changes nothing\n  \
                  kill -TERM $(pidof mizan)          finish what is under way, then end"
)]
pub struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Run(run::Run),
    Check(check::Check),
    Certificates(certificates::Certificates),
    Healthcheck(healthcheck::Healthcheck),
    Schema(schema::Schema),
    Demo(demo::Demo),
    Version(version::Version),
}

impl Cli {
    /// Does what was asked for. Errors have been told on stderr.
    pub fn run(self) -> ExitCode {
        match self.verb {
            Verb::Run(verb) => verb.run(),
            Verb::Check(verb) => verb.run(),
            Verb::Certificates(verb) => verb.run(),
            Verb::Healthcheck(verb) => verb.run(),
            Verb::Schema(verb) => verb.run(),
            Verb::Demo(verb) => verb.run(),
            Verb::Version(verb) => verb.run(),
        }
    }
}

/// What could be put in force of a file; on stderr why not.
fn candidate(file: &Path, strictness: Strictness) -> Result<Candidate, ExitCode> {
    let examined = mizan_config::examine_file(file).map_err(Unfit::Problems);
    examined.and_then(|examined| Candidate::of(examined, None, &Unsaved::default(), strictness)).map_err(
        |unfit| match unfit {
            Unfit::Problems(problems) => {
                eprint!("{}", observe::render(&problems));
                ExitCode::FAILURE
            }
            Unfit::Build(error) => fail(format_args!("{}: {error}", file.display())),
        },
    )
}

/// One line on stderr, and exit code 1.
fn fail(error: impl std::fmt::Display) -> ExitCode {
    eprintln!("mizan: {error}");
    ExitCode::FAILURE
}
