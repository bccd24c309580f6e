//! The command line: one file a verb.

mod check;
mod completions;
mod deploy;
mod drain;
mod history;
mod init;
mod man;
mod place;
mod reload;
mod resolve;
mod resume;
mod rollback;
mod schema;
mod split;
mod status;
mod watch;
mod wish;

use place::{Where, busy, driver, no_hook_runs, proxy, store};

use crate::console::Console;
use crate::exit::{self, Failure};
use clap::{Parser, Subcommand};
use mizan_api::Client;
use std::path::PathBuf;
use std::process::ExitCode;

/// mizanctl: looks into a running mizan, and steers it, over its admin socket.
#[derive(Debug, Parser)]
#[command(name = "mizanctl", version, after_help = exit::CODES, disable_help_subcommand = true)]
pub(crate) struct Cli {
    /// The admin socket, as `admin.socket` of mizan.yml names it
    #[arg(
        long,
        value_name = "PATH",
        env = "MIZAN_SOCKET",
        default_value = "/run/mizan/admin.sock",
        global = true
    )]
    socket: PathBuf,
    /// Print the admin API's JSON; a refusal's on stderr
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Deploy(deploy::DeployVerb),
    Rollback(rollback::RollbackVerb),
    Resume(resume::ResumeVerb),
    Promote(wish::PromoteVerb),
    Pause(wish::PauseVerb),
    Abort(rollback::AbortVerb),
    History(history::HistoryVerb),
    Status(status::StatusVerb),
    Split(split::SplitVerb),
    Drain(drain::DrainVerb),
    Undrain(drain::UndrainVerb),
    Resolve(resolve::ResolveVerb),
    Reload(reload::ReloadVerb),
    Check(check::CheckVerb),
    Watch(watch::WatchVerb),
    Init(init::InitVerb),
    Schema(schema::SchemaVerb),
    Completions(completions::CompletionsVerb),
    Man(man::ManVerb),
}

impl Cli {
    /// Does what was asked for. Errors have been told on stderr.
    pub(crate) fn run(self) -> ExitCode {
        let json = self.json;
        match self.outcome() {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => failure.tell(json),
        }
    }

    fn outcome(self) -> Result<(), Failure> {
        let client = Client::new(self.socket);
        let console = Console::new(self.json);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let outcome = runtime.block_on(async {
            match self.verb {
                Verb::Deploy(verb) => verb.run(console).await,
                Verb::Rollback(verb) => verb.run(console).await,
                Verb::Resume(verb) => verb.run(console).await,
                Verb::Promote(verb) => verb.run(),
                Verb::Pause(verb) => verb.run(),
                Verb::Abort(verb) => verb.run(console).await,
                Verb::History(verb) => verb.run(console),
                Verb::Status(verb) => verb.run(&client, console).await,
                Verb::Split(verb) => verb.run(&client, console).await,
                Verb::Drain(verb) => verb.run(&client, console).await,
                Verb::Undrain(verb) => verb.run(&client, console).await,
                Verb::Resolve(verb) => verb.run(&client, console).await,
                Verb::Reload(verb) => verb.run(&client, console).await,
                Verb::Check(verb) => verb.run(&client, console).await,
                Verb::Watch(verb) => verb.run(&client, console).await,
                Verb::Init(verb) => verb.run(console),
                Verb::Schema(verb) => verb.run(),
                Verb::Completions(verb) => verb.run(),
                Verb::Man(verb) => verb.run(),
            }
        });
        // A name that nobody looks up any more, for a webhook, holds nothing up.
        runtime.shutdown_background();
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parsed(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split(' '))
    }

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn global_options_stand_anywhere() {
        let cli = parsed("mizanctl status --json --socket /tmp/s").unwrap();
        assert!(cli.json && cli.socket.as_os_str() == "/tmp/s");
    }

    #[test]
    fn wrong_usage_is_seen_before_anything_is_done() {
        for line in [
            "mizanctl split api blue",
            "mizanctl split api blue=x",
            "mizanctl split api =1",
            "mizanctl split api --lease 60s",
            "mizanctl split api --force",
            "mizanctl split api --revision 3",
            "mizanctl split api blue=1 --release",
            "mizanctl split api --release --file",
            "mizanctl split api blue=1 --lease 60",
            "mizanctl drain api",
            "mizanctl drain api --track blue --endpoint 10.0.0.1:1",
            "mizanctl undrain api",
        ] {
            assert_eq!(parsed(line).unwrap_err().exit_code(), 2, "{line}");
        }
    }
}
