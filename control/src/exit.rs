//! How a call ends: the exit code, and what stderr says.

use crate::view::{self, Page, Style};
use mizan_api::{ClientError, ProblemKind};
use std::fmt::Write;
use std::process::ExitCode;

/// For `--help`, and for the manual.
pub(crate) const CODES: &str = "Exit codes:
  0  done
  1  refused, or failed
  2  wrong usage
  3  no proxy reached: no socket, no permission, or another version
  4  the split was changed in between
  5  not finished in time
Of deploys and rollbacks:
  6  not done: nothing that serves was changed
  7  rolled back: the version before serves
  8  interrupted: what served before serves; `mizanctl resume` or `mizanctl rollback`
  9  stopped half way: a person is needed
 10  another deploy of the service is under way";

#[derive(Debug)]
pub(crate) enum Failure {
    Call(ClientError),
    /// Wrong usage that the command line's grammar does not catch.
    Usage(String),
    Failed(String),
    /// It has been told on stdout.
    Told,
    Unfinished(String),
    /// A file has problems; they are drawn.
    Problems(String),
    NotDeployed(String),
    RolledBack(String),
    Interrupted(String),
    Halted(String),
    Busy(String),
    Output(std::io::Error),
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        Self::Call(error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Output(error)
    }
}

impl Failure {
    fn code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Call(ClientError::Connect { .. } | ClientError::Version { .. }) => 3,
            Self::Call(ClientError::Refused(problem)) if problem.kind == ProblemKind::StaleRevision => 4,
            Self::Unfinished(_) => 5,
            Self::NotDeployed(_) => 6,
            Self::RolledBack(_) => 7,
            Self::Interrupted(_) => 8,
            Self::Halted(_) => 9,
            Self::Busy(_) => 10,
            _ => 1,
        }
    }

    /// What stderr says; nothing where there is nothing to add.
    fn text(&self, json: bool) -> Option<String> {
        let text = match self {
            Self::Call(ClientError::Refused(problem)) if json => {
                return serde_json::to_string_pretty(problem).ok();
            }
            Self::Call(error @ ClientError::Refused(problem)) => {
                let mut text = error.to_string();
                for file_problem in &problem.problems {
                    let _ = write!(text, "\n  {}", view::file_problem(file_problem));
                }
                match (problem.kind, &problem.split) {
                    (ProblemKind::StaleRevision, Some(split)) => {
                        let mut page = Page::new(usize::MAX, false);
                        page.flow(2, view::split_pieces(split));
                        let _ = write!(text, "\nIt is now:\n{}", page.into_text().trim_end());
                    }
                    (ProblemKind::NoEndpoint, _) => text += "\n--force does it nevertheless",
                    _ => {}
                }
                text
            }
            Self::Call(error) => error.to_string(),
            Self::Problems(text) => return Some(text.trim_end().to_owned()),
            Self::Usage(text)
            | Self::Failed(text)
            | Self::Unfinished(text)
            | Self::NotDeployed(text)
            | Self::RolledBack(text)
            | Self::Interrupted(text)
            | Self::Halted(text)
            | Self::Busy(text) => text.clone(),
            Self::Output(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return None,
            Self::Output(error) => error.to_string(),
            Self::Told => return None,
        };
        Some(format!("mizanctl: {text}"))
    }

    /// Tells it on stderr.
    pub(crate) fn tell(&self, json: bool) -> ExitCode {
        if let Some(text) = self.text(json) {
            // What others wrote does not steer the terminal.
            eprintln!(
                "{}",
                text.split('\n').map(|line| Style::Plain.paint(line, false)).collect::<Vec<_>>().join("\n")
            );
        }
        ExitCode::from(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mizan_api::{FileProblem, Problem};

    fn refused(kind: ProblemKind) -> Problem {
        Problem::new(kind, "because")
    }

    #[test]
    fn each_kind_of_end_has_its_code() {
        let call = |error| Failure::Call(error).code();
        let gone = std::io::ErrorKind::NotFound.into();
        assert_eq!(call(ClientError::Connect { socket: "/s".into(), source: gone }), 3);
        assert_eq!(call(ClientError::Version { theirs: "1".into(), ours: "2".into() }), 3);
        assert_eq!(call(ClientError::Deadline { socket: "/s".into(), seconds: 10 }), 1);
        assert_eq!(call(ClientError::Refused(Box::new(refused(ProblemKind::StaleRevision)))), 4);
        assert_eq!(call(ClientError::Refused(Box::new(refused(ProblemKind::NotFound)))), 1);
        assert_eq!(Failure::Unfinished(String::new()).code(), 5);
        assert_eq!(Failure::Usage(String::new()).code(), 2);
    }

    #[test]
    fn a_refusal_is_a_sentence_or_the_problem_document() {
        let mut problem = refused(ProblemKind::ConfigRefused);
        let (file, message) = ("mizan.yml".to_owned(), "no such key".to_owned());
        problem.problems.push(FileProblem { file, line: 3, column: 5, message, hint: None });
        let failure = Failure::Call(ClientError::Refused(Box::new(problem.clone())));
        assert_eq!(
            failure.text(false).unwrap(),
            "mizanctl: The configuration was refused: because\n  mizan.yml:3:5: no such key"
        );
        let json: Problem = serde_json::from_str(&failure.text(true).unwrap()).unwrap();
        assert_eq!(json, problem);
    }

    #[test]
    fn a_reader_that_left_is_no_news() {
        assert_eq!(Failure::Output(std::io::ErrorKind::BrokenPipe.into()).text(false), None);
    }
}
